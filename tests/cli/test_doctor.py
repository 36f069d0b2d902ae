"""``partialfast doctor`` without a model: what is installed and set, and no secret."""

from __future__ import annotations

import pydantic
import pytest

from partialfast import cli


def test_it_says_what_is_installed_and_set_and_shows_no_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.delenv("MISTRAL_API_KEY", raising=False)
    assert cli.main(["doctor"]) == 0
    shown = capsys.readouterr().out
    found = dict(line.split(maxsplit=1) for line in shown.splitlines())
    assert found["pydantic"] == pydantic.VERSION
    assert (found["ANTHROPIC_API_KEY"], found["MISTRAL_API_KEY"]) == ("set", "not set")
    assert "secret" not in shown


def test_a_server_without_a_model_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--base-url", "http://127.0.0.1:9/v1"]) == 1
    assert "--base-url goes with --model" in capsys.readouterr().err


def test_a_message_leaves_out_what_stands_before_the_host(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Nothing listens there.
    assert cli.main(["doctor", "--base-url", "http://ada:sesame@127.0.0.1:9", "--model", "m"]) == 1
    said = capsys.readouterr().err
    assert "http://127.0.0.1:9 cannot" in said
    assert "sesame" not in said
