"""Snapshots are refused where pydantic asks for a complete model.

A partial class is a subclass, so that `isinstance` takes a snapshot for an instance of the user's
class. pydantic asks the same question, and looks no further where the answer is yes. So the answer
depends on who asks: a validator is told no, and everybody else what they were told before.

Who asks is told by the Python function that is running. Validators are written in Rust and have no
frame, so the innermost one is that of the function which called the validator. (What this does not
catch, and what was tried instead, is in docs/adr/0009.)
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic_core import SchemaValidator

from partialfast._core import ask_about_instances
from partialfast.typed._marks import ORIGIN
from partialfast.typed._presence import Complete

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["snapshot_metaclass"]

#: A function that calls a validator has the name of one of these in its code.
_METHODS = frozenset(name for name in dir(SchemaValidator) if not name.startswith("_")) - {"title"}

_MODELS: Any = type(BaseModel)
_PYDANTIC = BaseModel.__module__.partition(".")[0] + "."
_PLUGINS = f"{_PYDANTIC}plugin."


def _is_validating(frame: FrameType | None) -> bool:
    """Tell whether the function that runs in `frame` is one that calls a validator.

    It is one of pydantic's, or one that takes the validator out of a class, as SQLModel's do. A
    function of the user's that has a `TypeAdapter` may well ask `isinstance` itself.
    """
    while frame is not None:
        code = frame.f_code
        module: str = frame.f_globals.get("__name__", "")
        if not _METHODS.isdisjoint(code.co_names):
            return "__pydantic_validator__" in code.co_names or module.startswith(_PYDANTIC)
        # A metaclass of the user's that asks the one above it, or what a plugin of pydantic's has
        # around the validator.
        if code.co_name != "__instancecheck__" and not module.startswith(_PLUGINS):
            return False
        frame = frame.f_back
    return False


def _refuses(class_: Any, instance: Any) -> bool:
    """Tell whether `instance` is a snapshot that a validator of `class_` asks about."""
    return (
        ORIGIN in type(instance).__dict__
        and _is_validating(sys._getframe(1))  # noqa: SLF001
        and ORIGIN not in class_.__dict__
        # One that refuses snapshots itself has more to say.
        and not issubclass(class_, Complete)
    )


class _SnapshotMetaclass(type):
    """What the metaclasses of partial models have in common. Comes before the user's."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keep the ``__init_subclass__`` of a metaclass of the user's from being called."""


def _module(class_: Any) -> str:
    """Return the ``__module__`` of a partial class.

    With ``from_attributes`` pydantic reads the attributes of what is not an instance, unless it is
    of one of Python's own classes. It tells those by their module, and takes what has none for one.
    """
    if _is_validating(sys._getframe(1)):  # noqa: SLF001
        message = "a snapshot is not read by its attributes"
        raise AttributeError(message)
    module: str = class_.__dict__["__module__"]
    return module


@functools.lru_cache(maxsize=16)
def snapshot_metaclass(metaclass: type[type]) -> Any:
    """Return the metaclass of partial models, whose snapshots are refused from now on.

    Args:
        metaclass: The metaclass of the complete model.
    """
    ask_about_instances(_MODELS, _refuses)
    # A property of a metaclass is an attribute of its classes, and has to be in the namespace: it
    # is where Python puts the name of the module otherwise.
    namespace = {"__module__": property(_module), "__doc__": metaclass.__doc__}
    make: Any = type.__new__
    bases = (_SnapshotMetaclass, metaclass)
    return make(type(metaclass), f"Partial{metaclass.__name__}", bases, namespace)
