"""Lenient reading in a batch: values of what is not quite JSON, and what the summary says of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel, TypeAdapter

import partialfast as pf
from partialfast import cli, replay
from partialfast.batch import Meter, Result, extract
from partialfast.batch.io._rows import encode_result
from partialfast.batch.run._progress import summary
from tests.batching import Person, answer, arguments, lines, recordings, write_documents
from tests.sloppy import written

pytest.importorskip("filelock")

pytestmark = pytest.mark.network


def gather(url: str, count: int, meter: Meter, **options: Any) -> list[Result[Person]]:
    async def run() -> list[Result[Person]]:
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            found = extract(
                [f"doc {number}." for number in range(count)],
                model=Person,
                client=pf.from_openai(client),
                llm="gpt-4",
                meter=meter,
                max_retries=0,
                **options,
            )
            return [result async for result in found]

    return asyncio.run(run())


def test_repairs_reach_the_results_and_the_summary() -> None:
    text = written(answer(1), 5, {"quotes", "keys"})
    expected = pf.JsonParser(lenient=True)
    expected.feed(text)
    assert expected.repairs
    with replay.serve({"text": text}) as url:
        meter = Meter(total=3)
        results = gather(url, 3, meter, options={"lenient": True})
        strict = gather(url, 1, Meter(total=1))
    for result in results:
        assert result.value == Person(**answer(1))
        assert list(result.repairs) == expected.repairs
        _, encoded = encode_result(TypeAdapter(Person), result)
        line = json.loads(encoded)
        assert line["repairs"][0] == expected.repairs[0]._asdict()
    assert strict[0].error is not None
    lines = list(summary(meter.figures()))
    [said] = [line for line in lines if "repairs" in line]
    assert said.startswith("3 answers needed repairs: ")
    quotes = sum(repair.kind == "quotes" for repair in expected.repairs)
    assert f"{3 * quotes:,} other quotes" in said


COUNT = 4


class Team(BaseModel):
    """A list whose only member models like to write without its brackets."""

    people: list[Person]


def trailing(number: int) -> dict[str, str]:
    """Write an answer as JSON but for its quotes and a comma too many."""
    fields = ", ".join(f"{key!r}: {value!r}" for key, value in answer(number).items())
    return {"text": f"{{{fields},}}"}


def sent(server: replay.Server) -> list[dict[str, Any]]:
    """Give the bodies of all requests for answers, those of batches included."""
    found: list[dict[str, Any]] = []
    for exchange in server.exchanges:
        if exchange.path == "/v1/chat/completions":
            found.append(json.loads(exchange.raw))
        if exchange.path == "/v1/files":
            requests = [line for line in exchange.raw.splitlines() if line.startswith(b'{"custom')]
            found += [json.loads(line)["body"] for line in requests]
    return found


@pytest.mark.parametrize(
    "more",
    [[], ["--workers", "2"], ["--batch-api", "--poll", "0.01"]],
    ids=["one process", "workers", "batch endpoint"],
)
def test_extract_reads_leniently_if_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    with replay.serve(recordings(COUNT, trailing)) as server:
        words = arguments(source, output, server, "--max-retries", "0", "--temperature", "0", *more)
        assert cli.main([*words, "--quiet"]) == 3
        strict = sent(server)
        assert cli.main([*words, "--overwrite", "--lenient", "--max-repairs", "20"]) == 0
        lenient = sent(server)[len(strict) :]
    # The server is asked the same: how an answer is read is none of its business.
    by_content = [sorted(each, key=str) for each in (strict, lenient)]
    assert by_content[0] == by_content[1]
    found = {line["id"]: line for line in lines(output)}
    assert len(found) == COUNT
    for number in range(COUNT):
        line = found[f"d{number}"]
        assert line["value"] == answer(number)
        assert [each["kind"] for each in line["repairs"]] == ["quotes"] * 5 + ["extra_comma"]
    said = capsys.readouterr().err
    assert "4 answers needed repairs: 20 other quotes, 4 extra commas" in said
    settings = json.loads((tmp_path / "out.manifest.json").read_bytes())["runs"][-1]["settings"]
    assert settings["reading"] == {"lenient": True, "max_repairs": 20}
    assert settings["options"] == {"temperature": 0.0}


def test_resuming_with_another_reading_is_a_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", COUNT), tmp_path / "out.jsonl"
    with replay.serve(
        recordings(COUNT, lambda number: trailing(number) if number else {})
    ) as server:
        words = arguments(source, output, server, "--max-retries", "0")
        assert cli.main(words) == 3
        again = [*words, "--resume", "--retry-failed", "--lenient"]
        assert cli.main(again) == 1
        assert 'reading: was not there, is {"lenient": true}' in capsys.readouterr().err
        assert cli.main([*again, "--accept-changes"]) == 0
    assert len(lines(output)) == COUNT


def test_the_cache_has_one_answer_for_all_readings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, cache = write_documents(tmp_path / "in.jsonl", COUNT), str(tmp_path / "cache")

    def run(name: str, server: Any, *more: str) -> int:
        words = arguments(source, tmp_path / name, server, "--max-retries", "0", *more)
        return cli.main([*words, "--cache", cache])

    with replay.serve(recordings(COUNT, trailing)) as server:
        assert run("a.jsonl", server, "--lenient") == 0
        assert len(server.exchanges) == COUNT
        capsys.readouterr()
        assert run("b.jsonl", server, "--lenient") == 0
        assert "4 answers needed repairs: 20 other quotes" in capsys.readouterr().err
        assert len(server.exchanges) == COUNT
        # What is kept is no answer to those who read strictly.
        assert run("c.jsonl", server) == 3
        assert len(server.exchanges) == 2 * COUNT
    first, second = ({line["id"]: line for line in lines(tmp_path / f"{n}.jsonl")} for n in "ab")
    for id_, line in first.items():
        assert (second[id_]["value"], second[id_]["repairs"]) == (line["value"], line["repairs"])


def test_help_by_the_type_is_asked_for_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 1), tmp_path / "out.jsonl"
    text = json.dumps({"people": answer(0)})
    with replay.serve({"text": text}) as server:
        words = arguments(source, output, server, "--max-retries", "0")
        words[words.index("tests.batching:Person")] = "tests.batch.test_lenient:Team"
        assert cli.main([*words, "--lenient"]) == 3
        assert cli.main([*words, "--overwrite", "--lenient", "--coerce"]) == 0
        assert cli.main([*words, "--overwrite", "--coerce"]) == 1
    assert "--coerce goes with --lenient" in capsys.readouterr().err


def test_quotes_are_guessed_if_asked(tmp_path: Path) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 1), tmp_path / "out.jsonl"
    text = json.dumps(answer(0)).replace("Person 0", 'the "best" one')
    with replay.serve({"text": text}) as server:
        words = arguments(source, output, server, "--max-retries", "0", "--lenient")
        assert cli.main(words) == 3
        assert cli.main([*words, "--overwrite", "--guess-quotes"]) == 0
    [line] = lines(output)
    assert line["value"] == {**answer(0), "name": 'the "best" one'}
    assert [each["kind"] for each in line["repairs"]] == ["unescaped_quote"] * 2


def test_a_dry_run_shows_what_is_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_documents(tmp_path / "in.jsonl", 1)
    words = arguments(source, tmp_path / "out.jsonl", "http://localhost:1/v1", "--dry-run")
    assert cli.main(words) == 0
    strict = capsys.readouterr().out
    assert cli.main([*words, "--lenient", "--coerce", "--max-repairs", "3"]) == 0
    assert capsys.readouterr().out == strict
