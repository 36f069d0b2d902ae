"""Time limits for what blocks: one thread that calls back, for all streams of a process."""

from __future__ import annotations

import atexit
import heapq
import itertools
import os
import threading
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Alarm", "call_after"]


class Alarm:
    """A call to come.

    Args:
        ring: What is called, in a thread of its own; it must not block.
    """

    __slots__ = ("_lock", "_ring")

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring: Callable[[], None] | None = ring
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """Cancel the call; when this returns, it is over or will never happen."""
        with self._lock:
            self._ring = None

    def ring(self) -> None:
        """Call, unless it was cancelled."""
        with self._lock:
            if self._ring is not None:
                self._ring()
                self._ring = None


class _Clock:
    """The thread and what it waits for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._alarms: list[tuple[float, int, Alarm]] = []
        self._numbers = itertools.count()
        self._process: int | None = None
        self._thread: threading.Thread | None = None
        self._ended = False

    def set(self, seconds: float, ring: Callable[[], None]) -> Alarm:
        alarm = Alarm(ring)
        with self._changed:
            if self._process != os.getpid():
                # The first alarm, or the first after a fork: threads do not survive one.
                self._process = os.getpid()
                self._alarms = []
                self._thread = threading.Thread(
                    target=self._run, name="partialfast-alarm", daemon=True
                )
                self._thread.start()
                # A thread that lives on while the interpreter ends keeps connections from being
                # closed.
                atexit.register(self._end)
            when = time.monotonic() + seconds
            heapq.heappush(self._alarms, (when, next(self._numbers), alarm))
            if self._alarms[0][2] is alarm:
                self._changed.notify()
        return alarm

    def _end(self) -> None:
        thread = self._thread
        if self._process != os.getpid() or thread is None:
            return
        with self._changed:
            self._ended = True
            self._changed.notify()
        thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._alarms or self._ended):
                    self._changed.wait()
                if self._ended:
                    return
                when, _, alarm = self._alarms[0]
                left = when - time.monotonic()
                if left > 0:
                    # It may be notified of an earlier one, or of the end.
                    self._changed.wait(left)
                    continue
                heapq.heappop(self._alarms)
            alarm.ring()


_CLOCK: Final = _Clock()


def call_after(seconds: float, ring: Callable[[], None]) -> Alarm:
    """Call a function from another thread when some time has passed.

    Args:
        seconds: How long.
        ring: What to call; it must not block.

    Returns:
        The alarm, which can be cancelled.
    """
    return _CLOCK.set(seconds, ring)
