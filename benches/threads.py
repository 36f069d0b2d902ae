"""What streams cost in two threads at once beside one thread, each thread with its own.

Without a GIL, two cores read twice as much as one where a thread does not make the other one's work
dearer: its CPU time a chunk tells, also on a machine that has other things to do. How much more is
read in a second needs a machine that has not. With a GIL, threads take turns.

    python -m benches.threads [WORKLOAD] [THREADS] [SECONDS]
"""

from __future__ import annotations

import sys
import sysconfig
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from benches.peers import SUBJECTS
from benches.table import table
from benches.workloads import workload

__all__ = ["main"]


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


def main(name: str = "orders-10k", threads: str = "2", seconds: str = "3") -> None:
    """Print a line for each kind of reading.

    Args:
        name: The workload.
        threads: How many threads.
        seconds: How long each figure is measured, in seconds.
    """
    lacks_gil = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    enabled = not lacks_gil or sys._is_gil_enabled()  # type: ignore[attr-defined]  # noqa: SLF001  # from 3.13
    print(f"Python {sys.version.split()[0]}, GIL {'on' if enabled else 'off'}, {name}; us of CPU\n")
    rows: list[list[str]] = []
    for subject in ("typed", "untyped", "loads"):
        rates, cpus = zip(
            *(_measure(subject, name, count, float(seconds)) for count in (1, int(threads))),
            strict=True,
        )
        us = [f"{1e6 * cpu / len(workload(name).chunks):.3f}" for cpu in cpus]
        rows.append([subject, *us, f"{rates[1] / rates[0]:.2f}x"])
    heading = ["a chunk", "one thread", f"{threads} threads", "read in a second"]
    print(*table(heading, rows), sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
