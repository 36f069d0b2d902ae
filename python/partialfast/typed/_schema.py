"""Reading pydantic's core schemas: what both the plan and the partial serializer need."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any, cast

from pydantic import TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Definitions",
    "Schema",
    "adapter_for",
    "is_pydantics",
    "is_users",
    "references",
    "standalone",
]

#: A core schema: nested dicts, each with a ``type``.
Schema = dict[str, Any]
#: The named schemas that ``definition-ref`` refers to.
Definitions = dict[str, Schema]


def adapter_for(type_: Any) -> TypeAdapter[Any]:
    """Return a complete type adapter for `type_`.

    Args:
        type_: Any type that pydantic can validate.

    Returns:
        A pydantic ``TypeAdapter`` whose core schema is built.

    Raises:
        TypeError: pydantic cannot make a schema of `type_`, or a forward reference in it is not
            defined (yet).
    """
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(type_)
        _ = adapter.core_schema["type"]
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        message = f"pydantic cannot validate {type_!r}: {error}"
        raise TypeError(message) from error
    return adapter


def split(schema: Any) -> tuple[Schema, Definitions]:
    """Return `schema` without its ``definitions`` wrapper, and what that wrapper defines."""
    definitions: Definitions = {}
    while schema["type"] == "definitions":
        definitions.update({item["ref"]: item for item in schema["definitions"]})
        schema = schema["schema"]
    return schema, definitions


def _children(schema: Any) -> Iterator[Any]:
    if isinstance(schema, dict):
        yield from (value for key, value in schema.items() if key not in ("metadata", "cls"))
    elif isinstance(schema, (list, tuple)):
        yield from schema


#: Keys of a schema that hold no schema by which a JSON value is validated.
_OTHER_KEYS = frozenset(
    {
        "cls",
        "computed_fields",
        "config",
        "default",
        "default_factory",
        "discriminator",
        "expected",
        "function",
        "members",
        "metadata",
        "python_schema",
        "serialization",
    }
)


def validating_parts(schema: Schema) -> Iterator[Schema]:
    """Yield the schemas directly inside `schema` that validate a part of its value."""
    pending: list[Any] = [value for key, value in schema.items() if key not in _OTHER_KEYS]
    while pending:
        item = pending.pop()
        if isinstance(item, (list, tuple)):
            pending.extend(item)
        elif isinstance(item, dict):
            if isinstance(item.get("type"), str) and not item["type"].endswith("-field"):
                yield item
            else:
                pending.extend(value for key, value in item.items() if key not in _OTHER_KEYS)


def references(schema: Schema, definitions: Definitions) -> set[str]:
    """Return the names of all definitions that `schema` needs, directly or not."""
    needed: set[str] = set()
    pending: list[Any] = [schema]
    while pending:
        item = pending.pop()
        if isinstance(item, dict) and item.get("type") == "definition-ref":
            name = cast("str", item["schema_ref"])
            if name not in needed and name in definitions:
                needed.add(name)
                pending.append(definitions[name])
        else:
            pending.extend(
                child for child in _children(item) if isinstance(child, (dict, list, tuple))
            )
    return needed


def standalone(schema: Schema, definitions: Definitions) -> Schema:
    """Return `schema` with the definitions that it needs, so that it can be built by itself."""
    needed = references(schema, definitions)
    if not needed:
        return schema
    if schema.get("ref") in needed:
        # It is one of them: refer to it, or its name would be defined twice.
        schema = {"type": "definition-ref", "schema_ref": schema["ref"]}
    return {
        "type": "definitions",
        "schema": schema,
        "definitions": [definitions[name] for name in sorted(needed)],
    }


def resolve(schema: Schema, definitions: Definitions) -> Schema:
    """Return what `schema` refers to, if it is a reference."""
    while schema["type"] == "definition-ref":
        schema = definitions[schema["schema_ref"]]
    return schema


def parts(schema: Schema) -> list[Schema]:
    """Return the schemas directly inside `schema`."""
    found: list[Any] = []
    for key in ("schema", "items_schema", "keys_schema", "values_schema", "json_schema"):
        part = schema.get(key, [])
        found.extend(part if isinstance(part, list) else [part])
    choices = schema.get("choices", ())
    choices = choices.values() if isinstance(choices, dict) else choices
    found.extend(choice[0] if isinstance(choice, tuple) else choice for choice in choices)
    fields = schema.get("fields", ())
    fields = fields.values() if isinstance(fields, dict) else fields
    found.extend(field["schema"] for field in fields if isinstance(field, dict))
    found.extend(schema[key] for key in ("lax_schema", "strict_schema") if key in schema)
    return [part for part in found if isinstance(part, dict)]


def _module_of(function: Any) -> str:
    function = getattr(function, "func", function)
    module = getattr(function, "__module__", None) or type(function).__module__
    return cast("str", module).split(".")[0]


def is_pydantics(function: Any) -> bool:
    """Tell whether a validator or serializer function is one that pydantic brings."""
    return _module_of(function) in ("pydantic", "pydantic_core")


def is_users(function: Any) -> bool:
    """Tell whether a function is the user's own code, and nothing of the standard library's.

    The latter, such as ``str.strip`` or ``ipaddress.IPv4Address``, does the same each time and
    nothing else, so it does not matter how often it is called.
    """
    return not is_pydantics(function) and _module_of(function) not in sys.stdlib_module_names


def default_of(schema: Schema) -> tuple[str, Any]:
    """Return how the default of a field comes about, from the field's schema.

    Returns:
        ``("value", default)``, ``("factory", callable)``, ``("data-factory", callable)``, or
        ``("none", None)``.
    """
    if schema["type"] != "default":
        return "none", None
    if "default" in schema:
        return "value", schema["default"]
    if "default_factory" in schema:
        how = "data-factory" if schema.get("default_factory_takes_data") else "factory"
        return how, schema["default_factory"]
    return "none", None


def is_stdlib_dataclass(class_: Any) -> bool:
    """Tell whether `class_` is a dataclass that pydantic did not make."""
    return dataclasses.is_dataclass(class_) and "__pydantic_serializer__" not in class_.__dict__


def config_of(schema: Schema) -> Mapping[str, Any]:
    """Return the config that a model, dataclass or typed dict schema carries."""
    return cast("Mapping[str, Any]", schema.get("config") or {})
