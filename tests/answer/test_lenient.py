"""Lenient reading through the client, over a socket: in every mode, with retries."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai import OpenAI

import partialfast as pf
from partialfast import replay
from partialfast.providers.openai import Mode
from tests.openai_driver import EVERY_WAY, TEXT, Api, Meeting, User, Way, ask
from tests.sloppy import written

pytestmark = pytest.mark.network

FINAL = Meeting.model_validate_json(TEXT)
SLOPPY = written(json.loads(TEXT), 3)


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("mode", Mode)
def test_what_is_not_quite_json_is_read(way: Way, api: Api, mode: Mode) -> None:
    with replay.serve({"text": SLOPPY}, split=3) as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Meeting, lenient=True)
        strict = ask(way, url, api=api, mode=mode, response_model=Meeting)
    assert outcome.error is None
    assert outcome.handed[-1] == FINAL
    assert outcome.stream.text == SLOPPY
    assert outcome.stream.repairs
    for repair in outcome.stream.repairs:
        assert isinstance(repair, pf.Repair)
        lines = SLOPPY.encode().split(b"\n")[: repair.line - 1]
        assert repair.offset == sum(len(line) + 1 for line in lines) + repair.column - 1
    assert isinstance(strict.error, pf.JsonError)


@pytest.mark.parametrize("mode", Mode)
def test_a_wrapped_list_is_read(way: Way, mode: Mode) -> None:
    text = "{items: [{name: 'Ada', email: a@b.c,},]"
    with replay.serve({"text": text + "}"}, split=2) as url:
        outcome = ask(way, url, mode=mode, response_model=list[User], lenient=True)
    assert outcome.error is None
    assert outcome.handed[-1] == [User(name="Ada", email="a@b.c")]


@EVERY_WAY
def test_what_could_only_be_guessed_is_asked_for_again(way: Way) -> None:
    wrong = SLOPPY[:1] + "a: New York, " + SLOPPY[1:]
    with replay.serve([{"text": wrong, "times": 1}, {"text": SLOPPY}]) as url:
        outcome = ask(way, url, response_model=Meeting, lenient=True, max_retries=1)
        again = url.exchanges[-1].body
    assert outcome.error is None
    assert outcome.handed[-1] == FINAL
    [attempt] = outcome.stream.attempts
    assert isinstance(attempt.error, pf.JsonError)
    assert attempt.error.kind == "unquoted_text"
    assert wrong[attempt.error.offset :].startswith("York")
    # The model gets its own text back, and the place in it.
    assert "New York" in json.dumps(again)


def test_an_argument_that_means_nothing_is_refused() -> None:
    client: Any = pf.from_openai(OpenAI(api_key="none", base_url="http://localhost:1"))
    for arguments in ({"lenient": "yes"}, {"coerce": True}):
        with pytest.raises(ValueError, match="lenient"):
            client.chat.completions.create(
                model="m", messages=[], response_model=Meeting, **arguments
            )
