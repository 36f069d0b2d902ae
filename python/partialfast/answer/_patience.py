"""How long a stream waits for its next block, and what it does then."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from typing import Final

from partialfast._errors import StreamTimeoutError
from partialfast.answer._options import CallOptions
from partialfast.answer._reader import AnswerReader

__all__ = ["MOST_LATE", "Patience", "WaitEnd"]

# How long to wait for usage, and for the end of the body, after the server has said that all is
# written. Some servers send neither, and keep the connection open.
_FOR_USAGE_S: Final = 0.5
_FOR_THE_END_S: Final = 0.1
# A process that was held up finds late what came in time: it is read after all, as long as it is
# there, and as long as it does not look as if it would never end.
_LATE_S: Final = 0.01
#: Blocks that are read once the time is up: each byte of the usage may be one.
MOST_LATE: Final = 4_096


class WaitEnd(Enum):
    """What happens when the time has come."""

    #: The newest snapshot is due.
    SNAPSHOT = "snapshot"
    #: The answer is complete although its stream has not ended.
    END = "end"
    #: The first token took too long.
    FIRST = "first_timeout"
    #: A token took too long.
    STALL = "stall_timeout"
    #: The whole took too long.
    TOTAL = "total_timeout"


class Patience:
    """Keeps the time limits of one attempt.

    Args:
        options: The limits.
        clock: Gives the time in seconds.
    """

    def __init__(
        self, options: CallOptions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._options = options
        self._clock = clock
        #: Whether the caller set any.
        self.limited = options.has_limits
        self._began = clock() if self.limited else 0.0
        self._progress = 0
        self._moved = self._began
        # What was there when the end was waited for, since when, and the blocks that came too late.
        self._said: tuple[int, bool] | None = None
        self._said_at = 0.0
        self._late = 0

    def next(self, reader: AnswerReader, *, timed: bool) -> tuple[float, WaitEnd] | None:
        """Tell how long to wait for the next block.

        Args:
            reader: What reads the answer.
            timed: Whether a snapshot that is due can be handed out while waiting.

        Returns:
            The seconds, and what happens then; ``None`` to wait as long as it takes.
        """
        waits: list[tuple[float, WaitEnd]] = []
        if timed and reader.is_pending and (due := reader.due_in) is not None:
            waits.append((due, WaitEnd.SNAPSHOT))
        if reader.received.ending.is_written:
            waits.append((self._for_the_end(reader), WaitEnd.END))
        if self.limited:
            waits += self._limits(reader)
        return min(waits, key=lambda wait: wait[0], default=None)

    def _for_the_end(self, reader: AnswerReader) -> float:
        """Tell how long to wait for what may come after all is written.

        A server may go on with comments for ever: they do not make the waiting begin anew.
        """
        now, usage = self._clock(), reader.received.usage_json is not None
        if self._said != (said := (reader.progress, usage)):
            self._said, self._said_at = said, now
        left = self._said_at + (_FOR_THE_END_S if usage else _FOR_USAGE_S) - now
        if left > _LATE_S:
            return left
        self._late += 1
        return _LATE_S if self._late <= MOST_LATE else 0.0

    def rest(self, reader: AnswerReader) -> float:
        """Tell how long the next block may lie unread, for what it brings is not due before.

        Args:
            reader: What reads the answer.

        Returns:
            Seconds.
        """
        rest = reader.rests_for
        if rest and self.limited:
            # What comes just in time must be read in time.
            rest = min(rest, *(seconds / 4 for seconds, _ in self._limits(reader)))
        return rest

    def _limits(self, reader: AnswerReader) -> list[tuple[float, WaitEnd]]:
        now = self._clock()
        if reader.progress != self._progress:
            self._progress, self._moved = reader.progress, now
        options = self._options
        waits: list[tuple[float, WaitEnd]] = []
        if options.total_timeout:
            waits.append((self._began + options.total_timeout - now, WaitEnd.TOTAL))
        if not self._progress and options.first_timeout:
            waits.append((self._began + options.first_timeout - now, WaitEnd.FIRST))
        if self._progress and options.stall_timeout:
            waits.append((self._moved + options.stall_timeout - now, WaitEnd.STALL))
        return [(max(seconds, 0.0), wait) for seconds, wait in waits]

    def opening(self) -> tuple[float, WaitEnd] | None:
        """Tell how long the response may take to begin."""
        options = self._options
        limits = [
            (seconds, wait)
            for seconds, wait in (
                (options.first_timeout, WaitEnd.FIRST),
                (options.total_timeout, WaitEnd.TOTAL),
            )
            if seconds is not None
        ]
        return min(limits, key=lambda limit: limit[0], default=None)

    def error(self, wait: WaitEnd, reader: AnswerReader) -> StreamTimeoutError:
        """Return the exception for a limit that was reached.

        Args:
            wait: Which.
            reader: What reads the answer.
        """
        what = {
            WaitEnd.FIRST: "its first token did not come in time",
            WaitEnd.STALL: "no further token came in time",
            WaitEnd.TOTAL: "it was not complete in time",
        }[wait]
        seconds: float = getattr(self._options, wait.value)
        return reader.timed_out(f"{what} ({wait.value}={seconds:g})")
