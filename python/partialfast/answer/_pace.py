"""When a snapshot is due."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Final, Literal

__all__ = ["Every", "Pace", "phase"]

_COARSE_S: Final = 1e-6
_GOLDEN: Final = (5**0.5 - 1) / 2
_NUMBERS: Final = itertools.count(1)

Every = Literal["event", "read", "value"] | float


def phase() -> float:
    """Return a part of one that differs from call to call.

    Streams that begin together would otherwise stay together: all of them due at once, and nobody
    in between. Multiples of the golden ratio, less the whole, are spread evenly however many of
    them are taken (https://en.wikipedia.org/wiki/Low-discrepancy_sequence#Additive_recurrence).
    """
    return next(_NUMBERS) * _GOLDEN % 1.0


class Pace:
    """Decides when a changed snapshot is handed out. The first one is not delayed.

    Args:
        every: ``"event"``, ``"read"``, ``"value"`` or seconds.
        first: The part of these seconds from the first snapshot to the second; see `phase`.
        clock: Gives the time in seconds.
    """

    def __init__(
        self, every: Every, *, first: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.every_event: bool = every == "event"
        self.every_value: bool = every == "value"
        self._seconds = None if isinstance(every, str) else every
        self._early = 0.0 if isinstance(every, str) else (1.0 - first) * every
        self._clock = clock
        self._last: float | None = None

    def is_due(self, *, completed: bool, more: bool) -> bool:
        """Tell whether to hand out the newest snapshot now.

        Args:
            completed: Whether a value was completed since the last one handed out.
            more: Whether more of the same read is waiting.
        """
        if self.every_event:
            return True
        now = 0.0 if self._seconds is None else self._clock()
        if self._last is None:
            self._last = now - self._early
            return True
        if self._seconds is not None:
            # A timer may fire by as much too early as its clock is coarse.
            due = now - self._last >= self._seconds - _COARSE_S
        else:
            due = completed if self.every_value else not more
        if due:
            self._last = now
        return due

    @property
    def due_in(self) -> float | None:
        """Seconds until the next one is due; ``None`` where time has no part in it."""
        if self._seconds is None or self._last is None:
            return None
        return max(self._last + self._seconds - self._clock(), 0.0)
