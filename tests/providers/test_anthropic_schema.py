"""JSON schemas by Anthropic's rules for structured outputs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from pydantic import BaseModel, Field, TypeAdapter, create_model

from partialfast.answer._target import read_target
from partialfast.providers.anthropic._provider import Messages
from partialfast.typed._strict_schema import NotStrictError
from tests.generation import Case, Feature, cases
from tests.schemas import parts

#: Keywords as the guide's "JSON Schema limitations" leaves them.
ALLOWED = {
    "$defs",
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "description",
    "enum",
    "format",
    "items",
    "minItems",
    "properties",
    "required",
    "title",
    "type",
}


class Pet(BaseModel):
    kind: Literal["cat", "dog"]
    age: Annotated[int, Field(ge=0, description="In years.")] = 1


class Owner(BaseModel):
    name: Annotated[str, Field(min_length=2, pattern="^A")]
    pets: Annotated[list[Pet], Field(min_length=3)]
    one: Annotated[list[int], Field(min_length=1)]
    either: Annotated[Pet | None, Field(discriminator=None)] = None


class Tree(BaseModel):
    below: list[Tree] = []


def test_constraints_are_told_in_the_description() -> None:
    made = Messages.strict_schema(TypeAdapter(Owner))
    properties = made["properties"]
    assert properties["name"] == {
        "type": "string",
        "title": "Name",
        "description": "{minLength: 2, pattern: ^A}",
    }
    assert made["$defs"]["Pet"]["properties"]["age"]["description"] == "In years.\n\n{minimum: 0}"
    assert "minItems" not in properties["pets"]
    assert properties["pets"]["description"] == "{minItems: 3}"
    assert properties["one"]["minItems"] == 1
    assert made["required"] == ["name", "pets", "one"]


@given(cases(Feature.CODE))
def test_a_schema_follows_the_rules_or_is_refused(case: Case) -> None:
    try:
        adapter = TypeAdapter[Any](case.type)
        adapter.json_schema()
    except Exception:  # noqa: BLE001 - not every drawn type has one
        return
    try:
        made = Messages.strict_schema(adapter)
    except NotStrictError as error:
        assert "Anthropic's structured outputs" in str(error)  # noqa: PT017 - both outcomes are right
        return
    for part in parts(made):
        assert part.keys() <= ALLOWED
        assert part.keys() & {"type", "$ref", "anyOf", "enum", "const"}
        assert part.get("minItems", 0) <= 1
        if part.get("type") == "object" or "properties" in part:
            assert part["additionalProperties"] is False
            assert set(part["required"]) <= part["properties"].keys()


@pytest.mark.parametrize(
    ("type_", "message"),
    [
        (create_model("Outer", free=(dict[str, int], ...)), "'free' is an object with free keys"),
        (create_model("Outer", free=(Any, ...)), "any type"),
        (Tree, "'Tree' stands in itself"),
        (create_model("Outer", trees=(list[Tree], ...)), "'Tree' stands in itself"),
    ],
)
def test_what_cannot_be_said_is_named_and_not_sent_as_strict(type_: Any, message: str) -> None:
    with pytest.raises(NotStrictError, match=message):
        Messages.strict_schema(TypeAdapter(type_))
    shape = read_target(type_, items=False, tools=True, strict=Messages.strict_schema).shapes[0]
    assert not shape.strict
