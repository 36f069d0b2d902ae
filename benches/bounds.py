"""Time and memory of inputs that an attacker would send; measures the table of docs/bounds.md.

    python -m benches.bounds                   print the table
    python -m benches.bounds docs/bounds.md    put it on the page as well

Each case (`tests.bounding`) runs alone in a fresh interpreter, at its full size and at a quarter of
it. Time is the processor's; memory is how far the peak of the resident set grew.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator

from benches.measuring import alone, head
from benches.table import show, table
from tests.bounding import CASES

__all__ = ["measure"]


def measure(name: str, size: int) -> tuple[float, float]:
    """Run a case here; return its seconds and by how many MiB the peak grew."""
    case = CASES[name]
    if case.grows:
        case.run(case.small)  # compiles the models
    before = resource.getrusage(resource.RUSAGE_SELF)
    outcome = case.run(size)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert outcome == case.outcome, outcome
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, (after.ru_maxrss - before.ru_maxrss) / 1024


def _row(name: str) -> list[str]:
    case = CASES[name]
    quarter, _ = alone(measure, name, case.size // 4)
    seconds, grown = alone(measure, name, case.size)
    growth = f"{seconds / max(quarter, 1e-6):.1f} times" if case.grows else "stops early"
    size = f"{case.size:,} {case.unit}"
    return [name, size, case.outcome, f"{seconds:.2f} s", growth, f"{grown:,.0f} MiB"]


def lines() -> Iterator[str]:
    """Yield the table, as it is measured."""
    yield from (f"{head('partialfast', 'pydantic')}.", "")
    heading = ["input", "size", "what happens", "time", "against a quarter of the size", "memory"]
    yield from table(heading, map(_row, CASES), left=range(6))


if __name__ == "__main__":
    show(lines(), "measured", page=next(iter(sys.argv[1:]), None))
