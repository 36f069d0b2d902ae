"""When requests may go: the state that all requests to one endpoint share, without I/O or clock.

Theory of operation. It is *closed* while requests go freely. A rate limit, or some failures in a
row, open it: nobody may go until a pause is over. Then it is *half open*: one request, the probe,
may go and all others wait for what becomes of it. If it is answered, the breaker is closed again;
if not, a longer pause follows. After a number of pauses without any answer in between it is
*tripped*, for good. What comes back late, from requests sent before the pause, can only lengthen a
pause: it says nothing new about the endpoint.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

__all__ = ["Breaker", "BreakerOptions", "backoff_s"]

#: A probe that nobody reports on, because its process died, is given up after so many seconds.
_PROBE_S = 120.0


def backoff_s(
    round_: int, *, first_s: float, longest_s: float, draw: Callable[[], float] = random.random
) -> float:
    """Give a jittered pause that doubles from round to round.

    Args:
        round_: Counted from 1.
        first_s: The first pause, in seconds.
        longest_s: The longest pause, in seconds.
        draw: Gives a number from 0 to 1.

    Returns:
        Seconds, between half the pause and all of it, so that many do not come back at once.
    """
    # The exponent is bounded: a float overflows at 1024.
    pause = min(longest_s, first_s * 2.0 ** min(round_ - 1, 64))
    return pause * (0.5 + draw() / 2)


class _BreakerState(Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"
    TRIPPED = "tripped"


@dataclass(frozen=True, slots=True)
class BreakerOptions:
    """When to pause and when to give up.

    Args:
        failures: Failures in a row, over all items, that begin a pause.
        pauses: Pauses without any answer in between before giving up.
        first_s: The first pause, in seconds; each further one is twice as long.
        longest_s: The longest pause, in seconds.
    """

    failures: int = 10
    pauses: int = 8
    first_s: float = 1.0
    longest_s: float = 30.0


class Breaker:
    """Decides when requests may go.

    Args:
        options: When to pause and when to give up.
        draw: Gives a number from 0 to 1, for the jitter.
    """

    def __init__(
        self, options: BreakerOptions | None = None, *, draw: Callable[[], float] = random.random
    ) -> None:
        self._options = options or BreakerOptions()
        self._draw = draw
        self._state = _BreakerState.CLOSED
        self._in_a_row = 0
        self._pauses = 0
        self._until = 0.0
        self._probe = 0
        self.reason = ""

    @property
    def is_tripped(self) -> bool:
        """Whether it has given up; `reason` says why."""
        return self._state is _BreakerState.TRIPPED

    @property
    def is_closed(self) -> bool:
        """Whether requests go freely."""
        return self._state is _BreakerState.CLOSED

    def ask(self, now: float) -> tuple[float, int]:
        """Ask to send a request.

        Args:
            now: The time, in seconds.

        Returns:
            Seconds to wait before asking again (0: go), and the number of the probe that the
            request is (0: none).
        """
        if self._state is _BreakerState.CLOSED:
            return 0.0, 0
        if now < self._until:
            return self._until - now, 0
        self._state = _BreakerState.HALF_OPEN
        self._until = now + _PROBE_S
        self._probe += 1
        return 0.0, self._probe

    def succeeded(self, probe: int) -> None:
        """Note that a request was answered."""
        if self._state is _BreakerState.CLOSED or self._is_probe(probe):
            self._state = _BreakerState.CLOSED
            self._in_a_row = self._pauses = 0

    def throttled(self, now: float, probe: int, retry_after_s: float | None, reason: str) -> None:
        """Note that the endpoint asks for a pause."""
        self._pause(now, probe, retry_after_s, reason)

    def failed(self, now: float, probe: int, reason: str) -> None:
        """Note that a request failed for a reason that lies outside the item."""
        self._in_a_row += 1
        if self._state is not _BreakerState.CLOSED or self._in_a_row >= self._options.failures:
            self._pause(now, probe, None, reason)

    def returned(self, now: float, probe: int) -> None:
        """Note that a request was given up before anything was known."""
        if self._is_probe(probe):
            self._state = _BreakerState.OPEN
            self._until = now

    def _trip(self, reason: str) -> None:
        """Give up."""
        self._state = _BreakerState.TRIPPED
        self.reason = reason

    def _is_probe(self, probe: int) -> bool:
        return self._state is _BreakerState.HALF_OPEN and probe == self._probe and probe > 0

    def _pause(self, now: float, probe: int, retry_after_s: float | None, reason: str) -> None:
        options = self._options
        if self._state is _BreakerState.TRIPPED:
            return
        if self._state is _BreakerState.CLOSED or self._is_probe(probe):
            self._pauses += 1
            if self._pauses > options.pauses:
                self._trip(reason)
                return
            pause = backoff_s(
                self._pauses, first_s=options.first_s, longest_s=options.longest_s, draw=self._draw
            )
            # What the endpoint says counts, until it has been wrong twice.
            if retry_after_s is not None:
                pause = retry_after_s if self._pauses <= 2 else max(pause, retry_after_s)  # noqa: PLR2004
            self._state = _BreakerState.OPEN
            self._until = now + pause
        elif self._state is _BreakerState.OPEN and retry_after_s is not None:
            self._until = max(self._until, now + retry_after_s)
