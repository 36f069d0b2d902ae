"""Very many short documents with the command: ``python -m benches.many [DOCUMENTS]``.

``partialfast extract`` reads so many documents (100,000) from a file, asks about each with 256
streams at a time, and writes a line for each. The server answers each with 13 tokens. What is
measured is the command's process: how fast it is, and how much memory it holds on the way.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel

__all__ = ["Person", "main"]

STREAMS = 256
STEPS = 10
#: What the index of ids may take for a document, and what the process holds beside it.
MOST_BYTES_EACH = 1500
MOST_MB = 160


class Person(BaseModel):
    """What is extracted."""

    name: str
    age: int
    city: str


def resident_mb(process: int) -> float:
    """Give the memory that a process holds."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_s(process: int) -> float:
    """Give the CPU time that a process has taken."""
    stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def lines(path: Path) -> int:
    """Count the lines of a file."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def run(folder: Path, url: str, count: int) -> dict[str, Any]:
    """Extract `count` documents; look at the process whenever a tenth of them is done."""
    source, output = folder / "in.jsonl", folder / "out.jsonl"
    with source.open("w", encoding="utf-8") as file:
        for number in range(count):
            file.write(f'{{"id": "d{number}", "text": "Document {number}."}}\n')
    words = [
        "extract", "--model", "benches.many:Person", "--input", str(source),
        "--output", str(output), "--prompt", "From: {text}", "--llm", "gpt-4o-mini",
        "--base-url", url, "--concurrency", str(STREAMS), "--quiet",
    ]  # fmt: skip
    seen: list[tuple[int, float]] = []
    began, spent = time.perf_counter(), 0.0
    with subprocess.Popen([sys.executable, "-m", "partialfast", *words]) as process:
        while process.poll() is None:
            time.sleep(0.5)
            done = lines(output)
            try:
                held, spent = resident_mb(process.pid), cpu_s(process.pid)
            except (OSError, ValueError, IndexError):
                # It has ended meanwhile.
                break
            if done >= count * (len(seen) + 1) / STEPS:
                seen.append((done, held))
    seconds = time.perf_counter() - began
    assert process.returncode == 0, process.returncode
    with output.open(encoding="utf-8") as file:
        ids = {json.loads(line)["id"] for line in file}
    assert ids == {f"d{number}" for number in range(count)}
    assert lines(output) == count
    return {"documents": count, "seconds": seconds, "cpu_s": spent, "memory_mb": seen}


def main() -> None:
    """Run it and print what it took."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    server_words = [sys.executable, "-m", "benches.batch_server", "0", "short"]
    with (
        TemporaryDirectory() as folder,
        subprocess.Popen(server_words, stdout=subprocess.PIPE, text=True) as server,
    ):
        try:
            assert server.stdout is not None
            found = run(Path(folder), server.stdout.readline().strip(), count)
        finally:
            server.kill()
    machine = f"{platform.processor() or platform.machine()}, Python {platform.python_version()}"
    print(f"{machine}, {time.strftime('%Y-%m-%d')}; {count:,} documents of 13 tokens each")
    print(f"{found['seconds']:.0f} s, {count / found['seconds']:.0f} documents/s,", end=" ")
    print(f"{found['cpu_s'] / count * 1000:.2f} ms of CPU a document")
    for done, held in found["memory_mb"]:
        print(f"{done:>10,} done: {held:.0f} MB")
    done, held = found["memory_mb"][-1]
    assert held < MOST_MB + done * MOST_BYTES_EACH / 1e6, "memory grows with the documents"


if __name__ == "__main__":
    main()
