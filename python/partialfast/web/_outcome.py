"""How an answer ended, in words that may be shown to anybody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import ValidationError

from partialfast._errors import (
    ContentFilterError,
    CorruptStreamError,
    DroppedError,
    JsonError,
    RefusalError,
    StreamError,
    TruncatedError,
)

__all__ = ["Outcome", "OutcomeKind", "RefusedError"]

OutcomeKind = Literal[
    "complete", "truncated", "dropped", "refused", "filtered", "invalid", "failed", "closed"
]

# Shown in a browser, so they name neither the server nor what it said.
_MESSAGES: dict[OutcomeKind, str] = {
    "complete": "The answer is complete.",
    "truncated": "The answer was cut off before it was complete.",
    "dropped": "The connection to the model was lost.",
    "refused": "The model refused to answer.",
    "filtered": "The answer was stopped by a content filter.",
    "invalid": "The answer is not valid.",
    "failed": "The answer could not be had.",
    "closed": "The answer was stopped.",
}


class RefusedError(ValueError):
    """A wire cannot carry what the model wrote: for its reader the answer ends there, invalid."""


_KINDS: tuple[tuple[type[BaseException], OutcomeKind], ...] = (
    (TruncatedError, "truncated"),
    (DroppedError, "dropped"),
    (RefusalError, "refused"),
    (ContentFilterError, "filtered"),
    # The server's mistake, not the model's; before `JsonError`, which it is as well.
    (CorruptStreamError, "failed"),
    (ValidationError, "invalid"),
    (JsonError, "invalid"),
    (RefusedError, "invalid"),
    (asyncio.CancelledError, "closed"),
    (GeneratorExit, "closed"),
)

_BAD_GATEWAY = 502
_GATEWAY_TIMEOUT = 504
_FIRST_ERROR = 400


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer ended.

    Args:
        kind: One of the eight; only ``"complete"`` is a success.
        detail: What the exception says. It may hold what the model wrote or what its server said,
            and goes to a browser only when that is asked for.
        status: The HTTP status for it, if nothing has been sent yet; ``None`` where the ending is
            an answer of the model's, to be told in the stream.

    Raises:
        ValueError: `kind` is not one of the eight.
    """

    kind: OutcomeKind
    detail: str | None = None
    status: int | None = None

    def __post_init__(self) -> None:
        """Check the kind: it may come from a program's own source."""
        if self.kind not in get_args(OutcomeKind):
            known = ", ".join(get_args(OutcomeKind))
            raise ValueError(f"the kind of an outcome must be one of {known}: {self.kind!r}")

    @classmethod
    def of(cls, error: BaseException) -> Outcome:
        """Tell the outcome from the exception that an answer ended with.

        Args:
            error: The exception.

        Returns:
            The outcome; ``"failed"`` for what is not an ending of an answer, such as a server's
            error.
        """
        detail = f"{type(error).__name__}: {error}"
        if type(error) is StreamError:
            # The base itself says that the program closed the stream; all else has a class.
            return cls("closed", detail)
        kinds: list[OutcomeKind] = [kind for type_, kind in _KINDS if isinstance(error, type_)]
        kind = kinds[0] if kinds else "failed"
        return cls(kind, detail, _status(error) if kind in {"dropped", "failed"} else None)

    @property
    def message(self) -> str:
        """A sentence for people, without anything confidential."""
        return _MESSAGES[self.kind]

    def to_json(self, *, detail: bool) -> dict[str, str]:
        """Return what a browser is told.

        Args:
            detail: Whether it may know what the exception says.

        Returns:
            An object with ``outcome``, ``message`` and perhaps ``detail``.
        """
        said = {"outcome": str(self.kind), "message": self.message}
        if detail and self.detail is not None:
            said["detail"] = self.detail
        return said

    @property
    def complete(self) -> bool:
        """Whether the answer is whole."""
        return self.kind == "complete"


def _status(error: BaseException) -> int:
    """Find the HTTP status of an error: the server's own, where it gave one."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status >= _FIRST_ERROR:
        return status
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return _GATEWAY_TIMEOUT
    return _BAD_GATEWAY
