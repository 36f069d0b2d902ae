"""Lists, sets, tuples and deques."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any

from partialfast.typed._compiler import family, opaque
from partialfast.typed._facts import shell
from partialfast.typed._nodes import Array

if TYPE_CHECKING:
    from collections.abc import Iterable

    from partialfast.typed._compiler import Compiler, Scope
    from partialfast.typed._nodes import Node
    from partialfast.typed._schema import Schema

__all__ = ["closing_container"]

_ANY: Schema = {"type": "any"}
#: Keys of a container schema that ask something of the whole.
_CONSTRAINTS = ("min_length", "max_length")


def closing_container(
    compiler: Compiler, schema: Schema, parts: Iterable[Schema], scope: Scope
) -> dict[str, Any]:
    """Return how a container closes whose `parts` are validated one by one."""
    if any(compiler.is_deferred(part, scope) for part in parts):
        return {"close": "leave", "deferred": True}
    if not any(key in schema for key in _CONSTRAINTS):
        return {"close": "keep"}
    made = shell(schema, compiler.definitions)
    if made is None:
        return {"close": "raw"}
    return {"close": "shell", "shell": compiler.python_validator(made, {})}


def _sequence(compiler: Compiler, schema: Schema, scope: Scope, array: Array) -> Node:
    item = schema.get("items_schema", _ANY)
    array.rest = compiler.child(item, scope)
    closing = closing_container(compiler, schema, [item], scope)
    return compiler.make(schema, scope, {"array": array}, **closing)


@family("list")
def _list(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    return _sequence(compiler, schema, scope, Array("list"))


@family("set")
def _set(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    return _sequence(compiler, schema, scope, Array("set"))


@family("frozenset")
def _frozenset(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    return _sequence(compiler, schema, scope, Array("frozenset"))


@family("deque")
def _deque(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    return _sequence(compiler, schema, scope, Array("other", make=collections.deque, grows=True))


@family("tuple")
def _tuple(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    items = schema["items_schema"]
    variadic = schema.get("variadic_item_index")
    if variadic is not None and variadic != len(items) - 1:
        # Which item is which is only known at the end.
        return opaque(compiler, schema, scope)
    nodes = [compiler.child(item, scope) for item in items]
    if variadic is None:
        array = Array("tuple", first=nodes)
        # The number of items is to be checked as well.
        closing: dict[str, Any] = {"close": "build"}
        if any(compiler.is_deferred(item, scope) for item in items):
            closing = {"close": "leave", "deferred": True}
    else:
        array = Array("tuple", first=nodes[:-1], rest=nodes[-1])
        closing = closing_container(compiler, schema, items, scope)
        if len(items) > 1 and closing["close"] != "leave":
            closing = {"close": "build" if closing["close"] == "keep" else "raw"}
    return compiler.make(schema, scope, {"array": array}, **closing)
