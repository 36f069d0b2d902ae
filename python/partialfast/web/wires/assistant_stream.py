"""``assistant-stream``: assistant-ui's object stream, version 0.

Each message is a JSON array of operations: ``{"type": "set", "path": [...], "value": ...}`` and
``{"type": "append-text", "path": [...], "value": "..."}``. All steps of a path are strings, and an
index equal to the length of a list adds an item. The first operation sets the root.

The format has no event for an ending: the body ends, or breaks off when the answer is not whole.
Its decoder refuses events of any other type than ``message``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from partialfast.web._event import Event, Piece, json_text
from partialfast.web._outcome import Outcome, RefusedError
from partialfast.web._step import Step

__all__ = ["Wire"]

_ALIVE = Event(comment="heartbeat")

# Its decoder drops a whole message in which one of them is a key, and would go on without it.
_REFUSED: Final = frozenset({"__proto__", "constructor", "prototype"})


@dataclass(frozen=True)
class Wire:
    """The wire ``assistant-stream``."""

    media_type: ClassVar[str] = "text/event-stream"
    headers: ClassVar[Mapping[str, str]] = {"Assistant-Stream-Format": "object-stream/v0"}
    of: ClassVar[Literal["value", "document"]] = "value"
    shared: ClassVar[bool] = True
    breaks: ClassVar[bool] = True

    def encoder(self) -> _Encoder:
        """Return what writes one answer for one reader."""
        return _Encoder()


class _Encoder:
    def begin(self, *, resumable: bool) -> list[Event | Piece]:
        del resumable
        return []

    def step(self, step: Step) -> list[Event | Piece]:
        operations: list[dict[str, Any]] = []
        for change in step.changes:
            _check(change.path, change.value)
            type_ = "set" if change.op == "set" else "append-text"
            path = [str(each) for each in change.path]
            operations.append({"type": type_, "path": path, "value": change.value})
        return [Event(json_text(operations))]

    def end(self, outcome: Outcome, *, detail: bool) -> list[Event | Piece]:
        del outcome, detail
        return []

    def alive(self) -> list[Event | Piece]:
        return [_ALIVE]


def _check(path: tuple[str | int, ...], value: Any) -> None:
    """Refuse keys that could reach the prototype of a JavaScript object.

    Raises:
        RefusedError: There is such a key.
    """
    for step in path:
        if step in _REFUSED:
            raise RefusedError(f"assistant-stream carries no key named {step!r}")
    if isinstance(value, dict):
        for key, item in value.items():
            _check((key,), item)
    elif isinstance(value, list):
        for item in value:
            _check((), item)
