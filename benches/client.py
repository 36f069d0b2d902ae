"""What the OpenAI client costs its process for each chunk, beside the SDK alone and other clients.

The answers come over loopback from the replay server in a process of its own, so the CPU time of
this process is the client's alone, its waiting left out. Every subject sends a request for the same
document, reads the answer to its end and does nothing with it; the whole call counts, request
included. What a subject got is compared with pydantic's own reading before the clock starts.

How the tokens arrive decides what there is to save, so it is varied: each in a write of its own as
fast as the server can (a fast client then reads one event at a time, a slow one many), each in its
own time (every read is a system call and a wake-up, in any client), and gathered into blocks.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import cache, partial
from typing import Any, NamedTuple

from openai import AsyncOpenAI, DefaultAioHttpClient, OpenAI
from pydantic import BaseModel

import partialfast as pf
from benches.measuring import best_of_each, last, replaying
from benches.tables import Row, section
from benches.workloads import Workload, source, workload

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast", "openai", "httpx2", "aiohttp", "pydantic", "instructor")
DOCUMENTS = ("meeting", "orders-10k")
RATE = 2_000
BLOCK = 4_096


class Arrival(NamedTuple):
    """How the tokens of an answer arrive.

    Attributes:
        title: Of the section.
        documents: Of which it is measured.
        subjects: Who is measured beside snapshots.
        headers: What the replay server is told.
        whole: Whether the answer is one event.
    """

    title: str
    documents: tuple[str, ...]
    subjects: tuple[str, ...] = ("bare", "bytes")
    headers: Mapping[str, str] = {}
    whole: bool = False


class Job(NamedTuple):
    """One answer to be asked for: a document, and how its tokens arrive."""

    work: Workload
    arrival: Arrival

    @property
    def call(self) -> dict[str, Any]:
        """Arguments of every client."""
        return {
            "model": self.work.name + ("-whole" if self.arrival.whole else ""),
            "messages": [{"role": "user", "content": "Write it down."}],
            "extra_headers": self.arrival.headers,
        }

    @property
    def typed(self) -> dict[str, Any]:
        """Arguments of a typed client."""
        return {**self.call, "response_model": self.work.model}

    @property
    def bare(self) -> dict[str, Any]:
        """Arguments of the SDK's own client: those that a typed client makes of the model."""
        name = self.work.model.__name__
        function = {"name": name, "parameters": _schema(self.work.model)}
        return {
            **self.call,
            "stream": True,
            "stream_options": {"include_usage": True},
            "tools": [{"type": "function", "function": function}],
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

    Attributes:
        label: In the table.
        open: Sends the request; gives a stream, or a context of one, perhaps to be awaited.
        pieces: What is iterated over of it.
        value: The value that there is in the end, of the stream and its last piece.
        goal: For tokens that come as fast as loopback carries them.
    """

    label: str
    open: Callable[[Clients, Job], Any]
    pieces: Callable[[Any], Any] = lambda stream: stream
    value: Callable[[Any, Any], Any] = lambda _, piece: piece
    goal: str = ""


SUBJECTS = {
    "snapshots": Subject("", lambda on, job: on.raw.chat.completions.create_partial(**job.typed)),
    "objects": Subject(
        "transport=sdk",
        lambda on, job: on.objects.chat.completions.create_partial(**job.typed),
    ),
    "bare": Subject(
        "the SDK's chunks alone",
        lambda on, job: on.sdk.chat.completions.create(**job.bare),
        goal=">= 5",
    ),
    "bytes": Subject(
        "raw bytes alone",
        lambda on, job: on.sdk.chat.completions.with_streaming_response.create(**job.bare),
        pieces=lambda response: response.iter_bytes(),
        goal="<= 1.5",
    ),
    "helper": Subject(
        "the SDK's .stream()",
        lambda on, job: on.sdk.chat.completions.stream(**job.call, response_format=job.work.model),
        value=lambda stream, _: stream.get_final_completion(),
    ),
    "instructor": Subject("instructor", lambda on, job: on.instructor.create_partial(**job.typed)),
}

ARRIVALS = (
    Arrival(
        "a token a write, as fast as they come: the whole call, us/chunk", DOCUMENTS, (*SUBJECTS,)
    ),
    Arrival(
        f"the same at {RATE:,} tokens a second: each in a read of its own, us/chunk",
        DOCUMENTS[1:],
        headers={"x-replay-rate": str(RATE)},
    ),
    Arrival(
        f"the same in writes of {BLOCK:,} bytes, us/chunk",
        DOCUMENTS[1:],
        headers={"x-replay-split": str(BLOCK)},
    ),
    Arrival(
        "the whole answer in one event: what a call costs before its tokens, us",
        DOCUMENTS[:1],
        whole=True,
    ),
)


def _recordings() -> Iterator[dict[str, Any]]:
    for name in DOCUMENTS:
        work = workload(name)
        yield {"model": name, "text": work.text, "chunks": work.chunks}
        yield {"model": f"{name}-whole", "text": work.text, "chunks": [work.text]}


def _clients(sdk: OpenAI | AsyncOpenAI) -> Clients:
    import instructor

    # The overloads want to know which of the two clients it is; at run time it does not matter.
    connect: Any = pf.from_openai
    wrap: Any = instructor.from_openai
    return Clients(sdk, connect(sdk, transport="raw"), connect(sdk, transport="sdk"), wrap(sdk))


def _read(clients: Clients, subject: Subject, job: Job) -> Any:
    opened = subject.open(clients, job)
    with opened if hasattr(opened, "__exit__") else nullcontext(opened) as stream:
        piece = last(subject.pieces(stream))
        return subject.value(stream, piece)


async def _aread(clients: Clients, subject: Subject, job: Job) -> Any:
    opened = subject.open(clients, job)
    opened = await opened if inspect.iscoroutine(opened) else opened
    async with opened if hasattr(opened, "__aexit__") else nullcontext(opened) as stream:
        piece = None
        async for piece in subject.pieces(stream):  # noqa: B007
            pass
        value = subject.value(stream, piece)
        return await value if inspect.iscoroutine(value) else value


def _check(name: str, job: Job, got: Any) -> None:
    """Refuse to time a subject that did not get the answer whole."""
    if name == "bytes":
        whole = got.endswith(b"data: [DONE]\n\n")
    elif name == "bare":
        whole = got.usage is not None
    else:
        got = got.choices[0].message.parsed if name == "helper" else got
        expected = job.work.model.model_validate_json(job.work.text)
        whole = got is not None and got.model_dump() == expected.model_dump()
    if not whole:
        raise AssertionError(f"{name} did not get {job.work.name} whole: {got!r:.200}")


def _rows(job: Job, library: str, read: Callable[[Subject, Job], Any]) -> Iterator[Row]:
    """Yield a row for each subject beside ``for snapshot in create_partial``, transport raw.

    A peer's ratio is its figure over ours; raw bytes are a floor, and their ratio is ours over it.
    """
    names = ("snapshots", *(name for name in job.arrival.subjects if name != "snapshots"))
    runs = {name: partial(read, SUBJECTS[name], job) for name in names}
    for name, run in runs.items():
        _check(name, job, run())
    units = 1 if job.arrival.whole else len(job.work.chunks)
    us = {name: seconds / units * 1e6 for name, seconds in best_of_each(runs).items()}
    ours = us.pop("snapshots")
    for name, theirs in us.items():
        label, goal = SUBJECTS[name].label, SUBJECTS[name].goal
        ratio = ours / theirs if name == "bytes" else theirs / ours
        fast = not (job.arrival.headers or job.arrival.whole)
        what = f"{job.work.name}, {library}"
        yield Row(what, ours, label, theirs, ratio, goal if fast else "")


def lines() -> Iterator[str]:
    """Measure everything; yield a table for each way in which tokens arrive."""
    loop = asyncio.new_event_loop()
    until = loop.run_until_complete
    with replaying(_recordings()) as url, OpenAI(base_url=url, api_key="replay") as sdk:
        asynchronous = [
            AsyncOpenAI(base_url=url, api_key="replay", http_client=http)
            for http in (None, DefaultAioHttpClient())
        ]
        first, second = map(_clients, asynchronous)
        reads: dict[str, Callable[[Subject, Job], Any]] = {
            "sync httpx2": partial(_read, _clients(sdk)),
            "async httpx2": lambda subject, job: until(_aread(first, subject, job)),
            "async aiohttp": lambda subject, job: until(_aread(second, subject, job)),
        }
        yield f"Documents of {source()}."
        for arrival in ARRIVALS:
            jobs = [Job(workload(name), arrival) for name in arrival.documents]
            rows = (
                row
                for job in jobs
                for library, read in reads.items()
                for row in _rows(job, library, read)
            )
            yield from section(f"The client over HTTP, {arrival.title}", rows)
        for client in asynchronous:
            until(client.close())
    until(loop.shutdown_asyncgens())
    loop.close()
