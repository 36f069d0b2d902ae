"""Scalars that JSON has itself, and values of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partialfast.typed._compiler import family, opaque
from partialfast.typed._facts import KINDS
from partialfast.typed._nodes import Array, Map

if TYPE_CHECKING:
    from partialfast.typed._compiler import Compiler, Scope
    from partialfast.typed._nodes import Action, JsonKind, Node
    from partialfast.typed._schema import Schema

__all__: list[str] = []

#: Keys of a scalar schema that constrain nothing.
_HARMLESS = frozenset(
    {"type", "strict", "ref", "metadata", "serialization", "coerce_numbers_to_str", "regex_engine"}
)
#: Config entries that change what a plain string becomes.
_STRING_CONFIG = (
    "str_max_length",
    "str_min_length",
    "str_strip_whitespace",
    "str_to_lower",
    "str_to_upper",
)


@family("any")
def _any(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    # What is inside is of any kind again, also where this node has something around it.
    inside = compiler.reserve()
    on: dict[JsonKind, Action] = dict.fromkeys(KINDS, "take")
    on["object"] = Map(values=inside)
    on["array"] = Array("list", rest=inside)
    node = compiler.make(schema, scope, on, close="keep")
    compiler.put(inside, node)
    return node


@family("none")
def _none(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    return compiler.make(schema, scope, {"null": "take"})


@family("bool")
def _bool(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    return compiler.make(schema, scope, {"bool": "take"})


@family("int")
def _int(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    if not schema.keys() <= _HARMLESS:
        return opaque(compiler, schema, scope)
    return compiler.make(schema, scope, {"integer": "take"})


@family("float")
def _float(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    finite = not schema.get("allow_inf_nan", scope.config.get("allow_inf_nan", True))
    if finite or not schema.keys() <= _HARMLESS | {"allow_inf_nan"}:
        return opaque(compiler, schema, scope)
    return compiler.make(schema, scope, {"float": "take", "integer": "widen"})


@family("str")
def _str(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    plain = schema.keys() <= _HARMLESS and not any(scope.config.get(key) for key in _STRING_CONFIG)
    return compiler.make(schema, scope, {"string": "text" if plain else "text-validate"})
