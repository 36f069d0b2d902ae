"""``ai-text``: what the Vercel AI SDK's ``useObject`` reads: the JSON text and nothing else.

A body that ends is a success to its reader, so that the connection is broken when the answer is
not whole. What a new attempt writes cannot follow what a failed one wrote, so that ends it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from partialfast.web._event import Event, Piece
from partialfast.web._json_text import TextWriter
from partialfast.web._outcome import Outcome
from partialfast.web._step import Step

__all__ = ["Wire"]


@dataclass(frozen=True)
class Wire:
    """The wire ``ai-text``."""

    media_type: ClassVar[str] = "text/plain; charset=utf-8"
    headers: ClassVar[Mapping[str, str]] = {}
    of: ClassVar[Literal["value", "document"]] = "document"
    shared: ClassVar[bool] = False
    breaks: ClassVar[bool] = True

    def encoder(self) -> _Encoder:
        """Return what writes one answer for one reader."""
        return _Encoder()


class _Encoder:
    def __init__(self) -> None:
        self._writer = TextWriter()

    def begin(self, *, resumable: bool) -> list[Event | Piece]:
        del resumable
        return []

    def step(self, step: Step) -> list[Event | Piece]:
        text = "".join([self._writer.write(change) for change in step.changes])
        return [Piece(text)] if text else []

    def end(self, outcome: Outcome, *, detail: bool) -> list[Event | Piece]:
        del detail
        rest = self._writer.finish() if outcome.complete else ""
        return [Piece(rest)] if rest else []

    def alive(self) -> list[Event | Piece]:
        # White space is only significant in text.
        return [] if self._writer.in_text else [Piece("\n")]
