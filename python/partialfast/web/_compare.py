"""Ops by comparing dumps: for a client's stream that has no ops of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from partialfast.web._document import Kind, OpLike, Path

__all__ = ["Comparer"]

_MISSING: Final = object()


class _Op(NamedTuple):
    op: Kind
    path: Path
    value: Any


class Comparer:
    """Turns snapshots into ops.

    A comparison takes as long as the whole value is big, so there is at most one in so many
    seconds.

    Args:
        every: How many.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._next = float("-inf")
        self._dump: Any = _MISSING
        self._newest: Any = _MISSING

    def take(self, snapshot: Any) -> list[OpLike]:
        """Take a snapshot, and give what changed, if a comparison is due."""
        self._newest = snapshot
        now = time.monotonic()
        if now < self._next:
            return []
        self._next = now + self._every
        return self.rest()

    def rest(self) -> list[OpLike]:
        """Give what changed up to the newest snapshot."""
        if self._newest is _MISSING:
            return []
        old, self._dump = self._dump, _dumped(self._newest)
        self._newest = _MISSING
        return list(_changes(old, self._dump, ()))


def _dumped(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    if isinstance(value, list | tuple):
        return [_dumped(item) for item in value]
    if isinstance(value, dict):
        return {key: _dumped(item) for key, item in value.items()}
    return to_jsonable_python(value)


def _changes(old: Any, new: Any, path: Path) -> Iterator[_Op]:
    if isinstance(old, str) and isinstance(new, str) and new.startswith(old):
        if new != old:
            yield _Op("append", path, new[len(old) :])
        return
    pairs: list[tuple[str | int, Any, Any]]
    if isinstance(old, dict) and isinstance(new, dict) and list(new)[: len(old)] == list(old):
        pairs = [(key, old.get(key, _MISSING), item) for key, item in new.items()]
    elif isinstance(old, list) and isinstance(new, list) and len(new) >= len(old):
        before = [*old, *[_MISSING] * (len(new) - len(old))]
        pairs = [(index, *both) for index, both in enumerate(zip(before, new, strict=True))]
    else:
        if type(old) is not type(new) or old != new:
            yield _Op("set", path, new)
        return
    for key, inner, item in pairs:
        if inner is not item:
            yield from _changes(inner, item, (*path, key))
