"""Very many short documents with the command.

``partialfast extract`` reads so many documents (100,000) from a file, asks about each with 256
streams at a time, and writes a line for each. The server answers each with 13 tokens. What is
measured is the command's process: how fast it is, and how much memory it holds on the way.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from pydantic import BaseModel

from benches.measuring import serving
from benches.pages import table

__all__ = ["PACKAGES", "Person", "lines"]

PACKAGES = ("partialfast",)
STREAMS = 256
TEXT = '{"name": "Ada Lovelace", "age": 36, "city": "London"}'
STEPS = 10
#: What the index of ids may take for a document, and what the process holds beside it.
MOST_BYTES_EACH = 1500
MOST_MB = 160


class Person(BaseModel):
    """What is extracted."""

    name: str
    age: int
    city: str


def _count(path: Path) -> int:
    """Count the lines of a file that may not be there yet."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def lines(*, documents: int = 100_000) -> Iterator[str]:
    """Extract; yield what it took, and the memory whenever a tenth of the documents is done."""
    with TemporaryDirectory() as name, serving("benches.batch_server", "0", TEXT) as url:
        source, output = Path(name) / "in.jsonl", Path(name) / "out.jsonl"
        with source.open("w", encoding="utf-8") as file:
            for number in range(documents):
                file.write(f'{{"id": "d{number}", "text": "Document {number}."}}\n')
        command = [
            sys.executable, "-m", "partialfast", "extract", "--model", "benches.many:Person",
            "--input", str(source), "--output", str(output), "--prompt", "From: {text}",
            "--llm", "gpt-4o-mini", "--base-url", url, "--concurrency", str(STREAMS), "--quiet",
        ]  # fmt: skip
        seen: list[tuple[int, float]] = []
        began, cpu = time.perf_counter(), 0.0
        process = psutil.Popen(command)
        while process.poll() is None:
            time.sleep(0.5)
            done = _count(output)
            try:
                held, cpu = process.memory_info().rss / 1e6, sum(process.cpu_times()[:2])
            except psutil.Error:
                # It has ended meanwhile.
                break
            if done >= documents * (len(seen) + 1) / STEPS:
                seen.append((done, held))
        seconds = time.perf_counter() - began
        assert process.wait() == 0, process.returncode
        with output.open(encoding="utf-8") as file:
            ids = {json.loads(line)["id"] for line in file}
        assert ids == {f"d{number}" for number in range(documents)}
        assert _count(output) == documents
    yield (
        f"{documents:,} documents of 13 tokens each: {seconds:.0f} s, "
        f"{documents / seconds:,.0f} a second, {cpu / documents * 1000:.2f} ms of CPU each."
    )
    yield table(["done", "MB held"], [[f"{done:,}", f"{held:.0f}"] for done, held in seen])
    for done, held in seen[-1:]:
        assert held < MOST_MB + done * MOST_BYTES_EACH / 1e6, "memory grows with the documents"
