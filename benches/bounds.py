"""Time and memory of inputs that an attacker would send; measures the table of docs/bounds.md.

Each case (`tests.bounding`) runs alone in a fresh interpreter, at its full size and at a quarter of
it. Time is the processor's; memory is how far the peak of the resident set grew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from benches.measuring import alone, peak
from benches.pages import table
from tests.bounding import CASES

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast", "pydantic")


def _measure(name: str, size: int) -> tuple[float, float]:
    """Run a case here; return its seconds and by how many MB the peak grew."""
    case = CASES[name]
    if case.grows:
        case.run(case.small)  # compiles the models
    began = time.process_time()
    outcome, grown = peak(lambda: case.run(size))
    seconds = time.process_time() - began
    assert outcome == case.outcome, outcome
    return seconds, grown


def _row(name: str) -> list[str]:
    case = CASES[name]
    quarter, _ = alone(_measure, name, case.size // 4)
    seconds, grown = alone(_measure, name, case.size)
    growth = f"{seconds / max(quarter, 1e-6):.1f} times" if case.grows else "stops early"
    size = f"{case.size:,} {case.unit}"
    return [name, size, case.outcome, f"{seconds:.2f} s", growth, f"{grown:,.0f} MB"]


def lines() -> Iterator[str]:
    """Measure all cases; yield the table."""
    heading = ["input", "size", "what happens", "time", "against a quarter of the size", "memory"]
    yield table(heading, map(_row, CASES), left=range(6))
