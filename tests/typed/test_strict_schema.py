"""JSON schemas by OpenAI's rules for strict ones."""

from __future__ import annotations

import datetime as dt
import enum
import importlib
import json
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AnyUrl,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    create_model,
)

from partialfast.answer._target import read_target
from partialfast.providers.openai._provider import OpenAI
from partialfast.typed._strict_schema import NotStrictError, strict_schema
from tests.generation import Case, Feature, Spec, cases, generic, shown_types
from tests.schemas import parts

#: Keywords as the guide lists them, with those that name and refer.
ALLOWED = {
    "$defs",
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "multipleOf",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
}
FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}


def check_rules(schema: Any) -> None:
    """Check a schema against the guide's rules, one by one."""
    for part in parts(schema):
        assert part.keys() <= ALLOWED
        assert part.keys() & {"type", "$ref", "anyOf", "enum", "const"}
        assert part.get("format") in {None, *FORMATS}
        assert not any(look in part.get("pattern", "") for look in ("(?=", "(?!", "(?<"))
        if part.get("type") == "object" or "properties" in part:
            assert part["additionalProperties"] is False
            assert part["required"] == list(part["properties"])
        if part.get("type") == "array":
            assert isinstance(part["items"], dict)
        if "$ref" in part:
            assert part.keys() == {"$ref"} or part.keys() == {"$ref", "$defs"}
            assert part["$ref"].removeprefix("#/$defs/") in schema["$defs"]


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    model_config = ConfigDict(regex_engine="python-re")

    kind: Literal["dog"]
    name: Annotated[str, Field(min_length=2, max_length=9, pattern="^[A-Z](?=[a-z])")]


class Tree(BaseModel):
    """A tree."""

    value: Annotated[int, Field(ge=0, le=9, examples=[3])] = 3
    below: list[Tree] = []
    next: Tree | None = Field(None, description="The next one.")


class Much(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{}]}, extra="allow")

    text: str = "a default"
    color: Color = Color.RED
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    either: Union[Cat, Dog, None] = None  # noqa: UP007 - as many write it
    tree: Tree = Field(description="A tree, described where it stands.")
    pair: tuple[int, str]
    some: set[int] = Field(min_length=1)
    url: AnyUrl
    when: dt.datetime
    id: uuid.UUID
    amount: Decimal
    data: bytes = b""
    choice: Literal["a", 1] | None = "a"


def test_a_schema_of_much_follows_the_rules() -> None:
    schema = Much.model_json_schema()
    before = json.dumps(schema)
    made = strict_schema(schema)
    assert json.dumps(schema) == before
    check_rules(made)
    assert made["required"] == list(Much.model_fields)
    properties = made["properties"]
    assert properties["pet"]["anyOf"] == [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]
    assert properties["tree"]["anyOf"] == [{"$ref": "#/$defs/Tree"}]
    assert properties["pair"]["items"] == {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    assert (properties["pair"]["minItems"], properties["pair"]["maxItems"]) == (2, 2)
    assert made["$defs"]["Tree"]["properties"]["value"] == {
        "maximum": 9,
        "minimum": 0,
        "title": "Value",
        "type": "integer",
    }


@given(cases(Feature.CODE))
def test_a_schema_follows_the_rules_or_is_refused(case: Case) -> None:
    try:
        schema = TypeAdapter(case.type).json_schema()
    except Exception:  # noqa: BLE001 - not every drawn type has one
        return
    try:
        made = strict_schema(schema)
    except TypeError as error:
        assert "Mode.TOOLS" in str(error)  # noqa: PT017 - both outcomes are right
        return
    check_rules(made)


@given(shown_types(), st.data())
def test_what_has_all_its_fields_follows_the_strict_schema(spec: Spec, data: st.DataObject) -> None:
    model = create_model("Model", value=(spec.type, ...))
    try:
        made = strict_schema(model.model_json_schema())
    except TypeError:
        return
    jsonschema: Any = importlib.import_module("jsonschema")
    jsonschema.validate({"value": data.draw(spec.documents)}, made)


class Inner(BaseModel):
    free: dict[str, int]


class AnyInside(BaseModel):
    items: list[Any]


@pytest.mark.parametrize(
    ("type_", "message"),
    [
        (create_model("Outer", inner=(Inner, ...)), "'Inner.free' is an object with free keys"),
        (create_model("Outer", bare=(dict, ...)), "'bare' is an object with free keys"),
        (AnyInside, r"'items.\[\]' may have a value of any type"),
        (create_model("Outer", free=(JsonValue, ...)), "any type"),
    ],
)
def test_what_cannot_be_said_is_named_and_not_sent_as_strict(type_: Any, message: str) -> None:
    with pytest.raises(NotStrictError, match=message):
        strict_schema(type_.model_json_schema())
    shape = read_target(type_, items=False, tools=True, strict=OpenAI.strict_schema).shapes[0]
    assert not shape.strict
    assert shape.schema == type_.model_json_schema()


def deep(levels: int) -> Any:
    made: Any = int
    for level in range(levels):
        made = create_model(f"Level{level}", inner=(made, ...))
    return made


@pytest.mark.parametrize(
    ("type_", "message"),
    [
        (deep(11), "11 levels of objects"),
        (
            create_model("Wide", **{f"f{n}": (int, ...) for n in range(5001)}),  # type: ignore[call-overload]
            "5001 properties",
        ),
        (create_model("Long", x=(generic(Literal, *range(1001)), ...)), "1001 values of enums"),
        (create_model("Long", **{"x" * 120_001: (int, ...)}), "120001 characters"),  # type: ignore[call-overload]
    ],
)
def test_what_is_too_large_is_refused(type_: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        strict_schema(type_.model_json_schema())


def test_a_type_in_itself_is_not_too_deep() -> None:
    check_rules(strict_schema(Tree.model_json_schema()))
    check_rules(strict_schema(deep(10).model_json_schema()))


def test_members_of_one_name_are_numbered() -> None:
    long = "x" * 80
    names = ["日本", "中国", "User", "User", long, long + "y"]
    members = [create_model(name, a=(int, ...)) for name in names]
    target = read_target(generic(Union, *members), items=False, tools=True, strict=None)
    found = [shape.name for shape in target.shapes]
    assert found == ["Answer", "Answer_2", "User", "User_2", "x" * 64, "x" * 62 + "_2"]
    assert [shape.wanted for shape in target.shapes] == members


def test_what_the_schema_leaves_out_is_still_validated() -> None:
    def even(value: int) -> int:
        assert value % 2 == 0
        return value

    model = create_model("Model", x=(Annotated[int, AfterValidator(even)], ...))
    check_rules(strict_schema(model.model_json_schema()))
    assert read_target(model, items=False, tools=True, strict=OpenAI.strict_schema).shapes[
        0
    ].wanted is (model)
