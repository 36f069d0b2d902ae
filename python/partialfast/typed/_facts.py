"""What a core schema tells about the values it validates, without validating any."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, RootModel

from partialfast.typed._partial import CONTAINERS
from partialfast.typed._schema import (
    Definitions,
    Schema,
    config_of,
    default_of,
    is_pydantics,
    is_users,
    resolve,
    validating_parts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "EVERY",
    "KINDS",
    "accepts",
    "items_of",
    "literals",
    "needs_data",
    "paths",
    "runs_code",
    "shell",
    "takes_info",
    "unwrap",
]

#: The kinds of JSON values, in the order in which a node lists its actions.
KINDS: tuple[str, ...] = ("object", "array", "string", "integer", "float", "bool", "null")
EVERY = frozenset(KINDS)


def items_of(schema: Schema, definitions: Definitions) -> Schema:
    """Return the schema of the items of a list-like schema.

    Raises:
        TypeError: The values are no lists.
    """
    schema = resolve(schema, definitions)
    while schema["type"] in ("json-or-python", "function-after", "default"):
        inner = schema.get("json_schema") or schema["schema"]
        schema = resolve(inner, definitions)
    if schema["type"] in ("list", "set", "frozenset", "deque", "generator"):
        return cast("Schema", schema.get("items_schema", {"type": "any"}))
    if schema["type"] == "tuple" and schema.get("variadic_item_index") == 0:
        return cast("Schema", schema["items_schema"][0])
    message = "streaming items needs a list-like type, such as `list[Model]`"
    raise TypeError(message)


def shell(schema: Schema, definitions: Definitions) -> Schema | None:
    """Return `schema` for a container whose items need no validation, if there is such."""
    made = {key: value for key, value in schema.items() if key != "ref"}
    kind = schema["type"]
    if kind == "definition-ref":
        return shell(resolve(schema, definitions), definitions)
    unlooked: Schema = {}
    if kind in ("list", "set", "frozenset", "deque"):
        unlooked = {"items_schema": {"type": "any"}}
    elif kind == "tuple" and "variadic_item_index" in schema:
        unlooked = {"items_schema": [{"type": "any"}], "variadic_item_index": 0}
    elif kind in ("dict", "ordered-dict"):
        unlooked = {"keys_schema": {"type": "any"}, "values_schema": {"type": "any"}}
    if unlooked:
        return {**made, **unlooked}
    if kind == "json-or-python":
        return shell(schema["json_schema"], definitions)
    no_info = kind == "function-after" and schema["function"]["type"] == "no-info"
    if no_info or kind in ("nullable", "default"):
        inner = shell(schema["schema"], definitions)
        return None if inner is None else {**made, "schema": inner}
    return None


def paths(
    name: str,
    field: Mapping[str, Any],
    config: Mapping[str, Any],
    *,
    by_alias: bool | None,
    by_name: bool | None,
) -> list[Any]:
    """Return where pydantic looks for a field, the preferred place first."""
    if by_alias is None:
        by_alias = config.get("validate_by_alias", True)
    if by_name is None:
        by_name = config.get("validate_by_name", config.get("populate_by_name", False))
    alias = field.get("validation_alias")
    found: list[Any] = []
    if alias is not None and by_alias:
        if isinstance(alias, str):
            found.append([alias])
        elif alias and isinstance(alias[0], (str, int)):
            found.append(list(alias))
        else:
            found.extend(alias)
    if alias is None or by_name:
        found.append([name])
    return found


def unwrap(schema: Schema, definitions: Definitions) -> tuple[Schema, bool]:
    """Return the fields' schema inside a model's, and whether a function comes before it."""
    rewrites = False
    schema = resolve(schema, definitions)
    while schema["type"] in ("function-before", "function-wrap", "function-after"):
        rewrites |= schema["type"] != "function-after"
        schema = resolve(schema["schema"], definitions)
    return schema, rewrites


def _calls_user(schema: Schema) -> bool:
    """Tell whether validating a value calls the user's code in `schema` itself."""
    kind = schema["type"]
    if kind.startswith("function-"):
        return is_users(schema["function"]["function"])
    if kind == "default":
        how, default = default_of(schema)
        users = how == "data-factory" or (
            how == "factory" and not any(default is container for container in CONTAINERS)
        )
        return users or bool(schema.get("validate_default")) or "on_error" in schema
    if kind in ("model", "dataclass"):
        return bool(config_of(schema).get("validate_default"))
    if kind == "tagged-union":
        return callable(schema["discriminator"])
    # A generator's items are validated when somebody asks for them; the others are not read here.
    return kind == "generator" or "extras_keys_schema" in schema


def _is_plain(schema: Schema, definitions: Definitions) -> bool:
    """Tell whether an instance of a model or dataclass is no more than its fields."""
    class_ = schema["cls"]
    if class_.__new__ is not object.__new__:
        return False
    if schema["type"] == "dataclass":
        arguments, _ = unwrap(schema["schema"], definitions)
        received = [
            field.get("init", True) and not field.get("init_only")
            for field in arguments.get("fields", ())
        ]
        # Pydantic leaves fields that nothing but `__post_init__` can set out of the arguments.
        complete = all(received) and len(received) == len(schema["fields"])
        return complete and not schema.get("post_init")
    base = RootModel if schema.get("root_model") else BaseModel
    return (
        not schema.get("custom_init")
        and "post_init" not in schema
        and not class_.__private_attributes__
        # Where the annotation of the extra fields has a value, it hides the place for them.
        and class_.__pydantic_extra__ is base.__dict__["__pydantic_extra__"]
    )


def runs_code(schema: Schema, definitions: Definitions) -> bool:
    """Tell whether validating `schema` calls code of the user's, at any depth.

    What is made without is put together from validated fields. Anything that pydantic does
    beside validating fields one by one counts as well: private attributes, validated defaults.
    """
    pending: list[Any] = [schema]
    seen: set[str] = set()
    while pending:
        item = pending.pop()
        if _calls_user(item):
            return True
        if item["type"] in ("model", "dataclass") and not _is_plain(item, definitions):
            return True
        if item["type"] == "definition-ref" and item["schema_ref"] not in seen:
            seen.add(item["schema_ref"])
            pending.append(definitions[item["schema_ref"]])
        pending.extend(validating_parts(item))
    return False


#: Schemas whose parts see each other, and nothing of what is around.
_WITH_FIELDS = ("model-fields", "dataclass-args", "typed-dict")


def needs_data(schema: Schema, definitions: Definitions) -> bool:
    """Tell whether code of the user's in `schema` could look at the fields beside its value."""
    pending: list[Any] = [schema]
    seen: set[str] = set()
    while pending:
        item = pending.pop()
        kind = item["type"]
        if kind.startswith("function-") and takes_info(item["function"]):
            return True
        if kind == "definition-ref" and item["schema_ref"] not in seen:
            seen.add(item["schema_ref"])
            pending.append(definitions[item["schema_ref"]])
        elif kind not in _WITH_FIELDS:
            pending.extend(validating_parts(item))
    return False


def takes_info(function: Schema) -> bool:
    """Tell whether a validator function of the user's takes ``info``, with ``info.data``."""
    return function["type"] == "with-info" and not is_pydantics(function["function"])


def literals(schema: Schema, definitions: Definitions) -> list[Any] | None:
    """Return the scalars that a field of type ``Literal`` takes, if they can tell members."""
    schema = resolve(schema, definitions)
    if schema["type"] == "default" and schema.get("on_error", "raise") == "raise":
        schema = resolve(schema["schema"], definitions)
    if schema["type"] != "literal":
        return None
    values = [v.value if isinstance(v, enum.Enum) else v for v in schema["expected"]]
    if any(isinstance(v, bool) or not isinstance(v, (str, int)) for v in values):
        return None
    return values


_SCALAR_KINDS = frozenset({"string", "integer", "float", "bool"})
_OBJECT = frozenset({"object"})
_ARRAY = frozenset({"array"})
_STRING = frozenset({"string"})
#: The kinds that each simple schema might accept, strict or not.
_ACCEPTS: dict[str, frozenset[str]] = {
    "none": frozenset({"null"}),
    "bool": _SCALAR_KINDS,
    "int": _SCALAR_KINDS,
    "float": _SCALAR_KINDS,
    "decimal": _SCALAR_KINDS,
    "date": _SCALAR_KINDS,
    "time": _SCALAR_KINDS,
    "datetime": _SCALAR_KINDS,
    "timedelta": _SCALAR_KINDS,
    "complex": _SCALAR_KINDS,
    # `coerce_numbers_to_str` may be set.
    "str": frozenset({"string", "integer", "float"}),
    "bytes": _STRING,
    "uuid": _STRING,
    "url": _STRING,
    "multi-host-url": _STRING,
    "json": _STRING,
    "list": _ARRAY,
    "set": _ARRAY,
    "frozenset": _ARRAY,
    "deque": _ARRAY,
    "tuple": _ARRAY,
    "dict": _OBJECT,
    "ordered-dict": _OBJECT,
    "counter": _OBJECT,
    "typed-dict": _OBJECT,
    "named-tuple": _OBJECT | _ARRAY,
}


def accepts(
    schema: Schema, definitions: Definitions, seen: frozenset[str] = frozenset()
) -> frozenset[str]:
    """Return the kinds of JSON values that `schema` might accept; all, where in doubt.

    Args:
        schema: Any schema.
        definitions: What it may refer to.
        seen: Names of the definitions that are being looked into.
    """
    kind = schema["type"]
    if kind in _ACCEPTS:
        return _ACCEPTS[kind]
    special = _SPECIAL.get(kind)
    return EVERY if special is None else special(schema, definitions, seen)


def _accepts_reference(
    schema: Schema, definitions: Definitions, seen: frozenset[str]
) -> frozenset[str]:
    name = schema["schema_ref"]
    return EVERY if name in seen else accepts(definitions[name], definitions, seen | {name})


def _accepts_nullable(
    schema: Schema, definitions: Definitions, seen: frozenset[str]
) -> frozenset[str]:
    return accepts(schema["schema"], definitions, seen) | {"null"}


def _accepts_inner(
    schema: Schema, definitions: Definitions, seen: frozenset[str]
) -> frozenset[str]:
    if schema.get("on_error", "raise") != "raise":
        return EVERY
    return accepts(schema.get("json_schema") or schema["schema"], definitions, seen)


def _accepts_either(
    schema: Schema, definitions: Definitions, seen: frozenset[str]
) -> frozenset[str]:
    lax = accepts(schema["lax_schema"], definitions, seen)
    return lax | accepts(schema["strict_schema"], definitions, seen)


def _accepts_fields(
    schema: Schema, definitions: Definitions, seen: frozenset[str]
) -> frozenset[str]:
    inner, rewrites = unwrap(schema["schema"], definitions)
    if rewrites or schema.get("custom_init"):
        return EVERY
    return accepts(inner, definitions, seen) if schema.get("root_model") else _OBJECT


def _accepts_union(
    schema: Schema, definitions: Definitions, seen: frozenset[str]
) -> frozenset[str]:
    members = (choice[0] if isinstance(choice, tuple) else choice for choice in schema["choices"])
    return frozenset[str]().union(*(accepts(member, definitions, seen) for member in members))


#: How to tell for schemas that are about other schemas.
_SPECIAL: dict[str, Callable[[Schema, Definitions, frozenset[str]], frozenset[str]]] = {
    "custom-error": _accepts_inner,
    "dataclass": _accepts_fields,
    "default": _accepts_inner,
    "definition-ref": _accepts_reference,
    "function-after": _accepts_inner,
    "json-or-python": _accepts_inner,
    "lax-or-strict": _accepts_either,
    "model": _accepts_fields,
    "nullable": _accepts_nullable,
    "union": _accepts_union,
}
