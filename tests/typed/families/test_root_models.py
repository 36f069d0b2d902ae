"""Root models: an instance around a value of another type."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, AnyUrl, BaseModel, RootModel, ValidationInfo

from partialfast import StreamState, apply_ops, is_set
from tests.typed.families.checking import check


class Pair(BaseModel):
    left: str
    right: int = 0


class Words(RootModel[list[str]]):
    """Has a method of the user's."""

    def longest(self) -> int:
        return max(map(len, self.root), default=0)


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (RootModel[int], "12 "),
        (RootModel[str], '"abc"'),
        (RootModel[dt.date], '"2020-01-01"'),
        (RootModel[dict[str, Pair]], '{"a": {"left": "x"}, "b": {"right": 1, "left": "y"}}'),
        (RootModel[Pair | None], '{"left": "x", "right": 2}'),
        (RootModel[RootModel[list[int]]], "[1, 2]"),
        (list[Words], '[["a"], ["bc", "d"]]'),
    ],
)
def test_it_becomes_what_pydantic_makes_of_it(type_: Any, text: str) -> None:
    check(type_, text)


def test_its_value_is_shown_while_it_is_open() -> None:
    shown = check(Words, '["ab", "c"]')
    assert [snapshot.root for snapshot in shown[:3]] == [[], [""], ["a"]]
    assert [snapshot.longest() for snapshot in shown[-2:]] == [2, 2]


def _kept(value: Any, _: ValidationInfo) -> Any:
    return value


class Waiting(RootModel[Any]):
    """Its validator may ask for what stands around it, so that it waits for the end of that."""

    root: Annotated[AnyUrl | list[int], AfterValidator(_kept)]


class Around(BaseModel):
    value: Waiting
    count: int


@pytest.mark.parametrize("text", ['"ftp://example.org/"', "[1, 2]"])
def test_it_is_absent_while_what_it_wraps_waits(text: str) -> None:
    document = f'{{"value": {text}, "count": 3}}'
    shown: Any = None
    state = StreamState(Around)
    state.keep_ops()
    for character in document:
        snapshot = state.feed(character)
        shown = apply_ops(shown, state.take_ops())
        if snapshot is not None:
            assert snapshot.model_dump(mode="json", exclude_unset=True) == shown
            assert is_set(snapshot, "value") == ("value" in shown)
    assert state.finish() == Around.model_validate_json(document)
