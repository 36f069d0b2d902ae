"""Functions around a value: validators, and types that make themselves."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    Discriminator,
    Field,
    Json,
    RootModel,
    Secret,
    Tag,
    ValidationError,
    ValidationInfo,
    create_model,
    model_validator,
)

import partialfast as pf
from tests.chunkings import bytewise
from tests.generation import generic
from tests.typed.families.checking import check

T = TypeVar("T")


class Pair(BaseModel):
    left: str
    right: int


@pytest.mark.parametrize(
    ("type_", "document"),
    [
        (Secret[str], '"hidden"'),
        (Secret[list[str]], '["hidden"]'),
        (Secret[dict[str, str]], '{"key": "hidden"}'),
        (Secret[Pair], '{"left": "hidden", "right": 1}'),
    ],
)
def test_nothing_of_a_secret_is_shown_while_it_is_open(type_: Any, document: str) -> None:
    model: Any = create_model("Keeper", before=(str, ...), secret=(type_, ...), after=(str, ""))
    text = f'{{"before": "b", "secret": {document}, "after": "a"}}'
    for snapshot in check(model, text):
        assert snapshot.secret is None or isinstance(snapshot.secret, Secret)
        assert "hidden" not in f"{snapshot!r} {snapshot.model_dump()}"


def _below_limit(value: Any, info: ValidationInfo) -> Any:
    assert len(str(value)) <= info.data["limit"]
    return value


Number = Annotated[int, AfterValidator(_below_limit)]
Text = Annotated[str, AfterValidator(_below_limit)]


class Row(NamedTuple):
    first: Number
    second: Text = ""


class ByHand(BaseModel):
    kind: Literal["hand"]
    text: str

    @model_validator(mode="before")
    @classmethod
    def _check(cls, value: Any, info: ValidationInfo) -> Any:
        assert "limit" in info.data
        return value


class ByForce(BaseModel):
    kind: Literal["force", 1]
    items: list[int] = []


ByKind = Annotated[ByHand | ByForce, Field(discriminator="kind")]


def _sort_of(value: Any) -> str:
    return "many" if isinstance(value, list) else "named"


BySort = Annotated[
    Annotated[list[Number], Tag("many")] | Annotated[dict[str, Number], Tag("named")],
    Discriminator(_sort_of),
]


@pytest.mark.parametrize(
    ("type_", "document"),
    [
        (Json[Number], '"1"'),
        (Json[list[Text]], '"[\\"a\\"]"'),
        (float | Number | Text, '"abc"'),
        (BySort, "[1]"),
        (BySort, '{"a": 1}'),
        (RootModel[Number], "1"),
        (RootModel[list[Text]], '["abc"]'),
        (RootModel[Annotated[list[int], AfterValidator(_below_limit)]], "[1]"),
        (Row, '[1, "abc"]'),
        (Row, '{"first": 1}'),
        (Counter[Text], '{"abc": 2}'),
        (ByKind, '{"kind": "hand", "text": "abc"}'),
        (ByKind, '{"items": [1], "kind": 1}'),
        (ByHand | ByForce, '{"text": "abc", "kind": "hand"}'),
        (ByHand, '{"text": "abc", "kind": "hand"}'),
    ],
)
def test_a_validator_that_looks_at_other_fields_waits_for_them(type_: Any, document: str) -> None:
    model: Any = create_model("Limited", limit=(int, ...), value=(type_, ...), after=(str, ""))
    check(model, f'{{"limit": 5, "value": {document}, "after": "abc"}}')
    many: Any = create_model("Limited", limit=(int, ...), values=(generic(list, type_), ...))
    check(many, f'{{"limit": 5, "values": [{document}, {document}]}}')


def test_a_tag_that_names_no_member_is_an_error_where_members_wait() -> None:
    model: Any = create_model("Limited", limit=(int, ...), value=(ByKind, ...))
    with pytest.raises(ValidationError) as caught:
        pf.stream(model, bytewise('{"limit": 5, "value": {"kind": "other"}}')).final()
    assert caught.value.errors()[0]["type"] == "union_tag_invalid"
