"""Signatures for notebooks, which show and complete the arguments that a call takes."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any

from partialfast.answer._options import CallOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["sign"]

#: What is not sent, or not said, unless the caller says it.
_LEFT_OUT = ...


def sign(class_: type[Any], arguments: Mapping[str, Any]) -> None:
    """Let `inspect.signature` name the arguments that methods take as ``**kwargs``.

    Type checkers read the overloads. Where the program runs, nothing but ``**kwargs`` would show.

    Args:
        class_: The class that has the methods.
        arguments: For each method the typed dict of its keyword arguments.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(CallOptions)}
    for name, known in arguments.items():
        method: Any = class_.__dict__[name]
        *first, others = inspect.signature(method).parameters.values()
        named = [
            inspect.Parameter(
                each,
                inspect.Parameter.KEYWORD_ONLY,
                default=defaults.get(each, _LEFT_OUT),
                annotation=getattr(type_, "__forward_arg__", type_),
            )
            for each, type_ in known.__annotations__.items()
        ]
        method.__signature__ = inspect.Signature([*first, *named, others])
