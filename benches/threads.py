"""What streams cost in two threads at once beside one thread, each thread with its own.

Without a GIL, two cores read twice as much as one where a thread does not make the other one's work
dearer: its CPU time a chunk tells, also on a machine that has other things to do. How much more is
read in a second needs a machine that has not. With a GIL, threads take turns.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from benches.pages import table
from benches.peers import SUBJECTS
from benches.workloads import workload

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast",)


def _measure(subject: str, name: str, threads: int, seconds: float) -> tuple[float, float]:
    """Return how often the work is done in a second, and the CPU time of once in seconds."""
    run, work = SUBJECTS[subject], workload(name)
    run(work)  # compiles the type
    start = threading.Barrier(threads)

    def repeat(_: int) -> tuple[int, float, float]:
        count = 0
        start.wait()
        began, began_cpu = time.perf_counter(), time.thread_time()
        while time.perf_counter() < began + seconds:
            run(work)
            count += 1
        return count, time.thread_time() - began_cpu, time.perf_counter() - began

    with ThreadPoolExecutor(threads) as pool:
        counts, cpu, wall = zip(*pool.map(repeat, range(threads)), strict=True)
    return sum(counts) / max(wall), sum(cpu) / sum(counts)


def lines(
    *,
    what: str = "typed/orders-10k,untyped/orders-10k,loads/orders-10k",
    threads: int = 2,
    seconds: float = 3.0,
) -> Iterator[str]:
    """Yield the table; one subject in one thread is also what a profiler looks at.

    Args:
        what: ``SUBJECT/WORKLOAD``, or several; the subject is ``typed`` where it is left out.
        threads: How many threads.
        seconds: How long each figure is measured.
    """
    counts = sorted({1, threads})
    enabled: bool = getattr(sys, "_is_gil_enabled", lambda: True)()  # from 3.13
    rows: list[list[str]] = []
    for key in what.split(","):
        subject, _, name = key.rpartition("/")
        found = [_measure(subject or "typed", name, count, seconds) for count in counts]
        us = [f"{1e6 * cpu / len(workload(name).chunks):.3f}" for _, cpu in found]
        rows.append([key, *us, f"{found[-1][0] / found[0][0]:.2f}x"])
    yield f"GIL {'on' if enabled else 'off'}; us of CPU a chunk, each thread with its streams:"
    yield table(["", *(f"{count} threads" for count in counts), "read in a second"], rows)
