"""``json-patch``: RFC 6902 over server-sent events.

Each message is one patch; the first adds the root. At the end comes an event of type ``end`` with
the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from partialfast.web._encoder import OwnEncoder
from partialfast.web._event import Event, Piece, json_text
from partialfast.web._log import Step
from partialfast.web._patch import patch

__all__ = ["Wire"]


@dataclass(frozen=True)
class Wire:
    """The wire ``json-patch``."""

    media_type: ClassVar[str] = "text/event-stream"
    headers: ClassVar[Mapping[str, str]] = {}
    of: ClassVar[Literal["value", "document"]] = "value"
    shared: ClassVar[bool] = True
    breaks: ClassVar[bool] = False

    def encoder(self) -> _Encoder:
        """Begin an answer."""
        return _Encoder()


class _Encoder(OwnEncoder):
    def step(self, step: Step) -> list[Event | Piece]:
        return [Event(json_text(patch(step)), id=str(step.version))]
