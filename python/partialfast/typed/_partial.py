"""Partial classes: the same model with every field optional.

A snapshot of an object that is still open is an instance of its partial class: a subclass of the
user's own class, so ``isinstance`` and attribute access work, whose methods are those of pydantic
(or plain dataclasses) where the user's could meet a hole.
"""

from __future__ import annotations

import copy
import dataclasses
import threading
import types
from typing import TYPE_CHECKING, Any, Generic, Optional, SupportsIndex, TypeVar, cast

from pydantic import BaseModel, RootModel
from pydantic_core import PydanticUndefined

from partialfast.typed._partial_dump import PartialSerializer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Partial", "partial_class", "partial_origin"]

T = TypeVar("T")

#: The slot that names the field still being written, in every partial model instance.
OPEN = "__partialfast_open__"
#: Where a class keeps its partial class, and a partial class the class that it came from.
_PARTIAL = "__partialfast_partial__"
_ORIGIN = "__partialfast_origin__"

_lock = threading.RLock()


class Partial(Generic[T]):
    """``Partial[M]`` is the class of the snapshots of ``M``.

    It is a subclass of ``M`` in which every field may be absent. Its JSON schema is that of
    ``M``, because that is what the model is asked to write.
    """

    def __class_getitem__(cls, origin: Any) -> Any:
        """Return the partial class of `origin`.

        Args:
            origin: A pydantic model or a dataclass. A type variable is passed through, for
                annotations of generic functions.

        Returns:
            The partial class, the same one each time.

        Raises:
            TypeError: `origin` is neither; a type without fields needs no partial class.
        """
        if isinstance(origin, TypeVar):
            return types.GenericAlias(cls, (origin,))
        return partial_class(origin)


def partial_class(origin: Any) -> Any:
    """Return the partial class of a model or dataclass, made on first use.

    Args:
        origin: A pydantic model or a dataclass; a partial class is returned as it is.

    Returns:
        A subclass of `origin`.

    Raises:
        TypeError: `origin` is neither a pydantic model nor a dataclass.
    """
    if not isinstance(origin, type) or not (
        issubclass(origin, BaseModel) or dataclasses.is_dataclass(origin)
    ):
        message = (
            f"Partial[...] takes a pydantic model or a dataclass, not {origin!r}; other types "
            "need no partial class: pass them to `stream` or `response_model` as they are"
        )
        raise TypeError(message)
    if partial_origin(origin) is not None:
        return origin
    with _lock:
        made = origin.__dict__.get(_PARTIAL)
        if made is None:
            if issubclass(origin, BaseModel):
                made = _partial_model(origin)
            else:
                made = _partial_dataclass(origin)
            type.__setattr__(origin, _PARTIAL, made)
    return made


def partial_origin(class_: Any) -> Any:
    """Return the class that a partial class was made from, or ``None`` for any other object."""
    if not isinstance(class_, type):
        return None
    return class_.__dict__.get(_ORIGIN)


def open_field(instance: Any) -> str | bool | None:
    """Return the name of the field of a partial model that is still being written.

    Returns:
        The name; ``True`` where no field is validated yet, open or not; ``None`` where all are.
    """
    try:
        return cast("str | bool | None", object.__getattribute__(instance, OPEN))
    except AttributeError:
        return None


# --------------------------------------------------------------------------------------------
# Models

#: What `BaseModel` has and a user may override with code that expects complete data.
_MODEL_METHODS = (
    "__copy__",
    "__deepcopy__",
    "__eq__",
    "__format__",
    "__getstate__",
    "__iter__",
    "__pretty__",
    "__repr__",
    "__repr_args__",
    "__repr_name__",
    "__repr_recursion__",
    "__repr_str__",
    "__rich_repr__",
    "__setstate__",
    "__str__",
    "copy",
    "dict",
    "json",
    "model_copy",
    "model_dump",
    "model_dump_json",
)


class _PartialModel:
    """What all partial models have in common. Comes before the user's class."""

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keep the user's ``__init_subclass__`` from seeing a class it does not know."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Like ``__init_subclass__``."""

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        """Put the partial serializer back after pydantic (re)built the class."""
        _set_serializer(cls)

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the JSON schema of the complete model: what the model is asked to write."""
        origin = cast("type[BaseModel]", partial_origin(cls))
        return origin.model_json_schema(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the original class: a partial class has no importable name."""
        state = BaseModel.__getstate__(cast("BaseModel", self))
        return _rebuild_model, (partial_origin(type(self)), state, open_field(self))

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> tuple[Any, ...]:
        """Like ``__reduce__``, whatever the user's class defines."""
        return self.__reduce__()


def _rebuild_model(origin: type[Any], state: dict[Any, Any], open_: str | None) -> Any:
    class_ = partial_class(origin)
    instance: Any = class_.__new__(class_)
    BaseModel.__setstate__(instance, state)
    object.__setattr__(instance, OPEN, open_)
    return instance


def _set_serializer(class_: type[Any]) -> None:
    type.__setattr__(class_, "__pydantic_serializer__", PartialSerializer(partial_origin(class_)))


def _copying(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let pydantic's copy `method` carry the mark of the open field over."""

    def copied(self: Any, *args: Any) -> Any:
        made = method(self, *args)
        object.__setattr__(made, OPEN, open_field(self))
        return made

    copied.__name__ = method.__name__
    copied.__doc__ = method.__doc__
    return copied


def _partial_model(origin: type[BaseModel]) -> type[Any]:
    base: type[BaseModel] = RootModel if issubclass(origin, RootModel) else BaseModel

    def body(namespace: dict[str, Any]) -> None:
        for name in _MODEL_METHODS:
            namespace[name] = getattr(base, name)
        for name in ("__copy__", "__deepcopy__"):
            namespace[name] = _copying(getattr(base, name))
        namespace["__slots__"] = (OPEN,)
        namespace["__hash__"] = origin.__hash__
        _silence_finalizer(origin, namespace)
        namespace["__module__"] = origin.__module__
        namespace["__qualname__"] = f"Partial{origin.__qualname__}"
        namespace["__doc__"] = origin.__doc__

    made = types.new_class(
        f"Partial{origin.__name__}", (_PartialModel, origin), {"defer_build": True}, body
    )
    type.__setattr__(made, _ORIGIN, origin)
    fields = {}
    for name, field in origin.model_fields.items():
        optional = copy.copy(field)
        optional.annotation = _or_none(field.annotation)
        if field.default is PydanticUndefined and not _makes_container(field.default_factory):
            optional.default = None
            optional.default_factory = None
        fields[name] = optional
    set_ = type.__setattr__
    set_(made, "__pydantic_fields__", fields)
    # They would be computed on what is there, in `repr` too.
    set_(made, "__pydantic_computed_fields__", {})
    # Hidden where the user's class says what extra fields are, with ``= Field(init=False)``.
    set_(made, "__pydantic_extra__", base.__dict__["__pydantic_extra__"])
    _set_serializer(made)
    return made


def _or_none(annotation: Any) -> Any:
    """Return the annotation of an optional field.

    Not by ``Optional[...]`` where it can be helped: `typing` keeps what it made in a cache, and
    with that the class that the annotation refers to.
    """
    try:
        return annotation | None
    except TypeError:
        return Optional[annotation]  # noqa: UP045 - at run time


#: The factories that are run for a field that is not there: they make something empty.
CONTAINERS: tuple[type[Any], ...] = (list, dict, set, frozenset, tuple)


def _makes_container(factory: Any) -> bool:
    return any(factory is container for container in CONTAINERS)


def _silence_finalizer(origin: type[Any], namespace: dict[str, Any]) -> None:
    """Keep ``__del__`` of the user's from running on every snapshot that is dropped."""
    if hasattr(origin, "__del__"):
        namespace["__del__"] = _do_nothing


def _do_nothing(_: Any) -> None:
    """Stand in for a finalizer that expects complete data."""


# --------------------------------------------------------------------------------------------
# Dataclasses


class _PartialDataclass:
    """What all partial dataclasses have in common. Comes before the user's class."""

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keep the user's ``__init_subclass__`` from seeing a class it does not know."""

    def _values(self) -> dict[str, Any]:
        names = (field.name for field in dataclasses.fields(cast("Any", self)))
        declared = {name: getattr(self, name, None) for name in names}
        # With `extra="allow"` there are others.
        return {**declared, **getattr(self, "__dict__", {})}

    def __repr__(self) -> str:
        """Show the fields, as a dataclass does."""
        shown = [field.name for field in dataclasses.fields(cast("Any", self)) if field.repr]
        fields = ", ".join(f"{name}={getattr(self, name, None)!r}" for name in shown)
        return f"{type(self).__qualname__}({fields})"

    __str__ = object.__str__
    __format__ = object.__format__

    def __eq__(self, other: object) -> bool:
        """Compare the fields, as a dataclass does."""
        if type(other) is not type(self):
            return NotImplemented
        compared = [field.name for field in dataclasses.fields(cast("Any", self)) if field.compare]
        return all(getattr(self, name, None) == getattr(other, name, None) for name in compared)

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> Any:
        """Copy by the fields."""
        return _rebuild_dataclass(partial_origin(type(self)), self._values())

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Copy by copies of the fields."""
        values = copy.deepcopy(self._values(), memo)
        return _rebuild_dataclass(partial_origin(type(self)), values)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the original class: a partial class has no importable name."""
        return _rebuild_dataclass, (partial_origin(type(self)), self._values())

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> tuple[Any, ...]:
        """Like ``__reduce__``, whatever the user's class defines."""
        return self.__reduce__()


def _rebuild_dataclass(origin: type[Any], values: dict[str, Any]) -> Any:
    class_ = partial_class(origin)
    instance = object.__new__(class_)
    for name, value in values.items():
        object.__setattr__(instance, name, value)
    return instance


def _partial_dataclass(origin: type[Any]) -> type[Any]:
    def body(namespace: dict[str, Any]) -> None:
        namespace["__module__"] = origin.__module__
        namespace["__qualname__"] = f"Partial{origin.__qualname__}"
        namespace["__doc__"] = origin.__doc__
        if "__slots__" in origin.__dict__:
            namespace["__slots__"] = ()
        _silence_finalizer(origin, namespace)

    made = types.new_class(f"Partial{origin.__name__}", (_PartialDataclass, origin), {}, body)
    type.__setattr__(made, _ORIGIN, origin)
    _set_serializer(made)
    return made
