"""Reading pydantic's core schemas: what both the plan and the partial serializer need."""

from __future__ import annotations

import dataclasses
import sys
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeGuard, cast

from pydantic import TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "Definitions",
    "Schema",
    "adapter_for",
    "config_of",
    "default_of",
    "is_class",
    "is_pydantics",
    "is_stdlib_dataclass",
    "is_users",
    "parts",
    "references",
    "resolve",
    "split",
    "standalone",
]

#: Where the function stands that refuses snapshots: a module that needs this one.
_OWN = "partialfast.typed._marks"
#: A core schema: nested dicts, each with a ``type``.
Schema: TypeAlias = "dict[str, Any]"
#: The named schemas that ``definition-ref`` refers to.
Definitions: TypeAlias = "Mapping[str, Schema]"


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


def split(schema: Any) -> tuple[Schema, dict[str, Schema]]:
    """Return `schema` without its ``definitions`` wrapper, and what that wrapper defines."""
    definitions: dict[str, Schema] = {}
    while schema["type"] == "definitions":
        definitions.update({item["ref"]: item for item in schema["definitions"]})
        schema = schema["schema"]
    return schema, definitions


def resolve(schema: Schema, definitions: Definitions) -> Schema:
    """Return what `schema` refers to, if it is a reference."""
    while schema["type"] == "definition-ref":
        schema = definitions[schema["schema_ref"]]
    return schema


# Where schemas stand inside schemas, as `pydantic_core.core_schema` declares it. What is under any
# other key is somebody's value: a default, a tag, a field's name.

#: How the value under a key holds schemas: it is one, a list of them (a choice may have a label), a
#: dict by name or tag, or holds fields, each with a ``schema``.
_Shape = Literal["one", "many", "choices", "by name", "fields", "named fields"]

_ITEMS: dict[str, _Shape] = {"items_schema": "one"}
_ENTRIES: dict[str, _Shape] = {"keys_schema": "one", "values_schema": "one"}
_INNER: dict[str, _Shape] = {"schema": "one"}
_VALIDATES: dict[str, dict[str, _Shape]] = {
    "arguments": {
        "arguments_schema": "fields",
        "var_args_schema": "one",
        "var_kwargs_schema": "one",
    },
    "arguments-v3": {"arguments_schema": "fields"},
    "call": {"arguments_schema": "one", "return_schema": "one"},
    "chain": {"steps": "many"},
    "counter": _ENTRIES,
    "custom-error": _INNER,
    "dataclass": _INNER,
    "dataclass-args": {"fields": "fields"},
    "default": _INNER,
    "definitions": {"schema": "one", "definitions": "many"},
    "deque": _ITEMS,
    "dict": _ENTRIES,
    "frozendict": _ENTRIES,
    "frozenset": _ITEMS,
    "function-after": _INNER,
    "function-before": _INNER,
    "function-wrap": _INNER,
    "generator": _ITEMS,
    "json": _INNER,
    "json-or-python": {"json_schema": "one"},
    "lax-or-strict": {"lax_schema": "one", "strict_schema": "one"},
    "list": _ITEMS,
    "missing-sentinel": _INNER,
    "model": _INNER,
    "model-fields": {
        "fields": "named fields",
        "extras_schema": "one",
        "extras_keys_schema": "one",
    },
    "named-tuple": {"fields": "fields"},
    "nullable": _INNER,
    "ordered-dict": _ENTRIES,
    "set": _ITEMS,
    "tagged-union": {"choices": "by name"},
    "tuple": {"items_schema": "many"},
    "typed-dict": {"fields": "named fields", "extras_schema": "one"},
    "union": {"choices": "choices"},
}
#: The same for schemas that no JSON value is validated by.
_REFERS: dict[str, dict[str, _Shape]] = {
    "function-plain": {"json_schema_input_schema": "one"},
    "function-before": {"json_schema_input_schema": "one"},
    "function-wrap": {"json_schema_input_schema": "one"},
    "json-or-python": {"python_schema": "one"},
    "dataclass-args": {"computed_fields": "fields"},
    "model-fields": {"computed_fields": "fields"},
    "typed-dict": {"computed_fields": "fields"},
}


def _held(value: Any, shape: _Shape) -> Iterable[Any]:
    if shape == "one":
        return (value,)
    if shape == "many":
        return cast("Iterable[Any]", value)
    if shape == "choices":
        return (choice[0] if isinstance(choice, tuple) else choice for choice in value)
    if shape == "by name":
        return cast("Iterable[Any]", value.values())
    fields = value.values() if shape == "named fields" else value
    return (part for field in fields for part in (field.get("schema"), field.get("return_schema")))


def _under(schema: Schema, table: Mapping[str, Mapping[str, _Shape]]) -> Iterator[Schema]:
    for key, shape in table.get(schema["type"], {}).items():
        if key in schema:
            for part in _held(schema[key], shape):
                if isinstance(part, dict):
                    yield part


def parts(schema: Schema) -> Iterator[Schema]:
    """Yield the schemas directly inside `schema` that validate a JSON value, or a part of it."""
    return _under(schema, _VALIDATES)


def _all_parts(schema: Schema) -> Iterator[Schema]:
    """Yield all schemas directly inside `schema`, those that only say how to dump included."""
    yield from _under(schema, _VALIDATES)
    yield from _under(schema, _REFERS)
    dumped = schema.get("serialization")
    for holder in (dumped, *_serializations_of_fields(schema)):
        if isinstance(holder, dict):
            for key in ("schema", "return_schema"):
                if isinstance(holder.get(key), dict):
                    yield holder[key]


def _serializations_of_fields(schema: Schema) -> Iterator[Any]:
    fields = schema.get("fields")
    if schema["type"] in _WITH_FIELDS:
        for field in fields.values() if isinstance(fields, dict) else fields or ():
            yield field.get("serialization")


_WITH_FIELDS = ("model-fields", "typed-dict", "dataclass-args", "named-tuple")


def references(schema: Schema, definitions: Definitions) -> set[str]:
    """Return the names of all definitions that `schema` needs, directly or not."""
    needed: set[str] = set()
    seen: set[int] = set()
    pending: list[Schema] = [schema]
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if item["type"] == "definition-ref":
            name = cast("str", item["schema_ref"])
            if name not in needed and name in definitions:
                needed.add(name)
                pending.append(definitions[name])
        pending.extend(_all_parts(item))
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
    if getattr(function, "__module__", None) == _OWN:
        return False
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


def is_class(type_: Any) -> TypeGuard[type[Any]]:
    """Tell whether `type_` is a class, and not one with arguments: a ``type`` on Python 3.10."""
    return isinstance(type_, type) and not isinstance(type_, GenericAlias)


def is_stdlib_dataclass(class_: Any) -> bool:
    """Tell whether `class_` is a dataclass that pydantic did not make."""
    return dataclasses.is_dataclass(class_) and "__pydantic_serializer__" not in class_.__dict__


def config_of(schema: Schema) -> Mapping[str, Any]:
    """Return the config that a model, dataclass or typed dict schema carries."""
    return cast("Mapping[str, Any]", schema.get("config") or {})
