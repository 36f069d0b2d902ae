"""The provider's batch endpoint: what comes back, what is asked again, what survives a kill."""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from partialfast import cli, replay
from partialfast.providers.openai._batches import OpenAIBatches
from tests.batching import (
    answer,
    arguments,
    lines,
    recordings,
    write_documents,
    zygote,
)

pytest.importorskip("filelock")

pytestmark = pytest.mark.network

COUNT = 12


def by_batch(source: Path, output: Path, url: str, *more: str) -> list[str]:
    return arguments(source, output, url, "--batch-api", "--poll", "0.01", *more)


def batches(server: replay.Server) -> list[list[str]]:
    """Give the ids that were asked about, batch by batch."""
    uploads: list[list[str]] = []
    found: list[list[str]] = []
    for exchange in server.exchanges:
        if exchange.method == "POST" and exchange.path == "/v1/files":
            requests = [line for line in exchange.raw.splitlines() if line.startswith(b'{"custom')]
            uploads.append([json.loads(line)["custom_id"] for line in requests])
        if exchange.method == "POST" and exchange.path == "/v1/batches":
            found.append(uploads[-1])
    return found


def live(server: replay.Server) -> int:
    return sum(each.path == "/v1/chat/completions" for each in server.exchanges)


def check(output: Path, count: int = COUNT) -> dict[str, Any]:
    found = {line["id"]: line for line in lines(output)}
    assert len(found) == len(lines(output))
    assert found.keys() == {f"d{number}" for number in range(count)}
    for number in range(count):
        assert found[f"d{number}"]["value"] == answer(number)
    return found


def test_a_batch_brings_what_single_requests_bring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    usage = {"usage": {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100}}
    with replay.serve(recordings(COUNT, lambda _: usage), batches=["wait@2"]) as server:
        assert cli.main(by_batch(source, output, server, "--prices", "1,10")) == 0
        assert [sorted(each) for each in batches(server)] == [
            sorted(f"d{number}" for number in range(COUNT))
        ]
        assert live(server) == 0
    for line in check(output).values():
        assert (line["attempts"], line["usage"]["input_tokens"]) == (1, 60)
    said = capsys.readouterr().err
    # 720 at 1 and 480 at 10 millionths, half of it.
    assert "by batch: 720 tokens in, 480 out, at 50% of the price, which saved 0.0028" in said


def test_files_keep_to_the_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    monkeypatch.setattr(OpenAIBatches, "most_requests", 5)
    with replay.serve(recordings(COUNT)) as server:
        assert cli.main(by_batch(source, output, server)) == 0
        assert [len(each) for each in batches(server)] == [5, 5, 2]
    check(output)
    monkeypatch.setattr(OpenAIBatches, "most_bytes", 2000)
    with replay.serve(recordings(COUNT)) as server:
        assert cli.main(by_batch(source, output, server, "--overwrite")) == 0
        for exchange in server.exchanges:
            if exchange.path == "/v1/files":
                assert (
                    sum(len(line) + 1 for line in exchange.raw.splitlines() if line[:2] == b'{"')
                    <= 2000
                )
    check(output)


@pytest.mark.parametrize("fault", ["expire@4", "missing@3"])
def test_what_a_batch_does_not_bring_is_asked_again(tmp_path: Path, fault: str) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    with replay.serve(recordings(COUNT), batches=[fault]) as server:
        assert cli.main(by_batch(source, output, server)) == 0
        first, second = batches(server)
    assert len(first) == COUNT
    assert len(second) == (8 if fault == "expire@4" else 4)
    found = check(output)
    for id_ in second:
        assert found[id_]["attempts"] == 2
        assert found[id_]["retries"][0]["kind"] == "endpoint"


def wrong(number: int) -> dict[str, Any]:
    kinds: dict[int, dict[str, Any]] = {
        1: {"text": '{"name": "x", "age": "old", "city": "y"}', "times": 1},
        2: {"fault": "length@9", "times": 1},
        3: {"fault": "status:500", "times": 1},
        4: {"fault": "refuse"},
        5: {"fault": "status:400"},
    }
    return kinds.get(number, {})


@pytest.mark.parametrize("finish", ["--finish-live", "--quiet"])
def test_answers_that_are_none_are_asked_for_again(tmp_path: Path, finish: str) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    corrected = {"match": "valid integer", "text": json.dumps(answer(1))}
    answers = [*recordings(COUNT, wrong), *recordings(COUNT), corrected]
    with replay.serve(answers) as server:
        assert cli.main(by_batch(source, output, server, finish)) == 3
        again = {"d1", "d2", "d3"}
        if finish == "--finish-live":
            assert (len(batches(server)), live(server)) == (1, 3)
        else:
            _, second = batches(server)
            assert (set(second), live(server)) == (again, 0)
            [upload] = [each for each in server.exchanges if each.path == "/v1/files"][1:]
            # The model is shown what was wrong.
            assert b"valid integer" in upload.raw
    failed = {line["id"]: line["error"]["kind"] for line in lines(tmp_path / "out.errors.jsonl")}
    assert failed == {"d4": "refused", "d5": "endpoint"}
    found = {line["id"]: line for line in lines(output)}
    assert found.keys() == {f"d{number}" for number in range(COUNT)} - failed.keys()
    if finish != "--finish-live":
        assert {found[id_]["retries"][0]["kind"] for id_ in again} == {
            "invalid", "truncated", "endpoint",
        }  # fmt: skip


def test_a_batch_that_is_refused_ends_the_run_and_can_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    with replay.serve(recordings(COUNT), batches=["fail"]) as server:
        words = by_batch(source, output, server)
        assert cli.main(words) == 1
        assert (
            "the provider refuses a batch: This line is not parseable." in capsys.readouterr().err
        )
        assert cli.main([*words, "--resume"]) == 0
    check(output)


def test_a_batch_whose_name_was_lost_is_found_and_not_submitted_again(tmp_path: Path) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    with replay.serve(recordings(COUNT), batches=["lost"]) as server:
        assert cli.main(by_batch(source, output, server)) == 0
        assert len(batches(server)) == 1
    check(output)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL and no fork")
@pytest.mark.parametrize("most", [8, pytest.param(50, marks=pytest.mark.deep)])
def test_kills_ask_nothing_twice(tmp_path: Path, most: int) -> None:
    # Not seeded: the moments depend on the machine in any case.
    draw = random.Random()  # noqa: S311 - moments, not secrets
    count = 40
    source = write_documents(tmp_path / "in.jsonl", count)
    kills = jobs = amid = 0
    with zygote(tmp_path) as runner:
        while kills < most:
            jobs += 1
            output = tmp_path / f"out{jobs}.jsonl"
            first_round = recordings(
                count,
                lambda number: {"fault": "length@9", "times": 1} if number % 9 == 0 else {},
            )
            faults = [draw.choice(["ok", "wait@3", "expire@25", "missing@7", "lost"])]
            with replay.serve(
                [*first_round, *recordings(count)], batches=[*faults, "wait@2"]
            ) as server:
                words = by_batch(source, output, server, "--resume", "--quiet")
                while kills < most:
                    begun = len(server.exchanges)
                    child = runner.start(words)
                    deadline = time.monotonic() + 20
                    moment = begun + draw.choice([0, *range(12)])
                    while len(server.exchanges) < moment and time.monotonic() < deadline:
                        try:
                            time.sleep(0.002)
                            if not Path(f"/proc/{child}").exists():
                                break
                        except ProcessLookupError:
                            break
                    time.sleep(draw.uniform(0, 0.03))
                    status = runner.kill(child)
                    if status != -9:
                        assert status == 0
                        break
                    kills += 1
                    amid += len(server.exchanges) > begun
                else:
                    runner.start(words)
                    assert runner.wait() == 0
                asked = Counter(id_ for each in batches(server) for id_ in each)
            check(output, count)
            found = {line["id"]: line for line in lines(output)}
            # Each batch was submitted once: what was asked twice had no valid answer before.
            for id_, times in asked.items():
                assert times == found[id_]["attempts"], (id_, times, faults)
            manifest = json.loads((tmp_path / f"out{jobs}.manifest.json").read_text())
            assert [run["run"] for run in manifest["runs"]] == [1]
            assert manifest["runs"][0]["documents"] == count
    assert kills == most
    assert amid >= most // 4
    assert (tmp_path / "stderr.txt").read_text() == ""
