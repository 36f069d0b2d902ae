"""Dicts whose keys are data."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from partialfast.typed._compiler import Unready, family
from partialfast.typed._dumping import key_dump
from partialfast.typed._nodes import Map
from partialfast.typed.families.sequences import closing_container

if TYPE_CHECKING:
    from partialfast.typed._compiler import Compiler, Scope
    from partialfast.typed._nodes import Node
    from partialfast.typed._schema import Schema

__all__: list[str] = []

_ANY: Schema = {"type": "any"}


@family("dict")
def _dict(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    return _mapping(compiler, schema, scope, Map(values=0))


@family("ordered-dict")
def _ordered_dict(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    return _mapping(compiler, schema, scope, Map(values=0, make=OrderedDict, grows=True))


def _mapping(compiler: Compiler, schema: Schema, scope: Scope, table: Map) -> Node:
    keys = schema.get("keys_schema", _ANY)
    values = schema.get("values_schema", _ANY)
    if compiler.is_deferred(keys, scope):
        return compiler.hidden(schema, scope)
    if not _is_plain_text(compiler, keys, scope):
        one_key: Schema = {"type": "dict", "keys_schema": keys, "values_schema": _ANY}
        table.keys = compiler.validator(one_key, scope)
        table.dumped_keys = key_dump(one_key, compiler.definitions, scope.config)
    table.values = compiler.child(values, scope)
    closing = closing_container(compiler, schema, [values], scope)
    return compiler.make(schema, scope, {"object": table}, **closing)


def _is_plain_text(compiler: Compiler, keys: Schema, scope: Scope) -> bool:
    try:
        return compiler.inner(keys, scope).on["string"] in ("take", "text")
    except Unready:
        return False
