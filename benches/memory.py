"""Resident memory, each figure from a fresh interpreter."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import partialfast as pf
from benches.measuring import alone, last, peak, status
from benches.peers import PEERS
from benches.pictures import bars
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


def _parser() -> None:
    parser = pf.JsonParser()
    parser.feed('{"a": [1, {"b": "text')
    parser.snapshot()


def _state() -> None:
    work = workload("meeting")
    state: Any = pf.StreamState(work.model)
    state.feed(work.text[: len(work.text) // 2])


#: What is made very often, each left in the middle of a document.
_DROPPED: dict[str, Callable[[], None]] = {"parsers": _parser, "typed states": _state}


def _left(name: str) -> float:
    """Return how many MB are still resident after many objects were made and dropped."""

    def make(times: int) -> float:
        for run in repeat(_DROPPED[name], times):
            run()
        gc.collect()
        return status("VmRSS")

    return -make(WARM_UP) + make(MADE)


def lines(*, pictures: Path = Path(".bench")) -> Iterator[str]:
    """Measure all; yield the table, and draw ``memory.png``."""
    text = workload("orders-10000k").text
    labels = {
        "json.loads": "json.loads, once",
        "untyped": "partialfast, untyped,\nevery chunk",
        "model_validate_json": "model_validate_json, once",
        "typed": "partialfast, typed,\nevery chunk",
    }
    mb: dict[str, float] = {name: alone(_read, name, text) for name in labels}
    rows = [
        Row(f"10 MB streamed, {kind}: peak", mb[kind], peer, mb[peer], mb[kind] / mb[peer], goal)
        for kind, peer, goal in (
            ("untyped", "json.loads", "<= 3"),
            ("typed", "json.loads", "<= 3"),
            ("typed", "model_validate_json", ""),
        )
    ]
    for name in _DROPPED:
        left = alone(_left, name)
        # One byte a parser would be 0.1 MB; pages that the allocator keeps are not a leak.
        rows.append(Row(f"{MADE:,} {name} dropped: left", left, "1 MB of slack", 1, left, "<= 1"))
    yield from section("Memory, MB", rows)
    bars(
        pictures / "memory.png",
        {labels[name]: size for name, size in mb.items()},
        xlabel="peak resident growth, MB",
        title="A 10 MB document",
    )
