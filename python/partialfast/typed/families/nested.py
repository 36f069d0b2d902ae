"""What a nested model reads as before it has begun, for those who ask for an empty one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partialfast.typed._facts import CONTAINERS, unwrap
from partialfast.typed._partial import empty_partial, partial_or_none
from partialfast.typed._schema import config_of, default_of

if TYPE_CHECKING:
    from partialfast.typed._compiler import Compiler
    from partialfast.typed._schema import Schema

__all__ = ["empty_nested"]


def empty_nested(compiler: Compiler, schema: Schema, around: tuple[Any, ...] = ()) -> Any:
    """Return the snapshot of a model or dataclass of which nothing has been written.

    Args:
        compiler: Knows what the schema refers to.
        schema: Of a field.
        around: The classes that contain it: one that contains itself would never end.

    Returns:
        An instance of the partial class; ``None`` for what is not such a class (a union or a list
        of some, say), and where a function may make something else of it.
    """
    schema, rewrites = unwrap(schema, compiler.definitions)
    if rewrites or schema["type"] not in ("model", "dataclass") or schema.get("root_model"):
        return None
    class_ = schema["cls"]
    if class_ in around or partial_or_none(class_) is None:
        return None
    inner, rewrites = unwrap(schema["schema"], compiler.definitions)
    if rewrites or inner["type"] not in ("model-fields", "dataclass-args"):
        return None
    listed = inner["fields"]
    fields = listed.items() if isinstance(listed, dict) else [(f["name"], f) for f in listed]
    values: dict[str, Any] = {}
    for name, field in fields:
        if field.get("init_only"):
            continue
        how, default = default_of(field["schema"])
        if how == "value":
            values[name] = default
        elif how == "factory" and any(default is container for container in CONTAINERS):
            values[name] = default()
        elif how == "none":
            values[name] = empty_nested(compiler, field["schema"], (*around, class_))
        else:
            values[name] = None
    behavior = inner.get("extra_behavior") or config_of(schema).get("extra_fields_behavior")
    return empty_partial(class_, values, allows_extra=behavior == "allow")
