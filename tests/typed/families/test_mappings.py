"""Dicts whose keys are data: of plain keys, of keys that are validated, and made by a class."""

from __future__ import annotations

import datetime as dt
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from pydantic import Field, StringConstraints

from tests.typed.families.checking import check


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (dict[str, int], '{"a": 1, "b": 2}'),
        (dict[str, list[str]], '{"a": ["x"], "b": []}'),
        (Mapping[str, int], '{"a": 1, "a": 2}'),
        (dict[int, str], '{"1": "a", "02": "b"}'),
        (dict[dt.date, int], '{"2020-01-01": 1}'),
        (dict[Annotated[str, StringConstraints(to_upper=True)], int], '{"a": 1, "A": 2}'),
        (OrderedDict[str, int], '{"b": 1, "a": 2}'),
        (defaultdict[str, list[int]], '{"a": [1], "b": [2]}'),
        (Counter[str], '{"a": 1, "b": 2}'),
        (Annotated[dict[str, int], Field(min_length=2)], '{"a": 1, "b": 2}'),
    ],
)
def test_it_becomes_what_pydantic_makes_of_it(type_: Any, text: str) -> None:
    check(type_, text)


def test_entries_are_shown_as_they_come_and_texts_as_they_grow() -> None:
    shown = check(dict[str, str], '{"a": "xy", "b": "z"}')
    assert [*map(dict, shown)][:4] == [{}, {"a": ""}, {"a": "x"}, {"a": "xy"}]
