"""Resident memory, each figure from a fresh interpreter."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator

from benches.measuring import alone, last, peak, status
from benches.pages import Row, section
from benches.peers import READERS
from benches.workloads import workload

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast", "pydantic")
CHUNK = 4
MADE = 100_000


def _read(name: str, text: str) -> float:
    """Return by how many MB the peak of reading grows; snapshots are dropped at once."""
    model = workload("orders-1k").model
    whole: dict[str, Callable[[str], object]]
    whole = {"json.loads": json.loads, "model_validate_json": model.model_validate_json}
    if name in whole:
        return peak(lambda: whole[name](text))[1]
    # Cut as they are asked for: a list of three million chunks would outweigh the parsers.
    chunks = (text[at : at + CHUNK] for at in range(0, len(text), CHUNK))
    return peak(lambda: last(READERS[name](model, chunks)))[1]


def _left(name: str) -> float:
    """Return how many MB are still resident after many streams were dropped, half read."""
    work = workload("meeting")
    half = [work.text[: len(work.text) // 2]]

    def read(times: int) -> float:
        for _ in range(times):
            next(iter(READERS[name](work.model, half)))
        gc.collect()
        return status("VmRSS")

    # As many before, after which the allocators have the pages that so many take.
    return -read(MADE) + read(MADE)


def lines() -> Iterator[str]:
    """Measure all; yield the table."""
    text = workload("orders-10000k").text
    untyped, typed = "partialfast", "partialfast, typed"
    names = ("json.loads", "model_validate_json", untyped, typed)
    mb: dict[str, float] = {name: alone(_read, name, text) for name in names}
    rows = [
        Row(f"10 MB streamed, {kind}: peak", mb[name], peer, mb[peer], mb[name] / mb[peer], goal)
        for kind, name, peer, goal in (
            ("untyped", untyped, "json.loads", "<= 3"),
            ("typed", typed, "json.loads", "<= 3"),
            ("typed", typed, "model_validate_json", ""),
        )
    ]
    for kind, name in (("untyped", untyped), ("typed", typed)):
        left = alone(_left, name)
        # One byte a stream would be 0.1 MB.
        row = Row(f"{MADE:,} {kind} streams dropped: left", left, "1 MB of slack", 1, left, "<= 1")
        rows.append(row)
    yield from section("Memory, MB", rows)
