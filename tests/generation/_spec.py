"""What is drawn: a type, and what JSON may have for it."""

from __future__ import annotations

import enum
import itertools
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import Annotated, Any

from hypothesis import strategies as st

__all__ = ["JSON", "Draw", "Feature", "Spec", "annotated", "fresh_name", "generic", "publish"]

#: A value as `json.loads` gives it.
JSON = Any
Draw = st.DrawFn


class Feature(enum.Flag):
    """What a property may ask the drawn types to leave out."""

    NONE = 0
    #: Validators, serializers and other functions of the user's.
    CODE = enum.auto()
    #: Config that changes text when it is complete.
    REWRITES = enum.auto()
    #: Values that some document has, but that their type does not accept.
    INVALID = enum.auto()
    #: Objects that have a key twice, or two keys of one field.
    TWICE = enum.auto()
    #: Validators that tell pydantic to use the default, or to leave a value out.
    DIRECTS = enum.auto()
    ALL = CODE | REWRITES | INVALID | TWICE | DIRECTS


@dataclass(frozen=True)
class Spec:
    """A type with a strategy of its documents.

    Attributes:
        type: The annotation.
        documents: What JSON may have for it, as Python values.
        hashable: Whether its values can be items of a set.
        key: Whether it can be the key of a dict; its documents are then strings.
        text: Whether it is shown while it is open, though it has no parts.
    """

    type: Any
    documents: st.SearchStrategy[JSON] = field(repr=False)
    hashable: bool = False
    key: bool = False
    text: bool = False


def generic(origin: Any, *arguments: Any) -> Any:
    """Return ``origin[arguments]``, for arguments that no type checker can know."""
    return origin[arguments if len(arguments) != 1 else arguments[0]]


def annotated(type_: Any, *metadata: Any) -> Any:
    """Return `type_` with `metadata`."""
    return generic(Annotated, type_, *metadata)


_numbers = itertools.count()


def fresh_name(kind: str) -> str:
    """Return a name that no other drawn class has."""
    return f"{kind}{next(_numbers)}"


#: The names of the classes that can be imported: far more than one type is made of.
_published: deque[str] = deque()
_MOST_PUBLISHED = 500


def publish(class_: Any) -> Any:
    """Make `class_` importable under its name for a while, so that its instances can be pickled."""
    module = sys.modules[__name__]
    class_.__module__ = __name__
    class_.__qualname__ = class_.__name__
    setattr(module, class_.__name__, class_)
    _published.append(class_.__name__)
    if len(_published) > _MOST_PUBLISHED:
        vars(module).pop(_published.popleft(), None)
    return class_
