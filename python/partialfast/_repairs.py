"""What lenient reading repaired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["Lenient", "Repair", "counted"]

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


#: What a kind is called, and several of it.
_NAMES = {
    "absent_null": ("null that was absent", "nulls that were absent"),
    "absent_value": ("key without a value", "keys without a value"),
    "blank": ("escaped or foreign blank", "escaped or foreign blanks"),
    "content_for_call": ("answer in place of a call", "answers in place of calls"),
    "control_character": ("raw control character", "raw control characters"),
    "ellipsis": ("ellipsis", "ellipses"),
    "escape": ("unknown escape", "unknown escapes"),
    "escaped_document": ("escaped document", "escaped documents"),
    "extra_comma": ("extra comma", "extra commas"),
    "items_without_list": ("list of items alone", "lists of items alone"),
    "literal": ("literal in another word", "literals in other words"),
    "member": ("member in other words", "members in other words"),
    "missing_close": ("missing bracket", "missing brackets"),
    "missing_comma": ("missing comma", "missing commas"),
    "nested_text": ("value inside text", "values inside text"),
    "non_finite": ("float that is not finite", "floats that are not finite"),
    "null_absent": ("null for absence", "nulls for absence"),
    "number": ("number in another notation", "numbers in other notations"),
    "quotes": ("other quote", "other quotes"),
    "unescaped_quote": ("unescaped quote", "unescaped quotes"),
    "unquoted_key": ("unquoted key", "unquoted keys"),
    "unquoted_word": ("unquoted word", "unquoted words"),
    "wrapped_item": ("item without a list", "items without a list"),
}


def counted(kinds: Counter[str]) -> str:
    """Say how often each kind of repair came, the most frequent first.

    Args:
        kinds: How often each kind came.
    """
    parts: Iterable[str] = (
        f"{count:,} {_name(kind, count)}" for kind, count in kinds.most_common()
    )
    return ", ".join(parts)


def _name(kind: str, count: int) -> str:
    plain = kind.replace("_", " ")
    one, several = _NAMES.get(kind, (plain, f"{plain}s"))
    return one if count == 1 else several
