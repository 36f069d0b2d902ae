"""What this package has of instructor's, by instructor's names."""

from __future__ import annotations

from partialfast._errors import InvalidAnswerError, PartialFastError, TruncatedError
from partialfast.answer._aresource import AsyncResource
from partialfast.answer._resource import Resource

__all__ = [
    "AsyncInstructor",
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


class PartialLiteralMixin:
    """Does nothing: literals and enums are never shown before they are complete."""
