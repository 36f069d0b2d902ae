"""Asynchronous streams: a loop around an `AnswerReader`, the twin of the one in `_stream`."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Coroutine, Generator
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal, TypeVar, cast

from typing_extensions import Self
from typing_extensions import TypeVar as TypeVarWithDefault

from partialfast._core import Op
from partialfast.answer._asked import END, NOTHING, Lost
from partialfast.answer._attempts import Call
from partialfast.answer._base import StreamBase
from partialfast.answer._both_ways import both_ways
from partialfast.answer._patience import WaitEnd
from partialfast.answer._seam import AsyncReply

__all__ = ["AsyncItemStream", "AsyncStream", "AsyncValue"]

T = TypeVar("T")
Final_ = TypeVar("Final_")
#: The type of the value at the end: that of the snapshots, but for what `as_` says of them.
Value = TypeVarWithDefault("Value", default=T)

# Closing tasks of streams that were dropped: the loop itself keeps no task alive.
_CLOSING: set[asyncio.Task[None]] = set()


def _loop() -> asyncio.AbstractEventLoop | None:
    """Return the running event loop of asyncio; ``None`` under another library."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _task() -> Any:
    """Return what tells the current task from others."""
    if _loop() is not None:
        return asyncio.current_task()
    from anyio import get_current_task  # noqa: PLC0415 - for other event loops

    return get_current_task().id


class _AsyncStream(StreamBase[T, Final_]):
    """What `AsyncStream` and `AsyncItemStream` share.

    Args:
        call: What to ask for.
    """

    _awaits = True

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._reply: AsyncReply | None = None
        self._opened = False
        self._busy = False
        # A read that goes on while the caller has something else.
        self._reading: asyncio.Task[Any] | None = None
        # A read that nothing but cancelling ends.
        self._interruptible: _Read | None = None
        self._home: asyncio.AbstractEventLoop | None = None

    def __await__(self) -> Generator[Any, None, Self]:
        """Send the request, unless it is sent already, and return the stream."""
        return self._started().__await__()

    async def __aiter__(self) -> AsyncIterator[T]:
        """Iterate; leaving the loop closes the HTTP response."""
        try:
            while (snapshot := await self._next()) is not NOTHING:
                yield snapshot
                for quick in self._reader.quick:
                    if self._callbacks is not None:
                        await self._tell(quick)
                    yield quick
        finally:
            await self._leave()

    async def __anext__(self) -> T:
        """Return the next one, and leave the stream open."""
        snapshot = await self._next()
        if snapshot is NOTHING:
            raise StopAsyncIteration
        return cast("T", snapshot)

    async def __aenter__(self) -> Self:
        """Send the request and return the stream."""
        await self._start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Close the HTTP response."""
        await self._leave()

    def __del__(self) -> None:
        """Close the HTTP response of a stream that nobody can read any more."""
        reply: AsyncReply | None = getattr(self, "_reply", None)
        home: asyncio.AbstractEventLoop | None = getattr(self, "_home", None)
        if reply is None or home is None or home.is_closed():
            return
        self._reply = None
        self._call.leave(self._reader)
        # The garbage collector may run in any thread.
        with contextlib.suppress(RuntimeError):
            home.call_soon_threadsafe(_close_later, reply)

    async def aclose(self) -> None:
        """Close the HTTP response at once. The last snapshot and the text stay readable.

        A task that is reading the stream, or goes on with it, gets a `StreamError`.
        """
        if not self._finished:
            self._closer = _task()
        await self._leave()

    async def close(self) -> None:
        """Do the same as `aclose`, by the name that the SDK's streams have for it."""
        await self.aclose()

    async def final(self) -> Final_:
        """Read the rest of the answer and return the final, fully validated value.

        Returns:
            The value; for a stream of items, the list of all of them.

        Raises:
            StreamError: The answer ended without a complete value, or was closed before. It is a
                `JsonError` too where the text is not JSON, and pydantic's ``ValidationError`` where
                the value is invalid.
        """
        while not self._finished:
            await self._next()
        return self._value()

    async def _leave(self) -> None:
        self._finished = True
        self._reader.stop()
        self._call.leave(self._reader)
        await self._close_reply()

    async def _started(self) -> Self:
        await self._start()
        return self

    async def _start(self) -> None:
        if self._opened or self._finished:
            return
        self._take_turn()
        try:
            await self._open()
        finally:
            self._busy = False

    def _take_turn(self) -> None:
        if self._busy:
            raise RuntimeError("another task is waiting for this stream: tasks must take turns")
        self._busy = True

    async def _open(self) -> None:
        self._opened = True
        self._home = _loop()
        call = self._call
        try:
            await _pause(call)
            told = call.begin_attempt()
            if inspect.isawaitable(told):
                await told
            self._renew(settled=await call.asettle())
            with call.opening():
                self._reply = await self._ask()
        except BaseException as error:  # noqa: BLE001 - raised again in there
            await self._raise_or_retry(error)
            return
        self._begin(self._reply)
        if (gate := self._reply.gate) is not None:
            gate.due_in = functools.partial(self._patience.rest, self._reader)
        if self._closer is not None or self._finished:
            # Another task closed the stream meanwhile, when there was nothing to be closed yet.
            await self._close_reply()

    async def _ask(self) -> AsyncReply:
        call = self._call
        limit = self._patience.opening()
        if limit is None:
            return await call.provider.aopen(call.request)
        from anyio import move_on_after  # noqa: PLC0415 - comes with the SDK, not with us

        with move_on_after(limit[0]):
            # What SDKs have for it is a limit of each read, which is another matter.
            return await call.provider.aopen(replace(call.request, first_timeout=None))
        raise self._patience.error(limit[1], self._reader)

    async def _close_reply(self) -> None:
        reply, self._reply = self._reply, None
        reading, self._reading = self._reading, None
        if reply is None:
            return
        # A cancelled task must still get as far as telling the server.
        from anyio import CancelScope  # noqa: PLC0415 - comes with the SDK, not with us

        with CancelScope(shield=True):
            if reading is not None:
                reading.cancel()
                await asyncio.wait({reading})
            if (read := self._interruptible) is not None:
                await read.interrupt()
            await reply.aclose()

    async def _next(self) -> Any:
        """Return what is due next, once the caller's functions were called with what it shows."""
        due = await self._read_next()
        if self._callbacks is not None and due is not NOTHING:
            await self._tell(due)
        return due

    async def _tell(self, snapshot: Any) -> None:
        for function, value in self._due(snapshot):
            answer = function(value)
            if inspect.isawaitable(answer):
                await answer

    async def _read_next(self) -> Any:
        if self._closed_by_another(_task):
            raise self._fail(self._reader.closed())
        self._take_turn()
        try:
            if not self._opened and not self._finished:
                await self._open()
            while not self._finished:
                try:
                    return await self._advance()
                except BaseException as error:  # noqa: BLE001, PERF203 - raised again in there
                    await self._close_reply()
                    await self._raise_or_retry(error)
            if self._closed_by_another(_task):
                raise self._fail(self._reader.closed())
        finally:
            self._busy = False
        return NOTHING

    async def _raise_or_retry(self, error: BaseException) -> None:
        if self._closed_by_another(_task) and isinstance(error, Exception):
            # Another task closed what this one was reading.
            raise self._fail(self._reader.closed()) from None
        if self._call.note_failure(error, self._reader, self._request_id):
            await self._open()
            return
        failure = self._fail(error)
        if failure is error:
            raise error
        raise failure from error

    async def _advance(self) -> Any:
        reader = self._reader
        due = reader.pull()
        while due is NOTHING and not reader.over:
            due = await self._read_on()
        if reader.over and self._reply is not None:
            reply, self._reply = self._reply, None
            await self._finish_reading(reply)
            self._call.log_end(reader, None)
        self._finished = self._finished or due is NOTHING
        return due

    async def _finish_reading(self, reply: AsyncReply) -> None:
        reading, self._reading = self._reading, None
        if reading is None:
            await (reply.afinish or reply.aclose)()
            return
        # What it waits for is not wanted any more.
        reading.cancel()
        await asyncio.wait({reading})
        await reply.aclose()

    async def _read_on(self) -> Any:
        """Read the next block, or wait as long as there is time, and return what is due then."""
        reader = self._reader
        wait = self._patience.next(reader, timed=self._home is not None)
        if wait is None and self._reading is None:
            return reader.feed(self._checked(await self._read()))
        seconds, why = wait or (None, WaitEnd.END)
        came, block = await self._read_in_time(seconds)
        if came:
            return reader.feed(self._checked(block))
        if why is WaitEnd.SNAPSHOT:
            return reader.take_newest()
        if why is WaitEnd.END:
            return reader.feed(END)
        reader.fail(self._patience.error(why, reader))
        return reader.pull()

    async def _read_in_time(self, seconds: float | None) -> tuple[bool, Any]:
        """Read the next block, unless it takes longer; then reading goes on meanwhile."""
        if self._home is None:
            from anyio import move_on_after  # noqa: PLC0415 - comes with the SDK, not with us

            with move_on_after(seconds):
                return True, await self._read()
            return False, None
        if self._reading is None:
            self._reading = self._home.create_task(self._read())
        reading = self._reading
        await asyncio.wait({reading}, timeout=seconds)
        if not reading.done():
            return False, None
        self._reading = None
        return True, END if reading.cancelled() else reading.result()

    async def _read(self) -> Any:
        reply = self._reply
        if reply is None:
            # Closed by another task.
            return END
        try:
            if not reply.interrupts:
                return await anext(reply.blocks, END)
            self._interruptible = read = _Read()
            try:
                return await read.next_of(reply)
            finally:
                self._interruptible = None
        except Exception as error:
            lost = self._call.provider.lost(error)
            if lost is None:
                raise
            return Lost(lost)

    def _checked(self, block: Any) -> Any:
        if self._closed_by_another(_task):
            raise self._reader.closed()
        return block


class _Read:
    """A read that another task may have to end; see `AsyncReply`."""

    def __init__(self) -> None:
        from anyio import CancelScope, Event  # noqa: PLC0415 - comes with the SDK, not with us

        self._scope, self._ended = CancelScope(), Event()
        self._reader = _task()

    async def next_of(self, reply: AsyncReply) -> Any:
        """Return the next block; the end where the read is interrupted."""
        with self._scope:
            try:
                return await anext(reply.blocks, END)
            finally:
                self._ended.set()
        return END

    async def interrupt(self) -> None:
        """Cancel it and wait for its end, unless that is what the read itself does."""
        if self._reader != _task():
            self._scope.cancel()
            await self._ended.wait()


def _close_later(reply: AsyncReply) -> None:
    async def close() -> None:
        await reply.aclose()

    task = asyncio.get_running_loop().create_task(close())
    _CLOSING.add(task)
    task.add_done_callback(_CLOSING.discard)


class AsyncStream(_AsyncStream[T, Value]):
    """Snapshots of one value while the model writes it, then the value itself.

    Iterate over it with ``async for``, with or without awaiting it first; use it as a context
    manager; or call `final`. The request is sent by the first of these. Leaving the loop closes
    the HTTP response, so that a stream is iterated once; ``anext(stream)`` leaves it open.
    """

    async def ops(
        self, *, of: Literal["value", "document"] = "value", by_alias: bool | None = None
    ) -> AsyncIterator[list[Op]]:
        """Iterate over what changes in the JSON of the value, instead of over its snapshots.

        Args:
            of: ``"value"`` for the dump of the snapshots, ``"document"`` for the JSON as it is
                written.
            by_alias: Whether paths and values name fields by their alias, as in ``model_dump``.

        Yields:
            Batches of ops, none of them empty, as often as snapshots are due. Applied in order,
            they lead to the dump of the snapshot of that moment. A new attempt begins with an op
            that sets the whole value.

        Raises:
            StreamError: As iterating over the stream does.
        """
        self._keep_ops(of, by_alias=by_alias)
        async for _ in self:
            if ops := self._reader.take_ops():
                yield ops
        while ops := self._reader.take_ops():
            yield ops


class AsyncItemStream(_AsyncStream[T, "list[T]"]):
    """Complete items, each as the model finishes it. `AsyncStream.final` is the list of them."""


class AsyncValue(Coroutine[Any, Any, T]):
    """The final value of a call without a stream, to be awaited.

    It is a coroutine, so that ``asyncio.create_task`` takes it, and it can be iterated like a
    stream, of which there is only the end.

    Args:
        call: What to ask for.
        with_completion: Whether a pair of the value and the SDK's object is wanted.
    """

    def __init__(self, call: Call, *, with_completion: bool = False) -> None:
        self._fetching = _afetch(call, with_completion=with_completion)

    def __await__(self) -> Generator[Any, None, T]:
        """Send the request and return the value."""
        return self._fetching.__await__()

    async def __aiter__(self) -> AsyncIterator[T]:
        """Send the request and yield the value."""
        yield await self._fetching

    def send(self, value: Any, /) -> Any:
        """Go on, as any coroutine."""
        return self._fetching.send(value)

    def throw(self, *args: Any) -> Any:
        """Raise inside, as in any coroutine."""
        return self._fetching.throw(*args)

    def close(self) -> None:
        """End it, as any coroutine."""
        self._fetching.close()


async def _pause(call: Call) -> None:
    """Wait as long as the caller wants before the next attempt."""
    if call.pause:
        from anyio import sleep  # noqa: PLC0415 - comes with the SDK, not with us

        await sleep(call.pause)


async def _afetch(call: Call, *, with_completion: bool) -> Any:
    while True:
        await _pause(call)
        told = call.begin_attempt()
        if inspect.isawaitable(told):
            await told
        await call.asettle()
        reader = call.new_reader()
        request_id: str | None = None
        try:
            with call.opening():
                reply = await call.provider.aopen(call.request)
            reader.received.request, request_id = reply.request, reply.request_id
            call.completion = reply.completion
            blocks = [block async for block in reply.blocks]
            value = reader.feed_whole(iter(blocks))
        except Exception as error:
            if not call.note_failure(error, reader, request_id):
                failure = call.final_error(error, reader)
                if failure is error:
                    raise
                raise failure from error
            continue
        call.log_end(reader, None)
        value = both_ways(value, call.options.response_model)
        return (value, call.completion) if with_completion else value
