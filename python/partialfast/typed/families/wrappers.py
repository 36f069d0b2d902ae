"""Schemas around another one: what is nullable, has a default, or is defined elsewhere."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from partialfast.typed._compiler import family, opaque
from partialfast.typed._facts import KINDS
from partialfast.typed._nodes import Goto

if TYPE_CHECKING:
    from partialfast.typed._compiler import Compiler, Scope
    from partialfast.typed._nodes import Node
    from partialfast.typed._schema import Schema

__all__: list[str] = []


@family("definition-ref")
def _reference(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    index = compiler.child(schema, scope)
    deferred = compiler.is_deferred(schema, scope)
    on = dict.fromkeys(KINDS, Goto(index, None))
    return compiler.make(schema, scope, on, deferred=deferred)


@family("nullable")
def _nullable(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    node = compiler.compile(schema["schema"], scope)
    hidden = node.on["null"] == "hide"
    return dataclasses.replace(node, on={**node.on, "null": "hide" if hidden else "take"})


@family("json-or-python")
def _json(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    return compiler.compile(schema["json_schema"], scope)


@family("default")
def _default(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    on_error = schema.get("on_error", "raise")
    if on_error == "raise":
        return compiler.compile(schema["schema"], scope)
    # What is invalid here is not an error: it is left out, or the default takes its place. What was
    # shown of it before would vanish then, so nothing is.
    if compiler.is_deferred(schema["schema"], scope):
        return compiler.hidden(schema, scope)
    if on_error == "default":
        return opaque(compiler, schema, scope)
    return dataclasses.replace(opaque(compiler, schema["schema"], scope), omit=True)
