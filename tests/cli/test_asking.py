"""``--mode``, ``--tool-choice`` and ``--extra-body`` reach the server, from every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from partialfast import cli, replay
from tests.batching import arguments, lines, recordings, write_documents

pytestmark = pytest.mark.network

MEETING = {"users": [], "date": "", "location": "Here", "budget": 1, "deadline": ""}
NAMED = {"type": "function", "function": {"name": "MeetingInfo"}}
EXTRA = ["--extra-body", '{"top_k": 20, "temperature": 0.5}']


def bodies(server: replay.Server) -> list[dict[str, Any]]:
    return [exchange.body or {} for exchange in server.exchanges]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--tool-choice", "required"], {"tool_choice": "required"}),
        (["--tool-choice", json.dumps(NAMED)], {"tool_choice": NAMED}),
        (EXTRA, {"top_k": 20, "temperature": 0.5}),
        (["--mode", "json", *EXTRA], {"response_format": {"type": "json_object"}, "top_k": 20}),
        (["--mode", "auto"], {"tool_choice": NAMED}),
    ],
    ids=["required", "named", "extra", "json", "auto"],
)
def test_the_demo_asks_as_it_is_told(flags: list[str], expected: dict[str, Any]) -> None:
    answers = [
        {"match": "conference", "text": json.dumps(MEETING)},
        {"match": "36 years", "text": '{"name": "Ada", "age": 36}'},
    ]
    with replay.serve(answers) as server:
        assert cli.main(["demo", "--base-url", server, "--model", "m1", *flags]) == 0
        sent = bodies(server)[-1]
    assert {name: sent.get(name) for name in expected} == expected


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_extraction_asks_as_it_is_told(tmp_path: Path, workers: str) -> None:
    source = write_documents(tmp_path / "in.jsonl", 4)
    flags = ["--tool-choice", "required", *EXTRA, "--workers", workers, "--quiet"]
    with replay.serve(recordings(4)) as server:
        assert cli.main(arguments(source, tmp_path / "out.jsonl", server, *flags)) == 0
        sent = bodies(server)
    assert len(sent) == 4
    for body in sent:
        assert body["tool_choice"] == "required"
        assert body["top_k"] == 20
        assert body["temperature"] == 0.5
        assert "extra_body" not in body


def test_how_it_is_asked_is_in_the_manifest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_documents(tmp_path / "in.jsonl", 2)
    with replay.serve(recordings(2)) as server:
        words = arguments(source, tmp_path / "out.jsonl", server)
        assert cli.main([*words, "--limit", "1", *EXTRA]) == 0
        for more in ([], ["--extra-body", '{"top_k": 21}'], [*EXTRA, "--tool-choice", "required"]):
            assert cli.main([*words, "--resume", *more]) == 1
            assert "options" in capsys.readouterr().err
        assert cli.main([*words, "--resume", *EXTRA]) == 0


def test_how_it_is_asked_is_in_the_key_of_the_cache(tmp_path: Path) -> None:
    source = write_documents(tmp_path / "in.jsonl", 2)
    cache = ["--cache", str(tmp_path / "cache"), "--overwrite", "--quiet"]
    with replay.serve(recordings(2)) as server:
        for flags, requests in [
            ([], 2),
            (EXTRA, 4),
            (EXTRA, 4),
            (["--extra-body", '{"top_k": 21}'], 6),
            (["--tool-choice", "required"], 8),
            ([], 8),
        ]:
            words = arguments(source, tmp_path / "out.jsonl", server, *cache, *flags)
            assert cli.main(words) == 0
            assert len(server.exchanges) == requests


def test_how_it_is_asked_is_in_the_requests_of_a_batch(tmp_path: Path) -> None:
    source = write_documents(tmp_path / "in.jsonl", 2)
    flags = ["--batch-api", "--poll", "0.1", "--tool-choice", "required", *EXTRA, "--quiet"]
    with replay.serve(recordings(2)) as server:
        assert cli.main(arguments(source, tmp_path / "out.jsonl", server, *flags)) == 0
    (requests,) = (tmp_path / "out.batches").glob("*.jsonl")
    for line in lines(requests):
        assert line["body"]["tool_choice"] == "required"
        assert line["body"]["top_k"] == 20
        assert "extra_body" not in line["body"]


def test_an_extraction_finds_out_how_to_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARTIALFAST_CACHE_DIR", str(tmp_path / "kept"))
    source = write_documents(tmp_path / "in.jsonl", 3)
    person = {"match": "36 years", "text": '{"name": "Ada", "age": 36}'}
    output = tmp_path / "out.jsonl"
    with replay.serve([person, *recordings(3)], faults=["reject:tools"]) as server:
        words = arguments(source, output, server, "--mode", "auto")
        assert cli.main([*words, "--dry-run"]) == 0
        assert '"tools"' in capsys.readouterr().out
        assert server.exchanges == []
        assert cli.main([*words, "--limit", "2"]) == 0
        # Two trials: of a function, which is refused, and of a schema.
        assert len(server.exchanges) == 4
        assert cli.main([*words, "--resume"]) == 0
        assert len(server.exchanges) == 5
        assert all("response_format" in body for body in bodies(server)[1:])
        assert cli.main([*words, "--dry-run", "--overwrite"]) == 0
        assert '"json_schema"' in capsys.readouterr().out
    assert len(lines(output)) == 3


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--mode", "json", "--tool-choice", "required"], "not for --mode json"),
        (["--llm", "anthropic/m", "--extra-body", "{}"], "not for anthropic"),
    ],
)
def test_what_does_not_go_together_is_said(
    tmp_path: Path, flags: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_documents(tmp_path / "in.jsonl", 1)
    words = arguments(source, tmp_path / "out.jsonl", "http://127.0.0.1:9/v1", *flags)
    if "--llm" in flags:
        del words[words.index("--base-url") : words.index("--base-url") + 2]
    assert cli.main(words) == 1
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags",
    [["--tool-choice", "maybe"], ["--extra-body", "[1]"], ["--extra-body", "{"]],
)
def test_what_is_no_json_object_is_refused(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo", *flags])
    assert ended.value.code == 2
    assert flags[0] in capsys.readouterr().err
