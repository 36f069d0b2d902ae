"""What tells a partial instance, and what is kept with a class of the user's."""

from __future__ import annotations

import enum
import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic_core import PydanticCustomError

from partialfast.typed._schema import is_class

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "OPEN",
    "ORIGIN",
    "RECEIVED",
    "Kept",
    "Nested",
    "asks_for_nested",
    "kept_by",
    "lock",
    "open_field",
    "partial_origin",
    "received_fields",
    "refuse_partial",
]

T = TypeVar("T")

#: The slot that names the field still being written, in every partial model instance.
OPEN = "__partialfast_open__"
#: The slot of a partial dataclass with the names of the fields that were received. It does not
#: have the name of a model's slot, since pydantic would dump by that.
RECEIVED = "__partialfast_received__"
#: Where a partial class keeps the class that it came from.
ORIGIN = "__partialfast_origin__"
#: Where a class keeps what was made of it: that refers to the class, so anything else that kept it
#: would keep the class alive.
_KEPT = "__partialfast__"

#: Held while something is made for a class.
lock = threading.RLock()


class Nested(enum.Enum):
    """Stands in the metadata of a type whose nested models are empty before they begin."""

    EMPTY = "nested"


class Kept:
    """What is kept with a class: its partial class, and the plans that involve it.

    A copy of it is empty, so that a class can be pickled by value, as cloudpickle does it.
    """

    def __init__(self) -> None:
        self.plans: dict[Any, Any] = {}
        self.partial: Any = None
        #: What the partial class was made of: something that is replaced when the class is rebuilt.
        self.made_of: Any = None

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        """Make an empty one."""
        return type(self), ()


def kept_by(class_: type[Any]) -> Kept:
    """Return what is kept with a class."""
    kept = class_.__dict__.get(_KEPT)
    if kept is None:
        with lock:
            kept = class_.__dict__.get(_KEPT)
            if kept is None:
                kept = Kept()
                type.__setattr__(class_, _KEPT, kept)
    return cast("Kept", kept)


def partial_origin(class_: Any) -> Any:
    """Return the class that a partial class was made from, or ``None`` for any other object."""
    if not is_class(class_):
        return None
    return class_.__dict__.get(ORIGIN)


def asks_for_nested(type_: Any) -> bool:
    """Tell whether `type_`, or a part of it, asks for nested models that begin empty."""
    if is_class(type_):
        # A model would look for the attributes in Python at each new stream.
        return False
    if any(mark is Nested.EMPTY for mark in getattr(type_, "__metadata__", ())):
        return True
    arguments: tuple[Any, ...] = getattr(type_, "__args__", ())
    return any(asks_for_nested(part) for part in arguments)


def open_field(instance: Any) -> str | bool | None:
    """Return the name of the field of a partial model that is still being written.

    Returns:
        The name; ``True`` where no field is validated yet, open or not; ``None`` where all are.
    """
    try:
        return cast("str | bool | None", object.__getattribute__(instance, OPEN))
    except AttributeError:
        return None


def received_fields(instance: Any) -> set[str] | None:
    """Return the names of the fields that an instance of a partial dataclass has received.

    Returns:
        The names; ``None`` where pydantic made the instance, which does not tell.
    """
    try:
        return cast("set[str]", object.__getattribute__(instance, RECEIVED))
    except AttributeError:
        return None


def refuse_partial(value: T) -> T:
    """Return `value` where it is complete.

    Raises:
        PydanticCustomError: It is a snapshot.
    """
    # Asked of each object that is validated.
    if ORIGIN not in type(value).__dict__:
        return value
    origin: Any = partial_origin(type(value))
    raise PydanticCustomError(
        "incomplete",
        "this is an incomplete snapshot of {name}: wait for the final value, or say "
        "pf.Partial[{name}] where snapshots are meant",
        {"name": origin.__name__},
    )
