"""Reading what there is after every chunk, beside this year's newcomers.

    make bench-newer
    python -m benches.newer --workload meeting --workload orders-1k

Each reads well-formed JSON, token by token. Asked of each: the CPU time for a chunk with a value
after it; whether the last value is the document's; and after how many chunks something that was
shown is no longer true: a number that is 1, then 12, or a text, list or object that does not grow.
Peers that keep their state are fed; the others read the text so far again. What a peer may change
later is copied for the second and third question, outside the clock.

jsontap hands out single values when they are complete, and no value of the whole before its end; so
there is nothing that it could take back. BAML reads into classes, which are made of the workload's.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

from benches.measuring import best_cpu, head, last
from benches.peers import PEERS, plain
from benches.table import number, show, table
from benches.workloads import workload

__all__ = ["READERS", "cells", "taken_back"]

#: Keys of `benches.peers.PEERS`.
READERS = (
    "partialfast",
    "partialfast, lenient",
    "partialfast, typed",
    "streaming-json-parser with its native part, one value that changes,",
    "streaming-json-parser with its native part, copies,",
    "partial-json-stream",
    "jsontap",
    "json_repair",
    "fast-json-repair",
    "partial-json-parser",
    "BAML, typed",
)


def taken_back(before: Any, after: Any) -> bool:
    """Tell whether `after` has not all that `before` had: texts, lists and objects may grow."""
    if isinstance(before, str) and isinstance(after, str):
        return not after.startswith(before)
    if isinstance(before, list) and isinstance(after, list):
        return len(after) < len(before) or any(map(taken_back, before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        return any(key not in after or taken_back(held, after[key]) for key, held in before.items())
    # What a class fills in for what is absent.
    return before not in (None, [], {}) and before != after


def cells(name: str, document: str, *, budget_s: float, limit_s: float) -> list[str]:
    """Judge and time one peer on one workload.

    Args:
        name: A key of `PEERS`.
        document: The workload.
        budget_s: For how long its runs are repeated.
        limit_s: CPU time after which its reading is given up.

    Returns:
        Microseconds a chunk; whether the last value is right; after how many chunks something was
        taken back.
    """
    peer, work = PEERS[name], workload(document)
    reader = peer.make(work.model)
    end = time.process_time() + limit_s
    shown, back = None, 0
    for value in reader(work.chunks):
        before, shown = shown, plain(value)
        back += taken_back(before, shown)
        if time.process_time() > end:
            return [f"not in {limit_s:g} s", "", ""]
    seconds = best_cpu(lambda: last(reader(work.chunks)), rounds=1, budget_s=budget_s)
    right = "yes" if shown == json.loads(work.text) else "no"
    backs = f"{back:,}" if peer.snapshots else "no snapshots"
    return [number(seconds / len(work.chunks) * 1e6), right, backs]


def section(documents: Sequence[str], *, budget_s: float, limit_s: float) -> Iterator[str]:
    """Yield the lines of the section, each as soon as it is measured."""
    yield from (f"{head()}.", "")
    missing: list[str] = []

    def rows() -> Iterator[list[str]]:
        for name in READERS:
            try:
                versions = PEERS[name].versions
            except PackageNotFoundError:
                missing.append(name)
                continue
            row = [f"{name} {versions}"]
            for document in documents:
                row += cells(name, document, budget_s=budget_s, limit_s=limit_s)
            yield row

    columns = [word for name in documents for word in (f"{name}, us", "right", "taken back")]
    yield from table(["", *columns], rows(), left=[0, *range(2, len(columns), 3)])
    if missing:
        yield from ("", f"Not installed, so not measured: {', '.join(missing)}.")


def main() -> None:
    """Measure and print the section; with ``--page`` also put it there."""
    arguments = argparse.ArgumentParser(description="Read after every chunk, beside newcomers.")
    arguments.add_argument("--page", type=Path)
    arguments.add_argument("--workload", action="append")
    arguments.add_argument("--seconds", type=float, default=1.0)
    arguments.add_argument("--limit", type=float, default=300.0)
    args = arguments.parse_args()
    documents = args.workload or ["meeting", "orders-1k", "orders-10k"]
    lines = section(documents, budget_s=args.seconds, limit_s=args.limit)
    show(lines, "newer", page=args.page)


if __name__ == "__main__":
    main()
