"""What tells a partial instance, and what is kept with a class of the user's."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "OPEN",
    "ORIGIN",
    "RECEIVED",
    "Kept",
    "kept_by",
    "lock",
    "open_field",
    "partial_origin",
    "received_fields",
]

#: The slot that names the field still being written, in every partial model instance.
OPEN = "__partialfast_open__"
#: The slot of a partial dataclass with the names of the fields that were received. It has not the
#: name of a model's, since pydantic would dump by that.
RECEIVED = "__partialfast_received__"
#: Where a partial class keeps the class that it came from.
ORIGIN = "__partialfast_origin__"
#: Where a class keeps what was made of it: that refers to the class, so anything else that kept it
#: would keep the class alive.
_KEPT = "__partialfast__"

#: Held while something is made for a class.
lock = threading.RLock()


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
    if not isinstance(class_, type):
        return None
    return class_.__dict__.get(ORIGIN)


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
