"""Typed dicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partialfast.typed._compiler import family
from partialfast.typed._dumping import field_dumps
from partialfast.typed._nodes import Field, Object
from partialfast.typed._schema import config_of
from partialfast.typed.families.fields import closing, keys_of, unknown_of

if TYPE_CHECKING:
    from partialfast.typed._compiler import Compiler, Scope
    from partialfast.typed._nodes import Node
    from partialfast.typed._schema import Schema

__all__: list[str] = []


@family("typed-dict")
def _typed_dict(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    config = compiler.config(config_of(schema))
    inside = scope._replace(config=config, owner=schema.get("cls"), has_data=True)
    items = schema["fields"].items()
    unknown = unknown_of(compiler, schema, config, inside)
    described = Object(
        "object",
        "typed-dict",
        [Field(name, compiler.child(field["schema"], inside)) for name, field in items],
        keys_of(
            compiler,
            ((n, field, i) for i, (n, field) in enumerate(items)),
            config,
            schema["fields"] if isinstance(unknown, int) else (),
        ),
        {},
        unknown,
        [
            index
            for index, (_, field) in enumerate(items)
            if field.get("required", schema.get("total", True))
        ],
        partial=dict,
        complete=dict,
        dumps=field_dumps(items, compiler.definitions, config),
        reusable=True,
    )
    # A default would take the place of a key that is not there.
    has_defaults = any(field["schema"]["type"] == "default" for _, field in items)
    end: dict[str, Any] = {"close": "raw"}
    if not has_defaults or compiler.waits(schema, scope):
        end = closing(compiler, schema, scope)
    return compiler.make(schema, scope, {"object": described}, **end)
