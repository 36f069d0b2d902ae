"""Types that are JSON Schema files: what they accept, how early, and what is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import partialfast as pf
from partialfast.batch import BatchError
from partialfast.batch.io._parquet import arrow_schema
from partialfast.batch.io._schema_type import LARGEST_SCHEMA, schema_type
from partialfast.providers.openai._command_client import first_request

pytest.importorskip("jsonschema")
pytest.importorskip("pyarrow")

SCHEMA: dict[str, Any] = {
    "title": "Meeting",
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 3},
        "kind": {"enum": ["talk", "panel"]},
        "guests": {"type": "array", "items": {"$ref": "#/$defs/Guest"}},
        "count": {"type": ["integer", "null"]},
        "tree": {"$ref": "#/$defs/Node"},
        "a-b": {"type": "integer"},
    },
    "required": ["title", "guests"],
    "additionalProperties": False,
    "$defs": {
        "Guest": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
        },
        "Node": {
            "type": "object",
            "properties": {
                "v": {"type": "integer"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            },
        },
    },
}


def test_a_schema_is_a_type() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(schema_type(SCHEMA, name="x"))
    text = (
        '{"title":"abc","guests":[{"name":"x","z":1}],"a-b":1,"count":5.0,'
        '"tree":{"v":1,"children":[{"v":2}]}}'
    )
    value = adapter.validate_json(text)
    assert value == json.loads(text)
    assert json.loads(adapter.dump_json(value)) == value
    # What is sent is what was written, the recursion included.
    assert adapter.json_schema() == SCHEMA


class Node(BaseModel):
    value: int
    children: list[Node] = []


Node.model_rebuild()


def test_a_schema_that_is_a_reference_to_itself_is_a_type() -> None:
    # The schema of a recursive model has nothing but a reference at its root.
    adapter: TypeAdapter[Any] = TypeAdapter(schema_type(Node.model_json_schema(), name="Node"))
    value = {"value": 1, "children": [{"value": 2, "children": [{"value": 3}]}]}
    assert adapter.validate_python(value) == value
    with pytest.raises(ValidationError, match="not of type 'integer'"):
        adapter.validate_python({"value": 1, "children": [{"value": "x"}]})
    sent = adapter.json_schema()
    assert (
        sent["$defs"]["Node"]["properties"]
        == Node.model_json_schema()["$defs"]["Node"]["properties"]
    )
    assert first_request("tools", schema_type(Node.model_json_schema(), name="Node"), "m", [])


def columns(type_: Any) -> int:
    inner = (type_.field(at) for at in range(type_.num_fields))
    return 1 + sum(columns(field.type) for field in inner)


@pytest.mark.parametrize("levels", [12, 40])
def test_references_that_multiply_make_no_more_of_a_schema(levels: int) -> None:
    definitions: dict[str, Any] = {
        f"L{level}": {
            "type": "object",
            "properties": {side: {"$ref": f"#/$defs/L{level + 1}"} for side in ("a", "b")},
        }
        for level in range(levels)
    }
    definitions[f"L{levels}"] = {"type": "object", "properties": {"x": {"type": "integer"}}}
    schema = {"$defs": definitions, "$ref": "#/$defs/L0"}
    made = schema_type(schema, name="Levels")
    assert len(json.dumps(TypeAdapter(made).json_schema())) < 2 * len(json.dumps(schema))
    value: dict[str, Any] = {"x": 1}
    for _ in range(min(levels, 12)):
        value = {"b": value}
    assert TypeAdapter(made).validate_python(value) == value
    # Nor columns without end.
    assert sum(columns(field.type) for field in arrow_schema(made)) < 2_000


def test_a_schema_that_no_request_should_carry_is_refused() -> None:
    choices = [f"choice {number}" for number in range(LARGEST_SCHEMA // 10)]
    with pytest.raises(BatchError, match="would be sent with every request"):
        schema_type({"enum": choices}, name="Choices")


@pytest.mark.parametrize(
    "reference", ["#/properties/text", "#/$defs/Text", "#text", "#/$defs/a~1b"]
)
def test_references_are_those_of_the_whole_schema(reference: str) -> None:
    text = {"type": "string", "minLength": 2}
    properties = {
        "text": text,
        "other": {"$ref": reference},
        "below": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        # A name here, and no keyword.
        "definitions": {"type": "array", "items": {"$ref": reference}},
    }
    schema = {
        "type": "object",
        "properties": properties,
        "$defs": {"Text": {"$anchor": "text", **text}, "a/b": text},
        "additionalProperties": False,
    }
    adapter: TypeAdapter[Any] = TypeAdapter(schema_type(schema, name="S"))
    value = {"text": "aa", "other": "bb", "below": {"text": "cc"}, "definitions": ["dd"]}
    assert adapter.validate_python(value) == value
    for bad in ({"other": "b"}, {"below": {"text": "c"}}, {"definitions": ["d"]}):
        with pytest.raises(ValidationError, match=r"too short|is not valid under any"):
            adapter.validate_python(value | bad)
    assert adapter.json_schema()["properties"].keys() == properties.keys()


@pytest.mark.parametrize(
    ("text", "read", "location"),
    [
        ('{"title":"a","guests":[]}', 12, ("title",)),
        ('{"title":"abc","q":1,"guests":[]}', 19, ("q",)),
        ('{"kind":"other","title":"abc","guests":[]}', 15, ("kind",)),
        ('{"guests":[{"name":3}],"title":"abc"}', 21, ("guests", 0, "name")),
        (
            '{"tree":{"children":[{"v":"a"}]},"title":"abc","guests":[]}',
            31,
            ("tree", "children", 0),
        ),
        ('{"guests":[]}', 13, ("title",)),
    ],
)
def test_a_schema_is_checked_as_early_as_a_model(
    text: str, read: int, location: tuple[Any, ...]
) -> None:
    state: pf.StreamState[Any] = pf.StreamState(schema_type(SCHEMA, name="x"))
    fed = []

    def feed() -> None:
        for character in text:
            fed.append(character)
            state.feed(character)

    with pytest.raises(ValidationError) as raised:
        feed()
    assert len(fed) <= read
    assert raised.value.errors()[0]["loc"] == location
    with pytest.raises(ValidationError):
        TypeAdapter(schema_type(SCHEMA, name="x")).validate_json(text)
