"""Salvaging beside the loop that one would write by hand: ``python -m benches.salvage``.

The answers of ``examples/batch``, as many as make the size that is asked for, one in fifty cut off:
as lines of text, and as result lines of OpenAI's Batch API. Measured are ``partialfast salvage``
with all cores and with one, and a loop of `json.loads` and ``model_validate`` that writes the same
values and gives up what it cannot read. Each in an interpreter of its own; seconds are those of the
clock, from before the file is opened until the output is written.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benches.measuring import alone, head
from partialfast.batch.io._model import find_model
from partialfast.batch.run._salvage import salvage

__all__ = ["main"]

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "batch"
MODEL = f"{EXAMPLE / 'meeting.py'}:Meeting"
CUT = 0.02
ROUNDS = 3


def answers() -> list[str]:
    lines = (EXAMPLE / "recording.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def write(path: Path, kind: str, size: int) -> None:
    """Write a file of so many bytes, about."""
    draw = random.Random(7)
    texts = answers()
    number = written = 0
    with path.open("w", encoding="utf-8") as file:
        while written < size:
            text = texts[number % len(texts)]
            number += 1
            if draw.random() < CUT:
                text = text[: draw.randrange(1, len(text))]
            written += file.write(text if kind == "text" else result_line(number, text))
            written += file.write("\n")


def result_line(number: int, text: str) -> str:
    call = {"type": "function", "function": {"name": "Meeting", "arguments": text}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
    body = {"object": "chat.completion", "model": "gpt-4o-mini", "choices": [choice],
            "usage": {"prompt_tokens": 200, "completion_tokens": 150}}  # fmt: skip
    response = {"status_code": 200, "request_id": f"req_{number}", "body": body}
    return json.dumps({"id": f"batch_req_{number}", "custom_id": f"minutes-{number}",
                       "response": response, "error": None})  # fmt: skip


def by_hand(source: Path, output: Path, kind: str) -> Counter[str]:
    """Do what one would write: a value for each line that can be read as one."""
    model = find_model(MODEL)
    counts: Counter[str] = Counter()
    with source.open("rb") as file, output.open("wb") as values:
        for number, line in enumerate(file, start=1):
            try:
                text: Any = line
                if kind == "batch":
                    body = json.loads(line)["response"]["body"]
                    text = body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
                value = model.model_validate(json.loads(text))
            except (ValueError, ValidationError):
                counts["lost"] += 1
                continue
            counts["complete"] += 1
            head = b'{"id":"%d","value":' % number
            values.write(head + value.model_dump_json().encode() + b"}\n")
    return counts


def with_workers(workers: int | None) -> Callable[[Path, Path, str], Counter[str]]:
    def run(source: Path, output: Path, kind: str) -> Counter[str]:
        errors = output.with_suffix(".errors.jsonl")
        return salvage(
            source, model=MODEL, output=output, errors=errors, kind=kind, workers=workers
        ).counts

    return run


SUBJECTS: dict[str, Callable[[Path, Path, str], Counter[str]]] = {
    "salvage, all cores": with_workers(None),
    "salvage, one core": with_workers(1),
    "json.loads + model_validate": by_hand,
}


def measure(subject: str, source: Path, kind: str) -> dict[str, Any]:
    """Run a subject in a fresh interpreter, as often as `ROUNDS` says; give the best."""
    found = [alone("benches.salvage", "--inside", subject, source, kind) for _ in range(ROUNDS)]
    return min(found, key=lambda each: each["seconds"])


def rows(folder: Path, size: int) -> Iterator[str]:
    for kind, named in (("text", "an answer a line"), ("batch", "results of the Batch API")):
        source = folder / f"{kind}.jsonl"
        write(source, kind, size)
        megabytes = source.stat().st_size / 1e6
        yield f"\n{named}, {megabytes:.0f} MB, one in {1 / CUT:.0f} cut off:"
        yield f"{'':30}{'MB/s':>8}{'complete':>11}{'partial':>9}{'lost':>7}"
        for subject in SUBJECTS:
            found = measure(subject, source, kind)
            counts = Counter(found["counts"])
            complete, partial = counts.pop("complete"), counts.pop("partial", 0)
            yield (
                f"{subject:30}{megabytes / found['seconds']:8.1f}{complete:11,}{partial:9,}"
                f"{counts.total():7,}"
            )


def main() -> None:
    """Measure all and print the tables."""
    size = int(os.environ.get("MEGABYTES", "60")) * 1_000_000
    print(f"{head('partialfast', 'pydantic')}; best of {ROUNDS}")
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(Path(folder), size):
            print(row, flush=True)


def _inside(subject: str, source: str, kind: str) -> None:
    began = time.perf_counter()
    counts = SUBJECTS[subject](Path(source), Path(source).with_suffix(".out.jsonl"), kind)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "counts": counts}))


if __name__ == "__main__":
    if "--inside" in sys.argv:
        _inside(*sys.argv[sys.argv.index("--inside") + 1 :])
    else:
        main()
