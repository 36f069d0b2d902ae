"""Cost per chunk: typed and untyped snapshots, feeding alone, and one growing string."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from benches.conftest import Measure, MeasurePrepared
from benches.measuring import last
from benches.peers import FEED, TYPED, UNTYPED
from benches.workloads import Workload, workload

# A peer whose cost grows with the text would take minutes on the large documents. It is timed in
# windows spread evenly over the document, each a measurement of its own: what comes before the
# window goes in as one chunk before the clock starts, then the window's chunks one by one. One
# stream is alive at a time, because the garbage collector's share grows with what is alive.
WINDOWS = 5
WINDOW = 40

FULL_TYPED = [
    *((subject, name) for subject in TYPED for name in ("meeting", "orders-10k")),
    *(("partialfast", f"orders-{size}") for size in ("1k", "100k", "1000k")),
    *(("partialfast", f"nested-{size}") for size in ("10k", "100k")),
    *(("partialfast", f"essay-{size}") for size in ("10k", "100k", "300k")),
]
SAMPLED_TYPED = [
    ("instructor", "orders-10k"),  # beside its full run: how good the sample is
    ("instructor", "orders-100k"),
    ("pydantic", "orders-100k"),
]
FULL_UNTYPED = [
    *((subject, name) for subject in UNTYPED for name in ("meeting", "orders-10k")),
    *((subject, "orders-100k") for subject in UNTYPED),
    ("partialfast", "orders-1000k"),
]


def _plain(value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else value


def _expected(work: Workload) -> Any:
    return work.model.model_validate_json(work.text).model_dump()


@pytest.mark.parametrize(("subject", "name"), FULL_TYPED)
def test_typed(measure: Measure, subject: str, name: str) -> None:
    work = workload(name)
    run = TYPED[subject]
    assert _plain(last(run(work.model, work.chunks))) == _expected(work)
    measure(
        f"typed/{subject}/{name}",
        lambda: last(run(work.model, work.chunks)),
        units=len(work.chunks),
    )


@pytest.mark.parametrize("window", range(WINDOWS))
@pytest.mark.parametrize(("subject", "name"), SAMPLED_TYPED)
def test_typed_sampled(
    measure_prepared: MeasurePrepared, subject: str, name: str, window: int
) -> None:
    work = workload(name)
    start = int((window + 0.5) / WINDOWS * len(work.chunks)) - WINDOW // 2
    chunks = ["".join(work.chunks[:start]), *work.chunks[start : start + WINDOW]]

    def begin() -> Iterator[Any]:
        stream = TYPED[subject](work.model, chunks)
        next(stream)
        return stream

    def run(stream: Iterator[Any]) -> None:
        # Not to the end: what a peer does once the chunks are over is not the chunks' cost.
        for _ in islice(stream, WINDOW):
            pass

    measure_prepared(
        f"typed-sampled/{subject}/{name}/{window}",
        begin,
        run,
        units=WINDOW,
        note=f"window {window + 1} of {WINDOWS}",
    )


@pytest.mark.parametrize("name", ["meeting", "orders-10k"])
def test_typed_kept(measure: Measure, name: str) -> None:
    """Keep every snapshot: nothing can be reused for the next one."""
    work = workload(name)
    measure(
        f"typed-kept/partialfast/{name}",
        lambda: list(TYPED["partialfast"](work.model, work.chunks)),
        units=len(work.chunks),
    )


@pytest.mark.parametrize(("subject", "name"), FULL_UNTYPED)
def test_untyped(measure: Measure, subject: str, name: str) -> None:
    work = workload(name)
    run = UNTYPED[subject]
    assert run(work.model, work.chunks) == json.loads(work.text)
    measure(
        f"untyped/{subject}/{name}", lambda: run(work.model, work.chunks), units=len(work.chunks)
    )


@pytest.mark.parametrize("name", ["meeting", "orders-10k", "orders-100k"])
@pytest.mark.parametrize("subject", FEED)
def test_feed(measure: Measure, subject: str, name: str) -> None:
    chunks = workload(name).byte_chunks
    measure(f"feed/{subject}/{name}", lambda: FEED[subject](chunks), units=len(chunks))


@pytest.mark.parametrize("name", ["essay-10k", "essay-100k", "essay-300k"])
def test_copy_of_the_open_string(measure: Measure, name: str) -> None:
    """Copy, at every chunk, as many bytes as a Python string of the text so far takes."""
    work = workload(name)
    # CPython stores one, two or four bytes a character (PEP 393), by the widest of them.
    width = 1 if max(work.text) <= "\xff" else 2 if max(work.text) <= "\uffff" else 4
    ends: list[int] = []
    end = 0
    for chunk in work.chunks:
        end += len(chunk) * width
        ends.append(end)
    storage = memoryview(bytes(end))

    def run() -> bytes:
        copy = b""
        for end in ends:
            copy = bytes(storage[:end])
        return copy

    measure(f"copy/bytes/{name}", run, units=len(ends))
