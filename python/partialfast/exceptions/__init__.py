"""The exceptions, where programs written for instructor import them from, by its names and ours.

A package, because a plain module's ``__getattr__`` cannot say what to use instead of a name that it
does not have.
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
    # Hidden from type checkers, which would take any misspelt name for one that exists.
    __getattr__ = refusing(__name__)
