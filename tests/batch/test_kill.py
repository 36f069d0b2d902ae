"""Nothing is lost: a run that is killed, at any moment and as often as you like, can be resumed."""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from partialfast import replay
from tests.batching import (
    Person,
    answer,
    arguments,
    asked,
    finished,
    lines,
    recordings,
    wait_for,
    write_documents,
    zygote,
)

pytest.importorskip("filelock")
pyarrow: Any = pytest.importorskip("pyarrow.parquet")

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL and no fork"),
]

DOCUMENTS = 60
CONCURRENCY = 8
# Every eleventh answer is invalid, so that failures are journaled too.
INVALID = {f"d{number}" for number in range(0, DOCUMENTS, 11)}


def check_results(output: Path, values: Path, errors: Path) -> None:
    """Each id once, with its own value, and the same in the file that is made at the end."""
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


@pytest.mark.parametrize("most", [12, pytest.param(50, marks=pytest.mark.deep)])
def test_kills_lose_nothing_and_ask_nothing_twice(tmp_path: Path, most: int) -> None:
    # Not seeded: the moments depend on the machine in any case.
    draw = random.Random()  # noqa: S311 - moments, not secrets
    source = write_documents(tmp_path / "in.jsonl", DOCUMENTS)
    answers = recordings(
        DOCUMENTS, lambda number: {"text": '{"name": 1}'} if f"d{number}" in INVALID else {}
    )
    kills = jobs = amid = 0
    with replay.serve(answers, rate=800) as server, zygote(tmp_path) as runner:
        options = ["--concurrency", str(CONCURRENCY), "--max-retries", "0", "--quiet"]
        while kills < most:
            jobs += 1
            output = tmp_path / (f"out{jobs}.jsonl" if jobs % 2 else f"out{jobs}.parquet")
            values = output if jobs % 2 else output.with_suffix(".journal.jsonl")
            errors = output.with_suffix(".errors.jsonl")
            words = arguments(source, output, server, "--resume", *options)
            first = len(server.exchanges)
            interrupted: Counter[str] = Counter()
            while True:
                done = finished(values, errors)
                begun = len(server.exchanges)
                child = runner.start(words)
                if kills == most:
                    status = runner.wait()
                    assert status == 3  # all asked for, some failed
                    break
                # Mostly amid the requests; sometimes before the first or during the last steps.
                wait_for(server, begun + draw.choice([0, *range(40)]), child)
                time.sleep(draw.uniform(0.0, 0.05))
                status = runner.kill(child)
                # What it had sent may still be on its way into the server.
                time.sleep(0.03)
                requests = [asked(each) for each in server.exchanges[begun:]]
                # Whatever has a line is not asked for again.
                assert not done & set(requests)
                if status != -9:
                    # It was at its end before.
                    assert status == 3
                    break
                kills += 1
                assert finished(values, errors) >= done
                in_flight = set(requests) - finished(values, errors)
                # What is finished is known from earlier runs, and something is under way.
                amid += bool(done and in_flight)
                assert len(in_flight) <= CONCURRENCY
                interrupted.update(in_flight)
            # Items in flight are the only ones that were asked for again.
            requests = [asked(each) for each in server.exchanges[first:]]
            extra = Counter(requests) - Counter(dict.fromkeys(set(requests), 1))
            assert not extra - interrupted
            check_results(output, values, errors)
            # However often it was killed, it is one run, with all that determines its answers.
            manifest = json.loads(output.with_suffix(".manifest.json").read_text())
            [run] = manifest["runs"]
            assert (run["run"], run["documents"]) == (1, DOCUMENTS)
            assert run["settings"]["llm"] == "gpt-4"
    assert kills == most
    # Or the kills would have shown nothing.
    assert amid >= most // 10
    assert (tmp_path / "stderr.txt").read_text() == ""
