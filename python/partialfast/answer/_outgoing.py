"""What waits to be handed out: a changed snapshot, or items, and what they completed.

Nothing here knows where it comes from; that is `AnswerReader`'s.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from partialfast._core import EventReader
from partialfast.answer._asked import Asked
from partialfast.answer._pace import Pace
from partialfast.answer._text import Answer, Path

__all__ = ["Outgoing"]


class Outgoing:
    """Keeps what an answer brought until it is due.

    Args:
        asked: What is answered.
        pace: When snapshots are due.
        events: Keeps what was handed out last, which its iteration hands out, too.
    """

    __slots__ = (
        "_events",
        "_item_is_call",
        "_newly_completed",
        "_of_items",
        "changed",
        "collects",
        "collects_pieces",
        "completed",
        "items",
        "pace",
        "taken",
    )

    def __init__(self, asked: Asked, pace: Pace, events: EventReader) -> None:
        #: Whether there is a snapshot that was not handed out yet.
        self.changed: bool = False
        #: Complete items that were not handed out yet.
        self.items: deque[Any] = deque()
        #: Those that were.
        self.taken: list[Any] = []
        #: Paths of the values that were completed with what was handed out last.
        self.completed: list[Path] = []
        #: When snapshots are due.
        self.pace: Pace = pace
        # Completions are looked up when the caller asks, where that gives the right ones: with a
        # snapshot at each event. Else they are collected, at each change or at each piece.
        self.collects: bool = asked.target.items or not pace.every_event
        self.collects_pieces: bool = pace.every_value or asked.item_is_call
        self._of_items = asked.target.items
        self._item_is_call = asked.item_is_call
        self._events = events
        self._newly_completed: list[Path] = []

    def collect(self, answer: Answer, *, news: bool, failed: bool) -> None:
        """Note what a piece of an answer brought.

        Args:
            answer: The answer.
            news: Whether its snapshot has changed, or an item is complete.
            failed: Whether the piece was wrong, so that only what came before counts.
        """
        if self.collects_pieces:
            completed = answer.parser.completed
            news = news or (bool(completed) and answer.parser.snapshot is not None)
        else:
            completed = answer.parser.newly_completed if news and self.collects else []
        if self._item_is_call:
            self._newly_completed += [(answer.number, *path) for path in completed]
            # Not whenever it is complete: white space may follow.
            if () in completed and not failed:
                self.items.append(answer.finish())
            return
        self._newly_completed += completed
        if self._of_items:
            self.items.extend(answer.parser.take_items())
        else:
            self.changed = self.changed or news

    def is_due(self, *, more: bool) -> bool:
        """Tell whether the changed snapshot is due now.

        Args:
            more: Whether more of the same read is waiting.
        """
        return self.pace.is_due(completed=bool(self._newly_completed), more=more)

    def take_item(self) -> Any:
        """Return the next item, as handed out."""
        item = self.items.popleft()
        self.taken.append(item)
        return self.hand_out(item)

    def hand_out(self, due: Any) -> Any:
        """Return a snapshot or an item, as handed out.

        Args:
            due: What is handed out.
        """
        self._events.last = due
        self.completed = self._newly_completed
        self._newly_completed = []
        return due
