"""Who is measured: this package and its peers, each reading the same chunks.

Subjects do one thing with a workload. A reader gives what there is after each chunk, of a model and
the chunks. Peers are imported when they are first used, so that a missing one stops only its own
rows.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from itertools import accumulate
from typing import Any

from pydantic import BaseModel, TypeAdapter

import partialfast as pf
from benches.measuring import last
from benches.workloads import Workload

__all__ = [
    "LOADS",
    "READERS",
    "SUBJECTS",
    "Reader",
    "again",
    "imported",
    "plain",
    "read_again",
    "read_untyped",
    "source_of",
]

Model = type[BaseModel]
Chunks = Iterable[str]
Reader = Callable[[Model, Chunks], Iterable[Any]]


# This package's own work on one workload, also for profiles and instruction counts.


def typed(work: Workload) -> Any:
    """Stream the document into its model; drop every snapshot but the last."""
    return last(pf.stream(work.model, work.chunks))


def untyped(work: Workload) -> Any:
    """Stream the document into plain values, with a snapshot at every chunk."""
    parser = pf.JsonParser()
    for chunk in work.chunks:
        parser.feed(chunk)
        parser.snapshot()
    return parser.finish()


def feed(work: Workload) -> Any:
    """Stream the document and ask for nothing before the end."""
    parser = pf.JsonParser()
    for chunk in work.chunks:
        parser.feed(chunk)
    return parser.finish()


def ops(work: Workload) -> Any:
    """Stream the document into its model and take the ops of each chunk; make no snapshots."""
    state: pf.StreamState[Any] = pf.StreamState(work.model)
    state.keep_ops(snapshots=False)
    for chunk in work.chunks:
        state.feed(chunk)
        state.take_ops()
    return state.finish()


def loads(work: Workload) -> Any:
    """Parse the document in one piece."""
    return pf.loads(work.text)


def kept(work: Workload) -> Any:
    """Stream the document into its model and keep every snapshot."""
    return [*pf.stream(work.model, work.chunks)][-1]


def fed(work: Workload) -> None:
    """Take bytes in, and build what the parser builds; ask for nothing."""
    parser = pf.JsonParser()
    for chunk in work.byte_chunks:
        parser.feed(chunk)
    if not parser.done:
        raise AssertionError("the document did not end")


def fed_ijson(work: Workload) -> None:
    """Take bytes in, and collect ijson's basic events, in C (yajl)."""
    events = imported("ijson:sendable_list")()
    parser = imported("ijson.backends.yajl2_c:basic_parse_coro")(events)
    for chunk in work.byte_chunks:
        parser.send(chunk)
    parser.close()
    if not events:
        raise AssertionError("no events")


def copied(work: Workload) -> None:
    """Copy, at every chunk, as many bytes as a Python string of the text so far takes."""
    # CPython stores one, two or four bytes a character (PEP 393), by the widest of them.
    width = 1 if max(work.text) <= "\xff" else 2 if max(work.text) <= "\uffff" else 4
    storage = memoryview(bytes(len(work.text) * width))
    for end in accumulate(len(chunk) * width for chunk in work.chunks):
        bytes(storage[:end])


SUBJECTS: dict[str, Callable[[Workload], Any]] = {
    function.__name__: function
    for function in (typed, untyped, feed, loads, ops, kept, fed, fed_ijson, copied)
}

#: Those who read a whole document of bytes, as ``MODULE:FUNCTION``.
LOADS = {
    "partialfast": "partialfast:loads",
    "jiter": "jiter:from_json",
    "pydantic-core": "pydantic_core:from_json",
    "json": "json:loads",
}


def imported(name: str, **options: Any) -> Any:
    """Return what ``MODULE:NAME`` is; a function with some arguments given, if there are any."""
    module, _, attribute = name.partition(":")
    found = getattr(import_module(module), attribute)
    return partial(found, **options) if options else found


def read_untyped(_model: Model, chunks: Chunks, *, lenient: bool = False) -> Iterator[Any]:
    """Read with this package into plain values."""
    parser = pf.JsonParser(lenient=lenient)
    for chunk in chunks:
        parser.feed(chunk)
        yield parser.snapshot()
    yield parser.finish()


def _instructor(model: Model, chunks: Chunks) -> Iterator[Any]:
    # Each call of instructor's makes the class anew.
    yield from imported("instructor.dsl.partial:Partial")[model].model_from_chunks(iter(chunks))


async def source_of(chunks: Chunks) -> AsyncIterator[str]:
    """Give the chunks to a reader that is asynchronous."""
    for chunk in chunks:
        yield chunk


def _jsonriver(_model: Model, chunks: Chunks) -> Iterator[Any]:
    async def run() -> Any:
        # One value, changed in place: the last is all of them.
        return [value async for value in imported("jsonriver:parse")(source_of(chunks))][-1]

    yield asyncio.run(run())


def read_again(
    read: Callable[[Any], Any], chunks: Iterable[Any], *, empty: Any = ""
) -> Iterator[Any]:
    """Read the text so far again after each chunk."""
    text = empty
    shown, failure = None, None
    for chunk in chunks:
        text += chunk
        # What it cannot read yet, it may be able to read later: what was shown stays.
        try:
            shown, failure = read(text), None
        except Exception as error:  # noqa: BLE001 - each has errors of its own
            failure = error
        yield shown
    if failure is not None:
        raise failure


def again(name: str, **options: Any) -> Reader:
    """Return a reader that calls ``MODULE:FUNCTION`` after each chunk."""
    return lambda _, chunks: read_again(imported(name, **options), chunks)


def _jiter(_model: Model, chunks: Chunks) -> Iterator[Any]:
    read = imported("jiter:from_json", partial_mode="trailing-strings")
    return read_again(read, (chunk.encode() for chunk in chunks), empty=b"")


def _pydantic(model: Model, chunks: Chunks) -> Iterator[Any]:
    # A required field that is still missing makes it an error: then nothing new is shown.
    partly: Any = {"experimental_allow_partial": "trailing-strings"}
    return read_again(partial(TypeAdapter(model).validate_json, **partly), chunks)


READERS: dict[str, Reader] = {
    "partialfast": read_untyped,
    "partialfast, typed": pf.stream,
    "jsonriver": _jsonriver,
    "langchain": again("langchain_core.utils.json:parse_json_markdown"),
    "jiter": _jiter,
    "instructor": _instructor,
    "pydantic": _pydantic,
    "pydantic-once": lambda model, chunks: [model.model_validate_json("".join(chunks))],
}


def plain(value: Any) -> Any:
    """Return a copy that nobody changes, of plain values."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True)
    # jsontap gives numbers as decimals.
    return json.loads(json.dumps(value, default=float))
