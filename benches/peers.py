"""What is measured: this package and its peers, each doing the same job on the same chunks.

Every subject's last value is compared with pydantic's own reading of the whole document before the
clock starts. Peers are imported when they
are first used, so that a missing one stops only its own rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

import partialfast as pf

__all__ = ["FEED", "LOADS", "TYPED", "UNTYPED"]

Model = type[BaseModel]


def typed_partialfast(model: Model, chunks: Iterable[str]) -> Iterator[Any]:
    """A validated snapshot of the model at every chunk, by the public loop."""
    return pf.stream(model, chunks)


def typed_instructor(model: Model, chunks: Iterable[str]) -> Iterator[Any]:
    """A snapshot of the model at every chunk, by parsing the text so far again."""
    from instructor.dsl.partial import Partial

    partial: Any = Partial
    snapshots: Iterator[Any] = partial[model].model_from_chunks(iter(chunks))
    return snapshots


def typed_pydantic(model: Model, chunks: Iterable[str]) -> Iterator[Any]:
    """Validate the text so far again with pydantic's partial mode."""
    adapter = TypeAdapter(model)
    text, snapshot = "", None
    for chunk in chunks:
        text += chunk
        # A required field that is still missing makes it an error: then nothing new is shown.
        with suppress(ValidationError):
            snapshot = adapter.validate_json(text, experimental_allow_partial="trailing-strings")
        yield snapshot


def final_pydantic(model: Model, chunks: Iterable[str]) -> Iterator[Any]:
    """No streaming at all: one validation of the whole text, for scale."""
    yield model.model_validate_json("".join(chunks))


def untyped_partialfast(_model: Model, chunks: Sequence[str]) -> Any:
    """A snapshot of plain values at every chunk."""
    parser = pf.JsonParser()
    for chunk in chunks:
        parser.feed(chunk)
        parser.snapshot()
    return parser.finish()


def untyped_jsonriver(_model: Model, chunks: Sequence[str]) -> Any:
    """Incremental, in Python; one value, changed in place."""
    import jsonriver

    async def source() -> AsyncIterator[str]:
        for chunk in chunks:
            yield chunk

    async def run() -> Any:
        value = None
        async for value in jsonriver.parse(source()):  # noqa: B007
            pass
        return value

    return asyncio.run(run())


def untyped_jiter(_model: Model, chunks: Sequence[str]) -> Any:
    """Parse the text so far again, in Rust."""
    import jiter

    text, value = b"", None
    for chunk in chunks:
        text += chunk.encode()
        value = jiter.from_json(text, partial_mode="trailing-strings")
    return value


def feed_partialfast(chunks: Sequence[bytes]) -> None:
    """Take the chunks in; build what the parser builds, ask for nothing."""
    parser = pf.JsonParser()
    for chunk in chunks:
        parser.feed(chunk)
    if not parser.done:
        raise AssertionError("the document did not end")


def feed_ijson(chunks: Sequence[bytes]) -> None:
    """Take the chunks in and collect basic events, in C (yajl)."""
    import ijson

    yajl2_c: Any = import_module("ijson.backends.yajl2_c")
    events = ijson.sendable_list()
    parser = yajl2_c.basic_parse_coro(events)
    for chunk in chunks:
        parser.send(chunk)
    parser.close()
    if not events:
        raise AssertionError("no events")


def loads_partialfast(data: bytes) -> Any:
    """Parse a whole document."""
    return pf.loads(data)


def loads_jiter(data: bytes) -> Any:
    """Parse a whole document, in Rust."""
    import jiter

    return jiter.from_json(data)


def loads_pydantic_core(data: bytes) -> Any:
    """Parse a whole document with the jiter that pydantic carries."""
    import pydantic_core

    return pydantic_core.from_json(data)


def loads_stdlib(data: bytes) -> Any:
    """Parse a whole document with the standard library."""
    import json

    return json.loads(data)


TYPED: dict[str, Callable[[Model, Iterable[str]], Iterator[Any]]] = {
    "partialfast": typed_partialfast,
    "instructor": typed_instructor,
    "pydantic": typed_pydantic,
    "pydantic-once": final_pydantic,
}
UNTYPED: dict[str, Callable[[Model, Sequence[str]], Any]] = {
    "partialfast": untyped_partialfast,
    "jsonriver": untyped_jsonriver,
    "jiter": untyped_jiter,
}
FEED: dict[str, Callable[[Sequence[bytes]], None]] = {
    "partialfast": feed_partialfast,
    "ijson": feed_ijson,
}
LOADS: dict[str, Callable[[bytes], Any]] = {
    "partialfast": loads_partialfast,
    "jiter": loads_jiter,
    "pydantic-core": loads_pydantic_core,
    "json": loads_stdlib,
}
