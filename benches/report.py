"""One table from the measured figures.

    python -m benches.report FOLDER                            print it
    python -m benches.report FOLDER --page docs/benchmarks.md  put it on the page, with its pictures

The folder holds ``times.json`` (pytest-benchmark's, of `benches.test_streams`), ``memory.json``,
``client.json``; for the page also ``growth.json`` and ``criterion`` (criterion's, of the core
alone). Each row sets this package beside one peer from the same run, with the ratio, and the goal
where there is one. A goal that was missed is shown as missed; the report itself does not fail.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benches import client, memory, streams
from benches.table import number, put, sections, table
from benches.workloads import source

__all__ = ["lines"]


def _read(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return found


def lines(folder: Path) -> Iterator[str]:
    """Yield the sections of all that was measured, what it was measured on first."""
    for name, module in (("times", streams), ("memory", memory), ("client", client)):
        found = _read(folder, name)
        yield from (f"{found['head']}; documents of {source()}.", "")
        yield from sections(module.rows(found["figures"]))


def _core(folder: Path) -> Iterator[list[str]]:
    """Yield the rows of the core alone: criterion's medians."""
    for path in sorted(folder.glob("**/new/benchmark.json")):
        benchmark: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        estimates = json.loads(path.with_name("estimates.json").read_text(encoding="utf-8"))
        ns = float(estimates["median"]["point_estimate"])
        [(unit, amount)] = benchmark["throughput"].items()
        millions = amount / ns * 1e3
        name = benchmark["full_id"]
        what = "tokens" if name.startswith("tokens/") else "events"
        bytes_ = f"{millions:,.0f} MB"
        rate = bytes_ if unit.lower() == "bytes" else f"{millions:,.1f} million {what}"
        yield [name, number(ns / 1e3), rate]


def _main(folder: Path, words: list[str]) -> None:
    match words:
        case []:
            print(*lines(folder), sep="\n")
        case ["--page", name]:
            from benches.pictures import draw

            page = Path(name)
            put(page, "measured", lines(folder))
            put(page, "core", table(["", "time, us", "a second"], [*_core(folder / "criterion")]))
            memory_mb = _read(folder, "memory")["figures"]
            draw(_read(folder, "growth"), memory_mb, page.with_suffix(""))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2:])
