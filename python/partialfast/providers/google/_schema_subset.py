"""The subset of JSON Schema that Gemini's API knows.

Source: "Structured output" of the Gemini API's documentation and the description of
``responseJsonSchema`` in its reference. What only narrows a value further is left out: pydantic
checks it. A schema that describes a type in a way the API does not know is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

__all__ = ["gemini_schema"]

_KNOWN = frozenset(
    {
        "$defs",
        "$ref",
        "$id",
        "$anchor",
        "type",
        "format",
        "title",
        "description",
        "enum",
        "items",
        "prefixItems",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "anyOf",
        "oneOf",
        "properties",
        "additionalProperties",
        "required",
    }
)
#: Keywords that change what may be written, so that leaving them out would ask for something else.
_REFUSED = frozenset(
    {"not", "if", "then", "else", "patternProperties", "propertyNames", "dependentSchemas"}
)
_OF_SCHEMAS = frozenset({"properties", "$defs"})
_LISTS = frozenset({"anyOf", "oneOf", "prefixItems"})


def gemini_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema in Gemini's subset.

    Args:
        schema: The JSON schema of a type.

    Raises:
        TypeError: It says something that the API has no words for; the message says where.
    """
    return _schema(schema, "the root")


def _schema(schema: Any, place: str) -> dict[str, Any]:
    if not isinstance(schema, Mapping):
        raise _unsayable(f"{schema!r}", place)
    given = _plain(cast("Mapping[str, Any]", schema), place)
    kept = {
        key: _value(key, value, f"{place}, {key}")
        for key, value in given.items()
        # A fixed tuple has `items: false`, which its `maxItems` says as well.
        if key in _KNOWN and not (key == "items" and value is False)
    }
    if not kept.keys() & {"type", "$ref", "anyOf", "oneOf", "enum"}:
        raise _unsayable("a value of any type", place)
    if "enum" in kept and "type" not in kept:
        kept["type"] = _kind({type(value) for value in kept["enum"]}, place)
    return kept


def _plain(schema: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Put into the API's words what they can express, and refuse the rest."""
    given = dict(schema)
    for name in sorted(_REFUSED & given.keys()):
        raise _unsayable(name, place)
    if "const" in given:
        given.setdefault("enum", [given["const"]])
    all_of: Any = given.pop("allOf", None)
    if all_of is None:
        return given
    if len(all_of) != 1:
        raise _unsayable("allOf", place)
    # Such as pydantic writes around a reference with a description.
    return {**all_of[0], **given}


def _value(key: str, value: Any, place: str) -> Any:
    if key in _OF_SCHEMAS:
        return {name: _schema(each, f"{place} {name!r}") for name, each in value.items()}
    if key in _LISTS:
        return [_schema(each, place) for each in value]
    if key == "items" or (key == "additionalProperties" and not isinstance(value, bool)):
        return _schema(value, place)
    return value


def _kind(kinds: set[type], place: str) -> str:
    names = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
    if len(kinds) == 1 and (name := names.get(next(iter(kinds)))) is not None:
        return name
    raise _unsayable("an enum of several types", place)


def _unsayable(what: str, place: str) -> TypeError:
    return TypeError(
        f"Gemini's schemas cannot say this: {what}, at {place}. Use Mode.MD_JSON or Mode.JSON, or "
        "annotate the part with pydantic.WithJsonSchema"
    )
