"""Unions, with a tag that tells their members apart or without."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, TypeVar

import pytest
from pydantic import (
    TypeAdapter,
    ValidationError,
)
from pydantic_core import core_schema

import partialfast as pf
from tests.chunkings import bytewise
from tests.typed.families.checking import check

T = TypeVar("T")


@dataclasses.dataclass
class Left:
    x: int


@dataclasses.dataclass
class Right:
    x: int


@dataclasses.dataclass
class Third:
    x: int


@pytest.mark.parametrize(
    ("one", "other", "text"),
    [
        (Left | Right | Third, Right | Left | Third, '{"x": 1}'),
        (list[Left | Right | Third], list[Right | Left | Third], '[{"x": 1}]'),
        (dict[str, int] | dict[str, float], dict[str, float] | dict[str, int], '{"x": 1}'),
    ],
)
def test_the_members_of_a_union_keep_their_order(one: Any, other: Any, text: str) -> None:
    assert one == other
    check(one, text)
    check(other, text)


@pytest.mark.parametrize("type_", [int | str, str | int, Literal["a", "b"], Literal["b", "a"]])
def test_an_error_names_a_type_as_it_is_written(type_: Any) -> None:
    with pytest.raises(ValidationError) as expected:
        TypeAdapter(type_).validate_json("[]")
    with pytest.raises(ValidationError) as caught:
        pf.stream(type_, ["[]"]).final()
    assert str(caught.value) == str(expected.value)


class OneError:
    """A type that names its error itself."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return core_schema.union_schema(
            [core_schema.int_schema(), core_schema.list_schema(core_schema.str_schema())],
            custom_error_type="not_one",
            custom_error_message="Not one of them",
        )


@pytest.mark.parametrize("text", ["[1]", '"x"', "{}"])
def test_a_union_with_an_error_of_its_own_raises_that(text: str) -> None:
    check(list[OneError], '[1, ["abc"]]')
    with pytest.raises(ValidationError) as caught:
        pf.stream(list[OneError], bytewise(f"[{text}]")).final()
    assert [(e["type"], e["loc"]) for e in caught.value.errors()] == [("not_one", (0,))]
