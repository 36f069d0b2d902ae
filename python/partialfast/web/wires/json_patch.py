"""``json-patch``: RFC 6902 over server-sent events.

Each message is one patch; the first adds the root. At the end comes an event of type ``end`` with
the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from partialfast.web._event import RETRY_MS, Event, Piece, json_text
from partialfast.web._log import Step
from partialfast.web._outcome import Outcome
from partialfast.web._patch import patch

__all__ = ["Wire"]

_ALIVE = Event(comment="")


@dataclass(frozen=True)
class Wire:
    """The wire ``json-patch``."""

    media_type: ClassVar[str] = "text/event-stream"
    headers: ClassVar[Mapping[str, str]] = {}
    shared: ClassVar[bool] = True
    breaks: ClassVar[bool] = False

    def encoder(self) -> _Encoder:
        """Begin an answer."""
        return _Encoder()


class _Encoder:
    def begin(self, *, resumable: bool) -> list[Event | Piece]:
        return [Event(retry=RETRY_MS)] if resumable else []

    def step(self, step: Step) -> list[Event | Piece]:
        return [Event(json_text(patch(step)), id=str(step.version))]

    def end(self, outcome: Outcome, *, detail: bool) -> list[Event | Piece]:
        said = {"outcome": outcome.kind, "message": outcome.message}
        if detail and outcome.detail is not None:
            said["detail"] = outcome.detail
        return [Event(json_text(said), event="end")]

    def alive(self) -> list[Event | Piece]:
        return [_ALIVE]
