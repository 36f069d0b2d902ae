"""How late an event loop comes while many streams run in it, and the picture of that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from statistics import quantiles
from typing import Any

import partialfast as pf
from benches.measuring import lateness
from benches.pictures import curves
from benches.tables import number, table
from benches.workloads import Workload, workload

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast", "instructor")
# Tokens a second of one stream, as hosted models write.
RATE = 50
MEASURED_S = 1.5
RUNS = 5
PROBE_S = 0.005

Consumer = Callable[[type[Any], AsyncIterator[str]], AsyncIterator[Any]]


def _instructor(model: type[Any], chunks: AsyncIterator[str]) -> Any:
    made: Any = import_module("instructor.dsl.partial").Partial[model]
    return made.model_from_chunks_async(chunks)


#: What makes an async stream of chunks into one of snapshots; without a parser it is only received.
_CONSUMERS: dict[str, Consumer] = {
    "no parser": lambda _, chunks: chunks,
    "partialfast": pf.astream,
    "instructor": _instructor,
}


async def _paced(chunks: Sequence[str], delay: float) -> AsyncIterator[str]:
    # Streams that start together would all wake at once, which no server does.
    await asyncio.sleep(delay)
    while True:
        for chunk in chunks:
            yield chunk
            await asyncio.sleep(1 / RATE)


async def _late(consumer: Consumer, streams: int, work: Workload) -> float:
    """Return the 99th percentile, in ms, of how late a probe wakes among `streams` streams."""

    async def consume(number: int) -> None:
        # Each stream is somewhere else in its document, as it would be in a server.
        at = len(work.chunks) // 2 * number // streams
        chunks = ["".join(work.chunks[:at]), *work.chunks[at:-1]]
        async for _ in consumer(work.model, _paced(chunks, number / streams / RATE)):
            pass

    tasks = [asyncio.ensure_future(consume(number)) for number in range(streams)]
    await asyncio.sleep(0.5)
    late = await lateness(MEASURED_S, PROBE_S)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # A stream that failed would make the loop look free.
    failed = [task for task in tasks if not task.cancelled()]
    if failed:
        words = f"{len(failed)} of {streams} streams ended early"
        raise RuntimeError(words) from failed[0].exception()
    return quantiles(late, n=100)[-1] if len(late) > 1 else late[0]


def lines(*, pictures: Path = Path(".bench")) -> Iterator[str]:
    """Measure all; yield the table, and draw ``delay.png``."""
    counts, work = (1, 3, 10, 30, 100, 300), workload("orders-10k")
    # Of a few runs the best: other programs make a loop late too.
    late = {
        name: {
            streams: min(asyncio.run(_late(consumer, streams, work)) for _ in range(RUNS))
            for streams in counts
        }
        for name, consumer in _CONSUMERS.items()
    }
    yield f"An event loop late by, ms (99th percentile), with streams of {RATE} chunks a second:"
    rows = [[name, *map(number, each.values())] for name, each in late.items()]
    yield table(["streams", *map(str, counts)], rows)
    curves(
        pictures / "delay.png",
        late,
        xlabel=f"concurrent streams of {RATE} chunks a second",
        ylabel="event loop late by, ms (99th percentile)",
        title="Typed snapshots in one event loop (orders-10k)",
    )
