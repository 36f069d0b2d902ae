"""Batch extraction beside the same loop written with instructor, and beside aiohttp alone.

Each figure is measured in an interpreter of its own, with one core for it and another for the
server:

* as many documents as are asked for with 256 streams at a time, as fast as the server sends;
* a call before its first token: CPU time from ``create_partial`` to the first snapshot, one call at
  a time, beside the same over the SDK's own way;
* streams of 50 tokens a second each: by how much a task that wants to run every 10 ms comes too
  late, which is what a web server in the same process would feel.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from statistics import mean, median
from typing import Any

import aiohttp
from openai import DEFAULT_CONNECTION_LIMITS, AsyncOpenAI, DefaultAioHttpClient

import partialfast as pf
from benches.batch_server import DOCUMENTS, TEXTS, Meeting
from benches.measuring import alone, serving
from benches.pages import curves, number, table
from partialfast.batch import extract
from partialfast.batch.loop._collector import collecting_seldom
from partialfast.providers.openai._command_client import Endpoint, connected, first_request
from partialfast.replay._script import count_tokens

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast", "pydantic", "openai", "aiohttp", "instructor")
STREAMS = 256
RATE = 50
DELAY_S = 12.0
LATE_S = 0.010
PROMPT = "Get the meeting from: {text}"
LLM = "gpt-4o-mini"

Documents = list[dict[str, str]]
#: Is given each value.
Done = Callable[[Any], object]


def _messages(document: dict[str, str]) -> list[Any]:
    return [{"role": "user", "content": PROMPT.format_map(document)}]


def _asked(document: dict[str, str]) -> dict[str, Any]:
    return {"model": LLM, "response_model": Meeting, "messages": _messages(document)}


def _sdk(url: str, streams: int) -> AsyncOpenAI:
    limits = type(DEFAULT_CONNECTION_LIMITS)(
        max_connections=streams, max_keepalive_connections=streams
    )
    # All subjects are read through aiohttp.
    http_client = DefaultAioHttpClient(limits=limits, timeout=600)
    return AsyncOpenAI(base_url=url, api_key="none", max_retries=0, http_client=http_client)


async def _extract(url: str, documents: Documents, streams: int, done: Done) -> None:
    """Extract in a program whose garbage collector is as Python has it."""
    async with connected(Endpoint(url, "none", concurrency=streams)) as client:
        options: dict[str, Any] = {"prompt": PROMPT, "concurrency": streams, "max_retries": 0}
        async for result in extract(documents, model=Meeting, client=client, llm=LLM, **options):
            assert result.ok, result.error
            done(result.value)


async def _partialfast(url: str, documents: Documents, streams: int, done: Done) -> None:
    """Extract, by the package's own loop, as the command does."""
    with collecting_seldom():
        await _extract(url, documents, streams, done)


async def _each(
    one: Callable[[dict[str, str]], Awaitable[Any]], documents: Documents, streams: int, done: Done
) -> None:
    """Do one thing with each document, some at a time, as one would write it by hand."""
    waiting = iter(documents)

    async def work() -> None:
        for document in waiting:
            done(await one(document))

    await asyncio.gather(*(work() for _ in range(streams)))


async def _instructor(url: str, documents: Documents, streams: int, done: Done) -> None:
    """Do the same with instructor's ``create_partial``, the last value validated."""
    import instructor

    async with _sdk(url, streams) as sdk:
        create: Any = instructor.from_openai(sdk).chat.completions.create_partial

        async def one(document: dict[str, str]) -> Any:
            value: Any = None
            # Strictly it would refuse the dates of a list, which are text in JSON.
            async for value in create(**_asked(document), strict=False):  # noqa: B007 - the result
                pass
            return Meeting.model_validate(value.model_dump())

        await _each(one, documents, streams, done)


async def _aiohttp(url: str, documents: Documents, streams: int, done: Done) -> None:
    """Send the same requests with aiohttp alone, and read the bytes; nothing is made of them.

    What is left of the time is not ours: this is the floor for any client over aiohttp.
    """
    asked = first_request("tools", Meeting, LLM, [])
    connector = aiohttp.TCPConnector(limit=streams)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one(document: dict[str, str]) -> None:
            body = {**asked, "messages": _messages(document)}
            async with session.post(f"{url}/chat/completions", json=body) as response:
                while await response.content.readany():
                    pass

        await _each(one, documents, streams, done)


#: Who is measured, and with how many streams while it is measured how late a task comes.
_SUBJECTS = {
    "partialfast": (_partialfast, (64, 256, 512, 1024, 1536, 2000, 2048)),
    "aiohttp": (_aiohttp, (64, 256, 1024)),
    "instructor": (_instructor, (16, 64, 256)),
    "extract": (_extract, (1024, 2000)),
}


async def _throughput(url: str, subject: str, count: int) -> tuple[float, float]:
    """Extract so many documents as fast as they come; return seconds, and those of CPU."""
    run, values = _SUBJECTS[subject][0], list[Any]()
    documents = [*islice(cycle(DOCUMENTS), count)]
    await run(url, documents[:8], STREAMS, values.append)  # what is done once
    values.clear()
    began, cpu = time.perf_counter(), time.process_time()
    await run(url, documents, STREAMS, values.append)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert len(values) == count
    assert subject == "aiohttp" or all(isinstance(value, Meeting) for value in values)
    return seconds, cpu


async def _first(url: str, subject: str, count: int) -> tuple[float, float]:
    """Return ms of CPU up to the first snapshot of a call, one at a time: median and least."""
    ms: list[float] = []
    async with connected(Endpoint(url, "none")) as direct, _sdk(url, 8) as sdk:
        client: Any = direct if subject == "partialfast" else pf.from_openai(sdk)
        for document in islice(cycle(DOCUMENTS), count + 20):
            cpu = time.process_time()
            stream = client.create_partial(**_asked(document), every=0.25, max_retries=0)
            await anext(stream)
            ms.append((time.process_time() - cpu) * 1000)
            await stream.final()
    # The first calls make what is made once.
    return median(ms[20:]), min(ms[20:])


async def _delay(url: str, subject: str, streams: int) -> tuple[float, list[str]]:
    """Measure how late a task comes while so many answers arrive; return ms, and the row."""
    run, finished = _SUBJECTS[subject][0], list[None]()

    def done(_: Any) -> None:
        # The values are dropped: the garbage collector would have to look at them.
        finished.append(None)

    await run(url, DOCUMENTS[:4], streams, done)
    # More than can be finished in the time, so that there are always as many streams.
    documents = DOCUMENTS * (streams // 50 + 1)
    working = asyncio.create_task(run(url, documents, streams, done))
    await asyncio.sleep(5)  # until all streams are open, and some have ended
    before, cpu, began = len(finished), time.process_time(), time.perf_counter()
    late: list[float] = []
    while (start := time.perf_counter()) < began + DELAY_S:
        await asyncio.sleep(LATE_S)
        late.append((time.perf_counter() - start - LATE_S) * 1000)
    seconds = time.perf_counter() - began
    late.sort()
    cpu, answers = time.process_time() - cpu, max(len(finished) - before, 1)
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    at = (late[len(late) // 2], late[int(len(late) * 0.99)], late[-1])
    figures = (f"{cpu / seconds:.0%}", f"{answers / seconds:.0f}", f"{cpu / answers * 1000:.1f} ms")
    return at[1], [f"{streams:,}", subject, *(f"{number(ms)} ms" for ms in at), *figures]


def lines(*, documents: int = len(DOCUMENTS), pictures: Path = Path(".bench")) -> Iterator[str]:
    """Measure all; yield the tables, and draw ``delay.png``.

    Args:
        documents: How many; this package and aiohttp are also given four times as many, since a run
            begins and ends with fewer streams, which a longer one shows less of.
        pictures: The folder of the picture.
    """
    tokens = mean(map(count_tokens, TEXTS))
    with serving("benches.batch_server", "0") as url:
        yield f"{STREAMS} streams at a time, documents of {tokens:.0f} output tokens:"
        rows: list[list[str]] = []
        for subject, times in (
            ("partialfast", 4),
            ("partialfast", 1),
            ("aiohttp", 4),
            ("instructor", 1),
        ):
            count = documents * times
            seconds, cpu = alone(_throughput, url, subject, count)
            each = (f"{cpu / count * 1e3:.2f} ms", f"{cpu / count / tokens * 1e6:.1f} us")
            rows.append([subject, f"{count:,}", f"{count / seconds:,.0f}", *each])
        heading = ["documents", "documents/s", "CPU for a document", "CPU for an output token"]
        yield table(["", *heading], rows)
        for subject in ("partialfast", "the SDK's way"):
            middle, least = alone(_first, url, subject, 400)
            yield (
                f"A call before its first token, {subject}: {middle:.2f} ms of CPU "
                f"(the median of 400, one at a time), {least:.2f} (the least)."
            )
    with serving("benches.batch_server", str(RATE)) as url:
        yield f"How late a task comes while streams bring {RATE} tokens a second each:"
        late: dict[str, dict[int, float]] = {}
        found: list[list[str]] = []
        for subject, (_, counts) in _SUBJECTS.items():
            for streams in counts:
                p99, row = alone(_delay, url, subject, streams)
                late.setdefault(subject, {})[streams] = p99
                found.append(row)
        heading = ["late, p50", "p99", "worst", "of the core", "answers/s", "CPU for an answer"]
        yield table(["streams", "", *heading], found, left=(1,))
        yield "`extract` has the garbage collector as Python has it; the command runs it seldom."
    del late["extract"]
    curves(
        pictures / "delay.png",
        late,
        xlabel=f"concurrent streams of {RATE} tokens a second",
        ylabel="event loop late by, ms (99th percentile)",
        title="Typed answers in one event loop, over HTTP",
    )
