"""Lists, sets, tuples and deques."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Annotated, Any

import pytest
from pydantic import Field, create_model

from tests.typed.families.checking import check


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (list[int], "[1, 2, 3]"),
        (list[list[str]], '[["a"], [], ["bc"]]'),
        (Sequence[str], '["a", "b"]'),
        (set[int], "[1, 2, 1]"),
        (frozenset[str], '["a", "b", "a"]'),
        (deque[int], "[1, 2]"),
        (Annotated[deque[int], Field(max_length=5)], "[1, 2, 3]"),
        (tuple[int, ...], "[1, 2]"),
        (tuple[int, str], '[1, "ab"]'),
        (tuple[()], "[]"),
        (Annotated[list[int], Field(min_length=2, max_length=3)], "[1, 2]"),
    ],
)
def test_it_becomes_what_pydantic_makes_of_it(type_: Any, text: str) -> None:
    check(type_, text)
    holder: Any = create_model("Holder", items=(type_, ...), after=(str, ""))
    check(holder, f'{{"items": {text}, "after": "x"}}')


def test_items_are_shown_as_they_come() -> None:
    shown = check(list[str], '["ab", "c"]')
    assert [*map(list, shown)][:4] == [[], [""], ["a"], ["ab"]]
    assert [*map(list, shown)][-1] == ["ab", "c"]


def test_a_set_is_shown_with_its_complete_items_only() -> None:
    assert all(members <= {"ab", "c"} for members in check(set[str], '["ab", "c"]'))
