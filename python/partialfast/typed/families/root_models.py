"""Root models: an instance around a value of another type."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from partialfast.typed._compiler import Unready, opaque
from partialfast.typed._dumping import field_dumps
from partialfast.typed._facts import KINDS
from partialfast.typed._nodes import Field, Goto, Object
from partialfast.typed._partial_dump import build_serializer
from partialfast.typed._schema import config_of, default_of
from partialfast.typed.families.fields import closing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from partialfast.typed._compiler import Compiler, Scope
    from partialfast.typed._nodes import Action, JsonKind, Node
    from partialfast.typed._schema import Schema

__all__ = ["root_model"]


def root_model(
    compiler: Compiler, schema: Schema, scope: Scope, instance: Mapping[str, Any]
) -> Node:
    """Return the node of a root model; `instance` is what it takes to make a partial one."""
    # It has no fields that its value could look at: those are of the model around it.
    inside = scope._replace(config=compiler.config(config_of(schema)), owner=schema["cls"])
    inner_schema = schema["schema"]
    if default_of(inner_schema)[0] != "none":
        inner_schema = inner_schema["schema"]
    try:
        inner = compiler.inner(inner_schema, inside)
        end = closing(compiler, schema, scope, tentative=inner.tentative)
        if end["close"] != "build":
            inner = _settled(compiler, inner)
    except Unready:
        return opaque(compiler, schema, scope)
    if inner.deferred:
        end = {"close": "leave", "deferred": True}
    partial = instance["partial"]
    described = Object(
        "root",
        "model",
        [Field("root", compiler.add(inner))],
        [],
        {"root": None},
        "ignore",
        [0],
        dumps=field_dumps([("root", {"schema": schema["schema"]})], compiler.definitions, {}),
        prepare=functools.partial(build_serializer, partial, schema, compiler.definitions),
        **instance,
    )
    on: dict[JsonKind, Action] = {}
    for kind in KINDS:
        if not isinstance(inner.on[kind], str) or inner.on[kind] in ("text", "text-validate"):
            on[kind] = described
        elif end["close"] == "leave":
            on[kind] = "hide"
    return compiler.make(schema, scope, on, tentative=inner.tentative, **end)


def _settled(compiler: Compiler, node: Node) -> Node:
    """Return `node` for a value that is validated by what encloses it, at the same byte.

    Raises:
        Unready: A part of it is being compiled.
    """
    on: dict[JsonKind, Action] = {}
    for kind, action in node.on.items():
        if action == "text-validate":
            on[kind] = "text"
        elif isinstance(action, Goto):
            made = _settled(compiler, compiler.node(action.node))
            on[kind] = Goto(compiler.add(made), action.label)
        else:
            on[kind] = action
    close = node.close if node.close == "keep" else "leave"
    return dataclasses.replace(node, on=on, close=close)
