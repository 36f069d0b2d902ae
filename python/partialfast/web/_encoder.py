"""What those wires have in common whose endings are this package's own."""

from __future__ import annotations

from abc import ABC, abstractmethod

from partialfast.web._event import RETRY_MS, Event, Piece, json_text
from partialfast.web._outcome import Outcome
from partialfast.web._step import Step

__all__ = ["OwnEncoder"]


class OwnEncoder(ABC):
    """Server-sent events that end with one of type ``end``, which has the outcome.

    Args:
        tight: Leave the space after the colons out.
    """

    def __init__(self, *, tight: bool = False) -> None:
        self._tight = tight

    def begin(self, *, resumable: bool) -> list[Event | Piece]:
        """Return what comes first: when to come back, if one can."""
        return [Event(retry=RETRY_MS, tight=self._tight)] if resumable else []

    @abstractmethod
    def step(self, step: Step) -> list[Event | Piece]:
        """Return what leads to the next version."""

    def end(self, outcome: Outcome, *, detail: bool) -> list[Event | Piece]:
        """Return the event with the outcome."""
        said = json_text(outcome.to_json(detail=detail))
        return [Event(said, event="end", tight=self._tight)]

    def alive(self) -> list[Event | Piece]:
        """Return a comment, which readers skip."""
        return [Event(comment="")]
