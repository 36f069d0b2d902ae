"""What is said to the caller about an answer that gave no value: what happened, and what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from partialfast._errors import (
    ContentFilterError,
    CorruptStreamError,
    DroppedError,
    OtherCallError,
    RefusalError,
    ServerError,
    StreamError,
    StreamTimeoutError,
)
from partialfast.answer._verdict import Found, Heard

if TYPE_CHECKING:
    from partialfast.answer._asked import Asked
    from partialfast.answer._received import Received

__all__ = ["Explainer", "printable", "words_of"]

# How many characters of somebody else's text a message has room for.
_ROOM = 500

# Where servers put their words about an error, the most telling first.
_WORDS = (
    "message",
    "msg",
    "status_msg",
    "error_message",
    "errorMessage",
    "detail",
    "error",
    "base_resp",
    "errors",
    "reason",
    "title",
    "description",
)
_DEPTH = 5


def printable(text: str, *, room: int = _ROOM) -> str:
    """Return what somebody else wrote, fit for a message or a terminal.

    Args:
        text: What they wrote.
        room: How many characters there is room for.

    Returns:
        The text on one line, shortened, without characters that move the cursor or hide.
    """
    shown = text[: room + 1]
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(shown.split()))
    return shown if len(shown) <= room else f"{shown[:room]}..."


def words_of(body: Any, *, depth: int = _DEPTH) -> str:
    """Return the server's own words in an error object, wherever it has put them.

    Args:
        body: Decoded JSON, or text.
        depth: How deep to look.
    """
    if isinstance(body, str):
        return body
    if depth and isinstance(body, Mapping):
        known = cast("Mapping[str, Any]", body)
        for key in _WORDS:
            if known.get(key) and (said := words_of(known[key], depth=depth - 1)):
                return said
    if depth and isinstance(body, Sequence):
        for each in body[:_DEPTH]:
            if said := words_of(each, depth=depth - 1):
                return said
    return "" if body is None else json.dumps(body, ensure_ascii=False, default=str)


class Explainer:
    """Makes the exceptions of an answer, each with all that was received.

    Args:
        received: What was received.
        asked: What was asked for.
        snapshot: The newest snapshot.
    """

    def __init__(self, received: Received, asked: Asked, snapshot: Any) -> None:
        self._received = received
        self._asked = asked
        self._snapshot = snapshot

    def details(self) -> dict[str, Any]:
        """Return what each exception carries."""
        received = self._received
        return {
            "snapshot": self._snapshot,
            "text": received.text,
            "usage": received.usage,
            "finish_reason": received.finish_reason,
        }

    def explain(self, class_: type[StreamError], heard: Heard, found: Found) -> StreamError:
        """Return the exception for how the answer ended.

        Args:
            class_: Its class.
            heard: What was said about the end.
            found: What there is of the answer.
        """
        if class_ is ServerError:
            reason = self._reason or "no reason"
            message = f"The provider failed before the answer was complete ({reason})."
            return self._server_error(message, None)
        if class_ is DroppedError:
            lost = self._received.ending.lost
            why = printable(f"{type(lost).__name__}: {lost}")
            message = f"The connection was lost before the answer was complete ({why})."
        elif class_ is ContentFilterError:
            message = f"The provider's content filter cut the answer off ({self._reason})."
        elif class_ is OtherCallError:
            message = self._other_calls()
        elif class_ is RefusalError and heard is Heard.REFUSED:
            message = f"The model refused to answer ({self._reason}); see `text`."
        elif class_ is RefusalError:
            message = self._words()
        else:
            message = self._truncated(heard, found)
        return class_(message, **self.details())

    def refused(self) -> RefusalError:
        """Return the error for an answer that is a refusal."""
        said = printable(self._received.beside.refusal)
        return RefusalError(f"The model refused to answer: {said}", **self.details())

    def closed(self) -> StreamError:
        """Return the error for a stream that was closed."""
        return StreamError(
            "The stream was closed before the answer was complete; see `snapshot`.",
            **self.details(),
        )

    def timed_out(self, what: str) -> StreamTimeoutError:
        """Return the error for a time limit of the caller's.

        Args:
            what: The limit and what it is for.
        """
        return StreamTimeoutError(
            f"The answer took too long: {what}; see `snapshot` for what came.", **self.details()
        )

    def corrupt(self, why: str) -> CorruptStreamError:
        """Return the error for an event that cannot be read.

        Args:
            why: What is wrong with it.
        """
        return CorruptStreamError(
            f"The server sent an event that cannot be read: {printable(why)}.", **self.details()
        )

    def server_error(self, body: Any) -> StreamError:
        """Return the exception for an error that the server reported in its answer.

        Args:
            body: What it sent: decoded JSON, or text.
        """
        said = printable(words_of(body)) or "it gave no reason"
        code: Any = None
        if isinstance(body, Mapping):
            known = cast("Mapping[str, Any]", body)
            code = known.get("code") or known.get("type") or known.get("status")
        named = f" ({printable(str(code), room=80)})" if code and str(code) not in said else ""
        message = f"The server reported an error: {said}{named}"
        return self._server_error(message, body)

    def _server_error(self, message: str, body: Any) -> StreamError:
        error = self._asked.provider.server_error(message, body, self._received.request)
        for name, value in self.details().items():
            setattr(error, name, value)
        return error

    @property
    def _reason(self) -> str:
        reason = self._received.finish_reason
        return f"finish reason {printable(reason, room=120)!r}" if reason else ""

    @property
    def _functions(self) -> str:
        return " or ".join(shape.name for shape in self._asked.target.shapes)

    def _words(self) -> str:
        said = printable(self._received.beside.words)
        reason = f" ({self._reason})" if self._received.ending.outcome == "unknown" else ""
        return f"The model answered in text instead of calling {self._functions}{reason}: {said}"

    def _other_calls(self) -> str:
        names = ", ".join(
            sorted({printable(call.name, room=80) for call in self._received.other_calls})
        )
        return (
            f"The model called {names} instead of {self._functions}; the calls are in the stream's "
            "`other_calls`."
        )

    def _truncated(self, heard: Heard, found: Found) -> str:
        received = self._received
        cause = self._reason or "the stream ended"
        if found is Found.NOTHING and not self._reason:
            type_ = received.content_type
            if type_ is not None and "event-stream" not in type_:
                # Such as the page of a gateway, or an answer of a server that cannot stream.
                sent = printable(type_, room=120)
                cause = f"the server sent {sent} where a stream of events was asked for"
            elif (
                received.response_id is None
                and received.model is None
                and not received.reasoning_text
            ):
                cause = "the server sent no event" if received.stray else "the server sent nothing"
        advice = "; allow more output tokens" if heard is Heard.CUT_OFF else ""
        hint = self._reasoning_hint(heard, found)
        if found is Found.NOTHING and received.stray:
            hint += f"; it sent: {printable(received.stray, room=200)}"
        if found is Found.WORDS and self._asked.tools:
            hint += f"; the model said: {printable(received.beside.words)}"
        if found is Found.OTHER:
            return self._other_calls().replace("instead of", f"and not ({cause})")
        if found is Found.TOLD:
            kind = "its calls are all" if self._asked.target.items else "the call is"
            message = f"The answer ended without the server saying that {kind} complete"
            return f"{message} ({cause}){advice}{hint}."
        return f"The answer ended before its JSON was complete ({cause}){advice}{hint}."

    def _reasoning_hint(self, heard: Heard, found: Found) -> str:
        reasoning = self._received.reasoning_text
        if found is not Found.NOTHING or not reasoning.strip():
            return ""
        if heard is Heard.CUT_OFF:
            return "; all that was written is reasoning: limit it, or see `reasoning_text`"
        if "{" in reasoning or "[" in reasoning:
            return "; the answer may stand in the reasoning: see `reasoning_text`"
        return "; all that was written is reasoning: see `reasoning_text`"
