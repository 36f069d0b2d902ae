"""What an endpoint honours is found out: by `Mode.AUTO`, and by ``partialfast doctor``."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai import OpenAI

import partialfast as pf
from partialfast import replay
from partialfast.cli import main
from partialfast.providers.openai._examine import examine
from partialfast.providers.openai._probe import TRIALS
from tests.openai_driver import EVERY_WAY, Api, Way, ask, fetch

pytestmark = pytest.mark.network

ADA = {"name": "Ada", "age": 36}
ANSWER = {"text": json.dumps(ADA)}


def bodies(url: replay.Server) -> list[dict[str, Any]]:
    return [exchange.body or {} for exchange in url.exchanges]


@EVERY_WAY
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_server_that_honours_a_named_function_is_asked_so(way: Way, api: Api) -> None:
    with replay.serve(ANSWER) as url:
        outcome = ask(way, url, api=api, mode=pf.Mode.AUTO, response_model=dict[str, Any])
        sent = bodies(url)
    assert outcome.error is None
    assert outcome.handed[-1] == ADA
    assert len(sent) == 2
    assert all(isinstance(body["tool_choice"], dict) for body in sent)


@EVERY_WAY
def test_a_server_that_does_not_is_asked_in_a_mode_that_it_knows(way: Way) -> None:
    with replay.serve(ANSWER, faults=["reject:tools"]) as url:
        outcome = ask(way, url, mode=pf.Mode.AUTO, response_model=dict[str, Any])
        assert fetch(way, url, mode=pf.Mode.AUTO, response_model=dict[str, Any]) == ADA
        sent = bodies(url)
    assert outcome.error is None
    assert outcome.handed[-1] == ADA
    assert sent[-1]["response_format"]["type"] == "json_schema"


def test_what_is_known_is_not_asked_again() -> None:
    with replay.serve(ANSWER) as url, OpenAI(base_url=url, api_key="k") as sdk:
        client: Any = pf.from_openai(sdk, pf.Mode.AUTO)
        for _ in range(3):
            client.create(model="m", messages="hi", response_model=dict[str, Any])
        assert len(url.exchanges) == 4
        client.create(model="other", messages="hi", response_model=dict[str, Any])
        assert len(url.exchanges) == 6
        client.with_options(timeout=9).create(
            model="m", messages="hi", response_model=dict[str, Any]
        )
        assert len(url.exchanges) == 7


def test_the_doctor_prints_what_is_honoured(capsys: pytest.CaptureFixture[str]) -> None:
    with replay.serve(ANSWER) as url:
        assert main(["doctor", "--base-url", str(url), "--model", "m"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(TRIALS) + 2
    assert [line.startswith(trial.name) for line, trial in zip(lines, TRIALS, strict=False)] == [
        True
    ] * len(TRIALS)
    assert lines[-1] == "use Mode.TOOLS"
    assert "usage in a stream" in lines[-2]
    assert lines[-2].endswith("yes")


def test_the_doctor_knows_a_server_without_functions() -> None:
    with (
        replay.serve(ANSWER, faults=["reject:tools"]) as url,
        OpenAI(base_url=url, api_key="k", max_retries=0) as sdk,
    ):
        lines = list(examine(sdk, "m"))
    assert "no " in lines[0]
    assert lines[-1] == "use Mode.JSON_SCHEMA"


def test_the_doctor_says_when_nobody_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--base-url", "http://127.0.0.1:9/v1", "--model", "m"]) == 1
    assert "cannot be asked" in capsys.readouterr().err
