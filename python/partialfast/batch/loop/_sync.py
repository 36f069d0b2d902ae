"""The twin of `extract` for programs without an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any

from partialfast.batch.loop._extract import Source, extract
from partialfast.batch.loop._result import Result

__all__ = ["extract_sync"]

_POLL_S = 0.005


@dataclass(frozen=True, slots=True)
class _Ended:
    """Stands for the exception that ended a batch."""

    error: BaseException


_END = object()


def extract_sync(
    items: Iterable[Source], *, buffer: int = 16, **arguments: Any
) -> Generator[Result[Any], None, None]:
    """Do what `extract` does, for programs without an event loop.

    The requests go on in a thread of their own while the caller works on a result.

    Args:
        items: The documents.
        buffer: How many finished results may wait for the caller.
        **arguments: Those of `extract`. The client is asynchronous here too.

    Yields:
        A result for each item.

    Raises:
        EndpointError: The endpoint answers nothing but errors. All finished results came before.
        BatchError: An item is not what it should be.
    """
    results: queue.Queue[Any] = queue.Queue(max(1, buffer))
    over = threading.Event()

    async def run() -> None:
        end: Any = _END
        try:
            async with contextlib.aclosing(extract(items, **arguments)) as stream:
                async for result in stream:
                    await _put(results, result)
        except Exception as error:  # noqa: BLE001 - raised where the results are read
            end = _Ended(error)
        finally:
            over.set()
        await _put(results, end)

    running = asyncio.run_coroutine_threadsafe(run(), _background())
    try:
        while (result := results.get()) is not _END:
            if isinstance(result, _Ended):
                raise result.error
            yield result
    finally:
        running.cancel()
        # It is over when its responses are closed, not when it is told to end.
        over.wait()


async def _put(results: queue.Queue[Any], result: Any) -> None:
    # The requests go on meanwhile, until their own bounds hold them back.
    while results.full():  # noqa: ASYNC110 - the other side has no event loop
        await asyncio.sleep(_POLL_S)
    # Nobody else puts anything in.
    results.put_nowait(result)


_lock = threading.Lock()
_running: tuple[threading.Thread, asyncio.AbstractEventLoop] | None = None


def _background() -> asyncio.AbstractEventLoop:
    """Give the event loop of `extract_sync`.

    One for all calls: a client keeps connections, which belong to the loop that opened them.
    """
    global _running  # noqa: PLW0603 - that is what there is one of
    with _lock:
        # A forked process has the loop, but not the thread.
        if _running is None or not _running[0].is_alive():
            loop = asyncio.new_event_loop()
            thread = threading.Thread(
                target=loop.run_forever, name="partialfast-batch", daemon=True
            )
            thread.start()
            _running = thread, loop
        return _running[1]
