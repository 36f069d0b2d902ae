"""What a core schema tells about the values it validates, without validating any."""

from __future__ import annotations

import copy
import enum
import typing
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, RootModel
from pydantic_core import core_schema

from partialfast.typed._nodes import JsonKind
from partialfast.typed._schema import (
    Definitions,
    Schema,
    config_of,
    default_of,
    is_pydantics,
    is_users,
    parts,
    resolve,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "CONTAINERS",
    "EVERY",
    "KINDS",
    "Facts",
    "can_be_tag",
    "is_copied",
    "literals",
    "paths",
    "shell",
    "takes_info",
    "unwrap",
]

#: The kinds of JSON values, in the order in which a node lists its actions.
KINDS: tuple[JsonKind, ...] = typing.get_args(JsonKind)
EVERY = frozenset[str](KINDS)

#: The factories that are run for a field that is not there: they make something empty.
CONTAINERS: tuple[type[Any], ...] = (list, dict, set, frozenset, tuple)

#: Every type of schema that this release of pydantic declares, as far as it says so.
_KNOWN = frozenset[str](typing.get_args(core_schema.CoreSchemaType))


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
        # What cannot be copied is an error of pydantic's, where the document does not have it.
        users |= how == "value" and is_copied(default) and not _can_be_copied(default)
        return users or bool(schema.get("validate_default")) or "on_error" in schema
    if kind in ("model", "dataclass"):
        return bool(config_of(schema).get("validate_default"))
    if kind == "tagged-union":
        return callable(schema["discriminator"])
    # A generator's items are validated when they are asked for.
    return kind in ("call", "generator") or "extras_keys_schema" in schema


def is_copied(default: Any) -> bool:
    """Tell whether each instance gets a copy of a default of its own, as pydantic does it."""
    try:
        hash(default)
    except TypeError:
        return True
    return False


def _can_be_copied(default: Any) -> bool:
    try:
        copy.deepcopy(default)
    except Exception:  # noqa: BLE001 - whatever the user's class raises
        return False
    return True


def _is_plain(schema: Schema, definitions: Definitions) -> bool:
    """Tell whether an instance of a model or dataclass is no more than its fields."""
    class_ = schema["cls"]
    if class_ in (BaseModel, RootModel) or class_.__new__ is not object.__new__:
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


class _Graph:
    """Every schema that a type consists of, each once, and what it is part of.

    A class that is used twice is one dict in two places, and definitions refer to each other in
    circles: to walk over the schemas as over a tree would take exponential time.

    Args:
        roots: The schema of the type, and those of its definitions.
        definitions: What the schemas may refer to.
    """

    def __init__(self, roots: Iterable[Schema], definitions: Definitions) -> None:
        self.definitions = definitions
        #: By identity: the schemas live as long as the compiler.
        self.schemas: dict[int, Schema] = {}
        self._around: dict[int, list[Schema]] = {}
        pending = list(roots)
        while pending:
            item = pending.pop()
            if id(item) not in self.schemas:
                self.schemas[id(item)] = item
                for part in self.parts(item):
                    self._around.setdefault(id(part), []).append(item)
                    pending.append(part)

    def parts(self, schema: Schema) -> Iterable[Schema]:
        """Return what is directly inside `schema`, references followed."""
        if schema["type"] == "definition-ref":
            return (self.definitions[schema["schema_ref"]],)
        return parts(schema)

    def around(self, schema: Schema) -> Iterable[Schema]:
        """Return the schemas that contain `schema` directly."""
        return self._around.get(id(schema), ())


class _Reach:
    """Tells of schemas whether something holds for one of their parts, at any depth.

    Args:
        graph: The schemas.
        holds: Tells whether it holds for a schema itself.
        ends: Types of schemas whose parts do not count.
    """

    def __init__(
        self, graph: _Graph, holds: Callable[[Schema], bool], ends: tuple[str, ...] = ()
    ) -> None:
        self._graph = graph
        self._holds = holds
        self._ends = ends
        found = [schema for schema in graph.schemas.values() if holds(schema)]
        self._found = {id(schema) for schema in found}
        while found:
            for outer in graph.around(found.pop()):
                if id(outer) not in self._found and outer["type"] not in ends:
                    self._found.add(id(outer))
                    found.append(outer)

    def __call__(self, schema: Schema) -> bool:
        """Tell whether it holds for `schema` or a part of it."""
        if id(schema) in self._graph.schemas:
            return id(schema) in self._found
        # It was made by the compiler, of parts of others.
        return self._holds(schema) or (
            schema["type"] not in self._ends and any(map(self, self._graph.parts(schema)))
        )


#: Schemas whose parts see each other, and nothing outside.
_WITH_FIELDS = ("model-fields", "dataclass-args", "typed-dict")


def _asks_for_data(schema: Schema) -> bool:
    return schema["type"].startswith("function-") and takes_info(schema["function"])


def _is_iterator(schema: Schema) -> bool:
    return bool(schema["type"] == "generator")


class Facts:
    """What is asked of the schemas of one type, each once.

    Args:
        schema: Of the type.
        definitions: What the schemas may refer to.
    """

    def __init__(self, schema: Schema, definitions: Definitions) -> None:
        self._definitions = definitions
        self._accepted: dict[str, frozenset[str]] = {}
        graph = _Graph([schema, *definitions.values()], definitions)
        #: Tells whether validating a schema calls code of the user's, at any depth. What is made
        #: without such code is put together from validated fields, so that anything that pydantic
        #: does besides validating fields one by one counts as well: private attributes, validated
        #: defaults.
        self.runs_code: _Reach = _Reach(graph, self._runs_code)
        #: Tells whether code of the user's in a schema could look at the fields beside its value.
        self.needs_data: _Reach = _Reach(graph, _asks_for_data, _WITH_FIELDS)
        #: Tells whether a value can be an iterator that validates as it goes: dumping a snapshot
        #: of it would use it up.
        self.iterates: _Reach = _Reach(graph, _is_iterator, _WITH_FIELDS)

    def _runs_code(self, schema: Schema) -> bool:
        if schema["type"] not in _KNOWN or _calls_user(schema):
            return True
        return schema["type"] in ("model", "dataclass") and not _is_plain(schema, self._definitions)

    def accepts(self, schema: Schema) -> frozenset[str]:
        """Return the kinds of JSON values that `schema` might accept; all, where in doubt."""
        if schema["type"] != "definition-ref":
            return _accepts(schema, self._definitions, frozenset())
        name = schema["schema_ref"]
        if name not in self._accepted:
            self._accepted[name] = _accepts(schema, self._definitions, frozenset())
        return self._accepted[name]


def takes_info(function: Schema) -> bool:
    """Tell whether a validator function of the user's takes ``info``, with ``info.data``."""
    return function["type"] == "with-info" and not is_pydantics(function["function"])


#: The integers that the reader of a document tells apart.
_WIDTH = 1 << 63


def can_be_tag(value: Any) -> bool:
    """Tell whether a document can be searched for `value`, to tell the members of a union."""
    if isinstance(value, bool):
        return False
    return isinstance(value, str) or (isinstance(value, int) and -_WIDTH <= value < _WIDTH)


def literals(schema: Schema, definitions: Definitions) -> list[Any] | None:
    """Return the scalars that a field of type ``Literal`` takes, if they can tell members."""
    schema = resolve(schema, definitions)
    if schema["type"] == "default" and schema.get("on_error", "raise") == "raise":
        schema = resolve(schema["schema"], definitions)
    if schema["type"] != "literal":
        return None
    values = [v.value if isinstance(v, enum.Enum) else v for v in schema["expected"]]
    return values if all(map(can_be_tag, values)) else None


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


def _accepts(
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
    return EVERY if name in seen else _accepts(definitions[name], definitions, seen | {name})


def _accepts_nullable(
    schema: Schema, definitions: Definitions, seen: frozenset[str]
) -> frozenset[str]:
    return _accepts(schema["schema"], definitions, seen) | {"null"}


def _accepts_inner(
    schema: Schema, definitions: Definitions, seen: frozenset[str]
) -> frozenset[str]:
    if schema.get("on_error", "raise") != "raise":
        return EVERY
    return _accepts(schema.get("json_schema") or schema["schema"], definitions, seen)


def _accepts_either(
    schema: Schema, definitions: Definitions, seen: frozenset[str]
) -> frozenset[str]:
    lax = _accepts(schema["lax_schema"], definitions, seen)
    return lax | _accepts(schema["strict_schema"], definitions, seen)


def _accepts_fields(
    schema: Schema, definitions: Definitions, seen: frozenset[str]
) -> frozenset[str]:
    inner, rewrites = unwrap(schema["schema"], definitions)
    if rewrites or schema.get("custom_init"):
        return EVERY
    return _accepts(inner, definitions, seen) if schema.get("root_model") else _OBJECT


def _accepts_union(
    schema: Schema, definitions: Definitions, seen: frozenset[str]
) -> frozenset[str]:
    members = (choice[0] if isinstance(choice, tuple) else choice for choice in schema["choices"])
    return frozenset[str]().union(*(_accepts(member, definitions, seen) for member in members))


def _accepts_first(
    schema: Schema, definitions: Definitions, seen: frozenset[str]
) -> frozenset[str]:
    return _accepts(schema["steps"][0], definitions, seen)


#: How to tell, for schemas around other schemas.
_SPECIAL: dict[str, Callable[[Schema, Definitions, frozenset[str]], frozenset[str]]] = {
    "chain": _accepts_first,
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
