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
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import Any, NamedTuple

from openai import AsyncOpenAI, DefaultAioHttpClient, OpenAI

from benches.measuring import best_of_each, last, replaying
from benches.pages import Row, section
from benches.peers import imported, plain
from benches.workloads import Workload, source, workload

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast", "openai", "httpx2", "aiohttp", "pydantic", "instructor")
DOCUMENTS = ("meeting", "orders-10k")
RATE = 2_000
BLOCK = 4_096
FAST = "a token a write, as fast as they come: the whole call, us/chunk"
PACED = f"the same at {RATE:,} tokens a second: each in a read of its own, us/chunk"
GATHERED = f"the same in writes of {BLOCK:,} bytes, us/chunk"
WHOLE = "the whole answer in one event: what a call costs before its tokens, us"
#: Reads the answer to a request of a subject's client.
Read = Callable[["Subject", Any, "Job"], Any]


@dataclass(frozen=True)
class Job:
    """One answer to be asked for.

    Attributes:
        work: The document.
        headers: What the replay server is told of how the tokens arrive.
        whole: Whether the answer is one event.
    """

    work: Workload
    headers: Mapping[str, str]
    whole: bool

    def asked(self, **more: Any) -> dict[str, Any]:
        """Return the arguments of every client, and some more."""
        return {
            "model": self.work.name + ("-whole" if self.whole else ""),
            "messages": [{"role": "user", "content": "Write it down."}],
            "extra_headers": self.headers,
            **more,
        }

    @cached_property
    def bare(self) -> dict[str, Any]:
        """Those of the SDK's own client: what a typed client makes of the model, once."""
        name = self.work.model.__name__
        function = {"name": name, "parameters": self.work.model.model_json_schema()}
        return self.asked(
            stream=True,
            stream_options={"include_usage": True},
            tools=[{"type": "function", "function": function}],
            tool_choice={"type": "function", "function": {"name": name}},
        )


class Subject(NamedTuple):
    """A way to read an answer.

    Attributes:
        label: In the table.
        open: Sends the request; gives a stream, or a context of one, perhaps to be awaited.
        client: Made of the SDK's, before the clock starts; the SDK's own by default.
        pieces: What is iterated over of it.
        value: What there is in the end, of the stream and its last piece.
        whole: Whether that is all of the answer.
        goal: For tokens that come as fast as loopback carries them.
    """

    label: str
    open: Callable[[Any, Job], Any]
    client: Callable[[Any], Any] = lambda sdk: sdk
    pieces: Callable[[Any], Any] = lambda stream: stream
    value: Callable[[Any, Any], Any] = lambda _, piece: piece
    whole: Callable[[Any, Job], bool] = lambda got, job: plain(got) == json.loads(job.work.text)
    goal: str = ""


def _typed(client: Any, job: Job) -> Any:
    return client.chat.completions.create_partial(**job.asked(response_model=job.work.model))


SUBJECTS = (
    Subject("", _typed, imported("partialfast:from_openai", transport="raw")),
    Subject("transport=sdk", _typed, imported("partialfast:from_openai", transport="sdk")),
    Subject(
        "the SDK's chunks alone",
        lambda sdk, job: sdk.chat.completions.create(**job.bare),
        whole=lambda got, _: got.usage is not None,
        goal=">= 5",
    ),
    Subject(
        "raw bytes alone",
        lambda sdk, job: sdk.chat.completions.with_streaming_response.create(**job.bare),
        pieces=lambda response: response.iter_bytes(),
        whole=lambda got, _: got.endswith(b"data: [DONE]\n\n"),
        goal="<= 1.5",
    ),
    Subject(
        "the SDK's .stream()",
        lambda sdk, job: sdk.chat.completions.stream(**job.asked(response_format=job.work.model)),
        value=lambda stream, _: stream.get_final_completion(),
        whole=lambda got, job: plain(got.choices[0].message.parsed) == json.loads(job.work.text),
    ),
    Subject("instructor", _typed, imported("instructor:from_openai")),
)
OURS, _, BARE, BYTES = SUBJECTS[:4]
#: How the tokens arrive, of which documents, and who is measured.
ARRIVALS: tuple[tuple[str, tuple[str, ...], tuple[Subject, ...], Mapping[str, str]], ...] = (
    (FAST, DOCUMENTS, SUBJECTS, {}),
    (PACED, DOCUMENTS[1:], (OURS, BARE, BYTES), {"x-replay-rate": str(RATE)}),
    (GATHERED, DOCUMENTS[1:], (OURS, BARE, BYTES), {"x-replay-split": str(BLOCK)}),
    (WHOLE, DOCUMENTS[:1], (OURS, BARE, BYTES), {}),
)


def _recordings() -> Iterator[dict[str, Any]]:
    for name in DOCUMENTS:
        work = workload(name)
        yield {"model": name, "text": work.text, "chunks": work.chunks}
        yield {"model": f"{name}-whole", "text": work.text, "chunks": [work.text]}


def _read(subject: Subject, client: Any, job: Job) -> Any:
    opened = subject.open(client, job)
    with opened if hasattr(opened, "__exit__") else nullcontext(opened) as stream:
        piece = last(subject.pieces(stream))
        return subject.value(stream, piece)


async def _aread(subject: Subject, client: Any, job: Job) -> Any:
    opened = subject.open(client, job)
    opened = await opened if inspect.iscoroutine(opened) else opened
    async with opened if hasattr(opened, "__aexit__") else nullcontext(opened) as stream:
        piece = None
        async for piece in subject.pieces(stream):  # noqa: B007
            pass
        value = subject.value(stream, piece)
        return await value if inspect.iscoroutine(value) else value


def _rows(
    library: str, sdk: Any, read: Read, subjects: Sequence[Subject], job: Job
) -> Iterator[Row]:
    """Yield a row for each subject beside ``for snapshot in create_partial``, transport raw.

    A peer's ratio is its figure over ours; raw bytes are a floor, and their ratio is ours over it.

    Raises:
        AssertionError: A subject did not get the answer whole.
    """
    runs = {each.label: partial(read, each, each.client(sdk), job) for each in subjects}
    for subject in subjects:
        got = runs[subject.label]()
        assert subject.whole(got, job), f"{subject.label}, {library}: {got!r:.200}"
    units = 1 if job.whole else len(job.work.chunks)
    us = {label: s / units * 1e6 for label, s in best_of_each(runs, seconds=20).items()}
    for subject in subjects[1:]:
        ours, theirs = us[OURS.label], us[subject.label]
        ratio = ours / theirs if subject is BYTES else theirs / ours
        goal = "" if job.headers or job.whole else subject.goal
        yield Row(f"{job.work.name}, {library}", ours, subject.label, theirs, ratio, goal)


def lines() -> Iterator[str]:
    """Measure everything; yield a table for each way in which tokens arrive."""
    yield f"Documents of {source()}."
    with closing(asyncio.new_event_loop()) as loop, replaying(_recordings()) as url:
        key: dict[str, Any] = {"base_url": url, "api_key": "replay"}
        httpx2, aiohttp = AsyncOpenAI(**key), AsyncOpenAI(**key, http_client=DefaultAioHttpClient())

        def aread(*asked: Any) -> Any:
            return loop.run_until_complete(_aread(*asked))

        with OpenAI(**key) as sync:
            libraries: dict[str, tuple[Any, Read]] = {
                "sync httpx2": (sync, _read),
                "async httpx2": (httpx2, aread),
                "async aiohttp": (aiohttp, aread),
            }
            for title, names, subjects, headers in ARRIVALS:
                rows = (
                    _rows(library, *each, subjects, Job(workload(name), headers, title == WHOLE))
                    for name in names
                    for library, each in libraries.items()
                )
                yield from section(f"The client over HTTP, {title}", chain.from_iterable(rows))
        for client in (httpx2, aiohttp):
            loop.run_until_complete(client.close())
        loop.run_until_complete(loop.shutdown_asyncgens())
