"""Named tuples, as objects and as arrays."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import pytest
from pydantic import Secret, create_model

import partialfast as pf
from tests.chunkings import bytewise
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


class Hidden(NamedTuple):
    code: Secret[list[int]] | int = 3
    key: Secret[list[int]] = None  # type: ignore[assignment]


def test_a_default_is_dumped_while_it_is_open_as_in_the_end() -> None:
    """An open one is of the same class, so nothing tells its default from one that has stayed."""
    holder: Any = create_model("Holder", hidden=(Hidden, ...))
    for text in ('{"hidden": []}', '{"hidden": [4]}'):
        shown = list(pf.stream(holder, bytewise(text.encode())))
        dumps = [each.model_dump(mode="json")["hidden"] for each in shown if each.hidden]
        # "None", or null with pydantic 2.11.
        end = holder.model_validate_json(text).model_dump(mode="json")["hidden"]
        assert [dump[1] for dump in dumps] == [end[1]] * len(dumps)
        document: Any = None
        for ops in pf.stream_ops(holder, bytewise(text.encode())):
            document = pf.apply_ops(document, ops)
        assert document == shown[-1].model_dump(mode="json")
