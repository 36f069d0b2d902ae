"""The extraction loop: items in, results out, so many at a time.

Theory of operation. A *feeder* takes items from the source and starts a task for each, once there
is a *slot* (at most ``concurrency`` requests at a time) and *room* (at most twice as many items
that were taken and whose results were not handed out yet, so that a slow consumer, or one slow item
of an ordered batch, holds the source back). The task asks, again where that may help, and puts the
result into a queue that the generator empties. What ends the whole batch (an endpoint that answers
only errors, a defect in the caller's functions, an unreadable item) is put after the results that
are finished, and raised after them.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import textwrap
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
)
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from pydantic import ValidationError

from partialfast._errors import JsonError
from partialfast.batch.loop._breaker import backoff_s
from partialfast.batch.loop._classify import ErrorClass, ErrorScope, classify, describe
from partialfast.batch.loop._deadline import Deadline, shielded
from partialfast.batch.loop._estimate import Estimator, read_usage
from partialfast.batch.loop._item_state import ItemState
from partialfast.batch.loop._limits import EndpointLimiter, Permit, RateLimiter
from partialfast.batch.loop._meter import Meter
from partialfast.batch.loop._prompt import Message, Prompt, make_prompt, prompt_characters
from partialfast.batch.loop._protocols import Answers, AnswerStream, RequestFunction, reading
from partialfast.batch.loop._result import (
    BatchError,
    EndpointError,
    Failure,
    Item,
    Result,
    Usage,
)
from partialfast.typed._state import StreamState

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from partialfast.answer._attempt import Attempt

__all__ = ["ItemSource", "Prepare", "extract"]

T = TypeVar("T")

#: What is done to messages before they are sent.
Prepare = Callable[[list[Message]], Awaitable[list[Message]]]
#: A document, its fields (with its ``id`` among them or not), or its text.
ItemSource = Item | Mapping[str, Any] | str


@dataclass(frozen=True, slots=True)
class _ExtractSettings:
    """What is asked of every item."""

    model: Any
    llm: str
    request: RequestFunction
    messages: Callable[[Item], list[Message]]
    max_retries: int
    timeout_s: float | None
    options: Mapping[str, Any]
    answers: Answers | None
    prepare: Prepare | None


async def extract(  # noqa: PLR0913 - each is an option of its own, nearly all with a default
    items: Iterable[ItemSource] | AsyncIterable[ItemSource],
    *,
    model: TypeForm[T],
    client: Any,
    llm: str,
    prompt: Prompt = "{text}",
    system: str | None = None,
    concurrency: int = 64,
    ordered: bool = False,
    max_retries: int = 2,
    timeout_s: float | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    limiter: RateLimiter | None = None,
    options: Mapping[str, Any] | None = None,
    until: asyncio.Event | None = None,
    meter: Meter | None = None,
    answers: Answers | None = None,
    prepare: Prepare | None = None,
) -> AsyncGenerator[Result[T], None]:
    """Ask for a value of a type for every item, many at a time.

    An item that fails gives a result too; see `Result.error`. Leaving the loop closes all
    responses that are still being read.

    Args:
        items: The documents: an `Item`, a mapping of fields (its ``id``, if it has one, is the
            item's, else its place in the batch is) or a text. They are taken as they are needed.
        model: The type of the values.
        client: A client of `partialfast.from_openai` over an ``AsyncOpenAI``, or a callable that
            takes what its ``create_partial`` takes and gives what that gives. Give the SDK's
            client ``max_retries=0``: the limiter cannot know of requests that the SDK repeats
            itself.
        llm: The model to ask.
        prompt: A text with fields in braces, or a function from an `Item` to a text or messages.
        system: A system message.
        concurrency: How many requests at a time. At most twice as many items are in memory.
        ordered: Whether results come in the order of the items, rather than as they complete.
        max_retries: Attempts after the first, for invalid answers and failures of the endpoint.
            Rate limits are waited for and do not count.
        timeout_s: Seconds that an answer may take.
        rpm: Requests per minute.
        tpm: Tokens per minute.
        limiter: Limits that several batches share, instead of `rpm` and `tpm`.
        options: More arguments for every request, such as ``{"temperature": 0}`` or
            ``{"lenient": True}``.
        until: Once it is set no more items are taken or asked about; those in flight are finished.
        meter: Counts along, for a display.
        answers: Those that were given before: what is found there is not asked.
        prepare: Called with the messages of a request before it is sent, and gives those that are
            sent; such as to upload what goes with them.

    Yields:
        A result for each item.

    Raises:
        EndpointError: The endpoint answers nothing but errors. All finished results came before.
        BatchError: An item is not what it should be.
        TypeError: `client` cannot be called.
        ValueError: An option is out of range.
        ImportError: A limit is given and aiolimiter is not installed.
    """
    job = _make_job(
        model, client, llm, prompt, system, concurrency, max_retries, timeout_s, rpm, tpm, limiter,
        options, meter, answers, prepare,
    )  # fmt: skip
    job.start(items, ordered=ordered, until=until)
    try:
        async with contextlib.aclosing(job.results()) as results:
            async for result in results:
                yield result
    finally:
        await job.close()


def _make_job(  # noqa: PLR0913, PLR0917 - the arguments of `extract`
    model: Any,
    client: Any,
    llm: str,
    prompt: Prompt,
    system: str | None,
    concurrency: int,
    max_retries: int,
    timeout_s: float | None,
    rpm: float | None,
    tpm: float | None,
    limiter: RateLimiter | None,
    options: Mapping[str, Any] | None,
    meter: Meter | None,
    answers: Answers | None,
    prepare: Prepare | None,
) -> _Extraction[Any]:
    if concurrency < 1:
        raise ValueError(f"concurrency must be at least 1: {concurrency}")
    if max_retries < 0:
        raise ValueError(f"max_retries must not be negative: {max_retries}")
    if timeout_s is not None and not timeout_s > 0:
        raise ValueError(f"timeout_s must be positive: {timeout_s}")
    if limiter is not None and (rpm is not None or tpm is not None):
        raise ValueError("limiter has limits of its own: leave rpm and tpm out")
    request = getattr(client, "create_partial", client)
    if not callable(request):
        raise _no_client(client)
    settings = _ExtractSettings(
        model=model,
        llm=llm,
        request=cast("RequestFunction", request),
        messages=make_prompt(prompt, system=system),
        max_retries=max_retries,
        timeout_s=timeout_s,
        options=options or {},
        answers=answers,
        prepare=prepare,
    )
    return _Extraction(
        settings, limiter or EndpointLimiter(rpm=rpm, tpm=tpm), concurrency, meter or Meter()
    )


def _no_client(what: Any) -> TypeError:
    return TypeError(
        f"client must be from_openai(AsyncOpenAI()) or a callable like its create_partial: {what!r}"
    )


#: Seconds from one read of an answer to the next: nobody looks at its tokens one by one. An invalid
#: answer is found out at most so much later.
_GULP_S = 0.25
#: Put after the last result.
_END = object()


class _Extraction(Generic[T]):
    """One run of `extract`."""

    def __init__(
        self, settings: _ExtractSettings, limiter: RateLimiter, concurrency: int, meter: Meter
    ) -> None:
        self._settings = settings
        self._limiter = limiter
        self._meter = meter
        self._estimator = Estimator()
        self._slots = asyncio.Semaphore(concurrency)
        self._room = asyncio.Semaphore(2 * concurrency)
        self._results: asyncio.Queue[Any] = asyncio.Queue()
        self._tasks: dict[asyncio.Task[None], ItemState] = {}
        self._feeder: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self._answered = False
        self._ordered = False
        self._closing = False

    # The loop.

    def start(
        self,
        items: Iterable[ItemSource] | AsyncIterable[ItemSource],
        *,
        ordered: bool,
        until: asyncio.Event | None,
    ) -> None:
        """Begin to take items."""
        self._ordered = ordered
        self._feeder = asyncio.create_task(self._feed(items))
        if until is not None:
            self._watcher = asyncio.create_task(self._stop_at(until))

    async def results(self) -> AsyncGenerator[Result[T], None]:
        """Give the results, and raise at last what ended the batch."""
        waiting: dict[int, Result[T]] = {}
        expected = 0
        while (result := await self._results.get()) is not _END:
            if not self._ordered:
                yield result
                self._room.release()
                continue
            waiting[result.index] = result
            while expected in waiting:
                yield waiting.pop(expected)
                expected += 1
                self._room.release()
        # What is left after an early end has gaps before it.
        for index in sorted(waiting):
            yield waiting[index]
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        """Cancel what goes on, and wait until it is gone."""
        self._closing = True
        tasks = [task for task in (self._feeder, self._watcher, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _stop_at(self, until: asyncio.Event) -> None:
        await until.wait()
        if self._feeder is not None:
            self._feeder.cancel()
        # What still waits for permission to send its first request, perhaps for minutes, has
        # nothing to finish.
        for task, state in self._tasks.items():
            if state.first_sent is None:
                task.cancel()

    async def _feed(self, items: Iterable[ItemSource] | AsyncIterable[ItemSource]) -> None:
        try:
            await self._start_all(items)
        except asyncio.CancelledError:
            # By `until` or by a failure: what is in flight goes on; or by `close`.
            if self._closing:
                raise
        except Exception as error:  # noqa: BLE001 - raised by `results`
            self._error = self._error or error
        while self._tasks:
            # Whatever cancels this has nothing left to stop (`until`), or has cancelled those too.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait(self._tasks)
        self._results.put_nowait(_END)

    async def _start_all(self, items: Iterable[ItemSource] | AsyncIterable[ItemSource]) -> None:
        index = 0
        async with contextlib.aclosing(_each(items)) as sources:
            async for source in sources:
                item = _item(source, index)
                taken = time.monotonic()
                await self._room.acquire()
                await self._slots.acquire()
                state = ItemState(item, index, taken)
                task = asyncio.create_task(self._run(state))
                self._tasks[task] = state
                task.add_done_callback(self._tasks.pop)
                index += 1
                # A request costs about half a millisecond to build: one in each turn of the loop.
                await asyncio.sleep(0)

    async def _run(self, state: ItemState) -> None:
        try:
            result = await self._ask(state)
        except BaseException as error:
            if state.first_sent is not None:
                self._meter.abandoned()
            if isinstance(error, Exception):
                self._abort(error)
                return
            raise
        finally:
            self._slots.release()
        self._meter.finished(result)
        self._results.put_nowait(result)

    def _abort(self, error: Exception) -> None:
        if self._error is not None:
            return
        self._error = error
        current = asyncio.current_task()
        if self._feeder is not None:
            self._feeder.cancel()
        for task in self._tasks:
            if task is not current:
                task.cancel()

    # One item.

    async def _ask(self, state: ItemState) -> Result[T]:
        messages = self._settings.messages(state.item)
        answers = self._settings.answers
        if answers is not None and (known := answers.find(messages)) is not None:
            value, state.text, state.repairs = known
            state.cached = True
            # As if it were asked for: the meter counts every result out again.
            state.first_sent = time.monotonic()
            self._meter.started()
            return state.result(value, None)
        result = await self._request(state, messages)
        if answers is not None and result.ok:
            answers.keep(messages, result.text)
        return result

    async def _request(self, state: ItemState, messages: list[Message]) -> Result[T]:
        characters = prompt_characters(messages)
        while True:
            expected = self._estimator.input(characters) + self._estimator.mean_output
            permit = await self._admit(expected)
            before = state.usage
            failure: Failure | None = None
            try:
                value = await self._answer(state, messages, permit, expected)
            except Exception as error:
                found = classify(error)
                if found is None:
                    raise
                attempts = state.attempts
                verdict = await self._react(state, permit, found, error)
                if verdict is None:
                    if state.attempts > attempts:
                        state.retries.append(found.failure)
                    continue
                failure, value = verdict, None
            else:
                state.attempts += 1
                self._learn(state, before, characters)
            finally:
                await permit.close()
                await self._limiter.settle(_tokens(state.usage) - _tokens(before) - expected)
            return state.result(value, failure)

    async def _react(
        self, state: ItemState, permit: Permit, found: ErrorClass, error: Exception
    ) -> Failure | None:
        """Decide what follows a failed request: the item's failure, or ``None`` to ask again."""
        said = describe(error)
        scope = found.scope
        if scope is ErrorScope.SETUP:
            scope = ErrorScope.ITEM if self._answered else ErrorScope.FATAL
        if scope is ErrorScope.FATAL:
            raise EndpointError(f"the endpoint refuses every request: {said}") from error
        if scope is ErrorScope.THROTTLED:
            self._hold_up(said)
            await permit.throttled(found.retry_after_s, said)
            return None
        state.attempts += 1
        if scope is ErrorScope.ITEM:
            await self._note_answered(permit)
            return found.failure
        if await permit.failed(said):
            # All of them fail at present: the item is not to blame.
            self._hold_up(said)
            state.attempts -= 1
            return None
        if state.attempts > self._settings.max_retries:
            return found.failure
        await asyncio.sleep(backoff_s(state.attempts, first_s=0.5, longest_s=20.0))
        return None

    async def _answer(
        self, state: ItemState, messages: list[Message], permit: Permit, expected: float
    ) -> Any:
        settings = self._settings
        permits = [permit]
        if settings.prepare is not None:
            messages = await settings.prepare(messages)
        with Deadline(settings.timeout_s) as deadline:

            async def let_go() -> None:
                # The client corrects the model in a further request, which has to be let go too.
                deadline.pause()
                await self._note_answered(permits[-1])
                permits.append(await self._admit(expected))
                deadline.restart()

            def again(_: Any) -> Awaitable[None]:
                # Not a coroutine function, which a client that blocks would complain about, rather
                # than be told apart below.
                return let_go()

            left = max(0, settings.max_retries - state.attempts)
            sent = time.monotonic()
            if state.first_sent is None:
                state.first_sent = sent
                self._meter.started()
            stream = settings.request(
                response_model=settings.model,
                model=settings.llm,
                messages=list(messages),
                max_retries=left,
                on_retry=again,
                every=_gulp_s(settings.timeout_s),
                **settings.options,
            )
            if not isinstance(cast("object", stream), AsyncIterable):
                # Such as that of a client for programs without an event loop.
                raise _no_client(settings.request)
            state.first_token = None
            try:
                async for _ in stream:
                    if state.first_token is None:
                        state.first_token = time.monotonic() - sent
                        await self._note_answered(permits[-1])
                value = await stream.final()
                await self._note_answered(permits[-1])
                return value
            finally:
                error = sys.exc_info()[1]
                with shielded():
                    await stream.aclose()
                    for each in permits[1:]:
                        await each.close()
                self._take_in(state, stream, error)

    def _take_in(self, state: ItemState, stream: AnswerStream, error: BaseException | None) -> None:
        """Note what an answer, and those that the client corrected, have cost."""
        for attempt in stream.attempts:
            self._count(state, _reported(attempt), attempt.text, attempt.error)
            if attempt.number < stream.attempt and (why := classify(attempt.error)) is not None:
                state.retries.append(why.failure)
        ended_here = not (stream.attempts and stream.attempts[-1].number == stream.attempt)
        if ended_here:
            # One for the attempt under way is added by the caller.
            state.attempts += len(stream.attempts)
            self._count(state, _reported(stream), stream.text, error)
        else:
            state.attempts += len(stream.attempts) - 1
        state.text = stream.text
        state.repairs = tuple(getattr(stream, "repairs", ()))
        state.snapshot = getattr(error, "snapshot", None)
        if isinstance(error, (ValidationError, JsonError)):
            # What came with the same read as the error was not handed out.
            how = reading(self._settings.options)
            state.snapshot = _last_snapshot(self._settings.model, stream.text, how)
        if state.snapshot is None:
            state.snapshot = stream.snapshot

    def _count(
        self, state: ItemState, reported: Any, text: str, error: BaseException | None
    ) -> None:
        usage = read_usage(reported)
        if usage is None:
            written = self._estimator.output(len(text))
            usage = Usage(0, written, estimated=bool(text))
            # A broken event is not an invalid answer: nothing was saved by it.
            why = classify(error) if isinstance(error, (ValidationError, JsonError)) else None
            if why is not None and why.scope is ErrorScope.ITEM:
                state.cut.append(written)
        state.usage += usage

    def _learn(self, state: ItemState, before: Usage, characters: int) -> None:
        if state.attempts == 1 and not state.usage.estimated and state.usage != before:
            self._estimator.learn(state.usage, prompt=characters, text=len(state.text))

    async def _admit(self, tokens: float) -> Permit:
        permit = Permit(self._limiter, await self._limiter.admit(tokens))
        # No pause holds it up any longer.
        self._meter.held_up = ""
        return permit

    def _hold_up(self, said: str) -> None:
        """Show why nobody may go, which can take minutes."""
        self._meter.held_up = f"held up: {textwrap.shorten(said, 160, placeholder=' …')}"

    async def _note_answered(self, permit: Permit) -> None:
        self._answered = True
        await permit.succeeded()


def _gulp_s(timeout_s: float | None) -> float:
    # What is given up after a short time is read more often, so that something is there.
    return _GULP_S if timeout_s is None else min(_GULP_S, timeout_s / 4)


def _last_snapshot(model: Any, text: str, how: Mapping[str, Any]) -> Any:
    """Show as much of an invalid text as there is to show; ``None`` if it is wrapped in noise."""
    state: StreamState[Any] = StreamState(model, **how)
    with contextlib.suppress(ValidationError, JsonError):
        state.feed(text)
    return state.snapshot


def _tokens(usage: Usage) -> int:
    return usage.input_tokens + usage.output_tokens


async def _each(
    items: Iterable[ItemSource] | AsyncIterable[ItemSource],
) -> AsyncGenerator[ItemSource, None]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


def _item(source: ItemSource, index: int) -> Item:
    if isinstance(source, Item):
        return source
    if isinstance(source, str):
        return Item(str(index), {"text": source})
    if isinstance(cast("object", source), Mapping):
        id_ = source.get("id")
        return Item(str(index if id_ is None else id_), source)
    raise BatchError(
        f"item {index} is a {type(source).__name__}; an Item, a mapping or a text is needed"
    )


def _reported(stream: AnswerStream | Attempt) -> Any:
    """Return usage as numbers that mean the same with every provider, where there are some."""
    tokens: Any = getattr(stream, "tokens", None)
    return stream.usage if getattr(tokens, "output", None) is None else tokens
