"""Nothing is lost: a run that is killed, at any moment and as often as you like, can be resumed."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from partialfast import replay
from tests.batching import (
    Person,
    answer,
    arguments,
    check_lines,
    check_one_run,
    finished,
    recordings,
    write_documents,
    zygote,
)
from tests.killing import Killer

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
VALID = {f"d{number}" for number in range(DOCUMENTS)} - INVALID


@pytest.mark.parametrize("most", [12, pytest.param(50, marks=pytest.mark.deep)])
def test_kills_lose_nothing_and_ask_nothing_twice(tmp_path: Path, most: int) -> None:
    source = write_documents(tmp_path / "in.jsonl", DOCUMENTS)
    answers = recordings(
        DOCUMENTS, lambda number: {"text": '{"name": 1}'} if f"d{number}" in INVALID else {}
    )
    jobs = 0
    with replay.serve(answers, rate=800) as server, zygote(tmp_path) as runner:
        # All is asked for, and some fails.
        killer = Killer(runner, most, CONCURRENCY, status=3)
        options = ["--concurrency", str(CONCURRENCY), "--max-retries", "0", "--quiet"]
        while not killer.is_done:
            jobs += 1
            output = tmp_path / (f"out{jobs}.jsonl" if jobs % 2 else f"out{jobs}.parquet")
            values = output if jobs % 2 else output.with_suffix(".journal.jsonl")
            errors = output.with_suffix(".errors.jsonl")
            killer.resume_to_the_end(
                server,
                arguments(source, output, server, "--resume", *options),
                partial(finished, values, errors),
                # Mostly amid the requests; sometimes before the first or during the last steps.
                moments=[0, *range(40)],
            )
            check_lines(values, errors, VALID, INVALID)
            if output != values:
                rows = pyarrow.read_table(output).to_pylist()
                assert sorted(row.pop("id") for row in rows) == sorted(VALID)
                names = {answer(int(id_[1:]))["name"] for id_ in VALID}
                assert {Person(**row).name for row in rows} == names
            settings = check_one_run(output.with_suffix(".manifest.json"), DOCUMENTS)
            assert settings["llm"] == "gpt-4"
    # Or the kills would have shown nothing.
    assert killer.amid_resumed >= most // 10
    assert (tmp_path / "stderr.txt").read_text() == ""
