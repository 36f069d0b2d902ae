"""Ops by comparing dumps: for a client's stream that has no ops of its own."""

from __future__ import annotations

import threading
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
    """Turns snapshots into ops, when they are asked for: comparing takes as long as they are big.

    One thread may give snapshots while another asks for ops.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dump: Any = _MISSING
        self._newest: Any = _MISSING

    def take(self, snapshot: Any) -> None:
        """Take a snapshot."""
        with self._lock:
            self._newest = snapshot

    def ops(self) -> list[OpLike]:
        """Give what changed up to the newest snapshot."""
        with self._lock:
            newest, self._newest = self._newest, _MISSING
        if newest is _MISSING:
            return []
        old, self._dump = self._dump, _dumped(newest)
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
