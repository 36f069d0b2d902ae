"""Partial classes: the same model with every field optional.

A snapshot of an object that is still open is an instance of its partial class: a subclass of the
user's own class, so ``isinstance`` and attribute access work, whose methods are those of pydantic
(or plain dataclasses) where the user's could meet a hole.
"""

from __future__ import annotations

import abc
import copy
import dataclasses
import types
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    Literal,
    Optional,
    SupportsIndex,
    TypeVar,
    cast,
)

from pydantic import BaseModel, RootModel
from pydantic_core import PydanticUndefined, SchemaValidator
from typing_extensions import TypeAliasType
from typing_extensions import TypeVar as TypeVarWithDefault

from partialfast.typed._display import hidden_displays, snapshot_html, snapshot_tree
from partialfast.typed._facts import CONTAINERS
from partialfast.typed._layout import can_allocate
from partialfast.typed._marks import (
    OPEN,
    ORIGIN,
    RECEIVED,
    Nested,
    kept_by,
    lock,
    open_field,
    partial_origin,
    received_fields,
)
from partialfast.typed._partial_dump import PartialSerializer
from partialfast.typed._partial_read import read_schema
from partialfast.typed._refusal import snapshot_metaclass
from partialfast.typed._schema import adapter_for, is_class, split, standalone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Partial", "empty_partial", "partial_class", "partial_or_none", "partial_origin"]

T = TypeVar("T")
#: ``Literal["nested"]``, or nothing.
Begun = TypeVarWithDefault("Begun", default=Any)


class Partial(Generic[T, Begun]):
    """``Partial[M]`` is the class of the snapshots of ``M``.

    It is a subclass of ``M`` in which every field may be absent. Its JSON schema is that of
    ``M``, because that is what the model is asked to write.
    """

    def __class_getitem__(cls, origin: Any) -> Any:
        """Return the partial class of `origin`.

        Args:
            origin: A pydantic model or a dataclass. A type variable is passed through, for
                annotations of generic functions. With ``"nested"`` (or ``Literal["nested"]``, for
                type checkers) after it, nested models that have not begun are empty instances
                rather than ``None``.

        Returns:
            The partial class, the same one each time; with ``"nested"`` an annotated type to be
            streamed, whose snapshots are of the same class.

        Raises:
            TypeError: `origin` is neither, for a type without fields needs no partial class; or
                what comes after it is not ``"nested"``.
        """
        if isinstance(origin, tuple):
            origin, *rest = origin
            if rest not in (["nested"], [Literal["nested"]]):
                told = ", ".join(map(repr, rest))
                raise TypeError(f'after the type, Partial[...] takes "nested" alone, not {told}')
            class_ = partial_class(origin)
            return Annotated[partial_origin(class_), Nested.EMPTY]
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
    if not is_class(origin) or not (
        issubclass(origin, BaseModel) or dataclasses.is_dataclass(origin)
    ):
        message = (
            f"Partial[...] takes a pydantic model or a dataclass, not {origin!r}; other types "
            "need no partial class: pass them to `stream` or `response_model` as they are"
        )
        raise TypeError(message)
    class_ = cast("type[Any]", origin)
    made = partial_or_none(class_)
    if made is None:
        message = (
            f"no instance of {class_.__qualname__} can stand for one that is still incomplete: "
            "Python makes none without running its constructor; it streams all the same, absent "
            "until it is complete"
        )
        raise TypeError(message)
    return made


def partial_or_none(origin: type[Any]) -> Any:
    """Return the partial class of a model or dataclass, or ``None`` where there can be none.

    CPython is asked: an instance must be had without running code of the user's, of the class or of
    one in C that it is built on, and the class must be one that may be inherited from.
    """
    if partial_origin(origin) is not None:
        return origin
    if origin in (BaseModel, RootModel):
        # Each instance is of a subclass.
        return None
    kept = kept_by(origin)
    made_of = origin.__dict__.get("__pydantic_validator__")
    with lock:
        if kept.made_of is None or kept.made_of[0] is not made_of:
            kept.made_of = (made_of,)
            kept.partial = _try_partial(origin)
    return kept.partial


def _try_partial(origin: type[Any]) -> Any:
    make = _partial_model if issubclass(origin, BaseModel) else _partial_dataclass
    try:
        made = make(origin)
    except Exception:  # noqa: BLE001 - a metaclass or a base of the user's may raise anything
        return None
    _hide_from_tree(origin)
    return made if can_allocate(made) else None


class _Subclasses:
    """The ``__subclasses__`` of a class that has a partial class, and of those below it."""

    def __get__(self, instance: Any, owner: type[Any]) -> Callable[[], list[type[Any]]]:
        """Return what lists the subclasses of `owner`, without its partial class."""
        if instance is not None:
            message = f"{owner.__name__!r} object has no attribute '__subclasses__'"
            raise AttributeError(message)

        def subclasses() -> list[type[Any]]:
            of_type: Any = type(owner).__subclasses__
            found: list[type[Any]] = of_type(owner)
            return [each for each in found if ORIGIN not in each.__dict__]

        return subclasses


def _hide_from_tree(origin: type[Any]) -> None:
    """Keep the partial class out of what walks over the subclasses of `origin`."""
    if "__subclasses__" not in origin.__dict__:
        type.__setattr__(origin, "__subclasses__", _Subclasses())


def _new_class(
    origin: type[Any], mixin: type[Any], namespace: Mapping[str, Any], slots: tuple[str, ...]
) -> Any:
    """Return a subclass of `origin`, made past all that its metaclass and bases do to subclasses.

    It is not a class of the user's: nothing is registered, checked or warned of again.
    """
    body: dict[str, Any] = {
        **hidden_displays(dir(origin)),
        **namespace,
        "_repr_html_": snapshot_html,
        "__rich__": snapshot_tree,
        "__module__": origin.__module__,
        "__qualname__": f"Partial{origin.__qualname__}",
        "__doc__": origin.__doc__,
        "__slots__": slots,
        ORIGIN: origin,
    }
    if hasattr(origin, "__del__"):
        # It would run on every snapshot that is dropped.
        body["__del__"] = _do_nothing
    metaclass: Any = type(origin)
    if issubclass(origin, BaseModel):
        metaclass = snapshot_metaclass(metaclass)
    make: Any = abc.ABCMeta.__new__ if issubclass(metaclass, abc.ABCMeta) else type.__new__
    return make(metaclass, f"Partial{origin.__name__}", (mixin, origin), body)


def _without_required(origin: Any, handler: Any) -> dict[str, Any]:
    schema, definitions = split(adapter_for(origin).core_schema)
    made = handler(standalone(schema, definitions))
    made = {**handler.resolve_ref_schema(made)}
    made.pop("required", None)
    return {**made, "title": f"Partial{origin.__name__}"}


def _do_nothing(_: Any) -> None:
    """Stand in for a finalizer that expects complete data."""


def _part(instance: Any) -> None:
    """Give `instance`, which is about to be changed, values of its own.

    A snapshot that is dropped is handed out again, brought up to date, and several can have one set
    of received names. Where it has lost the ``__dict__`` that it was given, it is left alone
    (`is_unseen` in ``snapshot/spine.rs``).
    """
    for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__"):
        held = getattr(instance, name, None)
        if held is not None:
            object.__setattr__(instance, name, copy.copy(held))


class _Parting:
    """What all snapshots have in common that are instances of a class."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute of this snapshot alone."""
        _part(self)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        """Delete an attribute of this snapshot alone."""
        _part(self)
        super().__delattr__(name)


# --------------------------------------------------------------------------------------------
# Models

#: What `BaseModel` has and a user may override with code that expects complete data.
_MODEL_METHODS = (
    "__copy__",
    "__deepcopy__",
    "__eq__",
    "__format__",
    "__getstate__",
    "__init__",
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


class _PartialModel(_Parting):
    """What all partial models have in common. Comes before the user's class."""

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keep the user's ``__init_subclass__`` from seeing a class it does not know."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any, /) -> Any:
        """Take snapshots and complete instances as they are, and read those that were dumped."""
        return read_schema(cls, partial_or_none)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, handler: Any, /) -> dict[str, Any]:
        """Return the JSON schema of the complete class, with nothing required."""
        return _without_required(partial_origin(cls), handler)

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


class _StillOpen:
    """A value that is still being written, as the `repr` of a snapshot shows it."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __repr__(self) -> str:
        """Show the value so far, and that more is to come."""
        return f"{self._value!r}…"


def _repr_args(self: BaseModel) -> Iterator[tuple[str | None, Any]]:
    """Give what a snapshot's `repr` shows: what is there, and which of it is still open.

    An absent field is not shown: what it holds is a default that the model has not written.
    """
    open_ = open_field(self)
    fields, written = type(self).model_fields, self.model_fields_set
    for name, value in {**self.__dict__, **(self.__pydantic_extra__ or {})}.items():
        if name not in written or (name in fields and not fields[name].repr):
            continue
        shown = _StillOpen(value) if name == open_ else value
        yield (None if name == "root" and isinstance(self, RootModel) else name), shown


def _copying(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let pydantic's copy `method` carry over the mark of the open field."""

    def copied(self: Any, *args: Any) -> Any:
        made = method(self, *args)
        object.__setattr__(made, OPEN, open_field(self))
        return made

    copied.__name__ = method.__name__
    copied.__doc__ = method.__doc__
    return copied


class _Validator:
    """The ``__pydantic_validator__`` of a partial model, made when it is first asked for."""

    def __get__(self, instance: Any, owner: type[Any]) -> SchemaValidator:
        """Return what reads instances of `owner`."""
        del instance
        made = SchemaValidator(cast("Any", read_schema(owner, partial_or_none)))
        type.__setattr__(owner, "__pydantic_validator__", made)
        return made


class _Fields:
    """The ``model_fields`` of a partial model, made when they are first asked for."""

    def __get__(self, instance: Any, owner: type[Any]) -> dict[str, Any]:
        """Return the fields of the complete class, each optional."""
        del instance
        fields = {}
        for name, field in partial_origin(owner).__pydantic_fields__.items():
            optional = copy.copy(field)
            optional.annotation = _or_none(field.annotation)
            if field.default is PydanticUndefined and not _makes_container(field.default_factory):
                optional.default = None
                optional.default_factory = None
            fields[name] = optional
        type.__setattr__(owner, "__pydantic_fields__", fields)
        return fields


def _partial_model(origin: type[BaseModel]) -> type[Any]:
    base: type[BaseModel] = RootModel if issubclass(origin, RootModel) else BaseModel
    namespace = {name: getattr(base, name) for name in _MODEL_METHODS}
    for name in ("__copy__", "__deepcopy__"):
        namespace[name] = _copying(namespace[name])
    namespace |= {
        "__hash__": origin.__hash__,
        "__repr_args__": _repr_args,
        "__pydantic_fields__": _Fields(),
        # They would be computed on what is there, in `repr` too.
        "__pydantic_computed_fields__": {},
        # Hidden where the user's class says what extra fields are, with ``= Field(init=False)``.
        "__pydantic_extra__": base.__dict__["__pydantic_extra__"],
        "__pydantic_serializer__": PartialSerializer(origin),
        "__pydantic_validator__": _Validator(),
    }
    return cast("type[Any]", _new_class(origin, _PartialModel, namespace, (OPEN,)))


def _or_none(annotation: Any) -> Any:
    """Return the annotation of an optional field.

    Not by ``Optional[...]`` where it can be helped: `typing` keeps what it made in a cache, and
    with that the class that the annotation refers to.
    """
    try:
        return annotation | None
    except TypeError:
        pass
    try:
        return Optional[annotation]  # noqa: UP045 - at run time
    except TypeError:
        # `typing` tells the members of a union apart by their hashes, and what stands in an
        # ``Annotated`` may have none. An alias has one of its own.
        make_alias: Any = TypeAliasType
        return Optional[make_alias("Declared", annotation)]  # noqa: UP045 - at run time


def _makes_container(factory: Any) -> bool:
    return any(factory is container for container in CONTAINERS)


# --------------------------------------------------------------------------------------------
# Dataclasses


class _PartialDataclass(_Parting):
    """What all partial dataclasses have in common. Comes before the user's class."""

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keep the user's ``__init_subclass__`` from seeing a class it does not know."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any, /) -> Any:
        """Take snapshots and complete instances as they are, and read those that were dumped."""
        return read_schema(cls, partial_or_none)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, handler: Any, /) -> dict[str, Any]:
        """Return the JSON schema of the complete class, with nothing required."""
        return _without_required(partial_origin(cls), handler)

    def _values(self) -> dict[str, Any]:
        names = (field.name for field in dataclasses.fields(cast("Any", self)))
        declared = {name: getattr(self, name, None) for name in names}
        # With `extra="allow"` there are others.
        return {**declared, **getattr(self, "__dict__", {})}

    def __repr__(self) -> str:
        """Show the fields that are there, as a dataclass does."""
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__qualname__}({fields})"

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:
        """Give what `repr` shows."""
        received = received_fields(self)
        for field in dataclasses.fields(cast("Any", self)):
            if field.repr and (received is None or field.name in received):
                yield field.name, getattr(self, field.name, None)

    __str__ = object.__str__
    __format__ = object.__format__

    def __init__(self, *arguments: Any, **values: Any) -> None:
        """Take the fields as a dataclass does, absent where they are not given."""
        fields = {field.name: field for field in dataclasses.fields(cast("Any", self))}
        names = [name for name, field in fields.items() if field.init and not field.kw_only]
        given = {**dict(zip(names, arguments, strict=False)), **values}
        for name, field in fields.items():
            default = None if field.default is dataclasses.MISSING else field.default
            object.__setattr__(self, name, given.get(name, default))
        object.__setattr__(self, RECEIVED, fields.keys() & given)

    def __eq__(self, other: object) -> bool:
        """Compare the fields, as a dataclass does."""
        if type(other) is not type(self):
            return NotImplemented
        compared = [field.name for field in dataclasses.fields(cast("Any", self)) if field.compare]
        return all(getattr(self, name, None) == getattr(other, name, None) for name in compared)

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> Any:
        """Copy by the fields."""
        return _rebuild_dataclass(partial_origin(type(self)), self._values(), received_fields(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Copy by copies of the fields."""
        values = copy.deepcopy(self._values(), memo)
        return _rebuild_dataclass(partial_origin(type(self)), values, received_fields(self))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the original class: a partial class has no importable name."""
        kept = (partial_origin(type(self)), self._values(), received_fields(self))
        return _rebuild_dataclass, kept

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> tuple[Any, ...]:
        """Like ``__reduce__``, whatever the user's class defines."""
        return self.__reduce__()


def empty_partial(origin: type[Any], values: dict[str, Any], *, allows_extra: bool) -> Any:
    """Return a snapshot of which nothing is written.

    Args:
        origin: A model or dataclass that has a partial class.
        values: What its fields read as.
        allows_extra: Whether a model keeps keys that it does not declare.
    """
    if not issubclass(origin, BaseModel):
        return _rebuild_dataclass(origin, values, set())
    private = {
        name: copy.deepcopy(attribute.default)
        for name, attribute in origin.__private_attributes__.items()
        if attribute.default_factory is None and attribute.default is not PydanticUndefined
    }
    state: dict[Any, Any] = {
        "__dict__": values,
        "__pydantic_fields_set__": set[str](),
        "__pydantic_extra__": {} if allows_extra else None,
        "__pydantic_private__": private if origin.__private_attributes__ else None,
    }
    return _rebuild_model(origin, state, None)


def _rebuild_dataclass(
    origin: type[Any], values: dict[str, Any], received: set[str] | None = None
) -> Any:
    class_ = partial_class(origin)
    instance = object.__new__(class_)
    for name, value in values.items():
        object.__setattr__(instance, name, value)
    if received is not None:
        object.__setattr__(instance, RECEIVED, set(received))
    return instance


def _partial_dataclass(origin: type[Any]) -> type[Any]:
    namespace: dict[str, Any] = {
        "__pydantic_serializer__": PartialSerializer(origin),
        # Where orjson looks: only in a class itself.
        "__dataclass_fields__": cast("Any", origin).__dataclass_fields__,
    }
    return cast("type[Any]", _new_class(origin, _PartialDataclass, namespace, (RECEIVED,)))
