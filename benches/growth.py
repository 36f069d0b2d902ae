"""What the pictures show: ``python -m benches.growth OUT.json``.

Cost per chunk of every package at several sizes of one kind of document, and by how much an event
loop is late while many streams run in it. `make bench-report` draws both.
"""

from __future__ import annotations

import asyncio
import functools
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import quantiles
from typing import Any

import partialfast as pf
from benches.measuring import best_cpu, last
from benches.peers import TYPED, UNTYPED, Model
from benches.workloads import workload

__all__ = ["DELAY_STREAMS", "SIZES", "measure_all"]

SIZES = (1, 3, 10, 30, 100, 300, 1000)
# A peer that parses again is not followed to where one window would take minutes.
LARGEST_AGAIN = 100
WINDOWS = 5
WINDOW = 20

DELAY_STREAMS = (1, 3, 10, 30, 100, 300)
# Tokens a second of one stream, as hosted models write.
RATE = 50
DELAY_S = 2.0
DELAY_RUNS = 5
PROBE_S = 0.005

Typed = Callable[[Model, Iterable[str]], Iterator[Any]]


def again_jiter(_model: Model, chunks: Iterable[str]) -> Iterator[Any]:
    """Parse the text so far again with jiter."""
    import jiter

    text = b""
    for chunk in chunks:
        text += chunk.encode()
        yield jiter.from_json(text, partial_mode="trailing-strings")


def again_langchain(_model: Model, chunks: Iterable[str]) -> Iterator[Any]:
    """Parse the text so far again, as langchain's JSON output parser does."""
    from langchain_core.utils.json import parse_json_markdown

    text = ""
    for chunk in chunks:
        text += chunk
        try:
            yield parse_json_markdown(text)
        except json.JSONDecodeError:
            yield None


#: Those that are measured on the whole document.
WHOLE: dict[str, Callable[[Model, Sequence[str]], Any]] = {
    "partialfast, typed": lambda model, chunks: last(TYPED["partialfast"](model, chunks)),
    "partialfast, untyped": UNTYPED["partialfast"],
    "jsonriver": UNTYPED["jsonriver"],
}
AGAIN: dict[str, Typed] = {
    "instructor": TYPED["instructor"],
    "pydantic": TYPED["pydantic"],
    "langchain": again_langchain,
    "jiter": again_jiter,
}


def _again_us(subject: Typed, model: Model, chunks: Sequence[str]) -> float:
    """Return the mean cost of a chunk in windows spread evenly over the document."""
    total = 0.0
    for window in range(WINDOWS):
        start = max(int((window + 0.5) / WINDOWS * len(chunks)) - WINDOW // 2, 0)
        best = float("inf")
        for _ in range(2):
            stream = subject(model, ["".join(chunks[:start]), *chunks[start : start + WINDOW]])
            next(stream)
            begin = time.process_time()
            count = sum(1 for _ in islice(stream, WINDOW))
            best = min(best, (time.process_time() - begin) / count)
        total += best
    return total / WINDOWS * 1e6


def costs() -> dict[str, dict[int, float]]:
    """Return microseconds per chunk, by subject and by thousands of characters."""
    found: dict[str, dict[int, float]] = {}
    for size in SIZES:
        work = workload(f"orders-{size}k")
        count = len(work.chunks)
        for name, subject in WHOLE.items():
            run = functools.partial(subject, work.model, work.chunks)
            found.setdefault(name, {})[size] = best_cpu(run, rounds=3) / count * 1e6
        if size <= LARGEST_AGAIN:
            for name, again in AGAIN.items():
                found.setdefault(name, {})[size] = _again_us(again, work.model, work.chunks)
    return found


async def _paced(chunks: Sequence[str], delay: float) -> AsyncIterator[str]:
    # Streams that start together would all wake at once, which no server does.
    await asyncio.sleep(delay)
    while True:
        for chunk in chunks:
            yield chunk
            await asyncio.sleep(1 / RATE)


async def _nothing(_model: Model, chunks: AsyncIterator[str]) -> None:
    """Only receive: what the event loop and the pacing cost by themselves."""
    async for _ in chunks:
        pass


async def _partialfast(model: Model, chunks: AsyncIterator[str]) -> None:
    async for _ in pf.astream(model, chunks):
        pass


async def _instructor(model: Model, chunks: AsyncIterator[str]) -> None:
    from instructor.dsl.partial import Partial

    partial: Any = Partial
    async for _ in partial[model].model_from_chunks_async(chunks):
        pass


async def _lateness(consume: Callable[..., Any], streams: int, model: Model, text: Any) -> float:
    """Return the 99th percentile, in ms, of how late a probe wakes among `streams` streams.

    Each stream is somewhere else in its document, as it would be in a server.
    """
    share = len(text) // 2
    tasks = [
        asyncio.ensure_future(
            consume(
                model,
                _paced(
                    ["".join(text[: share * n // streams]), *text[share * n // streams : -1]],
                    n / streams / RATE,
                ),
            )
        )
        for n in range(streams)
    ]
    late: list[float] = []
    end = time.perf_counter() + DELAY_S
    await asyncio.sleep(0.5)
    while time.perf_counter() < end:
        begin = time.perf_counter()
        await asyncio.sleep(PROBE_S)
        late.append(time.perf_counter() - begin - PROBE_S)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # A stream that failed would make the loop look free.
    failed = [task for task in tasks if not task.cancelled()]
    if failed:
        raise RuntimeError(f"{len(failed)} of {streams} streams ended early") from (
            failed[0].exception()
        )
    return quantiles(late, n=100)[-1] * 1e3 if len(late) > 1 else DELAY_S * 1e3


def delays() -> dict[str, dict[int, float]]:
    """Return how late the loop is, in ms, by package and by number of streams."""
    work = workload("orders-10k")
    return {
        name: {
            # The best of a few runs: other programs make a loop late too.
            streams: min(
                asyncio.run(_lateness(consume, streams, work.model, work.chunks))
                for _ in range(DELAY_RUNS)
            )
            for streams in DELAY_STREAMS
        }
        for name, consume in (
            ("no parser", _nothing),
            ("partialfast", _partialfast),
            ("instructor", _instructor),
        )
    }


def measure_all() -> dict[str, dict[str, dict[int, float]]]:
    """Measure everything that the pictures show."""
    return {"costs": costs(), "delays": delays()}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Path(sys.argv[1]).write_text(json.dumps(measure_all(), indent=2), encoding="utf-8")
