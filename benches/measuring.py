"""What the measurements share: the best of several runs, fresh interpreters, a server, a head."""

from __future__ import annotations

import gc
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

__all__ = ["alone", "best_cpu", "frozen", "head", "last", "replaying"]


def last(values: Iterable[Any]) -> Any:
    """Read to the end, and return the last."""
    value = None
    for value in values:  # noqa: B007 - the last one is the result
        pass
    return value


def best_cpu(run: Callable[[], object], *, rounds: int = 0, budget_s: float = 0) -> float:
    """Return the least CPU time of several runs, in seconds.

    Args:
        run: What is measured.
        rounds: How many runs there are at least.
        budget_s: For how long it is run again, by the clock.
    """
    least, began = float("inf"), time.perf_counter()
    while True:
        start = time.process_time()
        run()
        least = min(least, time.process_time() - start)
        rounds -= 1
        if rounds <= 0 and time.perf_counter() - began >= budget_s:
            return least


@contextmanager
def frozen() -> Generator[None, None, None]:
    """Leave the collector on, as users have it, but what was there before out of its sight."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def alone(module: str, *words: object) -> Any:
    """Run a module in a fresh interpreter, and return what it prints, decoded from JSON.

    Args:
        module: Its name.
        words: Its arguments.

    Raises:
        subprocess.CalledProcessError: It failed; its traceback is on stderr.
    """
    command = [sys.executable, "-m", module, *map(str, words)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


@contextmanager
def replaying(recordings: Iterable[Mapping[str, Any]]) -> Generator[str, None, None]:
    """Run the replay server in a process of its own, so that its CPU time does not count.

    Args:
        recordings: What it plays.

    Yields:
        The base URL of OpenAI's protocol.

    Raises:
        RuntimeError: It did not start.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recordings.jsonl"
        lines = (json.dumps(recording) + "\n" for recording in recordings)
        path.write_text("".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "partialfast", "replay", str(path), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                line = server.stdout.readline() if server.stdout else ""
                found = re.search(r"http://\S+", line)
                if found is None:
                    raise RuntimeError(f"the replay server did not start: {line!r}")
                yield found[0]
            finally:
                server.terminate()


def head(*packages: str) -> str:
    """Return what a reader has to know of any figure: the day, the machine, the versions."""
    machine = f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    versions = "".join(f", {name} {version(name)}" for name in packages)
    return f"{time.strftime('%Y-%m-%d')}, {machine}, Python {platform.python_version()}{versions}"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
