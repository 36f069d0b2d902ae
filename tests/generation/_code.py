"""Functions that stand in for a user's, and look at what they are given.

A validator may see a value only when all of it is there. What it gets is searched for partial
instances and, where it is as the document has it, looked up in the document.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Generator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticOmit, PydanticUseDefault

from partialfast.typed._partial import partial_origin

__all__ = [
    "DEFAULTS",
    "UNCOPIED",
    "HoleError",
    "calls",
    "keep",
    "look",
    "look_raw",
    "omit_some",
    "use_default_for_some",
    "watching",
]


class _Uncopied:
    """What is one only, such as a mark for a value that was not given."""

    def __reduce__(self) -> str:
        return "UNCOPIED"

    def __repr__(self) -> str:
        return "UNCOPIED"


UNCOPIED: Any = _Uncopied()

#: What drawn fields have for a default.
DEFAULTS: tuple[Any, ...] = (None, "a text", [1, [2]], [], {}, 3, 7, UNCOPIED, *range(5))


class HoleError(BaseException):
    """User code met incomplete data. No `Exception`, so that pydantic does not catch it."""


class _Watch:
    """What the functions know of the document under way."""

    def __init__(self) -> None:
        self.parts: frozenset[str] | None = None
        self.calls = 0


_watch = _Watch()


def calls() -> int:
    """Return how often any of the functions was called."""
    return _watch.calls


def _name(value: Any) -> str:
    """Return what tells a raw value from others, in whatever order its keys are."""
    return json.dumps(value, sort_keys=True, default=repr)


@contextlib.contextmanager
def watching(text: str) -> Generator[None]:
    """While inside, raw values that are no whole part of the JSON `text` are holes.

    The defaults of fields are none either: pydantic validates them where a config asks for it.
    """
    parts = set(map(_name, DEFAULTS))

    def note(value: Any) -> None:
        parts.add(_name(value))
        if isinstance(value, list):
            for item in value:
                note(item)

    def note_all(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # With what stands under a key that is there again.
        for _, value in pairs:
            note(value)
        return dict(pairs)

    note(json.loads(text, object_pairs_hook=note_all))
    _watch.parts = frozenset(parts)
    try:
        yield
    finally:
        _watch.parts = None


def look(value: Any) -> Any:
    """Return `value`, after searching it for partial instances."""
    _watch.calls += 1
    pending = [value]
    while pending:
        item = pending.pop()
        if partial_origin(type(item)) is not None:
            raise HoleError(f"user code was given {item!r}, in {value!r}")
        if isinstance(item, BaseModel) or dataclasses.is_dataclass(item):
            pending.extend(getattr(item, "__dict__", {}).values())
        elif isinstance(item, Mapping):
            pending.extend(item.values())
        elif isinstance(item, (list, tuple, set, frozenset)):
            pending.extend(item)
    return value


def look_raw(value: Any) -> Any:
    """Return `value`, which is to be a whole part of the document."""
    if _watch.parts is not None and _name(value) not in _watch.parts:
        raise HoleError(f"user code was given {value!r}, which the document does not have")
    return look(value)


def use_default_for_some(value: Any) -> Any:
    """Return `value`, or ask for the default of the field."""
    if len(repr(look(value))) % 2:
        raise PydanticUseDefault
    return value


def omit_some(value: Any) -> Any:
    """Return `value`, or ask for it to be left out of the list."""
    if len(repr(look(value))) % 2:
        raise PydanticOmit
    return value


def keep(value: Any, handler: Any) -> Any:
    """Look at `value` before and after `handler` has it."""
    return look(handler(look_raw(value)))
