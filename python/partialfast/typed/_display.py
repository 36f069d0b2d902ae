"""What a notebook and rich show of snapshots and streams: what is open, complete and absent.

Both are drawn from the same nodes. Nothing here asks an incomplete object for anything that its
class defines; of complete ones the `repr` is shown, which masks what the user has masked.
"""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from pydantic import BaseModel, RootModel

from partialfast.typed._marks import open_field, partial_origin, received_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.tree import Tree

    Path = tuple[str | int, ...]

__all__ = ["Displayed", "hidden_displays", "snapshot_html", "snapshot_tree"]

#: What is shown of a long text, and of a long list, whose end is what grows.
_TEXT = 2000
_HEAD, _TAIL = 5, 15


class _DrawnState(Enum):
    """What is known of a value: its end has come, has not come, or nothing has come."""

    COMPLETE = "complete"
    OPEN = "open"
    ABSENT = "absent"


class _DrawnNode(NamedTuple):
    """A value as it is drawn.

    Args:
        name: The field, key or index; ``None`` at the root.
        state: What is known of it.
        text: Its `repr`, or the name of its class where it has parts.
        parts: What is inside it; ``None`` of a value that is drawn as one text.
    """

    name: str | None
    state: _DrawnState
    text: str
    parts: list[_DrawnNode] | None = None


def _cut(text: str) -> str:
    if len(text) <= _TEXT:
        return text
    left_out = f" … {len(text) - _TEXT:,} characters … "
    return text[: _TEXT // 2] + left_out + text[-_TEXT // 2 :]


def _look(value: Any, name: str | None, state: _DrawnState, path: Path | None) -> _DrawnNode:
    """Return what is drawn of a value.

    Args:
        value: Anything.
        name: What it is called where it stands.
        state: What is known of it.
        path: From this value to the one that is being written, if that is inside it and known.
    """
    if partial_origin(type(value)) is not None:
        return _DrawnNode(name, state, type(value).__qualname__, list(_fields(value, path)))
    if state is _DrawnState.OPEN and type(value) in (list, tuple, dict):
        return _DrawnNode(name, state, type(value).__name__, list(_items(value, path)))
    return _DrawnNode(name, state, _cut(repr(value)))


def _fields(value: Any, path: Path | None) -> Iterator[_DrawnNode]:
    """Look at the fields of an instance of a partial class, declared ones first."""
    if path is not None and isinstance(value, RootModel):
        # The document has no key for it.
        path = ("root", *path)
    # A model knows which of its fields is open, a dataclass does not.
    writing = path[0] if path else None
    for field in _declared(value):
        if not field.shown:
            continue
        if not field.received:
            yield _DrawnNode(field.name, _DrawnState.ABSENT, "absent")
            continue
        is_open = field.open or (writing is not None and writing in field.keys)
        inside = path[1:] if path and is_open else None
        state = _DrawnState.OPEN if is_open else _DrawnState.COMPLETE
        yield _look(field.value, field.name, state, inside)


class _DrawnField(NamedTuple):
    name: str
    value: Any
    shown: bool
    received: bool
    open: bool
    keys: tuple[Any, ...]


def _declared(value: Any) -> Iterator[_DrawnField]:
    if isinstance(value, BaseModel):
        open_, received = open_field(value), value.model_fields_set
        fields = type(value).model_fields
        for name, info in fields.items():
            keys = (name, info.alias, info.validation_alias)
            has = name in received
            yield _DrawnField(
                name, value.__dict__.get(name), info.repr, has, has and name == open_, keys
            )
        for name, extra in (value.__pydantic_extra__ or {}).items():
            yield _DrawnField(name, extra, True, True, name == open_, (name,))  # noqa: FBT003
        return
    names = received_fields(value)
    declared = {each.name: each for each in dataclasses.fields(value)}
    for name, each in declared.items():
        has = name in names if names is not None else hasattr(value, name)
        part = getattr(value, name, None) if has else None
        # The instance does not know which field is open, unless that holds what is incomplete.
        is_open = has and partial_origin(type(part)) is not None
        yield _DrawnField(name, part, each.repr, has, is_open, (name,))


def _items(value: Any, path: Path | None) -> Iterator[_DrawnNode]:
    """Look at the items of an open list or dict; of many at the first and the last ones."""
    at = path[0] if path else None
    items = list(value.items() if isinstance(value, Mapping) else enumerate(value))
    left_out = len(items) - _HEAD - _TAIL
    for number, (key, item) in enumerate(items):
        if left_out > 0 and _HEAD <= number < _HEAD + left_out:
            if number == _HEAD:
                yield _DrawnNode("…", _DrawnState.COMPLETE, f"{left_out:,} more")
            continue
        is_open = key == at if path is not None else partial_origin(type(item)) is not None
        inside = path[1:] if path and is_open else None
        state = _DrawnState.OPEN if is_open else _DrawnState.COMPLETE
        yield _look(item, _cut(str(key)), state, inside)


# --------------------------------------------------------------------------------------------
# HTML, for notebooks

#: In the colours of the page, so that it can be read on a dark one. Where a notebook is not trusted
#: the style is taken out: the words and the dots remain.
_HTML = {
    _DrawnState.COMPLETE: "<code>{}</code>",
    _DrawnState.OPEN: '<code style="opacity:.85">{}</code>…',
    _DrawnState.ABSENT: '<em style="opacity:.5">{}</em>',
}


def _html(node: _DrawnNode) -> str:
    if node.parts is None:
        return _HTML[node.state].format(html.escape(node.text))
    more = "…" if node.state is _DrawnState.OPEN else ""
    cell = 'style="text-align:left;vertical-align:top;white-space:pre-wrap"'
    rows = "".join(
        f'<tr class="partialfast-{part.state.value}"><th {cell}>{html.escape(part.name or "")}</th>'
        f"<td {cell}>{_html(part)}</td></tr>"
        for part in node.parts
    )
    return f"<strong>{html.escape(node.text)}</strong>{more}<table>{rows}</table>"


def snapshot_html(snapshot: Any) -> str:
    """Return what a notebook shows of an incomplete object.

    Args:
        snapshot: An instance of a partial class.

    Returns:
        HTML in which everything that came from the model is escaped.
    """
    return f"<div>{_html(_look(snapshot, None, _DrawnState.OPEN, None))}</div>"


# --------------------------------------------------------------------------------------------
# rich

_STYLES = {_DrawnState.COMPLETE: "", _DrawnState.OPEN: "yellow", _DrawnState.ABSENT: "dim italic"}


def _tree(node: _DrawnNode) -> Tree:
    # Rich alone asks for this.
    from rich.text import Text  # noqa: PLC0415
    from rich.tree import Tree  # noqa: PLC0415

    label = Text()
    if node.name is not None:
        style = "dim" if node.state is _DrawnState.ABSENT else "bold"
        label.append(f"{node.name}: ", style)
    label.append(node.text, _STYLES[node.state])
    if node.state is _DrawnState.OPEN:
        label.append("…", _STYLES[node.state])
    tree = Tree(label)
    tree.children.extend(_tree(part) for part in node.parts or ())
    return tree


def snapshot_tree(snapshot: Any) -> Tree:
    """Return what rich shows of an incomplete object by itself; inside others it shows the `repr`.

    Args:
        snapshot: An instance of a partial class.
    """
    return _tree(_look(snapshot, None, _DrawnState.OPEN, None))


# --------------------------------------------------------------------------------------------
# Streams


class _HasSnapshot(Protocol):
    @property
    def snapshot(self) -> Any: ...

    @property
    def path(self) -> Path: ...


class Displayed:
    """Lets a notebook and rich show a stream: how far it is, and its snapshot."""

    __slots__ = ()

    def _ended(self) -> bool:
        """Tell whether nothing of the snapshot is open any more."""
        raise NotImplementedError

    def _node(self) -> _DrawnNode | None:
        stream = cast("_HasSnapshot", self)
        snapshot = stream.snapshot
        if snapshot is None:
            return None
        if self._ended():
            return _look(snapshot, None, _DrawnState.COMPLETE, None)
        return _look(snapshot, None, _DrawnState.OPEN, stream.path)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        node = self._node()
        shown = "" if node is None else f"<br>{_html(node)}"
        return f"<div><code>{html.escape(repr(self))}</code>{shown}</div>"

    def __rich__(self) -> Any:
        """Return what rich shows."""
        from rich.text import Text  # noqa: PLC0415
        from rich.tree import Tree  # noqa: PLC0415

        tree = Tree(Text(repr(self)))
        node = self._node()
        if node is not None:
            tree.children.append(_tree(node))
        return tree


_DISPLAY = re.compile(r"_(repr_\w+|ipython_display)_")


def hidden_displays(names: Iterable[str]) -> dict[str, None]:
    """Return what stands for the displays that a class of the user's defines for complete values.

    Args:
        names: The attributes of the class.

    Returns:
        ``None`` for each of them: IPython takes only what can be called.
    """
    return {name: None for name in names if _DISPLAY.fullmatch(name)}
