"""The exceptions of the package.

An invalid value of the typed core is not among them: that is pydantic's own ``ValidationError``,
which the client's `InvalidAnswerError` is as well.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError
from typing_extensions import Self

__all__ = [
    "ContentFilterError",
    "CorruptStreamError",
    "DroppedError",
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

PathItem = str | int


class PartialFastError(Exception):
    """Base of every exception that this package defines."""


class JsonError(PartialFastError, ValueError):
    """The text is not JSON (RFC 8259), or goes beyond a configured limit.

    Args:
        message: What is wrong, where, and what to do.
        kind: Stable name of the error, such as ``"expected_colon"``.
        offset: Bytes of the text before the offending one.
        line: Line of the offending byte, counted from 1.
        column: Bytes from the start of that line, counted from 1.
        path: Keys and indices from the root to the value being read.
    """

    def __init__(  # noqa: PLR0913 - one argument per attribute
        self,
        message: str,
        *,
        kind: str,
        offset: int,
        line: int,
        column: int,
        path: tuple[PathItem, ...] = (),
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.offset = offset
        self.line = line
        self.column = column
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the keyword-only attributes when pickled."""
        return _rebuild_json_error, (str(self), self.__dict__)


def _rebuild_json_error(message: str, attributes: dict[str, Any]) -> JsonError:
    return JsonError(message, **attributes)


class StreamError(PartialFastError):
    """A stream ended without a complete value. Carries all that was received.

    Args:
        message: What happened and what to do.
        snapshot: The last snapshot, or ``None`` when nothing could be shown.
        text: The raw text received so far.
        usage: Token usage as the provider reported it, or ``None``.
        finish_reason: The provider's finish reason, or ``None``.
        attempts: The attempts that were made, the last one included; empty where no attempt ended.
    """

    def __init__(  # noqa: PLR0913 - one argument per attribute
        self,
        message: str,
        *,
        snapshot: Any = None,
        text: str = "",
        usage: Any = None,
        finish_reason: str | None = None,
        attempts: tuple[Any, ...] = (),
    ) -> None:
        # Not `super`: the other bases of subclasses have constructors of their own.
        Exception.__init__(self, message)
        self.snapshot = snapshot
        self.text = text
        self.usage = usage
        self.finish_reason = finish_reason
        self.attempts = attempts


class TruncatedError(StreamError):
    """The answer ended before its JSON was complete."""


class DroppedError(StreamError):
    """The connection was lost. ``__cause__`` is the transport's exception."""


class StreamTimeoutError(StreamError, TimeoutError):
    """The model took longer than the caller allowed: to its first token, between two, or in all."""


class RefusalError(StreamError):
    """The model refused to answer. ``text`` is what it said instead."""


class ContentFilterError(StreamError):
    """The provider's content filter cut the answer off."""


class OtherCallError(StreamError):
    """The model called functions of the caller's own instead of giving the value.

    They are in the stream's ``other_calls``.
    """


class ServerError(StreamError):
    """The server reported that it failed, after it had begun to answer.

    Args:
        message: What happened, in the server's own words.
        body: What the server sent: decoded JSON, or text.
        details: See `StreamError`.
    """

    def __init__(self, message: str, *, body: Any = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.body = body


class CorruptStreamError(StreamError, JsonError):
    """The server sent something that is not an event of its own format."""

    def __init__(self, message: str, **details: Any) -> None:
        StreamError.__init__(self, message, **details)
        self.kind: str = "invalid_event"
        self.offset: int = 0
        self.line: int = 1
        self.column: int = 1
        self.path: tuple[str | int, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the attributes when pickled."""
        return type(self), (str(self),), self.__dict__


class InvalidAnswerError(StreamError, ValidationError):
    """The answer is invalid, and no attempt is left.

    It is pydantic's ``ValidationError`` as well: `errors` and the text say what is wrong with the
    last answer. ``__cause__`` is the error that reading the answer raised. Made by `make`.
    """

    # What `ValidationError.from_exception_data` calls the class with.
    def __init__(self, title: str, *_line_errors: Any) -> None:
        super().__init__(title)

    @classmethod
    def make(cls, title: str, line_errors: list[InitErrorDetails], **details: Any) -> Self:
        """Make one.

        Args:
            title: Name of the type.
            line_errors: Pydantic's errors.
            details: See `StreamError`; ``attempts`` are all that were made.

        Returns:
            The exception.
        """
        made = cls.from_exception_data(title, line_errors, input_type="json")
        made.__dict__.update(details)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the attributes when pickled."""
        said = [(e["type"], e["msg"], e["loc"], e["input"]) for e in self.errors()]
        return _remake, (type(self), self.title, said), self.__dict__


def _remake(
    class_: type[InvalidAnswerError], title: str, said: list[tuple[Any, Any, Any, Any]]
) -> InvalidAnswerError:
    # The messages are in their final form: pydantic would make those of its own types anew.
    errors = [
        InitErrorDetails(type=PydanticCustomError(kind, message), loc=place, input=value)
        for kind, message, place, value in said
    ]
    return class_.make(title, errors)


class InvalidJsonError(InvalidAnswerError, JsonError):
    """The answer is not JSON, and no attempt is left. Its text is that of the `JsonError`."""

    message: str = ""

    def __str__(self) -> str:
        """Say what is wrong with the text, and where."""
        return self.message
