"""The exceptions, where programs written for instructor import them from, by its names and ours.

A package, for Python does not ask a plain module's ``__getattr__`` in a way in which it could say
what to use instead of a name that it has not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partialfast._errors import (
    ContentFilterError,
    CorruptStreamError,
    DroppedError,
    InvalidAnswerError,
    InvalidJsonError,
    JsonError,
    OtherCallError,
    PartialFastError,
    RefusalError,
    ServerError,
    StreamError,
    StreamTimeoutError,
    TruncatedError,
)
from partialfast._hints import refusing
from partialfast._instructor import (
    IncompleteOutputException,
    InstructorError,
    InstructorRetryException,
)

__all__ = [
    "ContentFilterError",
    "CorruptStreamError",
    "DroppedError",
    "IncompleteOutputException",
    "InstructorError",
    "InstructorRetryException",
    "InvalidAnswerError",
    "InvalidJsonError",
    "JsonError",
    "OtherCallError",
    "PartialFastError",
    "RefusalError",
    "ServerError",
    "StreamError",
    "StreamTimeoutError",
    "TruncatedError",
]

if not TYPE_CHECKING:
    # Out of sight of type checkers, which would take any misspelt name for one that it gives.
    __getattr__ = refusing(__name__)
