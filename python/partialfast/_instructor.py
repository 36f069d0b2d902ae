"""What this package has of instructor's, by instructor's names."""

from __future__ import annotations

from enum import Enum

from partialfast._errors import InvalidAnswerError, PartialFastError, TruncatedError
from partialfast.answer._aresource import AsyncResource
from partialfast.answer._resource import Resource

__all__ = [
    "AsyncInstructor",
    "HookName",
    "IncompleteOutputException",
    "Instructor",
    "InstructorError",
    "InstructorRetryException",
    "PartialLiteralMixin",
]

#: What a client is an instance of, whatever its provider.
Instructor = Resource
AsyncInstructor = AsyncResource
#: An answer was cut off.
IncompleteOutputException = TruncatedError
#: An answer was invalid, and no attempt was left.
InstructorRetryException = InvalidAnswerError
InstructorError = PartialFastError


class HookName(Enum):
    """The events of a client's `on`, by instructor's names; the strings will do as well."""

    COMPLETION_KWARGS = "completion:kwargs"
    COMPLETION_RESPONSE = "completion:response"
    COMPLETION_ERROR = "completion:error"
    COMPLETION_LAST_ATTEMPT = "completion:last_attempt"
    COMPLETION_USAGE = "completion:usage"
    PARSE_ERROR = "parse:error"


class PartialLiteralMixin:
    """Does nothing: literals and enums are never shown before they are complete."""
