"""The twin of `extract` for programs without an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from partialfast.batch.loop._extract import ItemSource, Prepare, extract
from partialfast.batch.loop._limits import RateLimiter
from partialfast.batch.loop._meter import Meter
from partialfast.batch.loop._prompt import Prompt
from partialfast.batch.loop._result import Result

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from partialfast.batch.loop._protocols import Answers

__all__ = ["extract_sync"]

T = TypeVar("T")

_POLL_S = 0.005


@dataclass(frozen=True, slots=True)
class _Ended:
    """Stands for the exception that ended a batch."""

    error: BaseException


_END = object()


def extract_sync(  # noqa: PLR0913 - those of `extract`
    items: Iterable[ItemSource],
    *,
    model: TypeForm[T],
    client: Any,
    llm: str,
    buffer: int = 16,
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
) -> Generator[Result[T], None, None]:
    """Do what `extract` does, for programs without an event loop.

    The requests go on in a thread of their own while the caller works on a result.

    Args:
        items: The documents.
        model: The type of the values.
        client: As that of `extract`: asynchronous here too.
        llm: The model to ask.
        buffer: How many finished results may wait for the caller.
        prompt: See `extract`, as for all that follow.
        system: A system message.
        concurrency: How many requests at a time.
        ordered: Whether results come in the order of the items.
        max_retries: Attempts after the first.
        timeout_s: Seconds that an answer may take.
        rpm: Requests per minute.
        tpm: Tokens per minute.
        limiter: Limits that several batches share.
        options: More arguments for every request.
        until: Once it is set no more items are asked about.
        meter: Counts along, for a display.
        answers: Those that were given before.
        prepare: Called with the messages of a request before it is sent; on another thread than the
            caller's.

    Yields:
        A result for each item.

    Raises:
        EndpointError: The endpoint answers nothing but errors. All finished results came before.
        BatchError: An item is not what it should be.
    """
    results: queue.Queue[Any] = queue.Queue(max(1, buffer))
    over = threading.Event()

    found = extract(
        items, model=model, client=client, llm=llm, prompt=prompt, system=system,
        concurrency=concurrency, ordered=ordered, max_retries=max_retries, timeout_s=timeout_s,
        rpm=rpm, tpm=tpm, limiter=limiter, options=options, until=until, meter=meter,
        answers=answers, prepare=prepare,
    )  # fmt: skip

    async def run() -> None:
        end: Any = _END
        try:
            async with contextlib.aclosing(found) as stream:
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
