"""Batch extraction beside the same loop written with instructor: ``python -m benches.batch``.

Four measurements, each subject in an interpreter of its own, bound to one core, the server to
another:

* 4,000 documents (instructor: 1,000) with 256 streams at a time, as fast as the server sends:
  documents per second and CPU time per output token.
* A call before its first token: CPU time from ``create_partial`` to the first snapshot, one call
  at a time, beside the same over the SDK's own way.
* 256 streams of 50 tokens a second each: by how much a task that wants to run every 10 ms comes too
  late, which is what a web server in the same process would feel.
* The same with more and more streams, of this package alone: how many of them a core carries.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from openai import DEFAULT_CONNECTION_LIMITS, AsyncOpenAI, DefaultAioHttpClient
from pydantic import BaseModel

import partialfast as pf
from benches.batch_server import DOCUMENTS
from partialfast.batch import extract
from partialfast.batch.loop._collector import collecting_seldom
from partialfast.providers.openai._endpoint import Endpoint, connected, first_request

__all__ = ["SUBJECTS", "main"]

STREAMS = 256
RATE = 50
CAPACITY = (256, 512, 1024, 1536, 2000, 2048)
DELAY_S = 12.0
LONGER = 4
LATE_S = 0.010
PROMPT = "Get the meeting from: {text}"
LLM = "gpt-4o-mini"


class Person(BaseModel):
    """Of a meeting."""

    name: str
    email: str


class Task(BaseModel):
    """Of a meeting; its date is text, for instructor cannot stream a list of dates."""

    what: str
    who: str
    due: str


class Meeting(BaseModel):
    """What is extracted."""

    title: str
    day: str
    place: str
    kind: str
    people: list[Person]
    budget: int | None
    tasks: list[Task]


def client(url: str, streams: int) -> AsyncOpenAI:
    limits = type(DEFAULT_CONNECTION_LIMITS)(
        max_connections=streams, max_keepalive_connections=streams
    )
    # Both subjects are read through aiohttp.
    http_client = DefaultAioHttpClient(limits=limits, timeout=600)
    return AsyncOpenAI(base_url=url, api_key="none", max_retries=0, http_client=http_client)


async def with_partialfast(
    url: str, documents: list[dict[str, str]], streams: int
) -> AsyncIterator[Any]:
    """Extract, by the package's own loop, as the command does."""
    with collecting_seldom():
        async for value in with_extract(url, documents, streams):
            yield value


async def with_extract(
    url: str, documents: list[dict[str, str]], streams: int
) -> AsyncIterator[Any]:
    """Extract in a program whose garbage collector is as Python has it."""
    async with connected(Endpoint(url, "none", concurrency=streams)) as asking:
        async for result in extract(
            documents,
            model=Meeting,
            client=asking,
            llm=LLM,
            prompt=PROMPT,
            concurrency=streams,
            max_retries=0,
        ):
            assert result.ok, result.error
            yield result.value


async def with_instructor(
    url: str, documents: list[dict[str, str]], streams: int
) -> AsyncIterator[Any]:
    """Do the same with instructor's ``create_partial``, the last value validated."""
    import instructor

    slots = asyncio.Semaphore(streams)
    async with client(url, streams) as openai:
        asking = instructor.from_openai(openai)

        async def one(document: dict[str, str]) -> Any:
            messages = [{"role": "user", "content": PROMPT.format_map(document)}]
            create: Any = asking.chat.completions
            async with slots:
                value: Any = None
                snapshots = create.create_partial(
                    model=LLM, response_model=Meeting, messages=messages
                )
                async for value in snapshots:  # noqa: B007 - the last one is the result
                    pass
                return Meeting.model_validate(value.model_dump())

        tasks = [asyncio.create_task(one(document)) for document in documents]
        try:
            for finished in asyncio.as_completed(tasks):
                yield await finished
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def bare(url: str, documents: list[dict[str, str]], streams: int) -> AsyncIterator[Any]:
    """Send the same requests with aiohttp alone, and read the bytes; nothing is made of them.

    What is left of the time is not ours: this is the floor for any client over aiohttp.
    """
    import aiohttp

    slots = asyncio.Semaphore(streams)
    asked = first_request("tools", Meeting, LLM, [])
    connector = aiohttp.TCPConnector(limit=streams)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one(document: dict[str, str]) -> Meeting:
            said = {"role": "user", "content": PROMPT.format_map(document)}
            async with (
                slots,
                session.post(
                    f"{url}/chat/completions", json={**asked, "messages": [said]}
                ) as response,
            ):
                while await response.content.readany():
                    pass
            return ANY_MEETING

        tasks = [asyncio.create_task(one(document)) for document in documents]
        try:
            for finished in asyncio.as_completed(tasks):
                yield await finished
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


ANY_MEETING = Meeting(title="", day="", place="", kind="", people=[], budget=None, tasks=[])

SUBJECTS = {"partialfast": with_partialfast, "instructor": with_instructor, "aiohttp": bare}
RUNS = {**SUBJECTS, "extract": with_extract}


async def throughput(subject: str, url: str, count: int) -> dict[str, float]:
    """Extract `count` documents as fast as they come."""
    run = RUNS[subject]
    documents = list(islice(cycle(DOCUMENTS), count))
    async for _ in run(url, documents[:8], STREAMS):  # what is done once
        pass
    began, cpu = time.perf_counter(), time.process_time()
    values = [value async for value in run(url, documents, STREAMS)]
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - began
    assert len(values) == count
    assert all(isinstance(value, Meeting) for value in values)
    return {"documents": count, "seconds": seconds, "cpu_s": cpu}


async def first_token(subject: str, url: str, count: int) -> dict[str, float]:
    """Measure the CPU time of `count` calls, one at a time, up to the first snapshot of each."""
    spent: list[float] = []
    async with (
        connected(Endpoint(url, "none")) as direct,
        client(url, 8) as sdk,
    ):
        asking: Any = direct if subject == "partialfast" else pf.from_openai(sdk)
        for number in range(count + 20):
            said = {"role": "user", "content": PROMPT.format_map(DOCUMENTS[number % 1000])}
            cpu = time.process_time()
            stream = asking.create_partial(
                response_model=Meeting, model=LLM, messages=[said], every=0.25, max_retries=0
            )
            await anext(stream)
            spent.append(time.process_time() - cpu)
            await stream.final()
    # The first calls make what is made once.
    spent = sorted(spent[20:])
    return {"median_ms": spent[len(spent) // 2] * 1000, "least_ms": spent[0] * 1000}


async def delay(subject: str, url: str, streams: int) -> dict[str, float]:
    """Measure how late a task comes while so many answers arrive."""
    run = RUNS[subject]
    late: list[float] = []
    finished = 0

    async def tick() -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LATE_S
            await asyncio.sleep(LATE_S)
            late.append(loop.time() - due)

    async def work() -> None:
        nonlocal finished
        # More than can be finished in the time, so that there are always as many streams.
        many = DOCUMENTS * (streams // 50 + 1)
        async for _ in run(url, many, streams):
            finished += 1

    async for _ in run(url, DOCUMENTS[:4], streams):
        pass
    working = asyncio.create_task(work())
    await asyncio.sleep(5)  # until all streams are open, and some have ended
    before = finished
    cpu, began = time.process_time(), time.perf_counter()
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(DELAY_S)
    seconds = time.perf_counter() - began
    share = (time.process_time() - cpu) / seconds
    answers_per_s = (finished - before) / seconds
    for task in (ticking, working):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    late.sort()
    return {
        "p50_ms": late[len(late) // 2] * 1000,
        "p99_ms": late[int(len(late) * 0.99)] * 1000,
        "worst_ms": late[-1] * 1000,
        "cpu_share": share,
        "answers_per_s": answers_per_s,
    }


def output_tokens(count: int) -> int:
    """Count the deltas that carry text, a token each."""
    from benches.batch_server import answers

    return sum(
        sum(b'"arguments":"' in event and b'"arguments":""' not in event for event in answer)
        for answer in answers()[:count]
    )


def measure(subject: str, what: str, rate: float, count: int) -> dict[str, float]:
    """Run a subject on one core and the server on another; `count` documents or streams."""
    cores = sorted(os.sched_getaffinity(0))
    with subprocess.Popen(
        [sys.executable, "-m", "benches.batch_server", str(rate)], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            os.sched_setaffinity(server.pid, {cores[-1]})
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            words = ["--inside", subject, what, url, str(count)]
            with subprocess.Popen(
                [sys.executable, "-m", "benches.batch", *words], stdout=subprocess.PIPE, text=True
            ) as inside:
                os.sched_setaffinity(inside.pid, {cores[0]})
                said, _ = inside.communicate()
            if inside.returncode:
                raise RuntimeError(f"{subject} failed")
        finally:
            server.kill()
    result: dict[str, float] = json.loads(said)
    return result


LOOP_HEADS = f"{'':14}{'late p50 ms':>12}{'p99 ms':>10}{'worst ms':>13}{'core':>7}{'answers/s':>11}"


def loop_row(name: str, row: dict[str, float]) -> str:
    return (
        f"{name:14}{row['p50_ms']:12.1f}{row['p99_ms']:10.1f}{row['worst_ms']:13.1f}"
        f"{row['cpu_share']:7.0%}{row['answers_per_s']:11.1f}"
    )


def main() -> None:
    """Measure all and print the tables."""
    documents = int(os.environ.get("DOCUMENTS", len(DOCUMENTS)))
    tokens_each = output_tokens(len(DOCUMENTS)) / len(DOCUMENTS)
    machine = f"{platform.processor() or platform.machine()}, Python {platform.python_version()}"
    today = time.strftime("%Y-%m-%d")
    print(f"{machine}, {today}; documents of {tokens_each:.0f} output tokens")
    print(f"\n{STREAMS} streams at a time, as fast as they come, one core:")
    heads = ("documents", "documents/s", "seconds", "CPU seconds", "CPU us/token")
    print(" " * 14 + "{:>12}{:>12}{:>10}{:>13}{:>14}".format(*heads))
    found: dict[str, Any] = {}
    for subject in SUBJECTS:
        # A run begins and ends with fewer streams, which a longer one shows less of.
        count = documents if subject == "instructor" else documents * LONGER
        tokens = count * tokens_each
        row = measure(subject, "throughput", 0, count)
        found[subject] = {"throughput": row}
        print(
            f"{subject:14}{count:12,}{count / row['seconds']:12.1f}{row['seconds']:10.1f}"
            f"{row['cpu_s']:13.1f}{row['cpu_s'] / tokens * 1e6:14.1f}"
        )
    print("\nA call before its first token, one at a time, ms of CPU:")
    for subject, name in (("partialfast", "partialfast"), ("sdk", "the SDK's way")):
        found.setdefault(subject, {})["first"] = row = measure(subject, "first", 0, 400)
        print(f"{name:14}{row['median_ms']:12.2f} (median), {row['least_ms']:.2f} (least)")
    print(f"\nEvent loop while {STREAMS} streams bring {RATE} tokens a second each, one core:")
    print(LOOP_HEADS)
    for subject in SUBJECTS:
        found[subject]["delay"] = row = measure(subject, "delay", RATE, STREAMS)
        print(loop_row(subject, row))
    print("\nThe same with partialfast and other numbers of streams:")
    print(LOOP_HEADS)
    found["capacity"] = {}
    for streams in CAPACITY:
        found["capacity"][streams] = row = measure("partialfast", "delay", RATE, streams)
        print(loop_row(f"{streams:,} streams", row), flush=True)
    found["extract"] = {"delay": (row := measure("extract", "delay", RATE, CAPACITY[-2]))}
    print(f"{CAPACITY[-2]:,} streams, where the garbage collector is as Python has it:")
    print(loop_row("extract", row))
    folder = Path(".bench")
    folder.mkdir(exist_ok=True)
    (folder / "batch.json").write_text(json.dumps(found, indent=2), encoding="utf-8")


def _inside(subject: str, what: str, url: str, count: str) -> None:
    if what == "throughput":
        row = asyncio.run(throughput(subject, url, int(count)))
    elif what == "first":
        row = asyncio.run(first_token(subject, url, int(count)))
    else:
        row = asyncio.run(delay(subject, url, int(count)))
    print(json.dumps(row))


if __name__ == "__main__":
    if "--inside" in sys.argv:
        _inside(*sys.argv[sys.argv.index("--inside") + 1 :])
    else:
        main()
