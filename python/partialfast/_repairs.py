"""What lenient reading took for something else than it is."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

__all__ = ["Lenient", "Repair"]

#: Whether reading is lenient; ``"quotes"`` also guesses where a string ends.
Lenient: TypeAlias = bool | Literal["quotes"]


class Repair(NamedTuple):
    """One repair of lenient reading, and its place in the model's own text.

    Attributes:
        kind: Stable name of what was repaired, such as ``"extra_comma"``; ``docs/lenient.md`` lists
            them.
        offset: Bytes of the text before it.
        line: Its line, counted from 1.
        column: Bytes from the start of that line, counted from 1.
    """

    kind: str
    offset: int
    line: int
    column: int
