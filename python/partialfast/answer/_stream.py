"""Streams without asynchrony: a loop around an `AnswerReader`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice
from threading import Thread, get_ident
from types import TracebackType
from typing import Any, Literal, TypeVar, cast

from typing_extensions import Self
from typing_extensions import TypeVar as TypeVarWithDefault

from partialfast._core import Op
from partialfast.answer._alarm import Alarm, call_after
from partialfast.answer._asked import END, NOTHING, Lost
from partialfast.answer._attempts import Call
from partialfast.answer._base import StreamBase
from partialfast.answer._patience import MOST_LATE, WaitEnd
from partialfast.answer._seam import Block, Reply

__all__ = ["ItemStream", "Stream", "fetch"]

T = TypeVar("T")
Final_ = TypeVar("Final_")
#: The type of the value at the end: that of the snapshots, but for what `as_` says of them.
Value = TypeVarWithDefault("Value", default=T)


class SyncStream(StreamBase[T, Final_]):
    """What `Stream` and `ItemStream` share.

    Args:
        call: What to ask for.
    """

    _awaits = False

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._reply: Reply | None = None
        # Those of the reply.
        self._blocks: Iterator[Block] = iter(())
        # The thread that waits for a block.
        self._waiting: int | None = None
        # What the alarm has rung for.
        self._rung: WaitEnd | None = None
        self._open()

    def __iter__(self) -> Iterator[T]:
        """Iterate; leaving the loop closes the HTTP response."""
        try:
            while (snapshot := self._next()) is not NOTHING:
                yield snapshot
                yield from self._reader.quick if self._callbacks is None else self._told()
        except GeneratorExit:
            # The loop was left. What is raised while the response is closed must not refer to
            # this exception, and so to the stream: before Python 3.11, an exception that goes
            # through a context manager of contextlib's stays until the garbage collector comes.
            pass
        finally:
            self._leave()

    def __next__(self) -> T:
        """Return the next one, and leave the stream open."""
        snapshot = self._next()
        if snapshot is NOTHING:
            raise StopIteration
        return cast("T", snapshot)

    def __enter__(self) -> Self:
        """Return the stream."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Close the HTTP response."""
        self._leave()

    def __del__(self) -> None:
        """Close the HTTP response of a stream that nobody can read any more."""
        if getattr(self, "_reply", None) is not None:
            self._leave()

    def close(self) -> None:
        """Close the HTTP response at once. The last snapshot and the text stay readable.

        A thread that is reading the stream, or goes on with it, gets a `StreamError`.
        """
        if not self._finished:
            self._closer = get_ident()
        if self._waiting not in {None, get_ident()}:
            # What that thread reads is its to close; it only has to be told.
            self._reader.stop()
            self._wake()
            return
        self._leave()

    def final(self) -> Final_:
        """Read the rest of the answer and return the final, fully validated value.

        Returns:
            The value; for a stream of items, the list of all of them.

        Raises:
            StreamError: The answer ended without a complete value, or was closed before. It is a
                `JsonError` too where the text is not JSON, and pydantic's ``ValidationError`` where
                the value is invalid.
        """
        while not self._finished:
            self._next()
        return self._value()

    def _leave(self) -> None:
        self._finished = True
        self._reader.stop()
        self._call.leave(self._reader)
        self._close_reply()

    def _open(self) -> None:
        call = self._call
        try:
            _pause(call)
            told = call.begin_attempt()
            del told
            self._renew(settled=call.settle())
            self._rung = None
            with call.opening():
                self._reply = call.provider.open(call.request)
        except BaseException as error:  # noqa: BLE001 - raised again in there
            self._raise_or_retry(self._in_time(error))
            return
        self._begin(self._reply)
        # Observers have put themselves between by now.
        self._blocks = self._reply.blocks

    def _in_time(self, error: BaseException) -> BaseException:
        """Return what to make of an error of the SDK's that may come from a time limit of ours."""
        limit = self._patience.opening()
        lost = self._call.provider.lost(error)
        if limit is None or lost is None or "Timeout" not in type(lost).__name__:
            return error
        timed_out = self._patience.error(limit[1], self._reader)
        timed_out.__cause__ = lost
        return timed_out

    def _close_reply(self) -> None:
        reply, self._reply = self._reply, None
        self._blocks = iter(())
        if reply is not None:
            reply.close()

    def _next(self) -> Any:
        """Return what is due next, once the caller's functions were called with what it shows."""
        due = self._read_next()
        if self._callbacks is not None and due is not NOTHING:
            self._tell(due)
        return due

    def _told(self) -> Iterator[Any]:
        for quick in self._reader.quick:
            self._tell(quick)
            yield quick

    def _tell(self, snapshot: Any) -> None:
        for function, value in self._due(snapshot):
            function(value)

    def _read_next(self) -> Any:
        if self._closer is not None and self._closed_by_another(get_ident):
            raise self._fail(self._reader.closed())
        while not self._finished:
            try:
                return self._advance()
            except BaseException as error:  # noqa: BLE001, PERF203 - raised again in there
                self._close_reply()
                self._raise_or_retry(error)
        return NOTHING

    def _raise_or_retry(self, error: BaseException) -> None:
        if self._closed_by_another(get_ident) and isinstance(error, Exception):
            # Another thread closed what this one was reading.
            raise self._fail(self._reader.closed()) from None
        if self._call.note_failure(error, self._reader, self._request_id):
            self._open()
            return
        failure = self._fail(error)
        if failure is error:
            raise error
        raise failure from error

    def _advance(self) -> Any:
        reader = self._reader
        due = reader.pull()
        while due is NOTHING and not reader.over:
            due = self._read_on()
        if reader.over and self._reply is not None:
            reply, self._reply = self._reply, None
            (reply.finish or reply.close)()
            self._call.log_end(reader, None)
        self._finished = due is NOTHING
        return due

    def _read_on(self) -> Any:
        """Read the next block and return what is due then."""
        reader = self._reader
        if self._rung is None:
            # Most blocks come without a limit. To ask here first costs less than to be told.
            if not (self._patience.limited or reader.received.ending.is_written):
                return reader.feed(self._read())
            wait = self._patience.next(reader, timed=False)
            if wait is None:
                return reader.feed(self._read())
            block = self._read_in_time(*wait)
        else:
            block = self._read()
        if self._rung is None or block is not END:
            # The block may have come in time and be noticed late, by a process that was held up.
            return reader.feed(block)
        return self._time_out(self._rung)

    def _read_in_time(self, seconds: float, why: WaitEnd) -> Any:
        """Read the next block, unless it takes longer; then return what ends the waiting."""
        alarm = self._set_alarm(seconds, why)
        try:
            block = self._read()
        finally:
            alarm.cancel()
        if self._rung is not None:
            # What the connection still holds is read; nothing more is waited for.
            self._blocks = islice(self._blocks, self._left_at_most(why))
        return block

    def _left_at_most(self, why: WaitEnd) -> int:
        # Of a source that cannot be woken nobody knows whether its next block is there.
        awake = self._reply is not None and self._reply.wake is not None
        return MOST_LATE if why is WaitEnd.END and awake else 0

    def _time_out(self, why: WaitEnd) -> Any:
        reader = self._reader
        if why is WaitEnd.END:
            return reader.feed(END)
        reader.fail(self._patience.error(why, reader))
        return reader.pull()

    def _read(self) -> Any:
        self._waiting = get_ident()
        try:
            block: Block | object = next(self._blocks, END)
        except Exception as error:
            if self._rung is not None:
                return END
            lost = self._call.provider.lost(error)
            if lost is None:
                raise
            return Lost(lost)
        finally:
            self._waiting = None
        if self._closer is not None and self._closed_by_another(get_ident):
            raise self._reader.closed()
        return block

    def _set_alarm(self, seconds: float, why: WaitEnd) -> Alarm:
        def ring() -> None:
            self._rung = why
            self._wake()

        return call_after(seconds, ring)

    def _wake(self) -> None:
        reply = self._reply
        if reply is None:
            return
        if reply.wake is not None:
            reply.wake()
            return
        # What gives the blocks is not ours: to close it may wait for the read, and others wait for
        # the thread of the alarms.
        Thread(target=_close_beside, args=(reply.close,), daemon=True).start()


class Stream(SyncStream[T, Value]):
    """Snapshots of one value while the model writes it, then the value itself.

    Iterate over it, use it as a context manager, or call `final`. Leaving the loop closes the HTTP
    response, so that a stream is iterated once; ``next(stream)`` leaves it open.
    """

    def ops(
        self, *, of: Literal["value", "document"] = "value", by_alias: bool | None = None
    ) -> Iterator[list[Op]]:
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
        for _ in self:
            if ops := self._reader.take_ops():
                yield ops
        while ops := self._reader.take_ops():
            yield ops


class ItemStream(SyncStream[T, "list[T]"]):
    """Complete items, each as the model finishes it. `final` is the list of them."""


def _close_beside(close: Callable[[], Any]) -> None:
    """Close a reply that another thread reads."""
    try:
        close()
    except ValueError:
        # A generator cannot be closed while it is read: the limit is noticed at its next chunk.
        return


def _pause(call: Call) -> None:
    """Wait as long as the caller wants before the next attempt."""
    if call.pause:
        time.sleep(call.pause)


def fetch(call: Call, *, with_completion: bool = False) -> Any:
    """Ask without a stream.

    Args:
        call: What to ask for.
        with_completion: Whether the SDK's object is wanted too.

    Returns:
        The final value; a pair of it and the SDK's object of the answer, if that is wanted.

    Raises:
        StreamError: There is no complete value in the answer. It is a `JsonError` too where the
            text is not JSON, and pydantic's ``ValidationError`` where the value is invalid.
        Exception: As the SDK raises it.
    """
    while True:
        _pause(call)
        call.begin_attempt()
        call.settle()
        reader = call.new_reader()
        request_id: str | None = None
        try:
            with call.opening():
                reply = call.provider.open(call.request)
            reader.received.request, request_id = reply.request, reply.request_id
            call.completion = reply.completion
            value = reader.feed_whole(reply.blocks)
        except Exception as error:
            if not call.note_failure(error, reader, request_id):
                failure = call.final_error(error, reader)
                if failure is error:
                    raise
                raise failure from error
            continue
        call.log_end(reader, None)
        return (value, call.completion) if with_completion else value
