"""Lets pieces of text through only as the test allows."""

from __future__ import annotations

import asyncio
import threading

__all__ = ["Gate"]


class Gate:
    """Counts pieces of text against an allowance that another thread raises.

    Args:
        allowance: How many may pass at first; ``None`` for all.
    """

    def __init__(self, allowance: int | None) -> None:
        self._allowance = allowance
        self._lock = threading.Lock()
        self._raised: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def release(self, count: int | None = None) -> None:
        """Let more pass.

        Args:
            count: How many; ``None`` for all from now on.
        """
        with self._lock:
            if self._allowance is not None:
                self._allowance = None if count is None else self._allowance + count
            if self._loop is not None and self._raised is not None:
                self._loop.call_soon_threadsafe(self._raised.set)

    async def pass_one(self) -> None:
        """Wait until a piece may pass, and count it."""
        while True:
            with self._lock:
                if self._allowance is None:
                    return
                if self._allowance > 0:
                    self._allowance -= 1
                    return
                if self._raised is None:
                    self._loop, self._raised = asyncio.get_running_loop(), asyncio.Event()
                # Under the lock: `release` can only come after, and sets it again.
                self._raised.clear()
                raised = self._raised
            await raised.wait()
