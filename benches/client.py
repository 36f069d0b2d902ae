"""What the OpenAI client costs its process for each chunk, beside the SDK alone and other clients.

    python -m benches.client measure FILE    measure, and write the figures
    python -m benches.client report FILE     print the table

The answers come over loopback from the replay server in a process of its own, so the CPU time of
this process is the client's alone, its waiting left out. Every subject sends a request for the same
document, reads the answer to its end and does nothing with it; the whole call counts, request
included. A figure is the best of several rounds. A round runs each subject once, so that a busy
machine is busy for all, and in an order of its own, so that nobody always runs behind the one that
leaves the caches cold. What a subject got is compared with pydantic's own reading before the clock
starts.

How the tokens arrive decides what there is to save, so it is varied: each in a write of its own as
fast as the server can (a fast client then reads one event at a time, a slow one many), each in its
own time (every read is a system call and a wake-up, in any client), and gathered into blocks.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import cache
from importlib.metadata import version
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from openai import AsyncOpenAI, DefaultAioHttpClient, OpenAI
from pydantic import BaseModel

import partialfast.providers.openai
from benches.report import Goal, Row, at_least, at_most, layout
from benches.workloads import Workload, source, workload

__all__ = ["ASYNC", "SYNC", "Job", "measured", "rows"]

DOCUMENTS = ("meeting", "orders-10k")
FAST, PACED, GATHERED, WHOLE = "fast", "paced", "gathered", "whole"
RATE = 2_000
BLOCK = 4_096
_HEADERS = {
    FAST: {},
    WHOLE: {},
    PACED: {"x-replay-rate": str(RATE)},
    GATHERED: {"x-replay-split": str(BLOCK)},
}
_LONG_S = 1.0
_ROUNDS_S = 1.5
_MOST_ROUNDS = 30
_ORDER = Random(7)


class Job(NamedTuple):
    """One answer to be asked for.

    Args:
        work: The document.
        arrival: How its tokens arrive.
    """

    work: Workload
    arrival: str

    @property
    def key(self) -> str:
        """The name in the file of figures."""
        return f"{self.arrival}/{self.work.name}"

    @property
    def units(self) -> int:
        """How many chunks the time is divided by."""
        return 1 if self.arrival == WHOLE else len(self.work.chunks)

    @property
    def call(self) -> dict[str, Any]:
        """Arguments of every client."""
        suffix = f"-{WHOLE}" if self.arrival == WHOLE else ""
        return {
            "model": self.work.name + suffix,
            "messages": [{"role": "user", "content": "Write it down."}],
            "extra_headers": _HEADERS[self.arrival],
        }

    @property
    def bare(self) -> dict[str, Any]:
        """Arguments of the SDK's own client: those that a typed client makes of the model."""
        name = self.work.model.__name__
        schema = _schema(self.work.model)
        return {
            **self.call,
            "stream": True,
            "stream_options": {"include_usage": True},
            "tools": [{"type": "function", "function": {"name": name, "parameters": schema}}],
            "tool_choice": {"type": "function", "function": {"name": name}},
        }


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    # Whoever calls the SDK with a tool of their own has its schema at hand.
    return model.model_json_schema()


class Clients(NamedTuple):
    """The clients of one HTTP library, made before the clock starts."""

    sdk: Any
    raw: Any
    objects: Any
    instructor: Any


# What each subject returns lets `_check` see that it did its work.


def _snapshots(clients: Clients, job: Job) -> Any:
    last = None
    for last in clients.raw.chat.completions.create_partial(  # noqa: B007
        response_model=job.work.model, **job.call
    ):
        pass
    return last


def _snapshots_sdk(clients: Clients, job: Job) -> Any:
    last = None
    for last in clients.objects.chat.completions.create_partial(  # noqa: B007
        response_model=job.work.model, **job.call
    ):
        pass
    return last


def _bare(clients: Clients, job: Job) -> Any:
    chunk = None
    for chunk in clients.sdk.chat.completions.create(**job.bare):  # noqa: B007
        pass
    return chunk


def _bytes(clients: Clients, job: Job) -> Any:
    block = b""
    create = clients.sdk.chat.completions.with_streaming_response.create
    with create(**job.bare) as response:
        for block in response.iter_bytes():  # noqa: B007
            pass
    return block


def _helper(clients: Clients, job: Job) -> Any:
    call = clients.sdk.chat.completions.stream(**job.call, response_format=job.work.model)
    with call as stream:
        for _ in stream:
            pass
        return stream.get_final_completion().choices[0].message.parsed


def _instructor(clients: Clients, job: Job) -> Any:
    last = None
    for last in clients.instructor.create_partial(  # noqa: B007
        response_model=job.work.model, **job.call
    ):
        pass
    return last


async def _asnapshots(clients: Clients, job: Job) -> Any:
    last = None
    async for last in clients.raw.chat.completions.create_partial(  # noqa: B007
        response_model=job.work.model, **job.call
    ):
        pass
    return last


async def _asnapshots_sdk(clients: Clients, job: Job) -> Any:
    last = None
    async for last in clients.objects.chat.completions.create_partial(  # noqa: B007
        response_model=job.work.model, **job.call
    ):
        pass
    return last


async def _abare(clients: Clients, job: Job) -> Any:
    chunk = None
    async for chunk in await clients.sdk.chat.completions.create(**job.bare):  # noqa: B007
        pass
    return chunk


async def _abytes(clients: Clients, job: Job) -> Any:
    block = b""
    create = clients.sdk.chat.completions.with_streaming_response.create
    async with create(**job.bare) as response:
        async for block in response.iter_bytes():  # noqa: B007
            pass
    return block


async def _ahelper(clients: Clients, job: Job) -> Any:
    call = clients.sdk.chat.completions.stream(**job.call, response_format=job.work.model)
    async with call as stream:
        async for _ in stream:
            pass
        return (await stream.get_final_completion()).choices[0].message.parsed


async def _ainstructor(clients: Clients, job: Job) -> Any:
    last = None
    async for last in clients.instructor.create_partial(  # noqa: B007
        response_model=job.work.model, **job.call
    ):
        pass
    return last


SYNC: dict[str, Callable[[Clients, Job], Any]] = {
    "snapshots": _snapshots,
    "snapshots-sdk": _snapshots_sdk,
    "bare": _bare,
    "bytes": _bytes,
    "helper": _helper,
    "instructor": _instructor,
}
ASYNC: dict[str, Callable[[Clients, Job], Awaitable[Any]]] = {
    "snapshots": _asnapshots,
    "snapshots-sdk": _asnapshots_sdk,
    "bare": _abare,
    "bytes": _abytes,
    "helper": _ahelper,
    "instructor": _ainstructor,
}
_PEERS = ("snapshots", "bare", "bytes")


def _check(subject: str, job: Job, got: Any) -> None:
    """Refuse to time a subject that did not get the answer whole."""
    if subject == "bytes":
        whole = got.endswith(b"data: [DONE]\n\n")
    elif subject == "bare":
        whole = got.usage is not None
    else:
        expected = job.work.model.model_validate_json(job.work.text)
        whole = got is not None and got.model_dump() == expected.model_dump()
    if not whole:
        raise AssertionError(f"{subject} did not get {job.key} whole: {got!r:.200}")


def _jobs() -> Iterator[tuple[Job, tuple[str, ...]]]:
    for name in DOCUMENTS:
        yield Job(workload(name), FAST), tuple(SYNC)
    yield Job(workload("orders-10k"), PACED), _PEERS
    yield Job(workload("orders-10k"), GATHERED), _PEERS
    yield Job(workload("meeting"), WHOLE), _PEERS


def _recordings() -> Iterator[dict[str, Any]]:
    for name in DOCUMENTS:
        work = workload(name)
        yield {"model": name, "text": work.text, "chunks": work.chunks}
        yield {"model": f"{name}-{WHOLE}", "text": work.text, "chunks": [work.text]}


@contextmanager
def _served() -> Generator[str, None, None]:
    """Run the replay server in another process."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "documents.jsonl"
        lines = (json.dumps(recording) + "\n" for recording in _recordings())
        path.write_text("".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "partialfast", "replay", str(path), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                line = server.stdout.readline() if server.stdout else ""
                found = re.search(r"http://\S+", line)
                if found is None:
                    raise RuntimeError(f"the replay server did not start: {line!r}")
                yield found[0]
            finally:
                server.terminate()


def _clients(sdk: OpenAI | AsyncOpenAI) -> Clients:
    import instructor

    # The overloads want to know which of the two clients it is; at run time it does not matter.
    connect: Any = partialfast.providers.openai.from_openai
    wrap: Any = instructor.from_openai
    raw, objects = connect(sdk, transport="raw"), connect(sdk, transport="sdk")
    return Clients(sdk, raw, objects, wrap(sdk))


class _Best:
    """The least time of each subject, and how many rounds are still worth it."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}
        self._spent: dict[str, float] = {}

    def wants(self, subject: str) -> bool:
        """Say whether a subject should run again."""
        times = self._seconds.get(subject, [])
        if len(times) < (2 if self._spent.get(subject, 0) > _LONG_S else 3):
            return True
        return self._spent[subject] < _ROUNDS_S and len(times) < _MOST_ROUNDS

    def add(self, subject: str, *, cpu: float, wall: float) -> None:
        """Enter one run."""
        self._seconds.setdefault(subject, []).append(cpu)
        self._spent[subject] = self._spent.get(subject, 0) + wall

    def least(self) -> dict[str, float]:
        """Return the least CPU time by subject."""
        return {subject: min(times) for subject, times in self._seconds.items()}


async def _measured(library: str, run: Callable[[str, Job], Awaitable[Any]]) -> dict[str, float]:
    """Time every subject of one HTTP library.

    Returns:
        Microseconds per unit by ``ARRIVAL/DOCUMENT/LIBRARY/SUBJECT``.
    """
    figures: dict[str, float] = {}
    for job, subjects in _jobs():
        for subject in subjects:
            _check(subject, job, await run(subject, job))
        # As in the other benchmarks: the collector on, what was there before out of its sight.
        gc.collect()
        gc.freeze()
        best = _Best()
        while wanted := [subject for subject in subjects if best.wants(subject)]:
            for subject in _ORDER.sample(wanted, len(wanted)):
                wall, cpu = time.perf_counter(), time.process_time()
                await run(subject, job)
                cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
                best.add(subject, cpu=cpu, wall=wall)
        gc.unfreeze()
        for subject, seconds in best.least().items():
            figures[f"{job.key}/{library}/{subject}"] = seconds / job.units * 1e6
    return figures


def _drive(measuring: Any) -> dict[str, float]:
    """Run a coroutine that never waits, without an event loop for a sync client to pay for."""
    try:
        measuring.send(None)
    except StopIteration as finished:
        figures: dict[str, float] = finished.value
        return figures
    raise RuntimeError("a sync client waited on something")


def _sync_figures(url: str) -> dict[str, float]:
    with OpenAI(base_url=url, api_key="replay") as sdk:
        clients = _clients(sdk)

        async def run(subject: str, job: Job) -> Any:
            return SYNC[subject](clients, job)

        return _drive(_measured("sync httpx2", run))


async def _async_figures(url: str) -> dict[str, float]:
    figures: dict[str, float] = {}
    for library, http in (("async httpx2", None), ("async aiohttp", DefaultAioHttpClient())):
        async with AsyncOpenAI(base_url=url, api_key="replay", http_client=http) as sdk:
            clients = _clients(sdk)

            async def run(subject: str, job: Job, clients: Clients = clients) -> Any:
                return await ASYNC[subject](clients, job)

            figures |= await _measured(library, run)
    return figures


def measured() -> dict[str, float]:
    """Measure everything.

    Returns:
        CPU of this process in microseconds per chunk, by ``ARRIVAL/DOCUMENT/LIBRARY/SUBJECT``; per
        call where the answer is one event.

    Raises:
        AssertionError: A subject did not get the answer whole.
        RuntimeError: The server did not start.
    """
    with _served() as url:
        return _sync_figures(url) | asyncio.run(_async_figures(url))


_SECTIONS = {
    FAST: "a token a write, as fast as they come: the whole call, us/chunk",
    PACED: f"the same at {RATE:,} tokens a second: each in a read of its own, us/chunk",
    GATHERED: f"the same in writes of {BLOCK:,} bytes, us/chunk",
    WHOLE: "the whole answer in one event: what a call costs before its tokens, us",
}
_LABELS = {
    "bare": "the SDK's chunks alone",
    "bytes": "raw bytes alone",
    "snapshots-sdk": "transport=sdk",
    "helper": "the SDK's .stream()",
    "instructor": "instructor",
}
_GOALS: dict[str, Goal] = {"bare": at_least(5), "bytes": at_most(1.5)}


def rows(figures: Mapping[str, float]) -> Iterator[Row]:
    """Yield a row for each subject beside ``for snapshot in create_partial``, transport raw.

    A peer's ratio is its figure over ours; raw bytes are a floor, and their ratio is ours over it.
    The goals are for tokens that come as fast as loopback carries them.

    Args:
        figures: What `measured` returned.

    Yields:
        The rows, section by section.
    """
    for key, theirs in sorted(figures.items(), key=_order):
        arrival, document, library, subject = key.split("/")
        if subject == "snapshots":
            continue
        ours = figures[f"{arrival}/{document}/{library}/snapshots"]
        ratio = ours / theirs if subject == "bytes" else theirs / ours
        goal = _GOALS.get(subject) if arrival == FAST else None
        what = f"{document}, {library}"
        yield Row(_SECTIONS[arrival], what, ours, _LABELS[subject], theirs, ratio, goal)


def _order(entry: tuple[str, float]) -> tuple[int, int]:
    arrival, document, _, _ = entry[0].split("/")
    return list(_SECTIONS).index(arrival), DOCUMENTS.index(document)


def _head() -> str:
    names = ("partialfast", "openai", "httpx2", "aiohttp", "pydantic", "instructor")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    today = datetime.now(timezone.utc).date()
    return f"{today}, Python {sys.version.split()[0]}; documents of {source()}\n{versions}"


def _main(arguments: list[str]) -> None:
    match arguments:
        case ["measure", file]:
            document = {"head": _head(), "us": measured()}
            Path(file).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        case ["report", file]:
            document = json.loads(Path(file).read_text(encoding="utf-8"))
            print(document["head"])
            print("CPU time of the client's process, best of several rounds. Ratio: the peer's")
            print("figure over partialfast's; for raw bytes, partialfast's over theirs.")
            print(layout(rows(document["us"])))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    _main(sys.argv[1:])
