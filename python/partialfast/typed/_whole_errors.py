"""pydantic's errors of a part, as they would be had the whole text been validated."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any, cast, get_args

from pydantic import ValidationError
from pydantic_core import (
    ErrorDetails,
    InitErrorDetails,
    PydanticCustomError,
    SchemaValidator,
    core_schema,
)
from pydantic_core.core_schema import ErrorType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["WholeErrors", "details_of"]

#: What a config says about errors.
_ABOUT_ERRORS = ("hide_input_in_errors", "validation_error_cause")


@functools.cache
def _known_errors() -> frozenset[str]:
    return frozenset(get_args(ErrorType))


def _moved(item: ErrorDetails, prefix: tuple[Any, ...]) -> InitErrorDetails:
    """Return the error `item` with its location below `prefix`."""
    context = item.get("ctx")
    location = (*prefix, *item["loc"])
    known = InitErrorDetails(
        type=item["type"], loc=location, input=item["input"], ctx=context or {}
    )
    if item["type"] in _known_errors():
        # A custom error may bear a known name: that of an e-mail address is "value_error".
        with contextlib.suppress(TypeError):
            made = ValidationError.from_exception_data("", [known], input_type="json")
            if made.errors(include_url=False)[0]["msg"] == item["msg"]:
                return known
    # The message is in its final form already.
    custom = PydanticCustomError(cast("Any", item["type"]), cast("Any", item["msg"]), context)
    return InitErrorDetails(type=custom, loc=location, input=item["input"])


def details_of(error: ValidationError, prefix: tuple[Any, ...]) -> list[InitErrorDetails]:
    """Return the errors of `error`, each located below `prefix`."""
    return [_moved(item, prefix) for item in error.errors(include_url=False)]


class WholeErrors:
    """Makes the errors of a type; all its streams share one.

    Args:
        title: Of the whole type.
        config: Of the whole type: it says what an error shows, and what its cause is.
    """

    def __init__(self, title: str, config: Mapping[str, Any]) -> None:
        self._title = title
        self._config = {key: config[key] for key in _ABOUT_ERRORS if key in config}

    def of(self, details: list[InitErrorDetails]) -> ValidationError:
        """Return the error that has `details`."""
        made = ValidationError.from_exception_data(self._title, details, input_type="json")
        return self._as_configured(made) if self._config else made

    def _as_configured(self, error: ValidationError) -> ValidationError:
        """Let pydantic raise `error` again, by a validator that has the whole type's config."""

        def fail(_: object) -> None:
            raise error

        schema: Any = core_schema.no_info_plain_validator_function(fail)
        config: Any = {**self._config, "title": self._title}
        try:
            SchemaValidator(schema, config).validate_json("null")
        except ValidationError as raised:
            return raised
        return error

    def relocate(self, error: ValidationError, location: tuple[Any, ...]) -> ValidationError:
        """Return `error`, found at `location`, with its location counted from the root."""
        return self.of(details_of(error, location))

    def forbidden(self, kind: str, location: tuple[Any, ...], key: str) -> ValidationError:
        """Return the error, of pydantic's `kind`, of a forbidden key, before its value was read."""
        return self.of([InitErrorDetails(type=kind, loc=location, input=key)])
