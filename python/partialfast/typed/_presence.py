"""What a program asks of a snapshot, and of a field's type."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic_core import core_schema

from partialfast.typed._marks import partial_origin

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

__all__ = ["Whole", "is_partial", "is_set"]


class Whole:
    """Says of a type that its values are shown only when they are complete.

    ``Annotated[str, pf.Whole]`` is validated and dumped as ``str`` is; a snapshot has nothing of it
    before its last character has come. It serves for lists and objects as well.
    """

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Return the schema of `source` in a chain of one step, which nobody shows while open."""
        return core_schema.chain_schema([handler(source)])


def is_partial(value: object) -> bool:
    """Tell whether `value` is the snapshot of an object that is still incomplete.

    Args:
        value: Anything.

    Returns:
        Whether it is an instance of a partial class. What stands inside a complete instance is
        complete.
    """
    return partial_origin(type(value)) is not None


def is_set(value: Any, field: str) -> bool:
    """Tell whether a snapshot has received a field, at least its beginning.

    A field that is absent reads as its default or ``None``, as does one that was received as such.

    Args:
        value: A model, a snapshot of one, or of a typed dict.
        field: The name of the field.

    Returns:
        Whether it was received.

    Raises:
        AttributeError: There is no such field.
        TypeError: `value` does not tell: a snapshot of a dataclass, or not an object with fields.
    """
    if isinstance(value, BaseModel):
        if field not in type(value).model_fields and field not in (value.model_extra or ()):
            message = f"{type(value).__name__} has no field {field!r}"
            raise AttributeError(message)
        return field in value.model_fields_set
    if isinstance(value, Mapping):
        return field in value
    if dataclasses.is_dataclass(value) and not is_partial(value):
        return hasattr(value, field)
    message = (
        f"{type(value).__name__} does not tell which fields it has received; pydantic models and "
        "typed dicts do"
    )
    raise TypeError(message)
