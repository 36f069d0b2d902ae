"""Resident memory, each figure from a fresh interpreter: ``python -m benches.memory OUT.json``.

Peaks are the kernel's (``VmHWM``, reset through ``/proc/self/clear_refs``), so what the C and Rust
allocators hold is counted. Linux only.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benches.measuring import alone
from benches.workloads import workload

__all__ = ["MEASUREMENTS", "measure_all"]

WORKLOAD = "orders-10000k"
CHUNK = 4
PARSERS = 100_000
WARM_UP = 2_000

Growth = Callable[[Path], int]


def _status(field: str) -> int:
    """Return a figure of ``/proc/self/status`` in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise LookupError(field)


def _peak_growth(run: Callable[[], Any]) -> int:
    """Return by how much the peak of `run` stands above what was resident before it."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _status("VmRSS")
    run()
    return _status("VmHWM") - before


def _chunks(text: str) -> Iterator[str]:
    # Cut as they are asked for: a list of three million chunks would outweigh the parsers.
    return (text[at : at + CHUNK] for at in range(0, len(text), CHUNK))


def loads_stdlib(path: Path) -> int:
    """``json.loads`` of the document."""
    text = path.read_text(encoding="utf-8")
    return _peak_growth(lambda: json.loads(text))


def untyped_stream(path: Path) -> int:
    """A snapshot of plain values at every chunk, dropped at once."""
    import partialfast as pf

    text = path.read_text(encoding="utf-8")

    def run() -> Any:
        parser = pf.JsonParser()
        for chunk in _chunks(text):
            parser.feed(chunk)
            parser.snapshot()
        return parser.finish()

    return _peak_growth(run)


def validate_pydantic(path: Path) -> int:
    """One ``model_validate_json`` of the document, for scale."""
    text = path.read_text(encoding="utf-8")
    model = workload("orders-1k").model
    return _peak_growth(lambda: model.model_validate_json(text))


def typed_stream(path: Path) -> int:
    """A validated snapshot at every chunk, dropped at once."""
    import partialfast as pf

    text = path.read_text(encoding="utf-8")
    model = workload("orders-1k").model

    def run() -> None:
        for _ in pf.stream(model, _chunks(text)):
            pass

    return _peak_growth(run)


def _left_behind(make: Callable[[], object]) -> int:
    """Return what is still resident after many objects were made and dropped."""
    for _ in range(WARM_UP):
        make()
    gc.collect()
    before = _status("VmRSS")
    for _ in range(PARSERS):
        make()
    gc.collect()
    return _status("VmRSS") - before


def parsers_dropped(_path: Path) -> int:
    """Untyped parsers, each left in the middle of a document."""
    import partialfast as pf

    def make() -> object:
        parser = pf.JsonParser()
        parser.feed('{"a": [1, {"b": "text')
        parser.snapshot()
        return parser

    return _left_behind(make)


def states_dropped(_path: Path) -> int:
    """Typed states, each left in the middle of a document."""
    import partialfast as pf

    work = workload("meeting")

    def make() -> Any:
        state: Any = pf.StreamState(work.model)
        state.feed(work.text[: len(work.text) // 2])
        return state

    return _left_behind(make)


MEASUREMENTS: dict[str, Growth] = {
    function.__name__: function
    for function in (
        loads_stdlib,
        untyped_stream,
        validate_pydantic,
        typed_stream,
        parsers_dropped,
        states_dropped,
    )
}


def measure_all() -> dict[str, int]:
    """Run every measurement in an interpreter of its own.

    Returns:
        Bytes of growth by name of the measurement.

    Raises:
        subprocess.CalledProcessError: A measurement failed; its traceback is on stderr.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "document.json"
        path.write_text(workload(WORKLOAD).text, encoding="utf-8")
        return {name: alone("benches.memory", name, path) for name in MEASUREMENTS}


if __name__ == "__main__":
    match sys.argv[1:]:
        case [name, path]:
            print(MEASUREMENTS[name](Path(path)))
        case [out]:
            Path(out).write_text(json.dumps(measure_all(), indent=2), encoding="utf-8")
        case _:
            sys.exit(__doc__)
