"""A run knows what it is: what was different is named, and goes on only if that is accepted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, field_serializer

from partialfast import cli, replay
from partialfast.batch import BatchError
from partialfast.batch.io._manifest import Manifest, differences
from tests.batching import answer, arguments, asked, documents, lines, recordings, write_documents

pytest.importorskip("filelock")
parquet: Any = pytest.importorskip("pyarrow.parquet")

pytestmark = pytest.mark.network


class Older(BaseModel):
    """The model before a field became required."""

    name: str
    age: int | None = None


class Encoded(BaseModel):
    """A model that is written in a form that it does not read."""

    name: str

    @field_serializer("name")
    def as_list(self, name: str) -> list[str]:
        return [name]


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(words) == 1
    return capsys.readouterr().err


def test_the_manifest_says_what_was_asked(tmp_path: Path) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 3), tmp_path / "out.parquet"
    with replay.serve(recordings(3)) as server:
        assert cli.main(arguments(source, output, server, "--temperature", "0.5")) == 0
    record = json.loads((tmp_path / "out.manifest.json").read_text())
    [run] = record["runs"]
    assert run["run"] == 1
    settings = run["settings"]
    assert settings["prompt"] == "From: {text}"
    assert settings["llm"] == "gpt-4"
    assert settings["mode"] == "tools"
    assert settings["options"] == {"temperature": 0.5}
    assert settings["schema"]["required"] == ["name", "age", "city"]
    assert run["documents"] == 3
    assert len(run["fingerprint"]) == 32
    assert {"python", "pydantic"} <= run["versions"].keys()
    for line in lines(tmp_path / "out.journal.jsonl"):
        assert line["run"] == 1
        assert len(bytes.fromhex(line["request"])) == 16


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--llm", "gpt-5", 'llm: was "gpt-4", is "gpt-5"'),
        ("--prompt", "Of: {text}", 'prompt: was "From: {text}", is "Of: {text}"'),
        ("--system", "Be brief.", 'system: was not there, is "Be brief."'),
        ("--mode", "json", 'mode: was "tools", is "json"'),
        ("--temperature", "1", "options.temperature: was not there, is 1.0"),
        ("--base-url", "https://example.org/v1", "base_url: was"),
        (
            "--model",
            "tests.batch.test_manifest:Older",
            'schema.properties.age.type: was "integer", is not there',
        ),
    ],
)
def test_a_run_does_not_go_on_in_another_way(
    tmp_path: Path, option: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 4), tmp_path / "out.jsonl"
    with replay.serve(recordings(4)) as server:
        words = arguments(source, output, server)
        assert cli.main([*words, "--limit", "2"]) == 0
        before = output.read_bytes()
        changed = [*words, option, value, "--resume"]
        text = refused(changed, capsys)
        assert said in text
        assert "--accept-changes goes on" in text
        assert output.read_bytes() == before
        assert len(server.exchanges) == 2
        # The same as it was: nothing to be accepted.
        assert cli.main([*words, "--resume"]) == 0


def test_accepted_changes_are_marked(tmp_path: Path) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 4), tmp_path / "out.jsonl"
    with replay.serve(recordings(4)) as server:
        words = arguments(source, output, server)
        assert cli.main([*words, "--limit", "2"]) == 0
        changed = [*words, "--llm", "gpt-5", "--resume"]
        assert cli.main([*changed, "--accept-changes"]) == 0
        assert len(server.exchanges) == 4
        # By now this is how it is.
        assert cli.main(changed) == 0
    assert {line["id"]: line["run"] for line in lines(output)} == {
        "d0": 1, "d1": 1, "d2": 2, "d3": 2,
    }  # fmt: skip
    runs = json.loads((tmp_path / "out.manifest.json").read_text())["runs"]
    assert [run["changes"] for run in runs] == [[], ['llm: was "gpt-4", is "gpt-5"']]


def test_a_document_that_has_changed_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 3), tmp_path / "out.jsonl"
    with replay.serve(recordings(10)) as server:
        words = arguments(source, output, server)
        assert cli.main(words) == 0
        changed = documents(3)
        changed[1]["text"] = "doc 7."
        changed[2]["beside"] = "is not asked about"
        source.write_text("".join(json.dumps(each) + "\n" for each in changed))
        assert "1 documents have changed since, such as 'd1'" in refused(
            [*words, "--resume"], capsys
        )
        source.write_text("".join(json.dumps(each) + "\n" for each in documents(5)[1:]))
        assert "1 documents are not there any more, such as 'd0'" in refused(
            [*words, "--resume"], capsys
        )
        # More of them are no difference.
        source.write_text("".join(json.dumps(each) + "\n" for each in documents(5)))
        assert cli.main([*words, "--resume"]) == 0
        assert [asked(each) for each in server.exchanges[3:]] in (["d3", "d4"], ["d4", "d3"])


def test_values_that_are_not_valid_any_more_are_asked_for_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 3), tmp_path / "out.parquet"
    without = {"text": '{"name": "x"}'}
    with replay.serve([{"times": 1, "match": "doc 1.", **without}, *recordings(3)]) as server:
        older = arguments(source, output, server, "--model", "tests.batch.test_manifest:Older")
        assert cli.main(older) == 0
        words = arguments(source, output, server, "--resume")
        text = refused(words, capsys)
        assert "values are not valid for the model of today" in text
        assert cli.main([*words, "--accept-changes"]) == 0
        # Of the others, `Older` had dropped what it does not know.
        rows = parquet.read_table(output).to_pylist()
        assert sorted(rows, key=lambda row: row["id"]) == [
            {"id": f"d{number}", **answer(number)} for number in range(3)
        ]


def test_a_journal_without_a_manifest_is_not_trusted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 2), tmp_path / "out.jsonl"
    with replay.serve(recordings(2)) as server:
        words = arguments(source, output, server)
        assert cli.main([*words, "--limit", "1"]) == 0
        (tmp_path / "out.manifest.json").unlink()
        assert "there is no out.manifest.json" in refused([*words, "--resume"], capsys)
        assert cli.main([*words, "--resume", "--accept-changes"]) == 0
        (tmp_path / "out.manifest.json").write_text('{"format": 9}')
        assert "is not a manifest of a batch" in refused([*words, "--resume"], capsys)


def test_a_value_that_was_never_meant_to_be_read_again_stays(tmp_path: Path) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 2), tmp_path / "out.jsonl"
    with replay.serve(recordings(2)) as server:
        words = arguments(source, output, server, "--model", "tests.batch.test_manifest:Encoded")
        assert cli.main(words) == 0
        assert cli.main([*words, "--resume"]) == 0
        assert len(server.exchanges) == 2
    assert [line["one_way"] for line in lines(output)] == [True, True]


def test_what_came_before_an_answer_is_recorded(tmp_path: Path) -> None:
    source, output = write_documents(tmp_path / "in.jsonl", 1), tmp_path / "out.jsonl"
    bad = {"text": '{"name": "x", "age": "old"}', "times": 1}
    with replay.serve([bad, *recordings(1)]) as server:
        assert cli.main(arguments(source, output, server)) == 0
    [line] = lines(output)
    assert line["attempts"] == 2
    [retry] = line["retries"]
    assert (retry["kind"], retry["location"]) == ("invalid", ["age"])
    assert "valid integer" in retry["message"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("out.jsonl", "out.parquet"),
        ("out.parquet", "out.jsonl"),
        ("out.jsonl", "out/"),
        ("sqlite:///{}/out.db?table=people", "sqlite:///{}/out.sqlite?table=people"),
    ],
)
@pytest.mark.parametrize("start", [[], ["--resume"], ["--overwrite"]])
def test_two_outputs_do_not_share_the_files_beside_them(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    first: str,
    second: str,
    start: list[str],
) -> None:
    """Or the manifest of one would vouch for what was asked in another way."""
    source = write_documents(tmp_path / "in.jsonl", 3)

    def words(output: str, *more: str) -> list[str]:
        made = arguments(source, Path("out.jsonl"), server, *more)
        place = output.format(tmp_path) if "://" in output else f"{tmp_path}/{output}"
        made[made.index("--output") + 1] = place
        return made

    with replay.serve(recordings(3)) as server:
        assert cli.main(words(first, "--limit", "2")) == 0
        before = {path: path.read_bytes() for path in tmp_path.glob("out.*") if path.is_file()}
        said = refused(words(second, *start), capsys)
        assert f"belong to {first.rpartition('/')[2].partition('?')[0]}" in said
        assert len(server.exchanges) == 2
        after = {path: path.read_bytes() for path in before}
        assert after == before
        # Whoever means it can go on, and the manifest says so.
        assert cli.main(words(second, "--resume", "--accept-changes")) == 0
        assert cli.main(words(second, "--resume")) == 0


def test_differences_are_named_and_bounded() -> None:
    assert differences({"a": 1, "b": {"c": [1]}}, {"a": 1, "b": {"c": [2]}, "d": "x" * 100}) == [
        "b.c: was [1], is [2]",
        f'd: was not there, is "{"x" * 59}… (102 characters)',
    ]
    many = differences({str(number): 0 for number in range(100)}, {})
    assert many[-1] == "and 92 more"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "runs": [{}]}', "[" * 100_000])
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "out.manifest.json"
    path.write_text(text)
    with pytest.raises(BatchError, match="is not a manifest of a batch"):
        Manifest(path, "out.jsonl")
