"""Named tuples, which JSON may have as objects or arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partialfast.typed._compiler import family, opaque
from partialfast.typed._dumping import field_dumps
from partialfast.typed._nodes import Array, Object
from partialfast.typed.families.fields import closing, fields_of, keys_of, without_default

if TYPE_CHECKING:
    from partialfast.typed._compiler import Compiler, Scope
    from partialfast.typed._nodes import Node
    from partialfast.typed._schema import Schema

__all__: list[str] = []


@family("named-tuple")
def _named_tuple(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    class_ = schema["cls"]
    items = [(field["name"], field) for field in schema["fields"]]
    if any(compiler.is_deferred(field["schema"], scope) for _, field in items):
        return opaque(compiler, schema, scope)
    compiled, template = fields_of(compiler, ((n, field["schema"]) for n, field in items), scope)
    # Others than these have defaults that can be shared.
    bare = without_default(items)
    required = [i for i, field in enumerate(compiled) if i in bare or field.how != "shared"]
    described = Object(
        "object",
        "named-tuple",
        compiled,
        keys_of(compiler, ((n, field, i) for i, (n, field) in enumerate(items)), {}),
        template,
        "validate",
        required,
        partial=class_,
        complete=class_,
        dumps=field_dumps(items, compiler.definitions, {}),
    )
    defaults = tuple(template.values())

    def fill(values: list[Any]) -> Any:
        return tuple.__new__(class_, (*values, *defaults[len(values) :]))

    array = Array("other", first=[field.node for field in compiled], make=fill, least=len(required))
    # A class that inherits from a named tuple may have a constructor of its own.
    is_plain = class_.__bases__ == (tuple,)
    end: dict[str, Any] = closing(compiler, schema, scope) if is_plain else {"close": "raw"}
    return compiler.make(schema, scope, {"object": described, "array": array}, **end)
