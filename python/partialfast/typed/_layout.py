"""What CPython says about how the instances of a class are made, and what they hold."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from partialfast.typed._marks import OPEN, RECEIVED

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["can_allocate", "has_only_fields"]


def can_allocate(partial: type[Any]) -> bool:
    """Tell whether an instance can be made without calling ``__new__`` of a base.

    A class that inherits from one written in C (``OrderedDict``, ``Exception``,
    ``threading.local``) needs what that one's ``__new__`` sets up. CPython knows: it refuses to
    make such an instance by ``object.__new__``, as it does for an abstract class.

    Args:
        partial: A partial class. The user's own may have a finalizer, which would see the probe.
    """
    try:
        object.__new__(partial)
    except TypeError:
        return False
    return True


def has_only_fields(partial: type[Any], fields: frozenset[str]) -> bool:
    """Tell whether an instance has room for nothing but its fields.

    What a method of the user's keeps in a slot of its own (``__slots__ = ("_total",)``) would stay
    in an instance that is brought up to date and shown again.

    Args:
        partial: A partial class.
        fields: The names of the fields.
    """
    return fields.issuperset(_slots(partial))


def _slots(partial: type[Any]) -> Iterator[str]:
    """Yield the names of the slots of a class, apart from those that a partial class resets."""
    for class_ in partial.__mro__:
        if class_ is BaseModel:
            continue
        for name, member in vars(class_).items():
            own = name in (OPEN, RECEIVED) or name in BaseModel.__slots__
            if isinstance(member, types.MemberDescriptorType) and not own:
                yield name
