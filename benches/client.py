"""What the OpenAI client costs its process for each chunk, beside the SDK alone and other clients.

    python -m benches.client                  measure, and print the tables
    python -m benches.client OUT.json         measure, and write the figures

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
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import cache
from random import Random
from typing import Any, Literal, NamedTuple

from openai import AsyncOpenAI, DefaultAioHttpClient, OpenAI
from pydantic import BaseModel

import partialfast.providers.openai
from benches.measuring import frozen, last, replaying
from benches.table import Goal, Row, at_least, at_most, main
from benches.workloads import Workload, workload

__all__ = ["SUBJECTS", "Job", "measured", "rows"]

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
_LEAST_ROUNDS, _MOST_ROUNDS = 2, 30
#: After which there is no further round, by the clock.
_ROUNDS_S = 6.0
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
    def typed(self) -> dict[str, Any]:
        """Arguments of a typed client."""
        return {**self.call, "response_model": self.work.model}

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


class Subject(NamedTuple):
    """A way to read an answer.

    Args:
        open: Sends the request.
        pieces: What is iterated over of what it returns.
        kind: Whether that is a stream, one that an async client has to await, or a context.
        result: What there is in the end; the last piece otherwise. `_check` looks at it.
    """

    open: Callable[[Clients, Job], Any]
    pieces: Callable[[Any], Any] = lambda stream: stream
    kind: Literal["stream", "awaited", "context"] = "stream"
    result: Callable[[Any], Any] | None = None


SUBJECTS = {
    "snapshots": Subject(lambda on, job: on.raw.chat.completions.create_partial(**job.typed)),
    "snapshots-sdk": Subject(
        lambda on, job: on.objects.chat.completions.create_partial(**job.typed)
    ),
    "bare": Subject(lambda on, job: on.sdk.chat.completions.create(**job.bare), kind="awaited"),
    "bytes": Subject(
        lambda on, job: on.sdk.chat.completions.with_streaming_response.create(**job.bare),
        pieces=lambda response: response.iter_bytes(),
        kind="context",
    ),
    "helper": Subject(
        lambda on, job: on.sdk.chat.completions.stream(**job.call, response_format=job.work.model),
        kind="context",
        result=lambda stream: stream.get_final_completion(),
    ),
    "instructor": Subject(lambda on, job: on.instructor.create_partial(**job.typed)),
}
_PEERS = ("snapshots", "bare", "bytes")


def _read(subject: Subject, clients: Clients, job: Job) -> Any:
    opened = subject.open(clients, job)
    with opened if subject.kind == "context" else nullcontext(opened) as stream:
        got = last(subject.pieces(stream))
        return subject.result(stream) if subject.result else got


async def _aread(subject: Subject, clients: Clients, job: Job) -> Any:
    opened = subject.open(clients, job)
    if subject.kind == "awaited":
        opened = await opened
    async with opened if subject.kind == "context" else nullcontext(opened) as stream:
        got = None
        async for got in subject.pieces(stream):  # noqa: B007
            pass
        return await subject.result(stream) if subject.result else got


def _check(subject: str, job: Job, got: Any) -> None:
    """Refuse to time a subject that did not get the answer whole."""
    if subject == "bytes":
        whole = got.endswith(b"data: [DONE]\n\n")
    elif subject == "bare":
        whole = got.usage is not None
    else:
        got = got.choices[0].message.parsed if subject == "helper" else got
        expected = job.work.model.model_validate_json(job.work.text)
        whole = got is not None and got.model_dump() == expected.model_dump()
    if not whole:
        raise AssertionError(f"{subject} did not get {job.key} whole: {got!r:.200}")


def _jobs() -> Iterator[tuple[Job, tuple[str, ...]]]:
    for name in DOCUMENTS:
        yield Job(workload(name), FAST), tuple(SUBJECTS)
    yield Job(workload("orders-10k"), PACED), _PEERS
    yield Job(workload("orders-10k"), GATHERED), _PEERS
    yield Job(workload("meeting"), WHOLE), _PEERS


def _recordings() -> Iterator[dict[str, Any]]:
    for name in DOCUMENTS:
        work = workload(name)
        yield {"model": name, "text": work.text, "chunks": work.chunks}
        yield {"model": f"{name}-{WHOLE}", "text": work.text, "chunks": [work.text]}


def _clients(sdk: OpenAI | AsyncOpenAI) -> Clients:
    import instructor

    # The overloads want to know which of the two clients it is; at run time it does not matter.
    connect: Any = partialfast.providers.openai.from_openai
    wrap: Any = instructor.from_openai
    raw, objects = connect(sdk, transport="raw"), connect(sdk, transport="sdk")
    return Clients(sdk, raw, objects, wrap(sdk))


def _measured(library: str, run: Callable[[str, Job], Any]) -> dict[str, float]:
    """Time every subject of one HTTP library.

    Returns:
        Microseconds per unit by ``ARRIVAL/DOCUMENT/LIBRARY/SUBJECT``.
    """
    figures: dict[str, float] = {}
    for job, subjects in _jobs():
        for subject in subjects:
            _check(subject, job, run(subject, job))
        least = dict.fromkeys(subjects, float("inf"))
        began = time.perf_counter()
        with frozen():
            for done in range(_MOST_ROUNDS):
                if done >= _LEAST_ROUNDS and time.perf_counter() - began > _ROUNDS_S:
                    break
                for subject in _ORDER.sample(subjects, len(subjects)):
                    start = time.process_time()
                    run(subject, job)
                    least[subject] = min(least[subject], time.process_time() - start)
        for subject, seconds in least.items():
            figures[f"{job.key}/{library}/{subject}"] = seconds / job.units * 1e6
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
    loop = asyncio.new_event_loop()
    with replaying(_recordings()) as url:
        with OpenAI(base_url=url, api_key="replay") as sdk:
            clients = _clients(sdk)
            figures = _measured(
                "sync httpx2", lambda name, job: _read(SUBJECTS[name], clients, job)
            )
        for library, http in (("async httpx2", None), ("async aiohttp", DefaultAioHttpClient())):
            asdk = AsyncOpenAI(base_url=url, api_key="replay", http_client=http)
            aclients = _clients(asdk)

            def run(name: str, job: Job, clients: Clients = aclients) -> Any:
                return loop.run_until_complete(_aread(SUBJECTS[name], clients, job))

            figures |= _measured(library, run)
            loop.run_until_complete(asdk.close())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    return figures


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
        section = f"the client over HTTP, {_SECTIONS[arrival]}"
        yield Row(section, f"{document}, {library}", ours, _LABELS[subject], theirs, ratio, goal)


def _order(entry: tuple[str, float]) -> tuple[int, int]:
    arrival, document, _, _ = entry[0].split("/")
    return list(_SECTIONS).index(arrival), DOCUMENTS.index(document)


if __name__ == "__main__":
    main(measured, rows, "partialfast", "openai", "httpx2", "aiohttp", "pydantic", "instructor")
