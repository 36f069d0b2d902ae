"""Streaming items one by one: which types are lists, and what they ask of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import SchemaValidator

from partialfast.typed._schema import Definitions, Schema, is_users, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ItemList", "items_of"]

_ANY: Schema = {"type": "any"}
_LISTS = ("list", "set", "frozenset", "deque", "generator")
_SETS = ("set", "frozenset")
_CONSTRAINTS = ("min_length", "max_length")


class ItemList:
    """A list-like type.

    Args:
        schema: Of the list itself.
        item: Of its items.
    """

    def __init__(self, schema: Schema, item: Schema) -> None:
        self.schema = schema
        self.item = item

    def length_check(self) -> Callable[[Any], Any] | None:
        """Return what validates only the length of a list, if the type limits it."""
        limits = {key: self.schema[key] for key in _CONSTRAINTS if key in self.schema}
        if not limits:
            return None
        schema: Any = {"type": "list", **limits}
        return SchemaValidator(schema).validate_python


def items_of(schema: Schema, definitions: Definitions) -> ItemList | None:
    """Return what a list-like type is a list of; ``None`` for any other type.

    Raises:
        TypeError: It takes the whole list to say whether it is valid, and that is not kept.
    """
    schema = resolve(schema, definitions)
    kind = schema["type"]
    if kind in _LISTS:
        if kind in _SETS and any(key in schema for key in _CONSTRAINTS):
            _refuse("the length of a set is not known before all its items are there")
        return ItemList(schema, schema.get("items_schema", _ANY))
    if kind == "tuple" and schema.get("variadic_item_index") == 0:
        return ItemList(schema, schema["items_schema"][0])
    if kind == "json-or-python":
        return items_of(schema["json_schema"], definitions)
    if kind in ("default", "nullable"):
        return items_of(schema["schema"], definitions)
    is_root = kind == "model" and schema.get("root_model")
    if not is_root and not (kind.startswith("function-") and "schema" in schema):
        return None
    found = items_of(schema["schema"], definitions)
    if found is not None:
        _refuse_code(schema)
    return found


def _refuse(reason: str) -> None:
    message = f"its items cannot be streamed one by one: {reason}; use `stream` instead"
    raise TypeError(message)


def _refuse_code(schema: Schema) -> None:
    """Refuse what looks at the whole: a validator, or a root model with a constructor."""
    if schema["type"] == "model":
        if schema.get("custom_init") or "post_init" in schema:
            _refuse(f"the constructor of {schema['cls'].__qualname__} wants the whole list")
        return
    function = schema["function"]["function"]
    if is_users(function):
        name = getattr(function, "__qualname__", repr(function))
        _refuse(f"the validator {name} wants the whole list")
