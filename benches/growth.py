"""What the pictures show: ``python -m benches.growth OUT.json``.

Cost per chunk of every package at several sizes of one kind of document, and by how much an event
loop is late while many streams run in it. `benches.pictures` draws both.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import quantiles
from typing import Any

import partialfast as pf
from benches.measuring import best_cpu, in_windows, last
from benches.peers import PEERS, SUBJECTS
from benches.workloads import Workload, workload

__all__ = ["costs", "delays"]

SIZES = (1, 3, 10, 30, 100, 300, 1000)
# A peer that parses again is not followed to where one window would take minutes.
LARGEST_AGAIN = 100
AGAIN = ("instructor", "pydantic", "langchain", "jiter")

DELAY_STREAMS = (1, 3, 10, 30, 100, 300)
# Tokens a second of one stream, as hosted models write.
RATE = 50
DELAY_S = 2.0
DELAY_RUNS = 5
PROBE_S = 0.005

Model = type[Any]


def _whole(name: str, work: Workload) -> Any:
    who, _, kind = name.partition(", ")
    return SUBJECTS[kind](work) if kind else last(PEERS[who].make(work.model)(work.chunks))


def costs() -> dict[str, dict[int, float]]:
    """Return microseconds per chunk, by subject and by thousands of characters."""
    found: dict[str, dict[int, float]] = {}
    for size in SIZES:
        work = workload(f"orders-{size}k")
        for name in ("partialfast, typed", "partialfast, untyped", "jsonriver"):
            read = partial(_whole, name, work)
            us = best_cpu(read, rounds=3, budget_s=0) / len(work.chunks) * 1e6
            found.setdefault(name, {})[size] = us
        for name in AGAIN if size <= LARGEST_AGAIN else ():
            reader = PEERS[name].make(work.model)
            found.setdefault(name, {})[size] = in_windows(reader, work.chunks, rounds=2) * 1e6
    return found


async def _paced(chunks: Sequence[str], delay: float) -> AsyncIterator[str]:
    # Streams that start together would all wake at once, which no server does.
    await asyncio.sleep(delay)
    while True:
        for chunk in chunks:
            yield chunk
            await asyncio.sleep(1 / RATE)


def _instructor(model: Model, chunks: AsyncIterator[str]) -> Any:
    made: Any = import_module("instructor.dsl.partial").Partial[model]
    return made.model_from_chunks_async(chunks)


#: What makes an async stream of chunks into one of snapshots; without a parser it is only received.
CONSUMERS: dict[str, Callable[[Model, AsyncIterator[str]], Any]] = {
    "no parser": lambda _, chunks: chunks,
    "partialfast": pf.astream,
    "instructor": _instructor,
}


async def _lateness(consumer: str, streams: int, work: Workload) -> float:
    """Return the 99th percentile, in ms, of how late a probe wakes among `streams` streams."""

    async def consume(number: int) -> None:
        # Each stream is somewhere else in its document, as it would be in a server.
        at = len(work.chunks) // 2 * number // streams
        chunks = ["".join(work.chunks[:at]), *work.chunks[at:-1]]
        source = _paced(chunks, number / streams / RATE)
        async for _ in CONSUMERS[consumer](work.model, source):
            pass

    tasks = [asyncio.ensure_future(consume(number)) for number in range(streams)]
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
        words = f"{len(failed)} of {streams} streams ended early"
        raise RuntimeError(words) from failed[0].exception()
    return quantiles(late, n=100)[-1] * 1e3 if len(late) > 1 else DELAY_S * 1e3


def delays() -> dict[str, dict[int, float]]:
    """Return how late the loop is, in ms, by package and by number of streams."""

    def best(consumer: str, streams: int) -> float:
        # Of a few runs: other programs make a loop late too.
        work = workload("orders-10k")
        runs = range(DELAY_RUNS)
        return min(asyncio.run(_lateness(consumer, streams, work)) for _ in runs)

    return {name: {streams: best(name, streams) for streams in DELAY_STREAMS} for name in CONSUMERS}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    document = {"costs": costs(), "delays": delays()}
    Path(sys.argv[1]).write_text(json.dumps(document, indent=2), encoding="utf-8")
