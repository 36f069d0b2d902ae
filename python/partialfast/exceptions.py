"""The exceptions, where programs written for instructor import them from, by its names and ours."""

from __future__ import annotations

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
