"""Resident memory, each figure from a fresh interpreter: ``python -m benches.memory [OUT.json]``.

Peaks are the kernel's (``VmHWM``, reset through ``/proc/self/clear_refs``), so what the C and Rust
allocators hold is counted. Linux only.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import partialfast as pf
from benches.measuring import alone, last
from benches.table import Row, at_most, main
from benches.workloads import workload

__all__ = ["measured", "rows"]

SECTION = "memory, MB"
WORKLOAD = "orders-10000k"
CHUNK = 4
MADE = 100_000
WARM_UP = 2_000


def _status(field: str) -> int:
    """Return a figure of ``/proc/self/status`` in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise LookupError(field)


def _untyped(text: str) -> Iterator[Any]:
    parser = pf.JsonParser()
    for chunk in _chunks(text):
        parser.feed(chunk)
        yield parser.snapshot()
    yield parser.finish()


def _chunks(text: str) -> Iterator[str]:
    # Cut as they are asked for: a list of three million chunks would outweigh the parsers.
    return (text[at : at + CHUNK] for at in range(0, len(text), CHUNK))


def _model() -> Any:
    return workload("orders-1k").model


#: What is done with a document of 10 MB; snapshots are dropped at once.
_READING: dict[str, Callable[[str], object]] = {
    "loads_stdlib": json.loads,
    "untyped_stream": lambda text: last(_untyped(text)),
    "validate_pydantic": lambda text: _model().model_validate_json(text),
    "typed_stream": lambda text: last(pf.stream(_model(), _chunks(text))),
}


def _parser() -> None:
    parser = pf.JsonParser()
    parser.feed('{"a": [1, {"b": "text')
    parser.snapshot()


def _state() -> None:
    work = workload("meeting")
    state: Any = pf.StreamState(work.model)
    state.feed(work.text[: len(work.text) // 2])


#: What is made very often, each left in the middle of a document.
_DROPPED: dict[str, Callable[[], None]] = {"parsers_dropped": _parser, "states_dropped": _state}


def peak_growth(name: str, path: str) -> int:
    """Return by how many bytes the peak of reading stands above what was resident before it."""
    text = Path(path).read_text(encoding="utf-8")
    _model()
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _status("VmRSS")
    _READING[name](text)
    return _status("VmHWM") - before


def left_behind(name: str) -> int:
    """Return how many bytes are still resident after many objects were made and dropped."""

    def make(times: int) -> int:
        for run in repeat(_DROPPED[name], times):
            run()
        gc.collect()
        return _status("VmRSS")

    return -make(WARM_UP) + make(MADE)


def measured() -> dict[str, float]:
    """Run every measurement in an interpreter of its own; return MB by its name."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "document.json"
        path.write_text(workload(WORKLOAD).text, encoding="utf-8")
        found = {name: alone(peak_growth, name, str(path)) for name in _READING}
    found |= {name: alone(left_behind, name) for name in _DROPPED}
    return {name: size / 1e6 for name, size in found.items()}


def rows(mb: Mapping[str, float]) -> Iterator[Row]:
    """Yield the rows.

    Args:
        mb: What `measured` returned.
    """
    for kind, subject, peer, beside, goal in (
        ("untyped", "untyped_stream", "loads_stdlib", "json.loads", at_most(3)),
        ("typed", "typed_stream", "loads_stdlib", "json.loads", at_most(3)),
        ("typed", "typed_stream", "validate_pydantic", "model_validate_json", None),
    ):
        ours, theirs = mb[subject], mb[peer]
        what = f"10 MB streamed, {kind}: peak"
        yield Row(SECTION, what, ours, beside, theirs, ours / theirs, goal)
    # One byte a parser would be 0.1 MB; pages that the allocator keeps are not a leak.
    for kind, subject in (("parsers", "parsers_dropped"), ("typed states", "states_dropped")):
        left, what = mb[subject], f"{MADE:,} {kind} dropped: left"
        yield Row(SECTION, what, left, "1 MB of slack", 1.0, left, at_most(1))


if __name__ == "__main__":
    main(measured, rows, "partialfast", "pydantic")
