"""What the caller asked for, as something a model can be asked to write.

A function's parameters and a JSON schema format must have an object at the root. Any other type is
therefore written as an object with one property (`Shape.key`), which is taken off again while the
answer is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import GenericAlias, NoneType, UnionType
from typing import Annotated, Any, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, create_model
from pydantic.errors import PydanticInvalidForJsonSchema
from typing_extensions import TypeAliasType

from partialfast.typed._partial import partial_origin
from partialfast.typed._schema import adapter_for, is_class, split
from partialfast.typed._strict_schema import NotStrictError

__all__ = ["Shape", "Strict", "Target", "is_item_list", "read_target"]

#: Makes the JSON schema of a type by a provider's rules for strict ones; ``None``: by pydantic's.
Strict = Callable[[TypeAdapter[Any]], dict[str, Any]] | None

# OpenAI: "Must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64".
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]+")
_NAME_LENGTH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One JSON object that the model may write.

    Args:
        name: Name of the function or of the format.
        description: What the function is for.
        wanted: The type of the value that the caller gets out of it.
        key: The property that holds the value; ``None`` when the object is the value.
        schema: The JSON schema of the object.
        strict: Whether it follows the provider's rules for strict schemas. A type that they cannot
            express is asked for with pydantic's, and validated in the end like any other.
    """

    name: str
    description: str
    wanted: Any
    key: str | None
    schema: dict[str, Any]
    strict: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What one request asks for.

    Args:
        shapes: What the model may write; it chooses one when there are several.
        items: Whether the caller gets complete items one by one, rather than snapshots.
        title: Name of the asked type, for messages.
    """

    shapes: tuple[Shape, ...]
    items: bool
    title: str

    @property
    def one_item_per_call(self) -> bool:
        """Whether each function call is one item, rather than a list of items."""
        return self.items and self.shapes[0].key is None


def is_item_list(response_model: object) -> bool:
    """Tell whether ``create(stream=True)`` gives the items of this type rather than snapshots."""
    return get_origin(response_model) in {Iterable, list, Sequence}


def read_target(response_model: Any, *, items: bool, tools: bool, strict: Strict) -> Target:
    """Turn the `response_model` argument into a target.

    Args:
        response_model: The type that the caller passed.
        items: Whether items are asked for; a list type then stands for its item type.
        tools: Whether the model answers by calling functions, so that it can choose between them.
        strict: What makes a strict schema; ``None`` for one of pydantic's.

    Returns:
        The target.

    Raises:
        TypeError: `response_model` is not a type, or not one that pydantic can validate and
            describe.
    """
    if _is_cacheable(response_model):
        return _read_cached(response_model, items=items, tools=tools, strict=strict)
    return _read(response_model, items=items, tools=tools, strict=strict)


def _is_cacheable(response_model: object) -> bool:
    # Not for unions: `A | B` equals `B | A`, yet pydantic tries the members in their order.
    if is_class(response_model):
        return get_origin(response_model) is None
    arguments = get_args(response_model)
    return is_item_list(response_model) and all(map(is_class, arguments))


def _read(response_model: Any, *, items: bool, tools: bool, strict: Strict) -> Target:
    wanted = partial_origin(response_model) or response_model
    if is_item_list(wanted):
        _check_type(wanted)
        item = get_args(wanted)[0] if get_args(wanted) else Any
        wanted = item if items else _list_of(item)
    _check_type(wanted)
    title = _type_name(wanted)
    members = _object_members(wanted) if tools else ()
    if members:
        return Target(_distinct(members, strict=strict), items=items, title=title)
    if items:
        shape = _wrapped(_list_of(wanted), key="items", name=f"Iterable{title}", strict=strict)
    elif _is_object(wanted):
        shape = _plain(wanted, strict=strict)
    else:
        key = "items" if get_origin(wanted) is list else "value"
        shape = _wrapped(wanted, key=key, name=title, strict=strict)
    return Target((shape,), items=items, title=title)


# Bounded, so that types made at run time are not kept alive for ever.
_read_cached = lru_cache(maxsize=128)(_read)


def _check_type(candidate: Any) -> None:
    advice = "pass a type, such as a pydantic model class, list[Model] or Model | OtherModel"
    if isinstance(candidate, str):
        raise TypeError(f"response_model is the string {candidate!r}: {advice}")
    if isinstance(candidate, BaseModel):
        name = type(candidate).__name__
        raise TypeError(f"response_model is an instance of {name}: pass the class {name} itself")
    try:
        adapter_for(candidate)
    except TypeError as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise TypeError(
            f"response_model {candidate!r} is nothing pydantic can validate: {advice}. ({reason})"
        ) from error


def _sent_schema(type_: Any, *, strict: Strict) -> tuple[dict[str, Any], bool]:
    """Return the schema to send, and whether it is strict."""
    if strict is None:
        return _schema(type_, strict=None), False
    try:
        return _schema(type_, strict=strict), True
    except NotStrictError:
        return _schema(type_, strict=None), False


def _schema(type_: Any, *, strict: Strict) -> dict[str, Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(type_)
    try:
        return _inline_root(adapter.json_schema() if strict is None else strict(adapter))
    except PydanticInvalidForJsonSchema as error:
        raise TypeError(
            f"response_model {type_!r} has no JSON schema that a model could follow ({error}): "
            "annotate the part in question with pydantic.WithJsonSchema"
        ) from error


def _inline_root(schema: dict[str, Any]) -> dict[str, Any]:
    """Put the definition of a recursive model at the root, where servers look for ``type``."""
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {**schema["$defs"][reference.removeprefix("#/$defs/")], **rest}


def _is_object(type_: Any) -> bool:
    return _schema(type_, strict=None).get("type") == "object"


def _list_of(item: Any) -> Any:
    return GenericAlias(list, (item,))


def _is_union(type_: Any) -> TypeGuard[Any]:
    return get_origin(type_) in {Union, UnionType}


def _object_members(type_: Any) -> tuple[Any, ...]:
    """Return the members of a union of objects, each of which can be a function; else nothing."""
    bare = type_
    while isinstance(bare, TypeAliasType) or get_origin(bare) is Annotated:
        bare = get_args(bare)[0] if get_origin(bare) is Annotated else bare.__value__
    if not _is_union(bare) or (bare is not type_ and not _only_chooses(type_)):
        return ()
    members: tuple[Any, ...] = get_args(bare)
    return members if all(m is not NoneType and _stands_alone(m) for m in members) else ()


def _only_chooses(type_: Any) -> bool:
    """Tell whether the type is a union without a validator around it, which no member has."""
    schema, definitions = split(adapter_for(type_).core_schema)
    while schema["type"] == "definition-ref":
        schema = definitions[schema["schema_ref"]]
    return schema["type"] in {"union", "tagged-union"}


def _stands_alone(member: Any) -> bool:
    """Tell whether a member of a union is an object of which the rest of the union has no part."""
    try:
        adapter_for(member)
    except TypeError:
        # A member of a recursive alias, such as pydantic's `JsonValue`, has the alias in quotes.
        return False
    return _is_object(member)


def _plain(type_: Any, *, strict: Strict) -> Shape:
    schema, is_strict = _sent_schema(type_, strict=strict)
    name = _type_name(type_)
    description = schema.get("description") or f"Give the answer as {name}."
    return Shape(_sendable(name), description, type_, None, schema, is_strict)


def _distinct(members: Sequence[Any], *, strict: Strict) -> tuple[Shape, ...]:
    shapes: list[Shape] = []
    taken: set[str] = set()
    for member in members:
        shape = _plain(member, strict=strict)
        # The name of the called function decides between them.
        name, number = shape.name, 1
        while name in taken:
            number += 1
            suffix = f"_{number}"
            name = shape.name[: _NAME_LENGTH - len(suffix)] + suffix
        taken.add(name)
        shapes.append(replace(shape, name=name))
    return tuple(shapes)


def _wrapped(type_: Any, *, key: str, name: str, strict: Strict) -> Shape:
    fields: dict[str, Any] = {key: (type_, ...)}
    wrapper = create_model(_sendable(name), **fields)
    schema, is_strict = _sent_schema(wrapper, strict=strict)
    said = f"Give the answer as {name}."
    return Shape(_sendable(name), said, type_, key, schema, is_strict)


def _type_name(type_: Any) -> str:
    if _is_union(type_):
        return "Or".join(_type_name(each) for each in get_args(type_))
    if get_origin(type_) is Annotated:
        # What it is annotated with can have an address in its name.
        return _type_name(get_args(type_)[0])
    arguments = get_args(type_)
    if arguments and not is_class(type_):
        origin = getattr(get_origin(type_), "__name__", str(get_origin(type_)))
        return f"{origin}[{', '.join(_type_name(each) for each in arguments)}]"
    return getattr(type_, "__name__", None) or str(type_)


def _sendable(name: str) -> str:
    return _NOT_IN_A_NAME.sub("_", name).strip("_")[:_NAME_LENGTH] or "Answer"
