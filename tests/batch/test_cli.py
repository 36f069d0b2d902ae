"""The command ``partialfast extract``: its options, its messages, its exit status."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from partialfast import cli, replay
from partialfast.batch import EndpointLimiter
from partialfast.batch.loop import _extract
from tests.batching import (
    answer,
    arguments,
    asked,
    documents,
    lines,
    recordings,
    write_documents,
    zygote,
)

pytest.importorskip("filelock")
parquet: Any = pytest.importorskip("pyarrow.parquet")

pytestmark = pytest.mark.network


def ids(path: Path) -> list[str]:
    return sorted(line["id"] for line in lines(path))


def test_documents_in_values_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_documents(tmp_path / "in.jsonl", 30)
    output = tmp_path / "out.jsonl"
    with replay.serve(recordings(30)) as server:
        status = cli.main(arguments(source, output, server))
    said = capsys.readouterr()
    assert (status, said.out) == (0, "")
    assert ids(output) == sorted(each["id"] for each in documents(30))
    assert lines(tmp_path / "out.errors.jsonl") == []
    for line in lines(output):
        assert line["value"] == answer(int(line["id"][1:]))
    assert "30 of 30 documents in" in said.err
    assert "30 done, 0 failed" in said.err
    assert "first token, 50th/90th/99th percentile: " in said.err
    assert f"values: {output}" in said.err


def test_failures_go_to_their_own_file_and_show_in_the_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_documents(tmp_path / "in.jsonl", 10)
    output = tmp_path / "out.parquet"

    def bad(number: int) -> dict[str, Any]:
        return {"text": '{"name": "x", "age": "old", "city": "Rome"}'} if number == 3 else {}

    with replay.serve(recordings(10, bad)) as server:
        words = arguments(source, output, server, "--max-retries", "0")
        assert cli.main(words) == 3
        said = capsys.readouterr().err
        assert "9 done, 1 failed" in said
        assert "failed: 1 invalid" in said
        assert "cut off as invalid: 1 answers, which saved about" in said
        assert f"failures: {tmp_path / 'out.errors.jsonl'} (1)" in said
        [failure] = lines(tmp_path / "out.errors.jsonl")
        assert failure["id"] == "d3"
        assert failure["error"]["location"] == ["age"]
        assert failure["text"].startswith('{"name": "x", "age": "old"')
        assert failure["snapshot"] == {"name": "x"}
        assert sorted(parquet.read_table(output).column("id").to_pylist()) == [
            f"d{n}" for n in range(10) if n != 3
        ]
        # Once it is finished, finishing it asks nothing; the failure stays one.
        before = len(server.exchanges)
        assert cli.main([*words, "--resume"]) == 3
        assert len(server.exchanges) == before
        assert "10 were finished before" in capsys.readouterr().err
        assert cli.main([*words, "--resume", "--retry-failed"]) == 3
        assert [asked(each) for each in server.exchanges[before:]] == ["d3"]
    with replay.serve(recordings(10)) as server:
        words = arguments(source, output, server, "--resume", "--retry-failed")
        assert cli.main(words) == 0
    assert parquet.read_table(output).num_rows == 10
    assert lines(tmp_path / "out.errors.jsonl") == []


def test_a_run_is_resumed_and_not_overwritten_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_documents(tmp_path / "in.jsonl", 10)
    output = tmp_path / "out.jsonl"
    with replay.serve(recordings(10)) as server:
        words = arguments(source, output, server)
        assert cli.main([*words, "--limit", "4"]) == 0
        assert ids(output) == ["d0", "d1", "d2", "d3"]
        assert cli.main(words) == 1
        assert "is there already: --resume goes on" in capsys.readouterr().err
        assert cli.main([*words, "--resume"]) == 0
        assert len(server.exchanges) == 10
        assert "4 were finished before" in capsys.readouterr().err
        assert len(ids(output)) == 10
        assert cli.main([*words, "--overwrite", "--quiet"]) == 0
        assert len(server.exchanges) == 20
        assert len(ids(output)) == 10
        assert capsys.readouterr().err == ""


def test_a_finished_file_without_its_journal_is_not_overwritten_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_documents(tmp_path / "in.jsonl", 3)
    output = tmp_path / "out.parquet"
    with replay.serve(recordings(3)) as server:
        words = arguments(source, output, server)
        assert cli.main(words) == 0
        (tmp_path / "out.journal.jsonl").unlink()
        for more in ([], ["--resume", "--limit", "1"]):
            assert cli.main([*words, *more]) == 1
            assert "--overwrite begins anew" in capsys.readouterr().err
            assert parquet.read_table(output).num_rows == 3
        assert len(server.exchanges) == 3
        assert cli.main([*words, "--overwrite", "--limit", "1"]) == 0
        assert parquet.read_table(output).num_rows == 1


def test_a_dry_run_sends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_documents(tmp_path / "in.jsonl", 10)
    words = arguments(source, tmp_path / "out.jsonl", "http://127.0.0.1:9/v1")
    more = ["--dry-run", "--limit", "7", "--mode", "json_schema", "--temperature", "0"]
    assert cli.main([*words, *more, "--system", "Be exact."]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("7 documents\nfirst request (id d0):\n{")
    body = json.loads(shown[shown.index("{") :])
    assert body["messages"] == [
        {"role": "system", "content": "Be exact."},
        {"role": "user", "content": "From: doc 0."},
    ]
    assert body["response_format"]["json_schema"]["name"] == "Person"
    assert (body["temperature"], body["stream"], body["model"]) == (0, True, "gpt-4")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]
    # It is the request that is sent.
    with replay.serve(recordings(1)) as server:
        words = arguments(source, tmp_path / "out.jsonl", server)
        cli.main([*words, *more[1:], "--limit", "1", "--system", "Be exact."])
        assert server.exchanges[0].body == body


def test_options_reach_the_server(tmp_path: Path) -> None:
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("From: {text}")
    source = write_documents(tmp_path / "in.jsonl", 2)
    with replay.serve(recordings(2)) as server:
        words = arguments(source, tmp_path / "out.jsonl", server)
        words[words.index("From: {text}")] = f"@{prompt}"
        more = ["--max-tokens", "99", "--temperature", "0.5", "--concurrency", "1"]
        assert cli.main([*words, *more, "--rpm", "600", "--tpm", "100000"]) == 0
        body = server.exchanges[0].body or {}
    assert (body["max_tokens"], body["temperature"]) == (99, 0.5)
    assert [asked(each) for each in server.exchanges] == ["d0", "d1"]
    # Ten a second: the second waits its turn.
    assert server.exchanges[1].started - server.exchanges[0].started < 5


def test_limits_per_minute_reach_the_limiter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[dict[str, float | None]] = []

    def make(*, rpm: float | None, tpm: float | None) -> EndpointLimiter:
        made.append({"rpm": rpm, "tpm": tpm})
        return EndpointLimiter(rpm=rpm, tpm=tpm)

    monkeypatch.setattr(_extract, "EndpointLimiter", make)
    source = write_documents(tmp_path / "in.jsonl", 2)
    with replay.serve(recordings(2)) as server:
        words = arguments(source, tmp_path / "out.jsonl", server, "--rpm", "900", "--tpm", "1e9")
        assert cli.main(words) == 0
    assert made == [{"rpm": 900, "tpm": 1e9}]


def test_a_timeout(tmp_path: Path) -> None:
    source = write_documents(tmp_path / "in.jsonl", 1)
    with replay.serve(recordings(1, lambda _: {"fault": "stall@5:30"})) as server:
        words = arguments(source, tmp_path / "out.jsonl", server)
        assert cli.main([*words, "--timeout", "0.2", "--max-retries", "0"]) == 3
    [failure] = lines(tmp_path / "out.errors.jsonl")
    assert failure["error"]["kind"] == "timeout"
    assert failure["text"]


def test_a_schema_file_is_a_model(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "maximum": 5}},
        "required": ["name"],
    }
    (tmp_path / "Person.json").write_text(json.dumps(schema))
    source = write_documents(tmp_path / "in.jsonl", 10)
    with replay.serve(recordings(10)) as server:
        words = arguments(source, tmp_path / "out.jsonl", server, "--max-retries", "0")
        words[words.index("tests.batching:Person")] = str(tmp_path / "Person.json")
        assert cli.main(words) == 3
        body = server.exchanges[0].body or {}
    function = body["tools"][0]["function"]
    assert function["name"] == "Person"
    assert function["parameters"]["properties"] == schema["properties"]
    assert ids(tmp_path / "out.jsonl") == [f"d{number}" for number in range(6)]
    failures = lines(tmp_path / "out.errors.jsonl")
    assert {tuple(failure["error"]["location"]) for failure in failures} == {("age",)}


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(json.dumps(each) + "\n" for each in documents(12))
    source = SimpleNamespace(buffer=io.BytesIO(text.encode()))
    monkeypatch.setattr(sys, "stdin", source)
    output = tmp_path / "out.jsonl"
    with replay.serve(recordings(12)) as server:
        assert cli.main(arguments(Path("-"), output, server, "--concurrency", "3")) == 0
    assert len(ids(output)) == 12


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no names for pipes")
def test_a_pipe_is_read_once_whatever_its_name(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    reader, writer = os.pipe()
    os.write(writer, "".join(json.dumps(each) + "\n" for each in documents(12)).encode())
    os.close(writer)
    try:
        with replay.serve(recordings(12)) as server:
            words = arguments(Path(f"/dev/fd/{reader}"), output, server)
            assert cli.main([*words, "--input-format", "jsonl"]) == 0
    finally:
        os.close(reader)
    assert len(ids(output)) == 12


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        (
            '{"text": "doc 0."}\n{"text": "\\ud800"}\n',
            "in.jsonl:2: item '2' does not fit the prompt: ",
        ),
        (
            '{"id": 1, "text": "a"}\n{"id": 1, "text": "b"}\n',
            "in.jsonl:2: the id '1' is that of",
        ),
    ],
    ids=["no request can hold it", "its id is there twice"],
)
def test_a_document_that_cannot_be_is_said_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], documents: str, said: str
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(documents)
    with replay.serve(recordings(1)) as server:
        assert cli.main(arguments(source, tmp_path / "out.jsonl", server)) == 1
        assert server.exchanges == []
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out.jsonl").exists()


def test_a_broken_line_of_standard_input_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '{"id": "d0", "text": "doc 0."}\n{oops\n'
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    output = tmp_path / "out.jsonl"
    with replay.serve(recordings(1)) as server:
        assert cli.main(arguments(Path("-"), output, server)) == 1
    said = capsys.readouterr().err
    assert "standard input:2: not JSON" in said
    assert "--resume" in said
    assert ids(output) == ["d0"]


def changed(words: list[str], option: str, value: str) -> list[str]:
    made = list(words)
    made[made.index(option) + 1] = value
    return made


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--model", "nowhere:M", "cannot import nowhere"),
        ("--input", "none.jsonl", "there is no input none.jsonl"),
        ("--output", "out.txt", "must end in .jsonl or .parquet"),
        ("--output", "none/out.jsonl", "there is no folder none"),
        ("--prompt", "{title}", "no field 'title', which the prompt names; its fields: id, text"),
        ("--prompt", "{", "the prompt cannot be understood"),
        ("--prompt", "{0}", "the prompt names {0}, which is not a field: a plain name is needed"),
        ("--prompt", "{text:{width}}", "no field 'width', which the prompt names"),
        ("--prompt", "{text:.2f}", "in.jsonl:1: item 'd0' does not fit the prompt: Unknown format"),
        ("--base-url", "localhost:8000/v1", "must begin with http:// or https://"),
        ("--id", "key", "there is no 'key' to be the id"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(  # noqa: PLR0913, PLR0917 - fixtures
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    source = write_documents(tmp_path / "in.jsonl", 2)
    with replay.serve(recordings(2)) as server:
        words = arguments(source, tmp_path / "out.jsonl", server, "--id", "id")
        assert cli.main(changed(words, option, value)) == 1
        assert server.exchanges == []
    said = capsys.readouterr().err
    assert message in said
    assert said.startswith("partialfast: ")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("out.jsonl", "out.jsonl"),
        ("out.errors.jsonl", "out.jsonl"),
        ("out.journal.jsonl", "out.parquet"),
        ("out.parquet", "out.parquet"),
    ],
)
def test_results_do_not_go_to_the_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, output: str
) -> None:
    source = write_documents(tmp_path / name, 2)
    content = source.read_bytes()
    words = arguments(source, tmp_path / output, "http://127.0.0.1:9/v1", "--overwrite")
    assert cli.main([*words, "--input-format", "jsonl"]) == 1
    assert f"results would go to the input: {source}" in capsys.readouterr().err
    assert source.read_bytes() == content


def test_what_no_model_can_be_asked_for_is_said_before_results_are_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_documents(tmp_path / "in.jsonl", 1)
    output = tmp_path / "out.jsonl"
    output.write_text("results")
    words = arguments(source, output, "http://127.0.0.1:9/v1", "--overwrite")
    assert cli.main(changed(words, "--model", "collections.abc:Callable")) == 1
    assert "has no JSON schema that a model could follow" in capsys.readouterr().err
    assert output.read_text() == "results"


def test_results_in_the_folder_of_the_documents_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text(f"doc {number}.")
    output = tmp_path / "out.jsonl"
    with replay.serve(recordings(3)) as server:
        words = arguments(tmp_path, output, server)
        assert cli.main(words) == 0
        assert ids(output) == ["0.txt", "1.txt", "2.txt"]
        assert cli.main([*words, "--resume"]) == 0
        assert "3 were finished before" in capsys.readouterr().err
        assert len(server.exchanges) == 3


def test_a_key_is_needed_for_openais_own_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    source = write_documents(tmp_path / "in.jsonl", 2)
    words = arguments(source, tmp_path / "out.jsonl", "")
    del words[words.index("--base-url") :]
    assert cli.main(words) == 1
    assert "set OPENAI_API_KEY" in capsys.readouterr().err


def test_an_endpoint_that_refuses_all_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_documents(tmp_path / "in.jsonl", 20)
    output = tmp_path / "out.jsonl"
    with replay.serve({"text": "", "fault": "status:401"}) as server:
        assert cli.main(arguments(source, output, server)) == 1
    said = capsys.readouterr().err
    assert "the endpoint refuses every request: " in said
    assert "Incorrect API key" in said
    # Nothing is written off: with a better key all are asked for.
    assert lines(output) == lines(tmp_path / "out.errors.jsonl") == []
    with replay.serve(recordings(20)) as server:
        assert cli.main(arguments(source, output, server, "--resume")) == 0


def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_documents(tmp_path / "in.jsonl", 2)
    for name, output in (("filelock", "out.jsonl"), ("pyarrow.parquet", "out.parquet")):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            assert cli.main(arguments(source, tmp_path / output, "http://127.0.0.1:9/v1")) == 1
        assert 'pip install "partialfast[batch]"' in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "ray", None)
    words = arguments(source, tmp_path / "out.jsonl", "http://127.0.0.1:9/v1", "--ray", "auto")
    assert cli.main(words) == 1
    assert 'pip install "partialfast[ray]"' in capsys.readouterr().err


def test_a_value_that_cannot_be_written_is_counted_as_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd.py").write_text(
        "from typing import Annotated\nfrom pydantic import PlainSerializer\n"
        "from tests.batching import Person\n"
        "class M(Person):\n  city: Annotated[str, PlainSerializer(lambda city: 1 / 0)]\n"
    )
    source = write_documents(tmp_path / "in.jsonl", 2)
    with replay.serve(recordings(2)) as server:
        words = arguments(source, tmp_path / "out.jsonl", server)
        assert cli.main(changed(words, "--model", f"{tmp_path / 'odd.py'}:M")) == 3
    said = capsys.readouterr().err
    assert "0 done, 2 failed" in said
    assert "failed: 2 serialize" in said


@pytest.mark.parametrize(
    "words",
    [["--concurrency", "0"], ["--rpm", "-1"], ["--resume", "--overwrite"], ["--max-retries", "x"]],
)
def test_what_cannot_be_meant_is_a_usage_error(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments(tmp_path, tmp_path / "out.jsonl", "http://127.0.0.1:9/v1", *words))
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "usage: partialfast extract" in said
    assert "_natural" not in said


# Signals


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_ctrl_c_finishes_what_is_in_flight_and_a_second_one_drops_it(tmp_path: Path) -> None:
    source = write_documents(tmp_path / "in.jsonl", 100)
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    with replay.serve(recordings(100), rate=40) as server, zygote(tmp_path) as runner:
        child = runner.start(arguments(source, first, server, "--concurrency", "5"))
        wait_for(server, 6)
        os.kill(child, signal.SIGINT)
        assert runner.wait() == 130
        begun = [asked(each) for each in server.exchanges]
        # Each document that was begun is finished, and no other was begun.
        assert ids(first) == sorted(begun)
        assert len(begun) < 30
        said = (tmp_path / "stderr.txt").read_text()
        assert "in flight; Ctrl-C again to drop them" in said
        assert "go on with: partialfast " in said

        begun_before = len(server.exchanges)
        child = runner.start(arguments(source, second, server, "--concurrency", "5"))
        wait_for(server, begun_before + 6)
        os.kill(child, signal.SIGINT)
        time.sleep(0.02)
        os.kill(child, signal.SIGINT)
        assert runner.wait() == 130
        dropped = {asked(each) for each in server.exchanges[begun_before:]} - set(ids(second))
        assert 0 < len(dropped) <= 5
        for number in range(begun_before, len(server.exchanges)):
            server.wait_ended(number)

        done = set(ids(second))
        child = runner.start(
            arguments(source, second, server, "--resume", "--limit", "20", "--quiet")
        )
        assert runner.wait() == 0
        assert len(ids(second)) == max(20, len(done))


def wait_for(server: replay.Server, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(server.exchanges) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_ctrl_c_while_standard_input_brings_nothing(tmp_path: Path) -> None:
    words = arguments(Path("-"), tmp_path / "out.jsonl", "http://127.0.0.1:9/v1")
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "partialfast", *words],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            # It has this when it begins to read.
            deadline = time.monotonic() + 20
            while not (tmp_path / "out.jsonl").exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            # communicate() would close standard input, which is an answer.
            assert process.wait(20) == 130
            assert process.stderr is not None
            assert "Fatal Python error" not in process.stderr.read()
        finally:
            process.kill()
