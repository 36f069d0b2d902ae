"""What a wire emits: events in the format of server-sent events, or pieces of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

__all__ = ["RETRY_MS", "Event", "Piece", "json_text"]


#: After how long a browser may come back for an answer that many can read.
RETRY_MS = 1_000


def json_text(value: Any) -> str:
    """Write a JSON value without white space.

    Args:
        value: A JSON value.

    Returns:
        Its text, without line breaks. What JSON has no number for (NaN, infinity) is ``null``.
    """
    return to_json(value, inf_nan_mode="null").decode()


@dataclass(frozen=True, slots=True)
class Event:
    """A server-sent event (WHATWG HTML, section 9.2). ``bytes(event)`` is its form on the wire.

    Args:
        data: Its data, of any number of lines; ``None`` for none.
        event: Its type; ``None`` for ``message``.
        id: Its id, which a browser sends back as ``Last-Event-ID`` when it connects anew.
        retry: After how many milliseconds to connect anew.
        comment: What readers skip: a sign of life.
        tight: Leave the space after the colons out, which some protocols' readers ask for.
    """

    data: str | None = None
    event: str | None = None
    id: str | None = None
    retry: int | None = None
    comment: str | None = None
    tight: bool = False

    def __bytes__(self) -> bytes:
        """Return the event as it is sent."""
        gap = "" if self.tight else " "
        lines: list[str] = []
        if self.comment is not None:
            lines.append(f": {self.comment}")
        if self.retry is not None:
            lines.append(f"retry:{gap}{self.retry}")
        if self.event is not None:
            lines.append(f"event:{gap}{self.event}")
        if self.id is not None:
            lines.append(f"id:{gap}{self.id}")
        if self.data is not None:
            text = self.data.replace("\r\n", "\n").replace("\r", "\n")
            lines += [f"data:{gap}{line}" for line in text.split("\n")]
        return ("\n".join(lines) + "\n\n").encode()


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a plain text. ``bytes(piece)`` is its form on the wire.

    Args:
        data: The text.
    """

    data: str

    def __bytes__(self) -> bytes:
        """Return the piece as it is sent."""
        return self.data.encode()
