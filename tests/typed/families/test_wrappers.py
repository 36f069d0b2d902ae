"""Schemas around another one: nullable, with a default, left out on an error, or recursive."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, Field, OnErrorOmit, TypeAdapter, create_model

import partialfast as pf
from tests.generation import annotated, generic
from tests.typed.families.checking import check


class Node(BaseModel):
    name: str = "unnamed"
    below: list[Node] = []
    next: Node | None = None


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (int | None, "null"),
        (list[str | None], '["a", null]'),
        (Node, '{"below": [{"name": "a"}, {"next": null}], "next": {"name": "b"}}'),
        (list[OnErrorOmit[int]], '[1, "x", 2]'),
        (dict[str, OnErrorOmit[int]], '{"a": "x", "b": 2}'),
        (Annotated[list[int], Field(default=[1])], "[2, 3]"),
    ],
)
def test_it_becomes_what_pydantic_makes_of_it(type_: Any, text: str) -> None:
    check(type_, text)


def test_what_is_left_out_on_an_error_was_never_shown() -> None:
    for snapshot in check(list[OnErrorOmit[int]], '[1, "x", 2]'):
        assert set(snapshot) <= {1, 2}


def test_an_absent_field_reads_as_a_copy_of_its_default() -> None:
    default = [1]
    holder: Any = create_model("Holder", text=(str, ...), items=(list[int], default))
    for snapshot in check(holder, '{"text": "ab"}'):
        assert snapshot.items == default
        assert snapshot.items is not default


def fail(value: str) -> str:
    if value == "bad":
        raise LookupError(value)
    return value


def test_what_is_left_out_when_invalid_is_left_out_whatever_is_raised() -> None:
    type_: Any = generic(list, generic(OnErrorOmit, annotated(str, AfterValidator(fail))))
    for text in ('["a", "bad", "c"]', '["bad"]', '["a", 1, "bad"]'):
        expected = TypeAdapter(type_).validate_json(text)
        assert pf.stream(type_, list(text)).final() == expected
        assert pf.stream(type_, [text]).final() == expected
