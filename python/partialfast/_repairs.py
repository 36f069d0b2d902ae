"""What lenient reading took for something else than it is."""

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


#: What a kind is called where there are several.
_PLURALS = {
    "absent_null": "nulls that were absent",
    "absent_value": "keys without a value",
    "blank": "escaped or foreign blanks",
    "content_for_call": "answers in place of calls",
    "control_character": "raw control characters",
    "ellipsis": "ellipses",
    "escaped_document": "escaped documents",
    "escape": "unknown escapes",
    "extra_comma": "extra commas",
    "items_without_list": "items without their list",
    "literal": "literals in other words",
    "member": "members in other words",
    "missing_close": "missing brackets",
    "missing_comma": "missing commas",
    "nested_text": "values inside text",
    "non_finite": "floats that are not finite",
    "null_absent": "nulls for absence",
    "number": "numbers in other notations",
    "quotes": "other quotes",
    "unescaped_quote": "unescaped quotes",
    "unquoted_key": "unquoted keys",
    "unquoted_word": "unquoted words",
    "wrapped_item": "items without a list",
}


def counted(kinds: Counter[str]) -> str:
    """Say how often each kind of repair came, the most frequent first.

    Args:
        kinds: How often each kind came.
    """
    parts: Iterable[str] = (
        f"{count:,} {_PLURALS.get(kind, kind.replace('_', ' ') + 's')}"
        for kind, count in kinds.most_common()
    )
    return ", ".join(parts)
