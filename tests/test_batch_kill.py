"""Nothing is lost: a run that is killed, at any moment and as often as you like, can be resumed."""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from partialfast import replay
from tests.batching import (
    Person,
    answer,
    arguments,
    asked,
    lines,
    recordings,
    write_documents,
    zygote,
)

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL and no fork"),
]

KILLS = 50
DOCUMENTS = 60
CONCURRENCY = 8
# Every eleventh answer is invalid, so that failures are journaled too.
INVALID = {f"d{number}" for number in range(0, DOCUMENTS, 11)}


def finished(values: Path, errors: Path) -> set[str]:
    """Read the ids that have a whole line, as whoever looks at the files would."""
    found: set[str] = set()
    for path in (values, errors):
        if not path.exists():
            continue
        *whole, torn = path.read_bytes().split(b"\n")
        for line in whole:
            found.add(json.loads(line)["id"])
        assert torn == b"" or b'{"id":'.startswith(torn[:6])
    return found


def test_fifty_kills_lose_nothing_and_ask_nothing_twice(
    tmp_path: Path,
) -> None:
    pytest.importorskip("filelock")
    pyarrow = pytest.importorskip("pyarrow.parquet")
    # Not seeded: the moments depend on the machine in any case.
    draw = random.Random()  # noqa: S311 - moments, not secrets
    source = write_documents(tmp_path / "in.jsonl", DOCUMENTS)
    answers = recordings(
        DOCUMENTS, lambda number: {"text": '{"name": 1}'} if f"d{number}" in INVALID else {}
    )
    kills = jobs = 0
    with replay.serve(answers, rate=400) as server, zygote(tmp_path) as runner:
        while kills < KILLS:
            jobs += 1
            output = tmp_path / (f"out{jobs}.jsonl" if jobs % 2 else f"out{jobs}.parquet")
            values = output if jobs % 2 else output.with_suffix(".journal.jsonl")
            errors = output.with_suffix(".errors.jsonl")
            words = arguments(
                source, output, server, "--resume", "--quiet",
                "--concurrency", str(CONCURRENCY), "--max-retries", "0",
            )  # fmt: skip
            first = len(server.exchanges)
            interrupted: Counter[str] = Counter()
            while True:
                done = finished(values, errors)
                begun = len(server.exchanges)
                child = runner.start(words)
                if kills == KILLS:
                    status = runner.wait()
                    assert status == 3  # all asked for, some failed
                    break
                # Mostly amid the requests; sometimes before the first or during the last steps.
                time.sleep(draw.uniform(0.0, 0.4))
                status = runner.kill(child)
                # What it had sent may still be on its way into the server.
                time.sleep(0.03)
                requests = [asked(each) for each in server.exchanges[begun:]]
                # Whatever has a line is not asked for again.
                assert not done & set(requests)
                kills += 1
                if status != -9:
                    assert status == 3
                    break
                assert finished(values, errors) >= done
                in_flight = set(requests) - finished(values, errors)
                assert len(in_flight) <= CONCURRENCY
                interrupted.update(in_flight)
            # Items in flight are the only ones that were asked for again.
            requests = [asked(each) for each in server.exchanges[first:]]
            extra = Counter(requests) - Counter(dict.fromkeys(set(requests), 1))
            assert not extra - interrupted
            ids = [line["id"] for line in lines(values)]
            assert Counter(ids) == Counter({f"d{n}" for n in range(DOCUMENTS)} - INVALID)
            assert Counter(line["id"] for line in lines(errors)) == Counter(INVALID)
            for line in lines(values):
                assert line["value"] == answer(int(line["id"][1:]))
            if output != values:
                rows = pyarrow.read_table(output).to_pylist()
                assert sorted(row.pop("id") for row in rows) == sorted(ids)
                assert {Person(**row).name for row in rows} == {
                    line["value"]["name"] for line in lines(values)
                }
    assert kills == KILLS
    assert (tmp_path / "stderr.txt").read_text() == ""
