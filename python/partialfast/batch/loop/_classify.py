"""What an exception means for the item, and for all others.

The client's packages are not imported: what they raise is told by the attributes that they all
have, and by the classes of those that are loaded already.
"""

from __future__ import annotations

import email.utils
import ssl
import sys
import time
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from pydantic import ValidationError

from partialfast._errors import (
    ContentFilterError,
    DroppedError,
    JsonError,
    RefusalError,
    ServerError,
    StreamError,
    StreamTimeoutError,
    TruncatedError,
)
from partialfast.batch.loop._result import Failure, FailureKind

__all__ = ["ErrorClass", "ErrorScope", "classify", "describe"]

_TOO_MANY = 429
_UNAUTHORIZED = 401
_SERVER_ERRORS = 500
# Request timeout and conflict, which the official SDK retries too.
_TRANSIENT = frozenset({408, 409})
# Wrong address, model or key, if it is the first answer; else something about one item.
_SETUP = frozenset({403, 404})


class ErrorScope(Enum):
    """Whom a failure concerns."""

    #: The answer is wrong; the endpoint works.
    ITEM = "item"
    #: The endpoint or the connection failed; asking again may help.
    TRANSIENT = "transient"
    #: Too much was asked; all have to wait.
    THROTTLED = "throttled"
    #: As `ITEM` once anything has succeeded, before that as `FATAL`.
    SETUP = "setup"
    #: No request will succeed.
    FATAL = "fatal"


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """What an exception means.

    Args:
        scope: Whom it concerns.
        failure: How the item's failure is reported, should it be final.
        retry_after_s: How long the endpoint asks to wait.
    """

    scope: ErrorScope
    failure: Failure
    retry_after_s: float | None = None


def classify(error: Exception) -> ErrorClass | None:  # noqa: PLR0911 - one for each family of errors
    """Say what an exception of a request means.

    Args:
        error: What was raised.

    Returns:
        The verdict, or ``None`` if it is a defect of the program, not a failure of the endpoint or
        the answer.
    """
    # Text that is not JSON is raised as an invalid answer, too.
    if isinstance(error, ValidationError) and not isinstance(error, JsonError):
        return ErrorClass(ErrorScope.ITEM, _invalid(error))
    if isinstance(error, JsonError):
        # A broken event is the server's failure, not the model's.
        transport = error.kind == "invalid_event"
        kind: FailureKind = "connection" if transport else "json"
        scope = ErrorScope.TRANSIENT if transport else ErrorScope.ITEM
        return ErrorClass(scope, Failure(kind, str(error), tuple(error.path)))
    if isinstance(error, StreamError):
        return _stream_error(error)
    if isinstance(getattr(error, "status_code", None), int):
        return _status_error(error)
    if isinstance(error, TimeoutError):
        return ErrorClass(
            ErrorScope.TRANSIENT, Failure("timeout", str(error) or "the request timed out")
        )
    if isinstance(error, _connection_errors()):
        return ErrorClass(ErrorScope.TRANSIENT, Failure("connection", describe(error)))
    return None


def describe(error: BaseException) -> str:
    """Give an exception and what caused it in a line."""
    said = str(error) or type(error).__name__
    cause = error.__cause__
    while cause is not None:
        words = str(cause)
        if words and words not in said:
            said = f"{said} ({words})"
        cause = cause.__cause__
    return said


def _invalid(error: ValidationError) -> Failure:
    # Neither the input (it is in the text) nor the context, which may hold anything.
    details = error.errors(include_url=False, include_context=False, include_input=False)
    plain = tuple(
        {"type": each["type"], "loc": list(each["loc"]), "msg": each["msg"]} for each in details
    )
    first = details[0]
    where = ".".join(str(step) for step in first["loc"])
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    message = f"{where}: {first['msg']}{more}" if where else f"{first['msg']}{more}"
    return Failure("invalid", message, tuple(first["loc"]), plain)


def _stream_error(error: StreamError) -> ErrorClass:
    if isinstance(error, RefusalError):
        said = " ".join(error.text.split())
        return ErrorClass(ErrorScope.ITEM, Failure("refused", f"{error} {said}".strip()))
    if isinstance(error, ContentFilterError):
        return ErrorClass(ErrorScope.ITEM, Failure("filtered", str(error)))
    if isinstance(error, TruncatedError) and error.finish_reason is not None:
        return ErrorClass(ErrorScope.ITEM, Failure("truncated", str(error)))
    if isinstance(error, (ServerError, StreamTimeoutError)):
        transient: FailureKind = "connection" if isinstance(error, ServerError) else "timeout"
        return ErrorClass(ErrorScope.TRANSIENT, Failure(transient, str(error)))
    if isinstance(error, (DroppedError, TruncatedError)):
        # A stream that just ends, without a finish reason, was ended by something on the way.
        return ErrorClass(ErrorScope.TRANSIENT, Failure("connection", describe(error)))
    return ErrorClass(ErrorScope.ITEM, Failure("truncated", str(error)))


def _status_error(error: Exception) -> ErrorClass:
    status = cast("int", getattr(error, "status_code", 0))
    failure = Failure("endpoint", str(error), status=status)
    wait = _retry_after(error)
    if status == _TOO_MANY:
        # Waiting does not bring back credit that is used up.
        spent = "insufficient_quota" in f"{getattr(error, 'code', '')} {error}"
        return ErrorClass(ErrorScope.FATAL if spent else ErrorScope.THROTTLED, failure, wait)
    if status == _UNAUTHORIZED:
        return ErrorClass(ErrorScope.FATAL, failure)
    if status in _SETUP:
        return ErrorClass(ErrorScope.SETUP, failure)
    if status in _TRANSIENT or status >= _SERVER_ERRORS:
        # A server that says when to come back wants to be left alone by all until then.
        return ErrorClass(ErrorScope.THROTTLED if wait else ErrorScope.TRANSIENT, failure, wait)
    return ErrorClass(ErrorScope.ITEM, failure)


def _retry_after(error: Exception) -> float | None:
    """Read how long to wait (RFC 9110, section 10.2.3), or OpenAI's finer header."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None)
    if headers is None:
        return None
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        said = headers.get(name)
        if said is None:
            continue
        try:
            return max(0.0, float(said) * unit)
        except ValueError:
            pass
        try:
            return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
        except ValueError:
            continue
    return None


def _connection_errors() -> tuple[type[BaseException], ...]:
    errors: list[type[BaseException]] = [ssl.SSLError, ConnectionError]
    for name, class_ in (
        # Also what the server reports inside of a stream, which has no status.
        ("openai", "APIError"),
        ("anthropic", "APIError"),
        ("httpx2", "RequestError"),
        ("httpx", "RequestError"),
        ("aiohttp", "ClientError"),
    ):
        found = getattr(sys.modules.get(name), class_, None)
        if found is not None:
            errors.append(found)
    return tuple(errors)
