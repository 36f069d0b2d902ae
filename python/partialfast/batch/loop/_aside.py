"""Iterates over what blocks, without holding up the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Iterable
from typing import Any, TypeVar

__all__ = ["aside"]

T = TypeVar("T")


async def aside(items: Iterable[T], *, name: str) -> AsyncGenerator[T, None]:
    """Iterate in a thread of its own, one item ahead of who takes them.

    Nobody waits for the thread at the end: it may be stuck in a read that never returns.

    Args:
        items: What blocks.
        name: What the thread is called.

    Yields:
        The items.

    Raises:
        Exception: What the iterable raises, after the items before it.
    """
    loop = asyncio.get_running_loop()
    ready: asyncio.Queue[Any] = asyncio.Queue()
    wanted = threading.Semaphore(1)
    left = threading.Event()
    end = object()

    def hand_over(found: Any) -> None:
        # The loop is closed when the run was stopped while this thread waited for an item.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(ready.put_nowait, found)

    def read() -> None:
        try:
            for item in items:
                wanted.acquire()
                if left.is_set():
                    return
                hand_over((item,))
        except Exception as error:  # noqa: BLE001 - raised where the items are taken
            hand_over(error)
        else:
            hand_over(end)

    threading.Thread(target=read, name=name, daemon=True).start()
    try:
        while (found := await ready.get()) is not end:
            if isinstance(found, Exception):
                raise found
            wanted.release()
            yield found[0]
    finally:
        left.set()
        wanted.release()
