"""Run one subject again and again, for a profiler."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benches.peers import SUBJECTS
from benches.workloads import workload

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast",)


def lines(*, what: str = "typed/orders-100k", seconds: float = 10.0) -> Iterator[str]:
    """Run until the time is over.

    Args:
        what: ``SUBJECT/WORKLOAD``; the subject may be left out and is then ``typed``.
        seconds: For how long.
    """
    subject, _, name = what.rpartition("/")
    run, work, times = SUBJECTS[subject or "typed"], workload(name), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run(work)
        times += 1
    yield f"{what}: {times:,} times in {seconds:g} s."
