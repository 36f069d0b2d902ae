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
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from benches import subjects
from benches.workloads import workload

__all__ = ["main"]


class _Pace(NamedTuple):
    """What some threads did together."""

    #: How often the work was done in a second.
    rate: float
    #: CPU time of once, in seconds.
    cpu: float


def _measure(work: Callable[[], object], threads: int, seconds: float) -> _Pace:
    start = threading.Barrier(threads)
    done: list[tuple[int, float, float]] = []

    def repeat() -> None:
        count = 0
        start.wait()
        began, began_cpu = time.perf_counter(), time.thread_time()
        while time.perf_counter() < began + seconds:
            work()
            count += 1
        done.append((count, time.thread_time() - began_cpu, time.perf_counter() - began))

    running = [threading.Thread(target=repeat) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    times = sum(count for count, _, _ in done)
    return _Pace(times / max(wall for _, _, wall in done), sum(cpu for _, cpu, _ in done) / times)


def main(name: str = "orders-10k", threads: str = "2", seconds: str = "3") -> None:
    """Print a line for each kind of reading.

    Args:
        name: The workload.
        threads: How many threads.
        seconds: How long each figure is measured, in seconds.
    """
    lacks_gil = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    enabled = not lacks_gil or sys._is_gil_enabled()  # type: ignore[attr-defined]  # noqa: SLF001  # from 3.13
    print(f"Python {sys.version.split()[0]}, GIL {'on' if enabled else 'off'}, {name}")
    print(f"{'':<18} us of CPU a chunk: one thread, {threads} threads; read in a second")
    work = workload(name)
    for title, subject in (
        ("typed snapshots", subjects.typed),
        ("untyped snapshots", subjects.untyped),
        ("whole documents", subjects.loads),
    ):
        one = _measure(partial(subject, work), 1, float(seconds))
        several = _measure(partial(subject, work), int(threads), float(seconds))
        cpu = [1e6 * pace.cpu / len(work.chunks) for pace in (one, several)]
        print(f"{title:<18} {cpu[0]:9.3f} {cpu[1]:9.3f} {several.rate / one.rate:9.2f}x")


if __name__ == "__main__":
    main(*sys.argv[1:])
