"""What the plan says about dumping: how ops tell the JSON of a value while it is being written.

An op has the JSON that ``snapshot.model_dump(mode="json", exclude_unset=True)`` would have at its
place. Mostly that follows from the events alone: a container that opens is ``{}`` or ``[]``, and
plain scalars are dumped as themselves. Four facts say where it does not, and pydantic is asked:

``exact``    (of a node) JSON scalars of the value's own type are dumped as themselves;
``stands``   (of a node) a container that was put together is dumped as its parts were;
``guarded``  (of a field) how its value is dumped depends on the object that holds it;
``shared``   (of a field) by alias, another field has the same key: pydantic says which one is seen.
"""

from __future__ import annotations

import collections
import functools
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pydantic_core import SchemaSerializer

from partialfast.typed._partial_dump import DUMPED_AS, rewritten
from partialfast.typed._schema import (
    Definitions,
    Schema,
    is_pydantics,
    is_stdlib_dataclass,
    parts,
    resolve,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["FieldDump", "ValueDump", "field_dumps", "key_dump", "value_dump"]

#: How a field is dumped: its alias, whether that is used where nobody says, whether the field is
#: left out, whether it is guarded, and whether it shares its key.
FieldDump = tuple[str | None, bool, bool, bool, bool]
#: How a value is dumped: ``exact``, ``stands``, and what makes its serializer's ``to_python``.
ValueDump: TypeAlias = "tuple[bool, bool, Callable[[], Any]]"


def value_dump(
    schema: Schema, definitions: Definitions, config: Mapping[str, Any]
) -> Callable[[], ValueDump]:
    """Return what tells, when it is first asked, how values of a node are dumped.

    Args:
        schema: Of the value.
        definitions: What it may refer to.
        config: Of the innermost model.

    Returns:
        A function that gives ``exact``, ``stands``, and what makes the bound ``to_python`` of a
        serializer of values that may be incomplete. Without ops, none of this is computed.
    """
    return functools.partial(_value_dump, schema, definitions, config)


def field_dumps(
    fields: Iterable[tuple[str, Mapping[str, Any]]],
    definitions: Definitions,
    config: Mapping[str, Any],
) -> Callable[[], list[FieldDump]]:
    """Return what tells, when it is first asked, how the fields of an object are dumped.

    Args:
        fields: Names and schemas, as ``model-field``, ``dataclass-field`` or ``typed-dict-field``.
        definitions: What they may refer to.
        config: Of the class.
    """
    return functools.partial(_field_dumps, list(fields), definitions, config)


def key_dump(
    one_key: Schema, definitions: Definitions, config: Mapping[str, Any]
) -> Callable[[], Any]:
    """Return what makes the bound ``to_python`` that dumps a dict with one key.

    Args:
        one_key: The schema of that dict.
        definitions: What it may refer to.
        config: Of the innermost model.
    """
    return functools.partial(_to_python, one_key, definitions, config)


def _value_dump(schema: Schema, definitions: Definitions, config: Mapping[str, Any]) -> ValueDump:
    found = list(_dumped_parts(schema, definitions))
    exact = not any("serialization" in part for part in found)
    stands = not any(_changes(part) for part in found)
    return exact, stands, functools.partial(_to_python, schema, definitions, config)


def _field_dumps(
    fields: list[tuple[str, Mapping[str, Any]]],
    definitions: Definitions,
    config: Mapping[str, Any],
) -> list[FieldDump]:
    by_alias = bool(config.get("serialize_by_alias"))
    keys = collections.Counter(
        field.get("serialization_alias", name)
        for name, field in fields
        if not field.get("serialization_exclude")
    )
    return [
        (
            field.get("serialization_alias"),
            by_alias,
            bool(field.get("serialization_exclude")),
            _is_guarded(field, definitions),
            keys[field.get("serialization_alias", name)] > 1,
        )
        for name, field in fields
    ]


def _is_guarded(field: Mapping[str, Any], definitions: Definitions) -> bool:
    return "serialization_exclude_if" in field or any(
        _has_users_serializer(part) for part in _dumped_parts(field["schema"], definitions)
    )


def _to_python(schema: Schema, definitions: Definitions, config: Mapping[str, Any]) -> Any:
    """Return the bound ``to_python`` of what dumps a value that may be incomplete."""
    made = rewritten(schema, definitions)
    return SchemaSerializer(cast("Any", made), cast("Any", dict(config)) or None).to_python


def _dumped_parts(schema: Schema, definitions: Definitions) -> Iterator[Schema]:
    """Yield `schema` and the schemas inside it by which its value is dumped.

    Models inside it are left out, and dataclasses of pydantic's: they are dumped by what their own
    class says, open or complete. One that is the value itself is not inside it.
    """
    pending = list(_itself(schema, definitions))
    seen: set[int] = set()
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        for part in parts(item):
            # A reference may have a serializer of its own, and so may a model.
            both = (part, resolve(part, definitions))
            if not _is_own(both[1]):
                pending.extend(both)
            else:
                yield from (item for item in both if "serialization" in item)


#: Where schemas have another one of the same value.
_SAME = {
    "definitions": "schema",
    "nullable": "schema",
    "default": "schema",
    "function-after": "schema",
    "function-before": "schema",
    "function-wrap": "schema",
    **DUMPED_AS,
}


def _itself(schema: Schema, definitions: Definitions) -> Iterator[Schema]:
    """Yield `schema` and those inside it that are of the same value, such as an optional one's."""
    seen: set[int] = set()
    while id(schema) not in seen:
        seen.add(id(schema))
        yield schema
        resolved = resolve(schema, definitions)
        if resolved is not schema:
            yield resolved
        schema = resolved.get(_SAME.get(resolved["type"], ""), resolved)


def _is_own(schema: Schema) -> bool:
    if schema["type"] == "model":
        return True
    return schema["type"] == "dataclass" and not (
        is_stdlib_dataclass(schema["cls"]) or bool(getattr(schema["cls"], "__parameters__", False))
    )


def _has_users_serializer(schema: Schema) -> bool:
    function = schema.get("serialization", {}).get("function")
    return function is not None and not is_pydantics(function)


def _changes(schema: Schema) -> bool:
    """Tell whether `schema` dumps a complete value differently from what was shown of it."""
    if _has_users_serializer(schema) or schema.get("computed_fields"):
        return True
    fields = schema.get("fields", ())
    fields = fields.values() if isinstance(fields, dict) else fields
    return any(isinstance(field, dict) and "serialization_exclude_if" in field for field in fields)
