"""Named tuples, as objects and as arrays."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import pytest
from pydantic import create_model

from tests.typed.families.checking import check


class Point(NamedTuple):
    x: int
    label: str = "none"
    day: dt.date | None = None


class Doubled(Point):
    """Has a constructor of its own, by way of inheritance."""


@pytest.mark.parametrize("type_", [Point, Doubled, list[Point]])
@pytest.mark.parametrize(
    "text", ['{"x": 1, "label": "ab"}', '[1, "ab", "2020-01-01"]', "[1]", '{"label": "ab", "x": 2}']
)
def test_it_becomes_what_pydantic_makes_of_it(type_: Any, text: str) -> None:
    check(type_, text if type_ in {Point, Doubled} else f"[{text}, {text}]")


def test_it_is_absent_until_it_is_complete() -> None:
    holder: Any = create_model("Holder", point=(Point, ...), after=(str, ""))
    shown = [snapshot.point for snapshot in check(holder, '{"point": [1, "ab"], "after": "x"}')]
    assert all(type(point) is Point for point in shown if point is not None)
    assert shown[-1] == (1, "ab", None)
