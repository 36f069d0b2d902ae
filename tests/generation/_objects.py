"""Types with fields beside models: dataclasses, typed dicts, named tuples, and unions of all."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Union

import pydantic
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag
from typing_extensions import NotRequired, Required, TypedDict

import partialfast as pf

from ._code import look
from ._fields import EXTRA, DrawnField, Parts, draw_alias, draw_config, draw_fields, objects
from ._models import MODELS, draw_methods, model_class
from ._spec import Draw, Feature, Spec, annotated, fresh_name, generic, publish

__all__ = ["OBJECTS"]


def _post_init(self: Any) -> None:
    look(self)


def _pydantic_dataclass(draw: Draw, part: Parts, features: Feature) -> Spec:
    fields = draw_fields(draw, part, features)
    frozen = draw(st.booleans())
    for field in fields:
        field.value.kw_only = True
    listed = [(field.name, field.type, field.value) for field in fields]
    plain = dataclasses.make_dataclass(
        fresh_name("Data"),
        listed,
        kw_only=True,
        frozen=frozen,
        namespace=_dataclass_methods(draw, features),
    )
    config = draw_config(draw, features & ~Feature.CODE)
    made: Any = pydantic.dataclasses.dataclass(plain, config=config, frozen=frozen)
    for field in fields:
        alias = made.__pydantic_fields__[field.name].validation_alias
        if config.get("alias_generator") is not None and isinstance(alias, str):
            field.keys = [alias]
    return Spec(publish(made), objects(fields, EXTRA, features))


def _dataclass_methods(draw: Draw, features: Feature) -> dict[str, Any]:
    has_code = Feature.CODE in features and draw(st.integers(0, 3)) == 0
    return {"__post_init__": _post_init} if has_code else {}


#: What a dataclass is made over. Of the types that are written in C those whose instances can be
#: copied, whatever the constructor takes; `tests/typed/test_layout.py` asks about all others.
_BASES: list[tuple[type, ...]] = [(), (), (), (), (pf.Complete,), (dict,), (list,)]


def _dataclass(draw: Draw, part: Parts, features: Feature) -> Spec:
    """Draw a dataclass of the standard library's."""
    fields = draw_fields(draw, part, features)
    listed: list[tuple[str, Any, Any]] = []
    for field in fields:
        field.keys = [field.name]
        ways: list[tuple[Any, Any]] = [(field.type, dataclasses.field())]
        if not field.required:
            ways = [
                (field.type, dataclasses.field(default=None)),
                (generic(Union, field.type, int), dataclasses.field(default=3)),
                (generic(Union, field.type, list[Any]), dataclasses.field(default_factory=list)),
            ]
        listed.append((field.name, *draw(st.sampled_from(ways))))
    made = dataclasses.make_dataclass(
        fresh_name("Data"),
        listed,
        bases=draw(st.sampled_from(_BASES)),
        kw_only=True,
        slots=draw(st.booleans()),
        frozen=draw(st.booleans()),
        namespace=_dataclass_methods(draw, features),
    )
    return Spec(publish(made), objects(fields, EXTRA, features))


_WRAPS: list[Any] = [None, Required, NotRequired]
_make_typed_dict: Any = TypedDict
_make_named_tuple: Any = NamedTuple


def _typed_dict(draw: Draw, part: Parts, features: Feature) -> Spec:
    total = draw(st.booleans())
    fields: list[DrawnField] = []
    for index in range(draw(st.integers(1, 3))):
        spec = part()
        name = f"field_{index}"
        wrap = draw(st.sampled_from(_WRAPS))
        arguments, keys = draw_alias(draw, name)
        inner = annotated(spec.type, Field(**arguments)) if arguments else spec.type
        type_ = inner if wrap is None else generic(wrap, inner)
        required = wrap is Required or (wrap is None and total)
        fields.append(DrawnField(name, type_, None, spec.documents, keys, required))
    annotations = {field.name: field.type for field in fields}
    made = publish(_make_typed_dict(fresh_name("Typed"), annotations, total=total))
    made.__pydantic_config__ = ConfigDict(
        extra=draw(st.sampled_from(["ignore", "allow", "forbid"]))
    )
    return Spec(made, objects(fields, EXTRA, features))


def _named_tuple(draw: Draw, part: Parts, features: Feature) -> Spec:
    specs = [part() for _ in range(draw(st.integers(1, 3)))]
    fields: list[DrawnField] = []
    for index, spec in enumerate(specs):
        arguments, keys = draw_alias(draw, f"field_{index}")
        type_ = annotated(spec.type, Field(**arguments)) if arguments else spec.type
        fields.append(
            DrawnField(f"field_{index}", type_, None, spec.documents, keys, required=True)
        )
    pairs = [(field.name, field.type) for field in fields]
    made = publish(_make_named_tuple(fresh_name("Named"), pairs))
    as_list = st.tuples(*(spec.documents for spec in specs)).map(list)
    if draw(st.booleans()):
        made.__new__.__defaults__ = (None,)
        made._field_defaults = {fields[-1].name: None}
        fields[-1].required = False
        as_list |= st.tuples(*(spec.documents for spec in specs[:-1])).map(list)
    return Spec(made, as_list | objects(fields, features=features))


_TAGS: list[list[Any]] = [["a", "bb", "c"], [1, 2, 3]]


def _member(draw: Draw, part: Parts, features: Feature, tag: Any) -> Spec:
    """Draw a member of a union that a tag tells apart."""
    kind = generic(Literal, tag)
    fields = [DrawnField("kind", kind, Field(), st.just(tag), ["kind"], required=True)]
    for index in range(draw(st.integers(0, 2))):
        spec = part()
        name = f"field_{index}"
        fields.append(DrawnField(name, spec.type, Field(), spec.documents, [name], required=True))
    annotations = {field.name: field.type for field in fields}
    flavor = draw(st.sampled_from(["model", "model", "typed-dict", "dataclass"]))
    name = fresh_name("Member")
    if flavor == "model":
        config = draw_config(draw, features)
        config.pop("alias_generator", None)
        namespace = {"model_config": config, **draw_methods(draw, features)}
        made = model_class(name, (BaseModel,), fields, namespace)
    elif flavor == "dataclass":
        made = publish(dataclasses.make_dataclass(name, list(annotations.items())))
    else:
        made = publish(_make_typed_dict(name, annotations))
    return Spec(made, objects(fields, EXTRA, features))


def _which(value: Any) -> str:
    """Tell the tag of a value, for a discriminator that is a function."""
    look(value)
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return str(kind)


def _tagged(draw: Draw, part: Parts, features: Feature) -> Spec:
    tags = draw(st.sampled_from(_TAGS))[: draw(st.integers(2, 3))]
    drawn = [_member(draw, part, features, tag) for tag in tags]
    documents = st.one_of(*(member.documents for member in drawn))
    if Feature.CODE in features and draw(st.integers(0, 3)) == 0:
        tagged = [
            annotated(member.type, Tag(str(tag))) for member, tag in zip(drawn, tags, strict=True)
        ]
        return Spec(annotated(generic(Union, *tagged), Discriminator(_which)), documents)
    union = generic(Union, *(member.type for member in drawn))
    if draw(st.booleans()):
        return Spec(annotated(union, Field(discriminator="kind")), documents)
    # Without a discriminator: the `Literal` tells.
    return Spec(union, documents)


#: What draws a type with fields, or a union of such.
OBJECTS: list[Callable[[Draw, Parts, Feature], Spec]] = [
    *MODELS,
    _dataclass,
    _pydantic_dataclass,
    _typed_dict,
    _named_tuple,
    _tagged,
    _tagged,
]
