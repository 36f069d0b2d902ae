"""What the forms of both APIs share: identity of an answer, events and their bytes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from partialfast.replay._ask import Ask, RequestError
from partialfast.replay._recording import Recording, ToolCall
from partialfast.replay._script import Script

__all__ = ["DONE", "ReplayEvent", "ReplayedAnswer", "dump", "encode", "error_body"]

Json = dict[str, Any]

#: Data of the event that ends a chat completion stream.
DONE = "[DONE]"


@lru_cache(maxsize=256)
def _digest(number: int, purpose: str) -> str:
    # Every event repeats the same few ids.
    return hashlib.sha512(f"{number}/{purpose}".encode()).hexdigest()


@dataclass(frozen=True)
class ReplayedAnswer:
    """An answer with all that identifies it.

    Args:
        script: What is said.
        ask: What was asked for.
        number: Which answer of the server this is, counted from 0. All ids
            derive from it, so a run repeats byte by byte.
        created: Unix time.
        recording: Where it comes from.
    """

    script: Script
    ask: Ask
    number: int
    created: int
    recording: Recording

    def token(self, purpose: str, length: int) -> str:
        """Make up the random-looking part of an id."""
        return _digest(self.number, purpose)[:length]

    def call_id(self, call: int, prefix: str, length: int) -> str:
        """Give the id of a tool call: the recorded one, else one in the server's form."""
        recorded = self.script.calls[call].id
        return recorded if recorded is not None else prefix + self.token(f"call{call}", length)

    def call(self, number: int) -> ToolCall:
        """Give a tool call."""
        return self.script.calls[number]


@dataclass(frozen=True)
class ReplayEvent:
    """One server-sent event, or a comment.

    Args:
        data: Its payload; a string is sent as it is.
        event: Its type, for the ``event:`` line.
        comment: Sent as a comment instead.
        upto: Number of the last delta in it; -1 when it comes before all.
        tokens: How many tokens it carries; 0 for an event that carries no text.
    """

    data: Json | str = ""
    event: str | None = None
    comment: str | None = None
    upto: int = -1
    tokens: int = 0


def dump(value: object) -> bytes:
    """Encode JSON as the servers do: compact, in UTF-8."""
    try:
        return to_json(value, inf_nan_mode="constants")
    except PydanticSerializationError:
        # A lone surrogate, recorded on purpose, can only travel as an escape.
        return json.dumps(value, separators=(",", ":")).encode()


def encode(event: ReplayEvent) -> bytes:
    """Write an event as it goes over the wire (WHATWG HTML, 9.2.5)."""
    if event.comment is not None:
        return f": {event.comment}\n\n".encode()
    data = event.data.encode() if isinstance(event.data, str) else dump(event.data)
    name = f"event: {event.event}\n".encode() if event.event is not None else b""
    return name + b"data: " + data + b"\n\n"


def error_body(error: RequestError) -> Json:
    """Write an error as OpenAI's API does."""
    return {
        "error": {
            "message": error.message,
            "type": error.type,
            "param": error.param,
            "code": error.code,
        }
    }
