"""Extracts in several processes, one for each core, as Ray's actors do on several machines.

Documents go to whichever worker has room; results come back as lines of the journal, which this
process alone writes. The limits are kept here, for all workers together.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

from partialfast.batch.loop._aside import aside
from partialfast.batch.loop._limits import EndpointLimiter
from partialfast.batch.loop._meter import Meter
from partialfast.batch.loop._prompt import Message
from partialfast.batch.loop._result import BatchError, EndpointError, Item
from partialfast.batch.run._worker import Setup, read_message, write_message

__all__ = ["STREAMS", "Workers", "worker_count"]

T = TypeVar("T")

#: Streams that one process carries without its event loop being late; see docs/sizing.md.
STREAMS = 1024


def worker_count(said: str, *, concurrency: int) -> int:
    """Say how many processes are to work.

    Args:
        said: A number, or ``auto`` for as many as the requests need, but no more than cores.
        concurrency: How many requests at a time.

    Raises:
        ValueError: It is something else.
    """
    if said == "auto":
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return max(1, min(cores or 1, -(-concurrency // STREAMS)))
    count = int(said)
    if count < 1:
        raise ValueError(f"must be at least 1: {said}")
    return min(count, concurrency)


class Workers:
    """Extracts in processes; an `Elsewhere` of `partialfast.batch.run._job`.

    Args:
        setup: What each is to do.
        count: How many there are.
        messages: What turns a document into what is asked about it.
        limiter: The limits of all together.
    """

    #: Ctrl-C takes no more documents and finishes those in flight.
    finishes = True

    def __init__(
        self,
        setup: Setup,
        *,
        count: int,
        messages: Callable[[Item], list[Message]],
        limiter: EndpointLimiter,
    ) -> None:
        self._setup = setup
        self._count = count
        self._messages = messages
        self._limiter = limiter
        self._calls: set[asyncio.Task[None]] = set()

    async def __call__(
        self, items: Iterator[Item], meter: Meter, until: asyncio.Event
    ) -> AsyncGenerator[tuple[Any, bytes], None]:
        """Extract.

        Args:
            items: The documents.
            meter: Counts along.
            until: Once it is set no more documents are taken.

        Yields:
            Results, each with its line.
        """
        results: asyncio.Queue[Any] = asyncio.Queue()
        room = asyncio.Semaphore(2 * self._setup.streams * self._count)
        async with contextlib.AsyncExitStack() as stack:
            workers = [
                await stack.enter_async_context(self._worker(results)) for _ in range(self._count)
            ]
            feeding = asyncio.create_task(self._feed(items, workers, room, meter, until))
            stack.push_async_callback(_cancelled, feeding)
            ended = 0
            while ended < self._count:
                message = await results.get()
                if feeding.done() and not feeding.cancelled() and feeding.exception() is not None:
                    await feeding
                kind, *rest = message
                if kind == "result":
                    result, line, worker = rest
                    worker.waiting -= 1
                    room.release()
                    meter.finished(result)
                    yield result, line
                elif kind == "error":
                    raise rest[0](rest[1])
                else:
                    ended += 1
            await feeding

    async def _feed(
        self,
        items: Iterator[Item],
        workers: list[_Worker],
        room: asyncio.Semaphore,
        meter: Meter,
        until: asyncio.Event,
    ) -> None:
        try:
            # The input may block, and must not hold up what is in flight.
            async with contextlib.aclosing(aside(items, name="partialfast-batch-input")) as source:
                while (item := await _unless(until, anext(source, None))) is not None:
                    await room.acquire()
                    worker = min(workers, key=lambda each: each.waiting)
                    worker.waiting += 1
                    meter.started()
                    worker.send(("item", Item(item.id, {"messages": self._messages(item)})))
                    await worker.writer.drain()
        finally:
            for worker in workers:
                worker.send(("end",))

    @contextlib.asynccontextmanager
    async def _worker(self, results: asyncio.Queue[Any]) -> AsyncGenerator[_Worker, None]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "partialfast.batch.run._worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            limit=1 << 26,
        )
        assert process.stdin is not None  # noqa: S101 - for the type checkers
        worker = _Worker(process.stdin)
        listening = asyncio.create_task(self._listen(process, worker, results))
        worker.send(self._setup)
        try:
            yield worker
        finally:
            listening.cancel()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await asyncio.gather(listening, return_exceptions=True)
            worker.writer.close()
            with contextlib.suppress(ConnectionError):
                await worker.writer.wait_closed()

    async def _listen(
        self, process: asyncio.subprocess.Process, worker: _Worker, results: asyncio.Queue[Any]
    ) -> None:
        assert process.stdout is not None  # noqa: S101 - for the type checkers
        while (message := await read_message(process.stdout)) is not None:
            kind, *rest = message
            if kind == "call":
                task = asyncio.create_task(self._answer(worker, *rest))
                self._calls.add(task)
                task.add_done_callback(self._calls.discard)
                continue
            results.put_nowait((*message, worker) if kind == "result" else message)
            if kind in {"end", "error"}:
                return
        results.put_nowait((
            "error", BatchError, "a worker process has ended early; --resume goes on without it",
        ))  # fmt: skip

    async def _answer(self, worker: _Worker, number: int, name: str, arguments: Any) -> None:
        """Do for a worker what its limiter was asked."""
        try:
            value = await getattr(self._limiter, name)(*arguments)
        except EndpointError as error:
            worker.send(("reply", number, None, str(error)))
        else:
            worker.send(("reply", number, value, None))


class _Worker:
    """A worker, seen from here.

    Args:
        writer: Where messages to it go.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.waiting = 0

    def send(self, message: Any) -> None:
        """Send it a message."""
        if not self.writer.is_closing():
            write_message(self.writer, message)


async def _unless(stop: asyncio.Event, awaitable: Awaitable[T]) -> T | None:
    """Wait for something; ``None`` if `stop` is set first. Neither is waited for afterwards."""
    following = asyncio.ensure_future(awaitable)
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({following, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return None if stopped.done() else following.result()
    finally:
        # A generator cannot be closed as long as somebody waits for its next item.
        following.cancel()
        stopped.cancel()
        await asyncio.gather(following, stopped, return_exceptions=True)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
