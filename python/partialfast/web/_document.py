"""Ops, applied and merged: the value that they make, and fewer ops that make the same.

Both take time linear in the ops: open text is kept in pieces until somebody reads it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple, Protocol

__all__ = ["Change", "Document", "Merge", "OpKind", "OpLike", "Path", "own"]

Path = tuple[str | int, ...]
OpKind = Literal["set", "append"]


class OpLike(Protocol):
    """What an op has to have: `partialfast.Op` and anything shaped like it."""

    @property
    @abstractmethod
    def op(self) -> OpKind:
        """``"set"`` or ``"append"``."""

    @property
    @abstractmethod
    def path(self) -> Path:
        """Keys and indices from the root."""

    @property
    @abstractmethod
    def value(self) -> Any:
        """A JSON value; text for an append."""


class Change(NamedTuple):
    """An op that has been applied.

    Args:
        op: ``"set"`` or ``"append"``.
        path: Keys and indices from the root.
        value: A JSON value; text for an append.
        new: Whether there was nothing at the path before.
    """

    op: OpKind
    path: Path
    value: Any
    new: bool


class _Missing:
    """The type of `_MISSING`."""


_MISSING: Final = _Missing()


def own(value: Any) -> Any:
    """Copy the containers of a JSON value, so that they can be changed."""
    if isinstance(value, dict):
        return {key: own(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [own(item) for item in value]
    return value


class Document:
    """The value that ops make, applied one after the other."""

    __slots__ = ("_holder", "_pieces", "_text")

    def __init__(self) -> None:
        # The root is an item of a list, so that it is replaced like any item.
        self._holder: list[Any] = [_MISSING]
        self._text: Path | None = None
        self._pieces: list[str] = []

    @property
    def empty(self) -> bool:
        """Whether nothing has been set."""
        return self._holder[0] is _MISSING

    @property
    def value(self) -> Any:
        """The value so far, not to be changed; ``None`` before anything was set."""
        self._join()
        root = self._holder[0]
        return None if root is _MISSING else root

    def at(self, path: Path) -> Any:
        """Return what is at a path."""
        self._join()
        container, key = self._parent(path)
        return container[key]

    def apply(self, op: OpKind, path: Path, value: Any) -> Change:
        """Apply an op.

        Args:
            op: ``"set"`` or ``"append"``.
            path: Keys and indices from the root.
            value: A JSON value; text for an append.

        Returns:
            The op, and whether it added something.

        Raises:
            ValueError: The op does not fit what is there.
        """
        if op == "append":
            if path != self._text:
                self._join()
                self._open(path)
            self._pieces.append(value)
            return Change(op, path, value, new=False)
        self._join()
        container, key = self._parent(path)
        if isinstance(container, dict):
            new = key not in container
            container[key] = own(value)
        elif isinstance(container, list) and isinstance(key, int) and 0 <= key <= len(container):
            new = key == len(container) or container[key] is _MISSING
            container[key : key + 1] = [own(value)]
        else:
            raise _misfit(op, path)
        return Change(op, path, value, new)

    def _open(self, path: Path) -> None:
        container, key = self._parent(path)
        try:
            text = container[key]
        except (LookupError, TypeError):
            raise _misfit("append", path) from None
        if not isinstance(text, str):
            raise _misfit("append", path)
        self._text = path
        self._pieces = [text]

    def _join(self) -> None:
        if self._text is not None:
            container, key = self._parent(self._text)
            container[key] = "".join(self._pieces)
            self._text = None
            self._pieces = []

    def _parent(self, path: Path) -> tuple[Any, Any]:
        container: Any = self._holder
        key: str | int = 0
        try:
            for step in path:
                container, key = container[key], step
        except (LookupError, TypeError):
            raise _misfit("op", path) from None
        return container, key


def _misfit(what: str, path: Path) -> ValueError:
    return ValueError(f"the {what} at {list(path)} does not fit what the ops before it made")


class _Pending:
    """What is pending at one place: something set, or text appended, or changes further in."""

    __slots__ = ("children", "document", "new", "pieces")

    def __init__(self) -> None:
        self.document: Document | None = None
        self.pieces: list[str] = []
        self.children: dict[str | int, _Pending] = {}
        self.new = False


class Merge:
    """Ops that wait to be sent: what falls on the same place becomes one op.

    Text appended to text is one append; what happens inside something that is set here is a part
    of it. So the ops that wait never take more than the value that they make.
    """

    __slots__ = ("_root", "_some")

    def __init__(self) -> None:
        self._root = _Pending()
        self._some = False

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return self._some

    def put(self, op: OpKind, path: Path, value: Any, *, new: bool = False) -> None:
        """Add an op.

        Args:
            op: ``"set"`` or ``"append"``.
            path: Keys and indices from the root.
            value: A JSON value; text for an append.
            new: Whether there was nothing at the path before.
        """
        self._some = True
        node = self._root
        for depth, step in enumerate(path):
            if node.document is not None:
                node.document.apply(op, path[depth:], value)
                return
            child = node.children.get(step)
            if child is None:
                child = node.children[step] = _Pending()
            node = child
        if op == "append":
            if node.document is None:
                node.pieces.append(value)
            else:
                node.document.apply(op, (), value)
            return
        if node.document is None:
            # What was changed earlier was there before.
            node.new = new and not node.pieces and not node.children
        node.document = Document()
        node.document.apply("set", (), value)
        node.pieces.clear()
        node.children.clear()

    def take(self) -> list[Change]:
        """Take all that waits.

        Returns:
            As few ops as do the same, in an order that can be applied.
        """
        root, self._root, self._some = self._root, _Pending(), False
        return list(_changes(root, ()))


def _changes(node: _Pending, path: Path) -> Iterator[Change]:
    if node.document is not None:
        yield Change("set", path, node.document.value, node.new)
    elif node.pieces:
        yield Change("append", path, "".join(node.pieces), new=False)
    else:
        # In the order of their first change, which is the order in which they were added.
        for step, child in node.children.items():
            yield from _changes(child, (*path, step))
