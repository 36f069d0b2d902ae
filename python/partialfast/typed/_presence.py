"""What a program asks of a snapshot, and of a field's type."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel
from pydantic_core import core_schema

from partialfast.typed._marks import partial_origin, received_fields, refuse_partial

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

__all__ = ["Complete", "Whole", "is_partial", "is_set"]


class Complete:
    """Says of a class, or of one place where it stands, that its values are complete.

    Validators of a model refuse its snapshots anyway, unless a ``wrap`` validator hands one on;
    those of a dataclass take them. This looks at the value itself. As a base,
    ``class Invoice(pf.Complete, BaseModel)``, it holds for every validator of the class, wherever
    that was built: ``model_validate``, fields, adapters, response models. In
    ``Annotated[M, pf.Complete]`` it says so of that place alone. The error is of the type
    ``incomplete`` and says what came. Everything else is validated, streamed, dumped and described
    as without it.
    """

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Return the schema of `source`, with a look at what comes in from Python."""
        schema = handler(source)
        if cls is not Complete:
            # A base of the class: what the class is everywhere becomes such a schema.
            _refuse(cast("dict[str, Any]", handler.resolve_ref_schema(schema)))
            return schema
        refusing = core_schema.no_info_before_validator_function(refuse_partial, schema)
        # In JSON there are no instances.
        return core_schema.json_or_python_schema(schema, refusing)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """Return the JSON schema of the type itself."""
        made: dict[str, Any] = handler(schema.get("json_schema", schema))
        return made


def _refuse(schema: dict[str, Any]) -> None:
    """Make of a class's schema one that refuses snapshots.

    It becomes what a model validator of the mode "after" makes of it. It is changed in place and
    keeps its name, so that what refers to it refuses them as well.
    """
    function: Any = schema.get("function") or {}
    if function.get("function") is refuse_partial:
        return
    inner = dict(schema)
    name: str | None = inner.pop("ref", None)
    schema.clear()
    refusing: Any = core_schema.no_info_after_validator_function(
        refuse_partial, cast("core_schema.CoreSchema", inner), ref=name
    )
    schema.update(refusing)


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
        value: A snapshot of a model, a root model (its field is ``root``), a dataclass or a typed
            dict, or a complete one.
        field: The name of the field.

    Returns:
        Whether it was received.

    Raises:
        AttributeError: There is no such field.
        TypeError: `value` does not tell: an open named tuple, a partial dataclass that pydantic
            read from JSON, or no object with fields.
    """
    if isinstance(value, BaseModel):
        known: Any = {*type(value).model_fields, *(value.model_extra or ())}
        received: Any = value.model_fields_set
    elif isinstance(value, Mapping):
        return field in value
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = {each.name for each in dataclasses.fields(value)}
        known = names | getattr(value, "__dict__", {}).keys()
        received = received_fields(value) if is_partial(value) else known
    else:
        known, received = (field,), None
    if field not in known:
        message = f"{type(value).__name__} has no field {field!r}"
        raise AttributeError(message)
    if received is None:
        message = (
            f"this {type(value).__name__} does not tell which fields it has received: snapshots of "
            "models, dataclasses and typed dicts do"
        )
        raise TypeError(message)
    return field in received
