"""Whose turn it is to read: those that rest until then, a few in each turn of the event loop."""

from __future__ import annotations

import asyncio
import math
import weakref
from collections import deque
from typing import ClassVar, Final

__all__ = ["Turns"]

#: Rests end on a grid of so many seconds, so that a timer serves all that end together.
_GRID_S: Final = 0.004
#: What is shorter than this is kept exactly.
_SHORT_S: Final = 0.02
#: How many may go in one turn of the loop: about a millisecond of work.
_AT_ONCE: Final = 12

_Waiting = asyncio.Future[None]


class Turns:
    """Lets those that rest go on when their time has come; one for all of an event loop.

    What is due at the same moment would otherwise be done in a single turn of the loop, and
    everything else in the process would wait for it. Those that are due go in the order in which
    they became so; where there are more than can be served, reading falls behind, and not the loop.

    Args:
        loop: The event loop.
    """

    _of: ClassVar[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Turns]] = (
        weakref.WeakKeyDictionary()
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        # The loop holds this while a timer runs, and nothing holds the loop.
        self._loop = weakref.ref(loop)
        self._resting: dict[int, list[_Waiting]] = {}
        self._due: deque[_Waiting] = deque()

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Turns:
        """Return that of an event loop.

        Args:
            loop: The event loop.
        """
        turns = cls._of.get(loop)
        if turns is None:
            turns = cls._of[loop] = cls(loop)
        return turns

    async def rest(self, seconds: float) -> None:
        """Wait so long, and then for a turn.

        Args:
            seconds: At least so many.
        """
        loop = self._loop()
        if loop is None or seconds < _SHORT_S:
            await asyncio.sleep(seconds)
            return
        waiting: _Waiting = loop.create_future()
        tick = math.ceil((loop.time() + seconds) / _GRID_S)
        together = self._resting.get(tick)
        if together is None:
            together = self._resting[tick] = []
            loop.call_at(tick * _GRID_S, self._come_due, tick)
        together.append(waiting)
        await waiting

    def _come_due(self, tick: int) -> None:
        is_serving = bool(self._due)
        self._due += self._resting.pop(tick)
        if not is_serving:
            self._serve()

    def _serve(self) -> None:
        due = self._due
        served = 0
        while due and served < _AT_ONCE:
            waiting = due.popleft()
            # Whoever was cancelled does not wait any more.
            if not waiting.done():
                waiting.set_result(None)
                served += 1
        loop = self._loop()
        if due and loop is not None:
            loop.call_soon(self._serve)
