"""What all schemas with fields share: their keys, their defaults, what they do with other keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from partialfast.typed._facts import CONTAINERS, is_copied, paths
from partialfast.typed._nodes import Field, Key
from partialfast.typed._schema import default_of
from partialfast.typed.families.nested import empty_nested

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from partialfast.typed._compiler import Compiler, Config, Scope
    from partialfast.typed._nodes import Unknown
    from partialfast.typed._schema import Schema

__all__ = ["closing", "fields_of", "keys_of", "paths_of", "unknown_of", "without_default"]

_ANY: Schema = {"type": "any"}


def paths_of(compiler: Compiler, name: str, field: Mapping[str, Any], config: Config) -> list[Any]:
    """Return where pydantic looks for a field, the preferred place first."""
    options = compiler.options
    return paths(name, field, config, by_alias=options.by_alias, by_name=options.by_name)


def keys_of(
    compiler: Compiler,
    fields: Iterable[tuple[str, Mapping[str, Any], int | None]],
    config: Config,
    names: Iterable[str] = (),
) -> list[Key]:
    """Return what each key of the document belongs to.

    Args:
        compiler: The compiler.
        fields: Names, schemas and indices; the index of what no instance keeps is ``None``.
        config: Of the class.
        names: What pydantic calls parts of the instance where a document may have more keys than
            are declared, so that such a key may have the name of a field.

    Returns:
        The keys; one that several fields want stands for the first.
    """
    keys: dict[str, Key] = {}
    by_alias = config.get("loc_by_alias", True)
    for name, field, index in fields:
        for rank, (key, *steps) in enumerate(paths_of(compiler, name, field, config)):
            place = None if steps else index
            lenient = place is not None and rank > 0
            known = keys.get(key)
            if known is None:
                location = None if by_alias or key == name else name
                keys[key] = Key(key, place, lenient, place is None, location)
            elif known.field is None:
                known.field, known.lenient = place, lenient
            elif known.field != place:
                # It belongs to both; what is shown is the first one.
                known.contested = True
    for name in names:
        keys.setdefault(name, Key(name, None, lenient=False, contested=True))
    return list(keys.values())


def fields_of(
    compiler: Compiler, schemas: Iterable[tuple[str, Schema]], scope: Scope
) -> tuple[list[Field], dict[str, Any]]:
    """Return the compiled fields, and what each reads as while it is absent."""
    compiled: list[Field] = []
    template: dict[str, Any] = {}
    for name, schema in schemas:
        how, default = default_of(schema)
        field = Field(name, compiler.child(schema, scope))
        template[name] = None
        if how == "none" and compiler.options.nested:
            empty = empty_nested(compiler, schema, (scope.owner,))
            if empty is not None:
                template[name] = empty
                field.how, field.default = "copy", empty
        if how == "value":
            template[name] = default
            if is_copied(default):
                field.how, field.default = "copy", default
        elif how == "factory" and any(default is container for container in CONTAINERS):
            field.how, field.default = "make", default
        compiled.append(field)
    return compiled, template


def without_default(fields: Iterable[tuple[str, Mapping[str, Any]]]) -> list[int]:
    """Return the indices of the fields that a document must have."""
    return [i for i, (_, field) in enumerate(fields) if default_of(field["schema"])[0] == "none"]


def unknown_of(compiler: Compiler, schema: Schema, config: Config, scope: Scope) -> Unknown | int:
    """Return what becomes of the keys that no field has."""
    behavior = schema.get("extra_behavior") or config.get("extra_fields_behavior", "ignore")
    if behavior != "allow":
        return cast("Unknown", behavior)
    if "extras_keys_schema" in schema:
        # A key may become another one, so nothing is shown under it before.
        return "validate"
    return compiler.child(schema.get("extras_schema", _ANY), scope)


def closing(
    compiler: Compiler, schema: Schema, scope: Scope, *, tentative: bool = False
) -> dict[str, Any]:
    """Return how an object of `schema` closes: put together where no user code runs.

    Where a function comes before its fields (`tentative`), they are not validated one by one,
    whosever the function is.
    """
    if compiler.waits(schema, scope):
        return {"close": "leave", "deferred": True}
    plain = not tentative and not compiler.facts.runs_code(schema)
    return {"close": "build" if plain else "raw", "plain": plain}
