"""Salvaging beside the loop that one would write by hand.

The answers of ``examples/batch``, as many as make the size that is asked for, one in fifty cut off:
as lines of text, and as result lines of OpenAI's Batch API. Measured are ``partialfast salvage``
with all cores and with one, and a loop of `json.loads` and ``model_validate`` that writes the same
values and gives up what it cannot read. Each in an interpreter of its own; seconds are those of the
clock, from before the file is opened until the output is written.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benches.batch_server import MODEL, TEXTS, Meeting
from benches.measuring import alone
from benches.pages import table
from partialfast.batch.run._salvage import salvage

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast", "pydantic")
CUT = 0.02
ROUNDS = 3
#: The processes of ``partialfast salvage``; none for the loop.
SUBJECTS = {"salvage, all cores": None, "salvage, one core": 1, "json.loads + model_validate": 0}


def _write(path: Path, kind: str, size: int) -> None:
    """Write a file of so many bytes, about."""
    draw = random.Random(7)
    with path.open("w", encoding="utf-8") as file:
        for number, text in enumerate(cycle(TEXTS), start=1):
            end = draw.randrange(1, len(text)) if draw.random() < CUT else None
            line = text[:end] if kind == "text" else _result_line(number, text[:end])
            file.write(f"{line}\n")
            if file.tell() >= size:
                return


def _result_line(number: int, text: str) -> str:
    call = {"type": "function", "function": {"name": "Meeting", "arguments": text}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
    body = {"object": "chat.completion", "model": "gpt-4o-mini", "choices": [choice],
            "usage": {"prompt_tokens": 200, "completion_tokens": 150}}  # fmt: skip
    response = {"status_code": 200, "request_id": f"req_{number}", "body": body}
    return json.dumps({"id": f"batch_req_{number}", "custom_id": f"minutes-{number}",
                       "response": response, "error": None})  # fmt: skip


def _by_hand(source: Path, output: Path, kind: str) -> Counter[str]:
    """Do what one would write: a value for each line that can be read as one."""
    counts: Counter[str] = Counter()
    with source.open("rb") as file, output.open("wb") as values:
        for number, line in enumerate(file, start=1):
            try:
                text: Any = line
                if kind == "batch":
                    body = json.loads(line)["response"]["body"]
                    text = body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
                value = Meeting.model_validate(json.loads(text))
            except ValueError:
                counts["lost"] += 1
                continue
            counts["complete"] += 1
            head_ = b'{"id":"%d","value":' % number
            values.write(head_ + value.model_dump_json().encode() + b"}\n")
    return counts


def _once(subject: str, source: Path, kind: str) -> tuple[float, dict[str, int]]:
    """Run a subject; return its seconds and what came of the lines."""
    began = time.perf_counter()
    output, errors = (source.with_suffix(f".{end}.jsonl") for end in ("out", "errors"))
    workers = SUBJECTS[subject]
    if workers == 0:
        counts: dict[str, int] = _by_hand(source, output, kind)
    else:
        counts = salvage(
            source, model=MODEL, output=output, errors=errors, kind=kind, workers=workers
        ).counts
    return time.perf_counter() - began, dict(counts)


def lines(*, megabytes: int = 60) -> Iterator[str]:
    """Measure all; yield a table for each kind of file."""
    with TemporaryDirectory() as folder:
        for kind, named in (("text", "an answer a line"), ("batch", "results of the Batch API")):
            source = Path(folder) / f"{kind}.jsonl"
            _write(source, kind, megabytes * 1_000_000)
            rows: list[list[str]] = []
            for subject in SUBJECTS:
                seconds, counts = min(alone(_once, subject, source, kind) for _ in range(ROUNDS))
                complete, partial = counts["complete"], counts.get("partial", 0)
                lost = sum(counts.values()) - complete - partial
                rate = f"{source.stat().st_size / 1e6 / seconds:.1f}"
                rows.append([subject, rate, f"{complete:,}", f"{partial:,}", f"{lost:,}"])
            yield f"{named}, {megabytes} MB, one in {1 / CUT:.0f} cut off; best of {ROUNDS}:"
            yield table(["", "MB/s", "complete", "partial", "lost"], rows)
