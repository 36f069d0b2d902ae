"""The exceptions of the package.

An invalid value is not among them: that is pydantic's own ``ValidationError``.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ContentFilterError",
    "DroppedError",
    "JsonError",
    "PartialFastError",
    "RefusalError",
    "StreamError",
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
    """

    def __init__(
        self,
        message: str,
        *,
        snapshot: Any = None,
        text: str = "",
        usage: Any = None,
        finish_reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.snapshot = snapshot
        self.text = text
        self.usage = usage
        self.finish_reason = finish_reason


class TruncatedError(StreamError):
    """The answer ended before its JSON was complete."""


class DroppedError(StreamError):
    """The connection was lost. ``__cause__`` is the transport's exception."""


class RefusalError(StreamError):
    """The model refused to answer. ``text`` is what it said instead."""


class ContentFilterError(StreamError):
    """The provider's content filter cut the answer off."""
