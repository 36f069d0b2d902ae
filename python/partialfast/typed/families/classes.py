"""Models and dataclasses."""

from __future__ import annotations

import enum
import functools
from typing import TYPE_CHECKING, Any, TypedDict

from pydantic import BaseModel

from partialfast.typed._compiler import family, opaque
from partialfast.typed._dumping import field_dumps
from partialfast.typed._facts import unwrap
from partialfast.typed._layout import has_only_fields
from partialfast.typed._marks import OPEN, RECEIVED
from partialfast.typed._nodes import Object
from partialfast.typed._partial import partial_or_none
from partialfast.typed._partial_dump import build_serializer
from partialfast.typed._schema import config_of
from partialfast.typed.families.fields import (
    closing,
    fields_of,
    keys_of,
    unknown_of,
    without_default,
)
from partialfast.typed.families.root_models import root_model

if TYPE_CHECKING:
    from partialfast.typed._compiler import Compiler, Scope
    from partialfast.typed._nodes import Node
    from partialfast.typed._schema import Schema

__all__: list[str] = []


class _Instance(TypedDict):
    """What it takes to make an instance of a partial model."""

    partial: Any
    complete: Any
    reusable: bool
    private: dict[str, Any] | None
    received: Any
    members: tuple[Any, ...]


#: Types that may be shown as they are, however often.
_IMMUTABLE = (str, int, float, bool, bytes, type(None), enum.Enum)


def model_instance(partial: Any, class_: Any) -> _Instance:
    """Return what it takes to make an instance of a partial model."""
    private: dict[str, Any] = {}
    for name, attribute in class_.__private_attributes__.items():
        if attribute.default_factory is None and isinstance(attribute.default, _IMMUTABLE):
            private[name] = attribute.default
    slots = BaseModel.__dict__
    return {
        "partial": partial,
        "complete": class_,
        "reusable": has_only_fields(partial, frozenset()),
        "private": private if class_.__private_attributes__ else None,
        "received": slots["__pydantic_fields_set__"],
        "members": (
            slots["__pydantic_extra__"],
            slots["__pydantic_private__"],
            partial.__dict__[OPEN],
        ),
    }


@family("model")
def _model(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    class_ = schema["cls"]
    partial = partial_or_none(class_)
    if partial is None:
        return opaque(compiler, schema, scope)
    if schema.get("root_model"):
        return root_model(compiler, schema, scope, model_instance(partial, class_))
    fields, rewrites = unwrap(schema["schema"], compiler.definitions)
    if fields["type"] != "model-fields":
        return opaque(compiler, schema, scope)
    config = compiler.config(config_of(schema))
    inside = scope._replace(config=config, owner=class_, has_data=True)
    items = fields["fields"].items()
    compiled, template = fields_of(compiler, ((n, field["schema"]) for n, field in items), inside)
    unknown = unknown_of(compiler, fields, config, inside)
    described = Object(
        "object",
        "model",
        compiled,
        keys_of(
            compiler,
            ((n, field, i) for i, (n, field) in enumerate(items)),
            config,
            template if isinstance(unknown, int) else (),
        ),
        template,
        unknown,
        without_default(items),
        dumps=field_dumps(items, compiler.definitions, config),
        prepare=functools.partial(build_serializer, partial, schema, compiler.definitions),
        has_extra=unknown not in ("ignore", "forbid"),
        **model_instance(partial, class_),
    )
    tentative = rewrites or bool(schema.get("custom_init"))
    end = closing(compiler, schema, scope, tentative=tentative)
    return compiler.make(schema, scope, {"object": described}, tentative=tentative, **end)


@family("dataclass")
def _dataclass(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    class_ = schema["cls"]
    partial = partial_or_none(class_)
    arguments, rewrites = unwrap(schema["schema"], compiler.definitions)
    if partial is None or arguments["type"] != "dataclass-args":
        return opaque(compiler, schema, scope)
    config = compiler.config(config_of(schema))
    inside = scope._replace(config=config, owner=class_, has_data=True)
    stored = [(field["name"], field) for field in arguments["fields"] if not field.get("init_only")]
    compiled, template = fields_of(compiler, ((n, field["schema"]) for n, field in stored), inside)
    # The others are set by `__post_init__`; pydantic expects them when it dumps an instance.
    for name in schema["fields"]:
        template.setdefault(name)
    indices = {name: index for index, (name, field) in enumerate(stored) if field.get("init", True)}
    unknown = unknown_of(compiler, arguments, config, inside)
    slotted = bool(schema.get("slots"))
    if slotted and isinstance(unknown, int):
        # The instance has no room for what the config allows.
        unknown = "validate"
    described = Object(
        "object",
        "slotted" if slotted else "dataclass",
        compiled,
        keys_of(
            compiler,
            ((f["name"], f, indices.get(f["name"])) for f in arguments["fields"]),
            config,
            template if isinstance(unknown, int) else (),
        ),
        template,
        unknown,
        without_default(stored),
        partial=partial,
        complete=class_,
        dumps=field_dumps(stored, compiler.definitions, config),
        prepare=functools.partial(build_serializer, partial, schema, compiler.definitions),
        reusable=has_only_fields(partial, frozenset(schema["fields"])),
        received=partial.__dict__[RECEIVED],
    )
    end = closing(compiler, schema, scope, tentative=rewrites)
    return compiler.make(schema, scope, {"object": described}, tentative=rewrites, **end)
