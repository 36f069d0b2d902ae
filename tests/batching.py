"""Documents, recordings that answer them, and processes to be killed, for the tests of batches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from partialfast import replay

__all__ = [
    "Person",
    "Zygote",
    "answer",
    "arguments",
    "asked",
    "check_lines",
    "check_one_run",
    "documents",
    "finished",
    "lines",
    "recordings",
    "wait_for",
    "write_documents",
    "zygote",
]


class Person(BaseModel):
    """What is extracted."""

    name: str
    age: int
    city: str


def answer(number: int) -> dict[str, Any]:
    return {"name": f"Person {number}", "age": number % 90, "city": "Zürich 日本"}


def documents(count: int) -> list[dict[str, Any]]:
    return [{"id": f"d{number}", "text": f"doc {number}."} for number in range(count)]


def recordings(
    count: int, change: Callable[[int], dict[str, Any]] = lambda _: {}
) -> list[dict[str, Any]]:
    """Give a recording for each document, with what `change` says differs."""
    return [
        {"match": f"doc {number}.", "text": json.dumps(answer(number)), **change(number)}
        for number in range(count)
    ]


def write_documents(path: Path, count: int) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in documents(count)))
    return path


def arguments(source: Path, output: Path, url: str, *more: str) -> list[str]:
    """Give the command line of an extraction."""
    return [
        "extract", "--model", "tests.batching:Person", "--input", str(source),
        "--output", str(output), "--prompt", "From: {text}", "--llm", "gpt-4",
        # A server's URL is more than text, which no command line is.
        "--base-url", str(url), *more,
    ]  # fmt: skip


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def asked(exchange: Any) -> str:
    """Tell which document a request was about."""
    text: str = exchange.body["messages"][-1]["content"]
    return "d" + text.removeprefix("From: doc ").removesuffix(".")


def finished(*paths: Path) -> set[str]:
    """Read the ids that have a whole line, as whoever looks at the files would."""
    found: set[str] = set()
    for path in paths:
        if not path.exists():
            continue
        *whole, torn = path.read_bytes().split(b"\n")
        for line in whole:
            found.add(json.loads(line)["id"])
        assert torn == b"" or b'{"id":'.startswith(torn[:6])
    return found


def check_lines(values: Path, errors: Path, good: set[str], bad: set[str]) -> None:
    """Each id has one line: a good one its own value, a bad one its error."""
    assert Counter(line["id"] for line in lines(values)) == Counter(good)
    assert Counter(line["id"] for line in lines(errors)) == Counter(bad)
    for line in lines(values):
        assert line["value"] == answer(int(line["id"][1:]))


def check_one_run(manifest: Path, count: int) -> dict[str, Any]:
    """However often it was resumed, it is one run; give its settings."""
    [run] = json.loads(manifest.read_text())["runs"]
    assert (run["run"], run["documents"]) == (1, count)
    settings: dict[str, Any] = run["settings"]
    return settings


def wait_for(server: replay.Server, count: int, child: int) -> None:
    """Wait until there were so many requests, or there is no such process any more."""
    # In requests, for how long they take depends on the machine, and on what else it does.
    with suppress(ProcessLookupError):
        while len(server.exchanges) < count:
            os.kill(child, 0)
            time.sleep(0.002)


_PROGRAM = textwrap.dedent("""
    import os, sys
    import openai, partialfast.cli._extract, partialfast.cli
    import aiolimiter, filelock, pyarrow.parquet, openai.resources.chat, tests.batching
    for name in sys.argv[1:]:
        __import__(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            sys.stdin.close()
            status = partialfast.cli.main(line.rstrip("\\n").split("\\t"))
            sys.stderr.flush()
            os._exit(status)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(status, flush=True)
""")


class Zygote:
    """A process with everything imported that forks a command at a time: starting one is cheap."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, words: list[str]) -> int:
        """Start a command; give its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write("\t".join(words) + "\n")
        self._process.stdin.flush()
        return int(self._read())

    def wait(self) -> int:
        """Wait for its end; give the exit status, or the signal that killed it, negative."""
        return os.waitstatus_to_exitcode(int(self._read()))

    def kill(self, child: int) -> int:
        # It may have come to its end in the same moment.
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        return self.wait()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def zygote(folder: Path, *modules: str) -> Generator[Zygote, None, None]:
    """Run one, with more modules imported; what its commands say goes to ``stderr.txt``."""
    root = str(Path(__file__).resolve().parents[1])
    # Only a process of one thread is forked without danger (Python warns otherwise since 3.12), and
    # the memory pool of pyarrow would start a second thread.
    alone = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
    with (
        (folder / "stderr.txt").open("w") as err,
        subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", _PROGRAM, *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            cwd=folder,
            env=os.environ | alone | {"PYTHONPATH": os.pathsep.join([root, *sys.path[1:]])},
        ) as process,
    ):
        try:
            yield Zygote(process)
        finally:
            process.kill()
