"""What the server and the transport have said about the end of an answer."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from partialfast.answer._delta import Outcome

__all__ = ["Ending"]

# The worst ending counts: other choices do not make up for it.
_SEVERITY: dict[Outcome, int] = {
    "whole": 0,
    "unknown": 1,
    "refused": 2,
    "cut_off": 3,
    "filtered": 4,
    "failed": 5,
}


class Ending:
    """Collects how the choices of an answer ended.

    Args:
        choices: How many were asked for.
    """

    def __init__(self, choices: int) -> None:
        #: The provider's finish reason.
        self.reason: str | None = None
        #: What it means.
        self.outcome: Outcome | None = None
        #: The exception of a connection that was lost.
        self.lost: BaseException | None = None
        #: Whether the server has said that nothing more comes.
        self.done = False
        #: Whether the server has said of each choice that all is written.
        self.is_written: bool = False
        #: Whether all was there at once.
        self.at_once = False
        self._choices = choices
        self._ended: set[int] = set()
        # Servers that write a finish reason into each event say nothing with it.
        self._distrusted: set[int] = set()

    def finish(self, choice: int, reason: str, outcome: Outcome) -> None:
        """Note that a choice has ended.

        Args:
            choice: Which.
            reason: What the server wrote.
            outcome: What that means.
        """
        self._ended.add(choice)
        self.is_written = len(self.ended) >= self._choices
        if self.outcome is None or _SEVERITY[outcome] >= _SEVERITY[self.outcome]:
            self.reason, self.outcome = reason, outcome

    def reopen(self, choice: int) -> None:
        """Note that more came of a choice that had ended.

        Args:
            choice: Which.
        """
        if not self.at_once:
            self._ended.discard(choice)
            self._distrusted.add(choice)
            self.is_written = False

    def has_ended(self, choice: int) -> bool:
        """Tell whether the server has said of a choice that it has ended."""
        return choice in self._ended

    @property
    def ended(self) -> AbstractSet[int]:
        """The choices of which the server has said credibly that all is written."""
        over = self.at_once or (self.lost is None and self.done)
        return self._ended if over else self._ended - self._distrusted

    @property
    def is_lost(self) -> bool:
        """Whether the connection was lost before the server had said that all is written."""
        return self.lost is not None and len(self.ended) < self._choices

    def told(self, begun: AbstractSet[int]) -> Outcome | None:
        """Return how the answer ended, as far as the server has told.

        Args:
            begun: The choices of which something came. Some servers give one choice, however many
                were asked for.

        Returns:
            The outcome; ``None`` where the server has not said.
        """
        if self.outcome is None:
            # A stream that ended properly, from a server that gives no finish reasons.
            return "whole" if self.done or self.at_once else None
        if self.outcome != "whole":
            return self.outcome
        return "whole" if self.ended and begun <= self.ended else None
