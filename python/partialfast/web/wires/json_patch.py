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
from partialfast.web._outcome import Outcome
from partialfast.web._patch import Patches, check_growth
from partialfast.web._step import Step

__all__ = ["Wire"]


@dataclass(frozen=True)
class Wire:
    """The wire ``json-patch``.

    Args:
        growth: A text that grows is sent anew, since a patch cannot append to it: with each message
            by default, which costs the square of its length, or only when it has grown by this
            share of what was sent last (0.1: a tenth), and when it is over.

    Raises:
        ValueError: `growth` makes no sense.
    """

    media_type: ClassVar[str] = "text/event-stream"
    headers: ClassVar[Mapping[str, str]] = {}
    of: ClassVar[Literal["value", "document"]] = "value"
    breaks: ClassVar[bool] = False

    growth: float = 0.0

    def __post_init__(self) -> None:
        """Check the options."""
        check_growth(self.growth)

    @property
    def shared(self) -> bool:
        """Whether what a step becomes depends on nothing but the step."""
        return not self.growth

    def encoder(self) -> _Encoder:
        """Return what writes one answer for one reader."""
        return _Encoder(self.growth)


class _Encoder(OwnEncoder):
    def __init__(self, growth: float) -> None:
        super().__init__()
        self._patches = Patches(growth)

    def step(self, step: Step) -> list[Event | Piece]:
        operations = self._patches.write(step)
        return [Event(json_text(operations), id=str(step.version))] if operations else []

    def end(self, outcome: Outcome, *, detail: bool) -> list[Event | Piece]:
        rest = self._patches.rest()
        last: list[Event | Piece] = [Event(json_text(rest))] if rest else []
        return [*last, *super().end(outcome, detail=detail)]
