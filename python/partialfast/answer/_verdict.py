"""How an answer ended: what the server said and what is there, to a value or an exception."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from partialfast._errors import (
    ContentFilterError,
    DroppedError,
    OtherCallError,
    RefusalError,
    ServerError,
    StreamError,
    TruncatedError,
)

__all__ = ["Found", "Heard", "verdict"]


class Found(Enum):
    """What is there of an answer when nothing more comes."""

    #: JSON that is complete by itself.
    WHOLE = "whole"
    #: What only the server can call complete: a list of calls, a call without arguments.
    TOLD = "told"
    #: JSON that is not complete.
    OPEN = "open"
    #: Words, where the answer was to be a call.
    WORDS = "words"
    #: Calls of other functions only.
    OTHER = "other"
    #: Nothing.
    NOTHING = "nothing"


class Heard(Enum):
    """What the server and the transport said about the end."""

    #: All that the model wanted to write has been sent.
    WHOLE = "whole"
    #: Nothing: the bytes just ended.
    SILENCE = "silence"
    #: A reason that the dialect does not know.
    UNKNOWN = "unknown"
    #: A limit on tokens or on the context.
    CUT_OFF = "cut_off"
    #: A filter of the provider's.
    FILTERED = "filtered"
    #: The model refused.
    REFUSED = "refused"
    #: The provider failed.
    FAILED = "failed"
    #: The connection was lost.
    LOST = "lost"


_Verdict = type[StreamError] | None

# What is told is complete only if the server has called it so. What is complete by itself is an
# answer, whatever was said. `None` is a value.
_TABLE: Final[Mapping[Heard, Mapping[Found, _Verdict]]] = {
    Heard.WHOLE: {
        Found.WHOLE: None,
        Found.TOLD: None,
        Found.OPEN: TruncatedError,
        Found.WORDS: RefusalError,
        Found.OTHER: OtherCallError,
        Found.NOTHING: TruncatedError,
    },
    Heard.SILENCE: {
        Found.WHOLE: None,
        Found.TOLD: TruncatedError,
        Found.OPEN: TruncatedError,
        Found.WORDS: TruncatedError,
        Found.OTHER: TruncatedError,
        Found.NOTHING: TruncatedError,
    },
    Heard.UNKNOWN: {
        Found.WHOLE: None,
        Found.TOLD: TruncatedError,
        Found.OPEN: TruncatedError,
        Found.WORDS: RefusalError,
        Found.OTHER: OtherCallError,
        Found.NOTHING: TruncatedError,
    },
    Heard.CUT_OFF: dict.fromkeys(Found, TruncatedError) | {Found.WHOLE: None},
    Heard.FILTERED: dict.fromkeys(Found, ContentFilterError) | {Found.WHOLE: None},
    Heard.REFUSED: dict.fromkeys(Found, RefusalError) | {Found.WHOLE: None},
    Heard.FAILED: dict.fromkeys(Found, ServerError) | {Found.WHOLE: None},
    Heard.LOST: dict.fromkeys(Found, DroppedError) | {Found.WHOLE: None},
}


def verdict(heard: Heard, found: Found) -> type[StreamError] | None:
    """Judge how an answer ended.

    Args:
        heard: What was said about its end.
        found: What there is of it.

    Returns:
        The class of the exception; ``None`` where there is a value.
    """
    return _TABLE[heard][found]
