"""Resident memory, each figure from a fresh interpreter."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from typing import Any

import partialfast as pf
from benches.measuring import alone, last, peak, status
from benches.peers import PEERS
from benches.tables import Row, section
from benches.workloads import workload

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast", "pydantic")
CHUNK = 4
MADE = 100_000
WARM_UP = 2_000


def _read(name: str, text: str) -> float:
    """Return by how many MB the peak of reading grows; snapshots are dropped at once."""
    model = workload("orders-1k").model
    # Cut as they are asked for: a list of three million chunks would outweigh the parsers.
    chunks = (text[at : at + CHUNK] for at in range(0, len(text), CHUNK))
    readings: dict[str, Callable[[], object]] = {
        "json.loads": lambda: json.loads(text),
        "model_validate_json": lambda: model.model_validate_json(text),
        "untyped": lambda: last(PEERS["partialfast"].read(model, chunks)),
        "typed": lambda: last(PEERS["partialfast, typed"].read(model, chunks)),
    }
    return peak(readings[name])[1]


def _drop(kind: str) -> None:
    """Make a parser or a state, and leave it in the middle of a document."""
    work = workload("meeting")
    made: Any = pf.JsonParser() if kind == "parsers" else pf.StreamState(work.model)
    made.feed(work.text[: len(work.text) // 2])
    if kind == "parsers":
        made.snapshot()


def _left(kind: str) -> float:
    """Return how many MB are still resident after many objects were made and dropped."""

    def make(times: int) -> float:
        for _ in range(times):
            _drop(kind)
        gc.collect()
        return status("VmRSS")

    return -make(WARM_UP) + make(MADE)


def lines() -> Iterator[str]:
    """Measure all; yield the table."""
    text = workload("orders-10000k").text
    names = ("json.loads", "model_validate_json", "untyped", "typed")
    mb: dict[str, float] = {name: alone(_read, name, text) for name in names}
    rows = [
        Row(f"10 MB streamed, {kind}: peak", mb[kind], peer, mb[peer], mb[kind] / mb[peer], goal)
        for kind, peer, goal in (
            ("untyped", "json.loads", "<= 3"),
            ("typed", "json.loads", "<= 3"),
            ("typed", "model_validate_json", ""),
        )
    ]
    for kind in ("parsers", "typed states"):
        left = alone(_left, kind)
        # One byte a parser would be 0.1 MB; pages that the allocator keeps are not a leak.
        rows.append(Row(f"{MADE:,} {kind} dropped: left", left, "1 MB of slack", 1, left, "<= 1"))
    yield from section("Memory, MB", rows)
