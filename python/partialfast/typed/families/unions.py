"""Unions, with a tag that tells their members apart or without."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

from partialfast.typed._compiler import family, opaque
from partialfast.typed._facts import KINDS, can_be_tag, literals, unwrap
from partialfast.typed._nodes import Alternative, Choose, Goto, Tagged, UnionTarget
from partialfast.typed._schema import config_of
from partialfast.typed.families.fields import paths_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from partialfast.typed._compiler import Compiler, Scope
    from partialfast.typed._nodes import Action, JsonKind, Node
    from partialfast.typed._schema import Schema

__all__: list[str] = []


@family("tagged-union")
def _tagged_union(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    keys = _tag_keys(schema["discriminator"])
    tags = schema["choices"]
    # Of an enum only a member that is a string or an integer itself: pydantic takes no other for
    # its value.
    if keys is None or not all(isinstance(c, dict) and can_be_tag(t) for t, c in tags.items()):
        return opaque(compiler, schema, scope)
    members: dict[Any, UnionTarget] = {}
    for tag, choice in tags.items():
        plain = tag.value if isinstance(tag, enum.Enum) else tag
        members[plain] = UnionTarget(compiler.child(choice, scope), plain)
    on: dict[JsonKind, Action] = {"object": Tagged(keys, members)}
    if compiler.waits(schema, scope):
        return compiler.make(schema, scope, on, close="leave", deferred=True)
    return compiler.make(schema, scope, on)


def _tag_keys(discriminator: Any) -> list[str] | None:
    """Return the keys under which a tag may stand, or ``None`` where that does not tell it."""
    if isinstance(discriminator, str):
        return [discriminator]
    if not isinstance(discriminator, list):
        # A function that wants the whole object.
        return None
    paths = (
        discriminator if discriminator and isinstance(discriminator[0], list) else [discriminator]
    )
    return None if any(len(path) > 1 for path in paths) else [path[0] for path in paths]


@family("union")
def _union(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    if "custom_error_type" in schema:
        # One error for the whole, whatever is wrong with a member.
        return opaque(compiler, schema, scope)
    choices = [
        choice if isinstance(choice, tuple) else (choice, None) for choice in schema["choices"]
    ]
    accepted = [compiler.facts.accepts(choice) for choice, _ in choices]
    deferred = compiler.waits(schema, scope)
    on: dict[JsonKind, Action] = {}
    for kind in KINDS:
        takers = [choice for choice, kinds in zip(choices, accepted, strict=True) if kind in kinds]
        if len(takers) == 1:
            choice, label = takers[0]
            deferred |= compiler.is_deferred(choice, scope)
            on[kind] = Goto(compiler.child(choice, scope), label or compiler.label(choice, scope))
        elif kind == "object" and takers:
            described = [_alternative(compiler, choice, label, scope) for choice, label in takers]
            members = [member for member in described if member is not None]
            if len(members) == len(described):
                on[kind] = Choose(members)
    if deferred:
        every: dict[JsonKind, Action] = dict.fromkeys(KINDS, "hide")
        every.update({kind: action for kind, action in on.items() if isinstance(action, Goto)})
        return compiler.make(schema, scope, every, close="leave", deferred=True)
    return compiler.make(schema, scope, on)


def _named_fields(
    compiler: Compiler, resolved: Schema
) -> tuple[Schema, list[tuple[str, Mapping[str, Any]]]] | None:
    """Return the schema that has the fields of an object, and these.

    ``None`` for what is not an object, or one that code may change first.
    """
    kind = resolved["type"]
    if kind == "typed-dict":
        return resolved, list(resolved["fields"].items())
    if kind not in ("model", "dataclass") or resolved.get("root_model"):
        return None
    fields, rewrites = unwrap(resolved["schema"], compiler.definitions)
    if rewrites or resolved.get("custom_init"):
        return None
    if fields["type"] == "model-fields":
        return fields, list(fields["fields"].items())
    if fields["type"] == "dataclass-args":
        return fields, [(field["name"], field) for field in fields["fields"]]
    return None


def _alternative(
    compiler: Compiler, schema: Schema, label: str | None, scope: Scope
) -> Alternative | None:
    """Return what tells an object of `schema` from the other members of a union."""
    resolved = compiler.resolve(schema)
    found = _named_fields(compiler, resolved)
    if found is None:
        return None
    fields, named = found
    config = config_of(resolved)
    extra = fields.get("extra_behavior") or config.get("extra_fields_behavior", "ignore")
    keys: list[str] = []
    tags: dict[str, list[Any]] = {}
    for name, field in named:
        paths = paths_of(compiler, name, field, config)
        keys.extend(path[0] for path in paths)
        values = literals(field["schema"], compiler.definitions)
        if values is not None and len(paths) == 1 and len(paths[0]) == 1:
            tags[paths[0][0]] = values
    target = UnionTarget(compiler.child(schema, scope), label or compiler.label(schema, scope))
    return Alternative(target, extra == "forbid", keys, tags)
