"""``ops``: this package's own wire, JSON lines over server-sent events; see docs/web.md.

An event is a step from one version to the next. Its id is the version; each line of its data is
one of

- ``"text"``: append to the text that the last line wrote;
- ``[keep, step, ..., value]``: set the value at a path: the first `keep` steps of the last line's
  path, and the steps that follow;
- ``{"append": "text", "at": [keep, step, ...]}``: append elsewhere;
- ``{"at": keep}`` or ``{"at": [keep, step, ...]}``: nothing changes, but this is where the model is
  writing. A number, ``true``, ``false`` or ``null`` is complete as it is; for what closes with
  nothing else to follow, this says it.

Before the first line of an answer, and at the beginning of an event that sets the root, the last
path is empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from partialfast.web._document import Change, Path
from partialfast.web._encoder import OwnEncoder
from partialfast.web._event import Event, Piece, json_text
from partialfast.web._step import Step

__all__ = ["Wire"]


@dataclass(frozen=True)
class Wire:
    """The wire ``ops``."""

    media_type: ClassVar[str] = "text/event-stream"
    headers: ClassVar[Mapping[str, str]] = {}
    of: ClassVar[Literal["value", "document"]] = "value"
    shared: ClassVar[bool] = True
    breaks: ClassVar[bool] = False

    def encoder(self) -> _Encoder:
        """Return what writes one answer for one reader."""
        return _Encoder(tight=True)


class _Encoder(OwnEncoder):
    def step(self, step: Step) -> list[Event | Piece]:
        path = step.before
        lines: list[str] = []
        # One who comes late gets the value so far in one piece.
        late = step.whole and step.version > 1
        for change in step.changes if late else _apart(step.changes, step.at):
            if change.op == "set":
                lines.append(json_text([*_relative(path, change.path), change.value]))
            elif change.path == path:
                lines.append(json_text(change.value))
            else:
                where = _relative(path, change.path)
                lines.append(json_text({"append": change.value, "at": where}))
            path = change.path
        if path != step.at and not (path[:-1] == step.at and _is_scalar(step.changes[-1])):
            where = _relative(path, step.at)
            lines.append(json_text({"at": where if len(where) > 1 else where[0]}))
        return [Event("\n".join(lines), id=str(step.version), tight=True)]


def _apart(changes: list[Change], at: Path) -> Iterator[Change]:
    """Give the changes; what is still open in the last one is set by itself, if it came last there.

    So the last line's path is where the model is writing, and no line has to say it: that takes
    fewer bytes, and the next line can do without a path.
    """
    *first, last = changes
    yield from first
    inner = at[len(last.path) :]
    if last.op != "set" or not inner or at[: len(last.path)] != last.path:
        yield last
        return
    outer = _shallow(last.value)
    container = outer
    for step in inner[:-1]:
        copy = _shallow(container[step])
        container[step] = copy
        container = copy
    key = inner[-1]
    newest = next(reversed(container)) if isinstance(container, dict) else len(container) - 1
    if key != newest:
        yield last
        return
    value = container.pop(key)
    yield last._replace(value=outer)
    yield Change("set", at, value, new=True)


def _shallow(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else list(value)


def _is_scalar(change: Change) -> bool:
    """Whether a change says by its kind that the value is complete: it is neither text nor open."""
    return change.op == "set" and not isinstance(change.value, str | list | dict)


def _relative(last: Path, path: Path) -> list[Any]:
    keep = 0
    for old, new in zip(last, path, strict=False):
        if old != new:
            break
        keep += 1
    return [keep, *path[keep:]]
