"""How snapshots that were sent as JSON are read back.

The schema of a class is changed so that every field may be absent and every value may be as far as
a snapshot shows it: text, lists and objects of any length. What is complete becomes what pydantic
makes of it; what pydantic refuses is taken for the beginning of a value. Code of the user's that
would see an incomplete value is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partialfast.typed._facts import takes_info
from partialfast.typed._marks import partial_origin
from partialfast.typed._schema import (
    Definitions,
    Schema,
    adapter_for,
    config_of,
    default_of,
    is_pydantics,
    resolve,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Accept", "read_schema"]

_ANY: Schema = {"type": "any"}
_TEXT: Schema = {"type": "str"}


class Accept:
    """Takes snapshots and complete instances as they are, and reads anything else.

    Args:
        origin: The complete class.
    """

    def __init__(self, origin: type[Any]) -> None:
        self._origin = origin

    def __call__(self, value: Any, handler: Callable[[Any], Any]) -> Any:
        """Return `value` itself, or what is read of it."""
        return value if isinstance(value, self._origin) else handler(value)


def read_schema(partial: Any, partial_of: Callable[[Any], Any]) -> Schema:
    """Return the core schema that validates instances of a partial class.

    Args:
        partial: The partial class.
        partial_of: Gives the partial class of a class, or ``None`` where there is none.
    """
    origin = partial_origin(partial)
    schema, definitions = split(adapter_for(origin).core_schema)
    reader = _ReadRewriter(definitions, partial_of)
    inside = reader.reference(_beneath_functions(schema, definitions))
    return {
        "type": "definitions",
        "schema": {
            "type": "function-wrap",
            "function": {"type": "no-info", "function": Accept(origin)},
            "schema": inside,
            # Each by its own class: a field may hold snapshots and the final value.
            "serialization": {"type": "any"},
        },
        "definitions": [*definitions.values(), *reader.made.values()],
    }


def _beneath_functions(schema: Schema, definitions: Definitions) -> Schema:
    schema = resolve(schema, definitions)
    while schema["type"].startswith("function-") and "schema" in schema:
        schema = resolve(schema["schema"], definitions)
    return schema


class _ReadRewriter:
    """Rewrites schemas for reading values that may be incomplete."""

    def __init__(self, definitions: Definitions, partial_of: Callable[[Any], Any]) -> None:
        self._definitions = definitions
        self._partial_of = partial_of
        #: The rewritten definitions, by name.
        self.made: dict[str, Schema] = {}

    def reference(self, schema: Schema) -> Schema:
        """Return a reference to the rewritten schema of a class."""
        class_ = schema["cls"]
        name = f"partialfast:{class_.__module__}.{class_.__qualname__}:{id(class_)}"
        if name not in self.made:
            self.made[name] = {}
            self.made[name] = {**self._own(schema, self._partial_of(class_)), "ref": name}
        return {"type": "definition-ref", "schema_ref": name}

    def _own(self, schema: Schema, partial: Any) -> Schema:
        config = schema.get("config", {})
        inner = _beneath_functions(schema["schema"], self._definitions)
        made: Schema = {"type": schema["type"], "cls": partial, "config": config}
        if schema.get("root_model"):
            root = schema["schema"]
            root = root["schema"] if default_of(root)[0] != "none" else root
            made |= {"root_model": True, "schema": self._nullable(root)}
        elif schema["type"] == "dataclass":
            fields = [self._field(field) for field in inner["fields"]]
            slots = schema.get("slots", False)
            made |= {
                "fields": schema["fields"],
                "slots": slots,
                "schema": {**inner, "fields": fields},
            }
        else:
            named = {name: self._field(field) for name, field in inner["fields"].items()}
            made["schema"] = {**inner, "fields": named, "computed_fields": []}
        made["schema"].pop("ref", None)
        return made

    def _field(self, field: Mapping[str, Any]) -> Schema:
        schema = field["schema"]
        how, default = default_of(schema)
        made: Schema = {"type": "default", "schema": self._nullable(schema)}
        if how == "factory" and default in (list, dict, set, frozenset, tuple):
            made["default_factory"] = default
        else:
            made["default"] = default if how == "value" else None
        return {**field, "schema": made}

    def _nullable(self, schema: Schema) -> Schema:
        if schema["type"] == "default":
            schema = schema["schema"]
        return {"type": "nullable", "schema": self.open(schema)}

    def open(self, schema: Schema) -> Schema:
        """Return the schema of a value that may be incomplete."""
        kind = schema["type"]
        if kind.startswith("function-"):
            return self._function(schema)
        rewrite = {
            "dataclass": self._class,
            "default": self._inner,
            "definition-ref": self._reference,
            "deque": self._sequence,
            "dict": self._mapping,
            "json-or-python": self._json,
            "list": self._sequence,
            "model": self._class,
            "named-tuple": self._named_tuple,
            "nullable": self._inner_or_none,
            "ordered-dict": self._mapping,
            "str": self._text,
            "tagged-union": self._tagged,
            "tuple": self._tuple,
            "typed-dict": self._typed_dict,
            "union": self._union,
        }.get(kind)
        return schema if rewrite is None else rewrite(schema)

    @staticmethod
    def _first_of(*choices: Schema) -> Schema:
        return {"type": "union", "choices": list(choices), "mode": "left_to_right"}

    def _function(self, schema: Schema) -> Schema:
        if is_pydantics(schema["function"]["function"]) or "schema" not in schema:
            # What pydantic turns into something else is not shown while it is open.
            return schema
        inner = self.open(schema["schema"])
        if schema["type"] != "function-after" or takes_info(schema["function"]):
            return inner
        # It sees what is valid without it, and nothing else.
        return inner if inner is schema["schema"] else self._first_of(schema, inner)

    def _class(self, schema: Schema) -> Schema:
        if self._partial_of(schema["cls"]) is None:
            return schema
        inner = _beneath_functions(schema["schema"], self._definitions)
        known = ("model-fields", "dataclass-args")
        if not schema.get("root_model") and inner["type"] not in known:
            return schema
        return self._first_of(schema, self.reference(schema))

    def _inner(self, schema: Schema) -> Schema:
        return self.open(schema["schema"])

    def _inner_or_none(self, schema: Schema) -> Schema:
        return {"type": "nullable", "schema": self.open(schema["schema"])}

    def _json(self, schema: Schema) -> Schema:
        return {**schema, "json_schema": self.open(schema["json_schema"])}

    def _reference(self, schema: Schema) -> Schema:
        target = resolve(schema, self._definitions)
        if target["type"] in ("model", "dataclass"):
            inside = self._class(target)
            return inside if inside is not target else schema
        name = f"partialfast:{schema['schema_ref']}"
        if name not in self.made:
            self.made[name] = {}
            self.made[name] = {**self.open(target), "ref": name}
        return {"type": "definition-ref", "schema_ref": name}

    def _text(self, schema: Schema) -> Schema:
        return self._first_of({k: v for k, v in schema.items() if k != "ref"}, _TEXT)

    def _sequence(self, schema: Schema) -> Schema:
        return {"type": schema["type"], "items_schema": self.open(schema.get("items_schema", _ANY))}

    def _mapping(self, schema: Schema) -> Schema:
        keys, values = schema.get("keys_schema", _ANY), schema.get("values_schema", _ANY)
        return {"type": schema["type"], "keys_schema": keys, "values_schema": self.open(values)}

    def _tuple(self, schema: Schema) -> Schema:
        items = [self.open(item) for item in schema["items_schema"]]
        if "variadic_item_index" in schema:
            # Which of them an item is may depend on how many follow.
            any_of: Schema = {"type": "union", "choices": items}
            fewer: Schema = {"type": "tuple", "items_schema": [any_of], "variadic_item_index": 0}
            return self._first_of(schema, fewer)
        # Each item by the schema of its own place, however many there are.
        counts = range(len(items), -1, -1)
        return self._first_of(
            schema, *({"type": "tuple", "items_schema": items[:count]} for count in counts)
        )

    def _named_tuple(self, schema: Schema) -> Schema:
        return self._first_of(schema, _ANY)

    def _typed_dict(self, schema: Schema) -> Schema:
        fields = {
            name: {**field, "required": False, "schema": self.open(field["schema"])}
            for name, field in schema["fields"].items()
        }
        made = {**schema, "fields": fields, "total": False, "config": config_of(schema)}
        made.pop("ref", None)
        return made

    def _union(self, schema: Schema) -> Schema:
        members = (c[0] if isinstance(c, tuple) else c for c in schema["choices"])
        return {"type": "union", "choices": [self.open(member) for member in members]}

    def _tagged(self, schema: Schema) -> Schema:
        choices = {
            tag: self.open(member) if isinstance(member, dict) else member
            for tag, member in schema["choices"].items()
        }
        made = {**schema, "choices": choices}
        made.pop("ref", None)
        return made
