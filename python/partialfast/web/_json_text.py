"""Ops as the text of a JSON document that is written from front to back.

What has been written cannot be taken back. Everything that a model's answer does can be written
so: text grows, containers get a new last member. A value that a validator changed when it closed
is written as a second member of the same name, and the last one counts for all readers in use
(RFC 8259, section 4); in a list there is no such way.
"""

from __future__ import annotations

from typing import Any

from partialfast.web._document import Change, Path
from partialfast.web._event import json_text
from partialfast.web._outcome import RefusedError

__all__ = ["TextWriter"]


class _Open:
    """A container or text whose end has not been written."""

    __slots__ = ("closing", "key", "members")

    def __init__(self, key: str | int | None, closing: str) -> None:
        self.key = key
        self.closing = closing
        # Of a list or an object: how many members have been written.
        self.members = 0


class TextWriter:
    """Writes JSON as ops come in."""

    def __init__(self) -> None:
        # From the root to what is being written; the last one may be text.
        self._spine: list[_Open] = []
        self._begun = False

    @property
    def begun(self) -> bool:
        """Whether anything has been written."""
        return self._begun

    @property
    def in_text(self) -> bool:
        """Whether the next character would belong to a string."""
        return bool(self._spine) and self._spine[-1].closing == '"'

    def write(self, change: Change) -> str:
        """Write an op.

        Args:
            change: The op.

        Returns:
            What follows what has been written before.

        Raises:
            RefusedError: It changes what has been written.
        """
        if change.op == "append":
            if not self.in_text or self._path() != change.path:
                raise RefusedError("text that is no longer open grew")
            return json_text(change.value)[1:-1]
        pieces: list[str] = []
        if not change.path:
            if self._begun:
                raise RefusedError("the answer began anew")
            self._begun = True
            self._value(None, change.value, pieces)
            return "".join(pieces)
        self._close_to(change.path[:-1], pieces)
        parent, key = self._spine[-1], change.path[-1]
        if parent.closing == "]" and key != parent.members:
            raise RefusedError(f"the value at {list(change.path)} changed")
        self._member(parent, key, change.value, pieces)
        return "".join(pieces)

    def finish(self) -> str:
        """Write the end of all that is open."""
        closings = [each.closing for each in reversed(self._spine)]
        self._spine.clear()
        return "".join(closings)

    def _path(self) -> Path:
        return tuple(each.key for each in self._spine[1:] if each.key is not None)

    def _close_to(self, path: Path, pieces: list[str]) -> None:
        depth = len(path) + 1
        if self._path()[: depth - 1] != path or len(self._spine) < depth:
            raise RefusedError(f"what is closed changed: the value at {list(path)}")
        while len(self._spine) > depth:
            pieces.append(self._spine.pop().closing)
        if self._spine[-1].closing == '"':
            raise RefusedError(f"text became a container: the value at {list(path)}")

    def _member(self, parent: _Open, key: str | int, value: Any, pieces: list[str]) -> None:
        if parent.members:
            pieces.append(",")
        parent.members += 1
        if parent.closing == "}":
            pieces += (json_text(key), ":")
        self._value(key, value, pieces)

    def _value(self, key: str | int | None, value: Any, pieces: list[str]) -> None:
        """Write a value, and leave its end and those of its last members open."""
        if isinstance(value, str):
            pieces.append(json_text(value)[:-1])
            self._spine.append(_Open(key, '"'))
        elif isinstance(value, dict | list):
            named = isinstance(value, dict)
            opened = _Open(key, "}" if named else "]")
            self._spine.append(opened)
            pieces.append("{" if named else "[")
            members: list[tuple[str | int, Any]]
            members = list(value.items() if isinstance(value, dict) else enumerate(value))
            for name, item in members[:-1]:
                # What has another one after it is closed: written whole, and counted.
                if opened.members:
                    pieces.append(",")
                if named:
                    pieces += (json_text(name), ":")
                pieces.append(json_text(item))
                opened.members += 1
            if members:
                name, item = members[-1]
                self._member(opened, name, item, pieces)
        else:
            pieces.append(json_text(value))
