"""Models of all sorts, with whatever their users may write into them."""

from __future__ import annotations

import abc
import dataclasses
import functools
import types
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    RootModel,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

import partialfast as pf
from partialfast.typed._partial import partial_origin

from ._code import keep, look, look_raw
from ._fields import EXTRA, DrawnField, Parts, draw_config, draw_fields, objects
from ._spec import Draw, Feature, Spec, fresh_name, generic, publish

__all__ = ["MODELS", "draw_methods", "model_class"]

T = TypeVar("T")
B = TypeVar("B", bound=dict[str, Any] | str | int)


def _after(self: Any) -> Any:
    return look(self)


def _before(cls: Any, data: Any) -> Any:
    del cls
    return look_raw(data)


def _around(cls: Any, data: Any, handler: Any) -> Any:
    del cls
    return keep(data, handler)


def _on_value(cls: Any, value: Any) -> Any:
    del cls
    return look(value)


def _with_data(cls: Any, value: Any, info: Any) -> Any:
    del cls
    look(info.data)
    return look(value)


def _post_init(self: Any, context: Any) -> None:
    del context
    look(self)


def _computed(self: Any) -> int:
    return len(look(self).__dict__)


def _serialize_field(self: Any, value: Any) -> Any:
    look(self)
    return repr(value)


def _serialize_around(self: Any, handler: Any) -> Any:
    return {"dumped": handler(look(self))}


def _serialize_plain(self: Any) -> str:
    return type(look(self)).__name__


def _init(self: Any, /, **data: Any) -> None:
    look_raw(data)
    BaseModel.__init__(self, **data)


def _refuse(cls: Any, /, **_: Any) -> None:
    raise TypeError(f"{cls} is not to be inherited from")


def _repr(self: Any) -> str:
    return f"<{type(look(self)).__name__}>"


def _equal(self: Any, other: Any) -> Any:
    return BaseModel.__eq__(look(self), other)


#: Decorators for functions that no type checker can follow.
_before_model: Any = model_validator(mode="before")
_around_model: Any = model_validator(mode="wrap")

#: Parts of a class body with code of the user's, by name.
_METHODS: dict[str, Callable[[], dict[str, Any]]] = {
    "after": lambda: {"check": model_validator(mode="after")(_after)},
    "before": lambda: {"check": _before_model(classmethod(_before))},
    "wrap": lambda: {"check": _around_model(classmethod(_around))},
    "field-after": lambda: {"check_field": field_validator("*")(classmethod(_on_value))},
    "field-before": lambda: {
        "check_field": field_validator("field_0", mode="before", check_fields=False)(
            classmethod(_before)
        )
    },
    "field-info": lambda: {"check_field": field_validator("*")(classmethod(_with_data))},
    "post-init": lambda: {"model_post_init": _post_init},
    "computed": lambda: {"size": computed_field(return_type=int)(property(_computed))},
    "private": lambda: {
        "_plain": PrivateAttr(default=3),
        "_list": PrivateAttr(default=[1]),
        "_made": PrivateAttr(default_factory=lambda: look(5)),
    },
    "serialize-field": lambda: {
        "dump_field": field_serializer("field_0", check_fields=False)(_serialize_field)
    },
    "serialize-around": lambda: {"dump": model_serializer(mode="wrap")(_serialize_around)},
    "serialize-plain": lambda: {"dump": model_serializer(mode="plain")(_serialize_plain)},
    "init": lambda: {"__init__": _init},
    "methods": lambda: {"__repr__": _repr, "__eq__": _equal, "__hash__": None},
    "slots": lambda: {"__slots__": ("_kept",)},
    "closed": lambda: {"__init_subclass__": classmethod(_refuse)},
    "cached": lambda: {"cached": functools.cached_property(_computed)},
}


def _declared_extra(draw: Draw, config: ConfigDict) -> dict[str, Any]:
    """Draw whether a class says what its extra fields are.

    Without the ``= Field(init=False)`` of pydantic's documentation: instances of such a class make
    pydantic's own dumps warn in some unions (`tests/typed/families` has it).
    """
    if config.get("extra") != "allow" or draw(st.booleans()):
        return {}
    return {"__annotations__": {"__pydantic_extra__": dict[str, Any]}}


def draw_methods(draw: Draw, features: Feature) -> dict[str, Any]:
    """Draw up to two things that the user's class does."""
    if Feature.CODE not in features or draw(st.booleans()):
        return {}
    made: dict[str, Any] = {}
    if draw(st.integers(0, 3)) == 0:
        # Not by itself a reason to validate a model as a whole.
        made.update(_METHODS["computed"]())
    for name in draw(st.lists(st.sampled_from(list(_METHODS)), max_size=2, unique=True)):
        made.update(_METHODS[name]())
    return made


class _Abstract(abc.ABC):
    """A base that looks at its subclasses, as a registry does."""

    @abc.abstractmethod
    def named(self) -> str:
        """Return what an instance is called."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if partial_origin(cls) is not None:
            raise AssertionError(f"{cls} is none of the user's")


def _named(self: Any) -> str:
    return type(self).__name__


class _Metaclass(type(BaseModel)):  # type: ignore[misc]
    """A metaclass of the user's, with a say in what is an instance."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return bool(super().__instancecheck__(instance))


class _Checked(BaseModel, metaclass=_Metaclass):
    """A base with a metaclass of the user's."""


def _draw_bases(draw: Draw) -> tuple[tuple[type, ...], dict[str, Any]]:
    """Draw what a model inherits from, and what it must define for that."""
    ways: list[tuple[tuple[type, ...], dict[str, Any]]] = [
        ((BaseModel,), {}),
        ((BaseModel,), {}),
        ((BaseModel,), {}),
        ((pf.Complete, BaseModel), {}),
        ((BaseModel, _Abstract), {"named": _named}),
        ((_Checked,), {}),
    ]
    drawn: tuple[tuple[type, ...], dict[str, Any]] = draw(st.sampled_from(ways))
    return drawn


def model_class(
    name: str, bases: tuple[Any, ...], fields: list[DrawnField], namespace: dict[str, Any]
) -> Any:
    """Return a new model class."""
    annotations = {field.name: field.type for field in fields}
    body = {
        **{field.name: field.value for field in fields},
        **namespace,
        "__annotations__": {**annotations, **namespace.get("__annotations__", {})},
        "__module__": __name__,
        "__qualname__": name,
    }
    return publish(types.new_class(name, bases, {}, lambda made: made.update(body)))


def _keys_of(class_: Any, fields: list[DrawnField], config: ConfigDict) -> None:
    """Let documents name the fields as an alias generator does, and by name where allowed."""
    for field in fields:
        info = class_.model_fields[field.name]
        if config.get("alias_generator") is not None and isinstance(info.validation_alias, str):
            field.keys = [info.validation_alias]
        if config.get("populate_by_name"):
            field.keys = [*field.keys, field.name]


def _model(draw: Draw, part: Parts, features: Feature) -> Spec:
    fields = draw_fields(draw, part, features)
    config = draw_config(draw, features)
    namespace = {
        "model_config": config,
        **draw_methods(draw, features),
        **_declared_extra(draw, config),
    }
    bases, required = _draw_bases(draw)
    namespace.update(required)
    declared = fields
    if draw(st.integers(0, 4)) == 0:
        # The first field comes from a base class.
        bases = (
            model_class(
                fresh_name("Base"), bases, fields[:1], {"model_config": config, **required}
            ),
        )
        declared = fields[1:]
    made = model_class(fresh_name("Model"), bases, declared, namespace)
    _keys_of(made, fields, config)
    return Spec(made, objects(fields, EXTRA, features))


def _recursive(draw: Draw, part: Parts, features: Feature) -> Spec:
    name = fresh_name("Node")
    spec = part()
    config = draw_config(draw, features)
    fields = [
        DrawnField("value", spec.type, Field(), spec.documents, ["value"], required=True),
        DrawnField("next", f"{name} | None", None, st.none(), ["next"], required=False),
        DrawnField(
            "below", f"list[{name}]", Field(default=[]), st.just([]), ["below"], required=False
        ),
    ]
    made = model_class(
        name, (BaseModel,), fields, {"model_config": config, **draw_methods(draw, features)}
    )
    if draw(st.booleans()):
        # Whatever was compiled of it before.
        pf.StreamState(made)
        pf.StreamState(generic(list, made))
        made.model_rebuild(force=True)
    _keys_of(made, fields, config)

    def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        one = dataclasses.replace(fields[1], documents=st.none() | inner)
        many = dataclasses.replace(fields[2], documents=st.lists(inner, max_size=2))
        return objects([fields[0], one, many])

    return Spec(made, st.recursive(objects(fields), deeper, max_leaves=4))


def _generic(draw: Draw, part: Parts, features: Feature) -> Spec:
    spec = part()
    config = draw_config(draw, features & ~Feature.REWRITES)
    variable: Any = draw(st.sampled_from([T, B]))
    many = st.lists(spec.documents, max_size=2)
    fields = [
        DrawnField("value", variable, Field(), spec.documents, ["value"], required=True),
        DrawnField(
            "items",
            generic(list, variable),
            Field(default_factory=list),
            many,
            ["items"],
            required=False,
        ),
    ]
    bases = (BaseModel, generic(Generic, variable))
    made = model_class(fresh_name("Generic"), bases, fields, {"model_config": config})
    # Without a parameter a variable is what bounds it, or anything.
    parametrized = made[spec.type] if draw(st.booleans()) else made
    _keys_of(parametrized, fields, config)
    return Spec(publish(parametrized), objects(fields))


def _root_model(draw: Draw, part: Parts, features: Feature) -> Spec:
    spec = part()
    coded = Feature.CODE in features and draw(st.booleans())
    fields = [DrawnField("root", spec.type, Field(), spec.documents, [], required=True)]
    namespace = _METHODS["after"]() if coded else {}
    return Spec(model_class(fresh_name("Root"), (RootModel,), fields, namespace), spec.documents)


#: What draws a model class.
MODELS: list[Callable[[Draw, Parts, Feature], Spec]] = [
    _model,
    _model,
    _model,
    _recursive,
    _generic,
    _root_model,
]
