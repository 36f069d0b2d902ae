"""Batches that ask other providers: ``--llm PROVIDER/NAME``."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from partialfast import replay
from partialfast.cli import main
from partialfast.replay._script import count_tokens

MODULE = """
from pydantic import BaseModel
class User(BaseModel):
    name: str
    age: int
"""


def _run(folder: Path, monkeypatch: pytest.MonkeyPatch, llm: str, *more: str) -> int:
    (folder / "shape_of_users.py").write_text(MODULE)
    (folder / "in.jsonl").write_text('{"id": "1", "text": "Ada, 36"}\n')
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    arguments = ["extract", "--input", "in.jsonl", "--model", "shape_of_users:User"]
    arguments += ["--prompt", "{text}", "--llm", llm, "--output", "out.jsonl", *more]
    try:
        return main(arguments) or 0
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("llm", "module", "variables", "path"),
    [
        (
            "anthropic/claude",
            "anthropic",
            {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "{origin}"},
            "/v1/messages",
        ),
        ("ollama/m", "ollama", {"OLLAMA_HOST": "{origin}"}, "/api/chat"),
        ("vllm/some/model", "openai", {"VLLM_BASE_URL": "{url}"}, "/v1/chat/completions"),
    ],
)
def test_a_batch_asks_the_provider_that_is_named(  # noqa: PLR0913 - fixtures and a row
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    llm: str,
    module: str,
    variables: dict[str, str],
    path: str,
) -> None:
    pytest.importorskip(module)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with replay.serve({"text": '{"name": "Ada", "age": 36}'}) as url:
        for name, value in variables.items():
            monkeypatch.setenv(name, value.format(origin=url.origin, url=url))
        assert _run(tmp_path, monkeypatch, llm) == 0
        (exchange,) = url.exchanges
        assert exchange.path == path
        assert exchange.body is not None
        assert exchange.body["model"] == llm.partition("/")[2]
    (line,) = (tmp_path / "out.jsonl").read_text().splitlines()
    written = json.loads(line)
    assert written["value"] == {"name": "Ada", "age": 36}
    assert written["usage"]["output_tokens"] > 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_a_correction_cost_is_counted_and_paid_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ollama")
    # A provider whose usage has names of its own, which are none of OpenAI's or Anthropic's.
    # What is wrong shows at the end, after the usage.
    wrong, right = '{"name": "Ada", "age": 3', '{"name": "Ada", "age": 36}'
    prices = ("--max-retries", "1", "--prices", "1,2", "--budget", "$9")
    with replay.serve([{"text": wrong, "times": 1}, {"text": right}]) as url:
        monkeypatch.setenv("OLLAMA_HOST", url.origin)
        assert _run(tmp_path, monkeypatch, "ollama/m", *prices) == 0
        assert len(url.exchanges) == 2
    written = json.loads((tmp_path / "out.jsonl").read_text())
    assert written["attempts"] == 2
    usage = written["usage"]
    assert usage["output_tokens"] == count_tokens(wrong) + count_tokens(right)
    assert not usage.get("estimated")


def test_a_key_that_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    assert _run(tmp_path, monkeypatch, "groq/m") != 0
    assert "GROQ_API_KEY" in capsys.readouterr().err


def test_a_request_of_another_provider_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Its SDK is needed for nothing but schemas, which tools have none of.
    assert _run(tmp_path, monkeypatch, "anthropic/claude", "--dry-run") == 0
    assert "input_schema" in capsys.readouterr().out


@pytest.mark.parametrize(
    "llm", ["gpt-4", "anthropic/claude", "gemini/gemini-2.5-flash", "bedrock/nova"]
)
def test_a_request_with_a_file_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], llm: str
) -> None:
    """Some SDKs take the bytes of a file as they are."""
    image = b"\x89PNG\r\n\x1a\n" + bytes(30)
    (tmp_path / "1").write_bytes(image)
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert _run(tmp_path, monkeypatch, llm, "--dry-run", "--attach", "id") == 0
    assert base64.b64encode(image).decode() in capsys.readouterr().out


def test_with_a_base_url_a_name_is_the_servers_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with replay.serve({"text": '{"name": "Ada", "age": 36}'}) as url:
        assert _run(tmp_path, monkeypatch, "openai/gpt-oss", "--base-url", str(url)) == 0
        assert url.exchanges[0].body is not None
        assert url.exchanges[0].body["model"] == "openai/gpt-oss"
