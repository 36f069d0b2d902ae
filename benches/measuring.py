"""What the measurements share: clocks, fresh interpreters, servers, and the head of a table."""

from __future__ import annotations

import gc
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

__all__ = [
    "WINDOW",
    "WINDOWS",
    "alone",
    "before_window",
    "best_cpu",
    "frozen",
    "head",
    "in_windows",
    "last",
    "read_window",
    "replaying",
    "serving",
]

# Below this the clock's own cost would show.
_SHORTEST_S = 0.002
#: How many windows a document is sampled in, and how many chunks each has.
WINDOWS, WINDOW = 5, 40


def last(values: Iterable[Any]) -> Any:
    """Read to the end, and return the last."""
    value = None
    for value in values:  # noqa: B007 - the last one is the result
        pass
    return value


def best_cpu(run: Callable[[], object], *, rounds: int = 2, budget_s: float = 1.0) -> float:
    """Return the least CPU time of several runs, in seconds.

    Args:
        run: What is measured. Short runs are repeated and divided by their number.
        rounds: How many measurements there are at least.
        budget_s: For how long it is measured again, by the clock.
    """

    def once(times: int) -> float:
        start = time.process_time()
        for _ in range(times):
            run()
        return (time.process_time() - start) / times

    began = time.perf_counter()
    least = once(1)
    times = max(1, round(_SHORTEST_S / max(least, 1e-7)))
    if times > 1:
        least = once(times)
    while rounds > 1 or time.perf_counter() - began < budget_s:
        least = min(least, once(times))
        rounds -= 1
    return least


def in_windows(
    reader: Callable[[Iterable[str]], Iterator[Any]], chunks: Sequence[str], *, rounds: int = 4
) -> float:
    """Return the mean CPU time of a chunk, in seconds, in windows spread over the document.

    For readers whose cost grows with the text.
    """

    def once(number: int) -> float:
        stream = before_window(reader, chunks, number)
        begin = time.process_time()
        read_window(stream)
        return (time.process_time() - begin) / WINDOW

    return sum(min(once(at) for _ in range(rounds)) for at in range(WINDOWS)) / WINDOWS


def before_window(
    reader: Callable[[Iterable[str]], Iterator[Any]], chunks: Sequence[str], number: int
) -> Iterator[Any]:
    """Return a stream to which all before a window has gone in as one chunk."""
    start = max(int((number + 0.5) / WINDOWS * len(chunks)) - WINDOW // 2, 1)
    stream = reader(["".join(chunks[:start]), *chunks[start : start + WINDOW]])
    next(stream)
    return stream


def read_window(stream: Iterator[Any]) -> None:
    """Read a window; not to the end, since what a reader does there is not the chunks' cost."""
    for _ in islice(stream, WINDOW):
        pass


@contextmanager
def frozen() -> Generator[None, None, None]:
    """Leave the collector on, as users have it, but what was there before out of its sight."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def alone(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function of a module in a fresh interpreter.

    Args:
        function: What is called.
        arguments: Its arguments, of JSON's types.

    Returns:
        What it returned, by way of JSON.

    Raises:
        subprocess.CalledProcessError: It failed; its traceback is on stderr.
    """
    module = function.__module__
    if module == "__main__" and (spec := sys.modules[module].__spec__) is not None:
        module = spec.name
    program = (
        f"import json, sys\nfrom {module} import {function.__name__} as function\n"
        "print(json.dumps(function(*json.loads(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", program, json.dumps(arguments)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


@contextmanager
def serving(module: str, *words: str) -> Generator[str, None, None]:
    """Run a server in a process of its own, so that its CPU time does not count.

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
            yield found[0]
        finally:
            server.terminate()


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
    machine = f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    load = f"load average {os.getloadavg()[0]:.1f}"
    versions = "".join(f", {name} {version(name)}" for name in packages)
    day = time.strftime("%Y-%m-%d")
    return f"{day}, {machine}, {load}, Python {platform.python_version()}{versions}"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
