"""Reading what there is after every chunk, beside this year's newcomers.

Each reads well-formed JSON, token by token. Asked of each: the CPU time for a chunk with a value
after it; whether the last value is the document's; and after how many chunks something that was
shown is no longer true: a number that is 1, then 12, or a text, list or object that does not grow.
Peers that keep their state are fed; the others read the text so far again. What a peer may change
later is copied for the second and third question, outside the clock.

jsontap hands out single values when they are complete, and no value of the whole before its end; so
there is nothing that it could take back. BAML reads into classes, which are made of the workload's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any

from benches.measuring import best_cpu, last
from benches.peers import PEERS, installed, plain
from benches.tables import number, table
from benches.workloads import workload

__all__ = ["PACKAGES", "READERS", "lines", "taken_back"]

PACKAGES = ()
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


def _cells(name: str, document: str, *, rounds: int, limit_s: float) -> list[str]:
    """Judge and time one peer on one workload.

    Returns:
        Microseconds a chunk; whether the last value is right; after how many chunks something was
        taken back.
    """
    peer, work = PEERS[name], workload(document)
    read = partial(peer.read, work.model, work.chunks)
    end = time.process_time() + limit_s
    shown, back = None, 0
    for value in read():
        before, shown = shown, plain(value)
        back += taken_back(before, shown)
        if time.process_time() > end:
            return [f"not in {limit_s:g} s", "", ""]
    seconds = best_cpu(lambda: last(read()), rounds=rounds)
    right = "yes" if shown == json.loads(work.text) else "no"
    backs = f"{back:,}" if peer.snapshots else "no snapshots"
    return [number(seconds / len(work.chunks) * 1e6), right, backs]


def lines(
    *, workloads: str = "meeting,orders-1k,orders-10k", rounds: int = 2, limit: float = 300.0
) -> Iterator[str]:
    """Measure all peers that are installed; yield the table.

    Args:
        workloads: The documents.
        rounds: How many times each is timed.
        limit: Seconds of CPU after which a peer's reading is given up.
    """
    names, peers = workloads.split(","), installed(READERS)
    rows: list[list[str]] = []
    for peer in peers:
        cells = (_cells(peer, name, rounds=rounds, limit_s=limit) for name in names)
        rows.append([f"{peer} {PEERS[peer].versions}", *chain(*cells)])
    columns = [word for name in names for word in (f"{name}, us", "right", "taken back")]
    yield table(["", *columns], rows, left=[0, *range(2, len(columns), 3)])
    if missing := sorted({*READERS} - {*peers}):
        yield f"Not installed, so not measured: {', '.join(missing)}."
