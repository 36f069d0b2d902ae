"""The stream objects: loops around a `State`, sync and async."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

from typing_extensions import Self

from partialfast.answer._text import Path
from partialfast.providers.openai._call import Attempt, Call
from partialfast.providers.openai._state import NOTHING, State
from partialfast.providers.openai._transport import (
    AsyncSource,
    Source,
    open_async_source,
    open_source,
)

__all__ = ["AsyncItemStream", "AsyncStream", "AsyncValue", "ItemStream", "Stream", "fetch"]

T = TypeVar("T")
Final_ = TypeVar("Final_")


class _Base(Generic[T, Final_]):
    """What both kinds of stream know about the answer."""

    def __init__(self, call: Call, resource: Any) -> None:
        self._call = call
        self._resource = resource
        self._state: State = call.new_state()
        self._request_id: str | None = None
        self._finished = False
        self._error: BaseException | None = None

    @property
    def snapshot(self) -> T | None:
        """The last snapshot or item handed out; ``None`` before."""
        return cast("T | None", self._state.snapshot)

    @property
    def text(self) -> str:
        """The raw text that the model has written so far."""
        return self._state.text

    @property
    def trailing_text(self) -> str:
        """What the model wrote after the JSON and its closing code fence."""
        return self._state.trailing_text

    @property
    def reasoning_text(self) -> str:
        """What the server has sent of the model's reasoning so far; none of it is in `text`.

        A ``<think>`` block within the text is no part of it; that is skipped.
        """
        return self._state.reasoning_text

    @property
    def path(self) -> Path:
        """Where the model is writing: keys and indices from the root."""
        return self._state.path

    @property
    def completed(self) -> list[Path]:
        """Paths of the values that became complete with the last snapshot or item."""
        return self._state.completed

    @property
    def usage(self) -> Any:
        """Token usage as the SDK's object; ``None`` until the server has sent it."""
        return self._state.usage

    @property
    def finish_reason(self) -> str | None:
        """The provider's finish reason; ``None`` until the server has sent it."""
        return self._state.finish_reason

    @property
    def request_id(self) -> str | None:
        """The server's name for the current attempt's request (header ``x-request-id``)."""
        return self._request_id

    @property
    def response_id(self) -> str | None:
        """The ``id`` of the current attempt's response."""
        return self._state.response_id

    @property
    def model(self) -> str | None:
        """The model that answers, as the server names it."""
        return self._state.model

    @property
    def attempt(self) -> int:
        """Number of the current attempt, counted from 1."""
        return self._call.attempt

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts that gave an invalid answer."""
        return tuple(self._call.attempts)

    def _begin(self, source: Source | AsyncSource) -> None:
        if self._call.attempt > 1:
            self._state = self._call.new_state()
        self._state.request = source.request
        self._state.content_type = source.content_type
        self._request_id = source.request_id

    def _fail(self, error: BaseException) -> BaseException:
        """Note what the stream ended with, and return what is to be raised."""
        self._finished = True
        if isinstance(error, (StopIteration, StopAsyncIteration)):
            # Raised by a validator, it would look like the end of the stream (PEP 479).
            stopped = RuntimeError(f"a validator raised {type(error).__name__}")
            stopped.__cause__ = error
            error = stopped
        self._error = error
        return error

    def _value(self) -> Final_:
        """Return the final value once the stream is finished, or raise why there is none."""
        if isinstance(self._error, Exception):
            raise self._error
        if self._error is not None:
            # A cancellation was meant for the task that it came to, and an interrupt for its time.
            raise self._state.closed() from self._error
        if self._state.final is NOTHING:
            raise self._state.closed()
        return cast("Final_", self._state.final)

    def __repr__(self) -> str:
        """Say how far the stream is."""
        how = "finished" if self._finished else "open"
        return f"<{type(self).__name__} {how}, attempt {self.attempt}, {len(self.text)} characters>"


class _SyncStream(_Base[T, Final_]):
    def __init__(self, call: Call, resource: Any) -> None:
        super().__init__(call, resource)
        self._source: Source | None = None
        self._open()

    def __iter__(self) -> Iterator[T]:
        """Iterate; leaving the loop closes the HTTP response."""
        try:
            while (snapshot := self._next()) is not NOTHING:
                yield snapshot
                yield from self._state.quick
        finally:
            self.close()

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
        self.close()

    def __del__(self) -> None:
        """Close the HTTP response of a stream that nobody can read any more."""
        if getattr(self, "_source", None) is not None:
            self.close()

    def close(self) -> None:
        """Close the HTTP response at once. The last snapshot and the text stay readable."""
        self._finished = True
        self._state.stop()
        self._close_source()

    def final(self) -> Final_:
        """Read the rest of the answer and return the final, fully validated value.

        Returns:
            The value; for a stream of items, the list of all of them.

        Raises:
            StreamError: The answer ended without a complete value, or was closed before.
            JsonError: The text is not JSON.
            pydantic.ValidationError: The value is invalid.
        """
        while not self._finished:
            self._next()
        return self._value()

    def _open(self) -> None:
        call = self._call
        try:
            call.begin_attempt()
            self._source = _send(call, self._resource)
        except BaseException as error:
            self._fail(error)
            raise
        self._begin(self._source)

    def _close_source(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None

    def _next(self) -> Any:
        while not self._finished:
            try:
                return self._advance()
            except BaseException as error:
                self._close_source()
                if not self._call.note_failure(error, self._state, self._request_id):
                    if (failure := self._fail(error)) is not error:
                        raise failure from error
                    raise
            self._open()
        return NOTHING

    def _advance(self) -> Any:
        state = self._state
        snapshot = state.pull()
        while snapshot is NOTHING and not state.over:
            snapshot = state.feed(cast("Source", self._source).read())
        if state.over and self._source is not None:
            self._source.finish()
            self._source = None
            self._call.log_end(state, None)
        self._finished = snapshot is NOTHING
        return snapshot


class Stream(_SyncStream[T, T]):
    """Snapshots of one value while the model writes it, then the value itself.

    Iterate over it, use it as a context manager, or call `final`. The request has been sent when
    the stream is there. Leaving the loop closes the HTTP response, so that a stream is iterated
    once; ``next(stream)`` leaves it open.
    """


class ItemStream(_SyncStream[T, "list[T]"]):
    """Complete items, each as the model finishes it. `Stream.final` is the list of them."""


class _AsyncStream(_Base[T, Final_]):
    def __init__(self, call: Call, resource: Any) -> None:
        super().__init__(call, resource)
        self._source: AsyncSource | None = None
        self._opened = False
        self._closed = False
        self._busy = False

    def __await__(self) -> Generator[Any, None, Self]:
        """Send the request, unless it is sent already, and return the stream."""
        return self._started().__await__()

    async def __aiter__(self) -> AsyncIterator[T]:
        """Iterate; leaving the loop closes the HTTP response."""
        try:
            while (snapshot := await self._next()) is not NOTHING:
                yield snapshot
                for quick in self._state.quick:
                    yield quick
        finally:
            await self.aclose()

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
        await self.aclose()

    async def aclose(self) -> None:
        """Close the HTTP response at once. The last snapshot and the text stay readable."""
        self._closed = self._finished = True
        self._state.stop()
        await self._close_source()

    async def close(self) -> None:
        """Do the same as `aclose`, by the name that the SDK's streams have for it."""
        await self.aclose()

    async def final(self) -> Final_:
        """Read the rest of the answer and return the final, fully validated value.

        Returns:
            The value; for a stream of items, the list of all of them.

        Raises:
            StreamError: The answer ended without a complete value, or was closed before.
            JsonError: The text is not JSON.
            pydantic.ValidationError: The value is invalid.
        """
        while not self._finished:
            await self._next()
        return self._value()

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
        call = self._call
        try:
            told = call.begin_attempt()
            if inspect.isawaitable(told):
                await told
            self._source = await _asend(call, self._resource)
        except BaseException as error:
            self._fail(error)
            raise
        self._begin(self._source)
        if self._closed:
            # Another task closed the stream meanwhile, when there was nothing to be closed yet.
            await self._close_source()

    async def _close_source(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            # A cancelled task must still get as far as telling the server.
            from anyio import CancelScope  # noqa: PLC0415 - comes with the SDK, not with us

            with CancelScope(shield=True):
                await source.aclose()

    async def _next(self) -> Any:
        self._take_turn()
        try:
            if not self._opened and not self._finished:
                await self._open()
            while not self._finished:
                try:
                    return await self._advance()
                except BaseException as error:
                    await self._close_source()
                    if self._closed and isinstance(error, Exception):
                        # Another task closed the stream, and with it what this one was reading.
                        break
                    if not self._call.note_failure(error, self._state, self._request_id):
                        if (failure := self._fail(error)) is not error:
                            raise failure from error
                        raise
                await self._open()
        finally:
            self._busy = False
        return NOTHING

    async def _advance(self) -> Any:
        state = self._state
        snapshot = state.pull()
        while snapshot is NOTHING and not state.over:
            snapshot = state.feed(await cast("AsyncSource", self._source).read())
        if state.over and self._source is not None:
            await self._source.afinish()
            self._source = None
            self._call.log_end(state, None)
        self._finished = self._finished or snapshot is NOTHING
        return snapshot


class AsyncStream(_AsyncStream[T, T]):
    """Snapshots of one value while the model writes it, then the value itself.

    Iterate over it with ``async for``, with or without awaiting it first; use it as a context
    manager; or call `final`. The request is sent by the first of these. Leaving the loop closes
    the HTTP response, so that a stream is iterated once; ``anext(stream)`` leaves it open.
    """


class AsyncItemStream(_AsyncStream[T, "list[T]"]):
    """Complete items, each as the model finishes it. `AsyncStream.final` is the list of them."""


class AsyncValue(Coroutine[Any, Any, T]):
    """The final value of a call without a stream, to be awaited.

    It is a coroutine, so that ``asyncio.create_task`` takes it, and it can be iterated like a
    stream, of which there is only the end.

    Args:
        call: What to ask for.
        resource: The SDK's ``client.chat.completions`` or ``client.responses``.
    """

    def __init__(self, call: Call, resource: Any) -> None:
        self._fetching = _afetch(call, resource)

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


def _send(call: Call, resource: Any) -> Source:
    try:
        return open_source(resource, call.kwargs, call.transport, made=call.made)
    except Exception as error:
        if not call.drop_usage_option(error):
            raise
    return open_source(resource, call.kwargs, call.transport, made=call.made)


async def _asend(call: Call, resource: Any) -> AsyncSource:
    try:
        return await open_async_source(resource, call.kwargs, call.transport, made=call.made)
    except Exception as error:
        if not call.drop_usage_option(error):
            raise
    return await open_async_source(resource, call.kwargs, call.transport, made=call.made)


def fetch(call: Call, resource: Any) -> Any:
    """Ask without a stream.

    Args:
        call: What to ask for.
        resource: The SDK's ``client.chat.completions`` or ``client.responses``.

    Returns:
        The final value.

    Raises:
        StreamError: There is no complete value in the answer.
        JsonError: The text is not JSON.
        pydantic.ValidationError: The value is invalid.
        openai.OpenAIError: As the SDK raises it.
    """
    while True:
        call.begin_attempt()
        answer = resource.create(**call.kwargs)
        state = call.new_state()
        try:
            return _read_whole(call, state, answer)
        except Exception as error:
            if not call.note_failure(error, state, _request_id_of(answer)):
                raise


async def _afetch(call: Call, resource: Any) -> Any:
    while True:
        told = call.begin_attempt()
        if inspect.isawaitable(told):
            await told
        answer = await resource.create(**call.kwargs)
        state = call.new_state()
        try:
            return _read_whole(call, state, answer)
        except Exception as error:
            if not call.note_failure(error, state, _request_id_of(answer)):
                raise


def _read_whole(call: Call, state: State, answer: Any) -> Any:
    state.put_answer(answer)
    while state.pull() is not NOTHING:
        pass
    call.log_end(state, None)
    return state.final


def _request_id_of(answer: Any) -> str | None:
    return getattr(answer, "_request_id", None)
