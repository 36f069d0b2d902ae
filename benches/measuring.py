"""What the measurements share: clocks, fresh interpreters, servers, and the head of a table."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from timeit import Timer
from typing import Any

from cpuinfo import get_cpu_info

__all__ = [
    "alone",
    "best_of_each",
    "frozen",
    "head",
    "last",
    "peak",
    "replaying",
    "serving",
    "status",
]

SHORTEST_S = 0.005


def last(values: Iterable[Any]) -> Any:
    """Read to the end, and return the last."""
    value = None
    for value in values:  # noqa: B007 - the last one is the result
        pass
    return value


def best_of_each(
    runs: Mapping[str, Callable[[], object]], *, seconds: float = 6.0
) -> dict[str, float]:
    """Return the least CPU time of each run, in seconds.

    A round runs each once, so that a busy machine is busy for all, and in an order of its own, so
    that nobody always runs after the one that leaves the caches cold. A short run is repeated.

    Args:
        runs: What is measured, by its name.
        seconds: For how long, by the clock; there are two rounds at least and a hundred at most.
    """
    least, times = dict.fromkeys(runs, float("inf")), dict.fromkeys(runs, 1)
    began, order = time.perf_counter(), Random(7)
    with frozen():
        for done in range(100):
            if done >= 2 and time.perf_counter() - began > seconds:
                break
            for name in order.sample([*runs], len(runs)):
                spent = Timer(runs[name], gc.enable, time.process_time).timeit(times[name])
                least[name] = min(least[name], spent / times[name])
                times[name] = max(1, int(SHORTEST_S / least[name]))
    return least


@contextmanager
def frozen() -> Generator[None, None, None]:
    """Leave the collector on, as users have it, but what was there before out of its sight."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def status(field: str) -> float:
    """Return a figure of this process in MB: ``VmRSS``, resident, or ``VmHWM``, its peak."""
    found = re.search(rf"{field}:\s*(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    assert found is not None, field
    return int(found[1]) * 1024 / 1e6


def peak(run: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a run gives, and by how many MB its peak stands above what there was before.

    The kernel counts, so what the allocators of C and Rust hold is in it. Linux only.
    """
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = status("VmRSS")
    return run(), status("VmHWM") - before


def alone(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function of a module, or run a coroutine of it, in a fresh interpreter.

    Returns:
        What it returns.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_called, function, *arguments).result()


def _called(function: Callable[..., Any], *arguments: object) -> Any:
    value = function(*arguments)
    return asyncio.run(value) if inspect.iscoroutine(value) else value


@contextmanager
def serving(module: str, *words: str) -> Generator[str, None, None]:
    """Run a server in a process of its own, so that its CPU time does not count.

    Where there are several cores, the server has the last, and this process the others meanwhile.

    Args:
        module: The program; it prints its URL first.
        words: Its arguments.

    Yields:
        The URL.

    Raises:
        RuntimeError: It did not start.
    """
    command = [sys.executable, "-m", module, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            line = server.stdout.readline() if server.stdout else ""
            found = re.search(r"http://\S+", line)
            if found is None:
                raise RuntimeError(f"{module} did not start: {line!r}")
            with _apart(server.pid):
                yield found[0]
        finally:
            server.terminate()


@contextmanager
def _apart(process: int) -> Generator[None, None, None]:
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set[int]()
    if len(cores) < 2:
        yield
        return
    os.sched_setaffinity(process, {max(cores)})
    os.sched_setaffinity(0, cores - {max(cores)})
    yield
    os.sched_setaffinity(0, cores)


@contextmanager
def replaying(recordings: Iterable[Mapping[str, Any]]) -> Generator[str, None, None]:
    """Run the replay server with some recordings; yield the base URL of OpenAI's protocol."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recordings.jsonl"
        lines = (json.dumps(recording) + "\n" for recording in recordings)
        path.write_text("".join(lines), encoding="utf-8")
        with serving("partialfast", "replay", str(path), "--port", "0") as url:
            yield url


def head(*packages: str) -> str:
    """Return what a reader has to know of any figure: the day, the machine, the versions."""
    machine = f"{get_cpu_info()['brand_raw']}, {os.cpu_count()} cores, {platform.system()}"
    load = f"load average {os.getloadavg()[0]:.1f}"
    versions = "".join(f", {name} {version(name)}" for name in packages)
    day = time.strftime("%Y-%m-%d")
    return f"{day}, {machine}, {load}, Python {platform.python_version()}{versions}"
