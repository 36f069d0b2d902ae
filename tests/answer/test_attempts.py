"""Time limits, fallbacks and what is raised when no attempt is left."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from openai import OpenAI
from pydantic import BaseModel, ValidationError

import partialfast as pf
from partialfast import replay
from tests import wire
from tests.either import in_step
from tests.openai_driver import EVERY_WAY, TEXT, Meeting, Outcome, Way, ask, fetch, opened
from tests.patience import STALL, with_time_enough

pytestmark = pytest.mark.network

FINAL = Meeting.model_validate_json(TEXT)


@EVERY_WAY
@pytest.mark.parametrize(
    ("at", "limit", "shown"),
    [(0, "first_timeout", False), (40, "stall_timeout", True), (40, "total_timeout", True)],
)
def test_a_limit_ends_the_answer(way: Way, at: int, limit: str, shown: bool) -> None:  # noqa: FBT001
    def ask_within(seconds: float) -> Outcome:
        limits: dict[str, Any] = {limit: seconds}
        with replay.serve({"text": TEXT}, faults=[f"stall@{at}:{STALL}"]) as url:
            return ask(way, url, response_model=Meeting, **limits)

    outcome = with_time_enough(ask_within, lambda outcome: bool(outcome.handed) is shown)
    error = outcome.raised(pf.StreamTimeoutError)
    assert issubclass(pf.StreamTimeoutError, TimeoutError)
    assert limit in str(error)
    assert bool(outcome.handed) is shown
    assert error.snapshot == outcome.stream.snapshot
    assert error.text == outcome.stream.text
    assert TEXT.startswith(error.text)


@EVERY_WAY
def test_a_limit_that_is_kept_changes_nothing(way: Way) -> None:
    with replay.serve({"text": TEXT}) as url:
        outcome = ask(
            way, url, response_model=Meeting, first_timeout=20, stall_timeout=20, total_timeout=20
        )
    assert outcome.error is None
    assert outcome.handed[-1] == FINAL


@EVERY_WAY
def test_comments_are_no_tokens(way: Way) -> None:
    steps: list[dict[str, Any]] = [{"send": ": alive\n\n"}, {"wait_s": 0.1}] * 20
    case = wire.Case("comments", "chat", "TOOLS", "create_partial", "User", steps, [])
    with wire.serve([case]) as server:
        outcome = ask(way, server.url(case, 0), response_model=Meeting, first_timeout=0.35)
    outcome.raised(pf.StreamTimeoutError)


@pytest.mark.parametrize("name", ["first_timeout", "stall_timeout", "total_timeout"])
@pytest.mark.parametrize("value", [0, -1, "soon", True])
def test_a_limit_is_a_number_of_seconds(name: str, value: Any) -> None:
    client: Any = pf.from_openai(OpenAI(api_key="k", base_url="http://nowhere"))
    with pytest.raises(ValueError, match=name):
        client.create_partial(response_model=Meeting, model="m", messages="hi", **{name: value})
    with pytest.raises(TypeError, match="is for streams"):
        client.create(response_model=Meeting, model="m", messages="hi", **{name: 1})


@EVERY_WAY
@pytest.mark.parametrize(
    ("fault", "class_"),
    [
        ("length@40", pf.TruncatedError),
        ("drop@40", pf.DroppedError),
        ("filter", pf.ContentFilterError),
        ("error@40", pf.ServerError),
        ("status:503", Exception),
        ("garbage@40", pf.JsonError),
    ],
)
def test_a_fallback_is_asked(way: Way, fault: str, class_: type[Exception]) -> None:
    told: list[Any] = []
    answers: list[dict[str, Any]] = [{"text": TEXT, "fault": fault, "times": 1}, {"text": TEXT}]
    with replay.serve(answers) as url:
        outcome = ask(
            way, url, response_model=Meeting, fallbacks=[{"model": "other"}], on_retry=told.append
        )
        models = [(exchange.body or {})["model"] for exchange in url.exchanges]
    assert outcome.error is None
    assert outcome.handed[-1] == FINAL
    assert models == ["gpt-4", "other"]
    assert outcome.stream.attempt == 2
    (attempt,) = outcome.stream.attempts
    assert isinstance(attempt.error, class_)
    assert told == [attempt]


@EVERY_WAY
def test_a_fallback_may_be_another_client_and_the_last_error_is_raised(way: Way) -> None:
    async def run() -> Any:
        async with opened(way, url) as client, opened(way, other, model="second") as second:
            stream = in_step(
                client.create_partial(
                    response_model=Meeting, model="m", messages="hi", fallbacks=[second]
                )
            )
            with pytest.raises(pf.TruncatedError) as raised:
                await stream.final()
            return stream, raised.value

    with (
        replay.serve({"text": TEXT}, faults="drop@40") as url,
        replay.serve({"text": TEXT}, faults="length@40") as other,
    ):
        stream, error = asyncio.run(run())
        assert (other.exchanges[0].body or {})["model"] == "second"
    assert [type(each.error) for each in stream.attempts] == [pf.DroppedError, pf.TruncatedError]
    assert error.attempts == stream.attempts


def test_a_fallback_that_is_no_client_is_refused() -> None:
    sdk = OpenAI(api_key="k", base_url="http://nowhere")
    client: Any = pf.from_openai(sdk)
    with pytest.raises(TypeError, match="from_openai"):
        client.create_partial(response_model=Meeting, model="m", messages="hi", fallbacks=[sdk])


class Order(BaseModel):
    amount: int


@EVERY_WAY
@pytest.mark.parametrize("retries", [0, 1])
def test_an_invalid_answer_is_one_exception_with_every_attempt(way: Way, retries: int) -> None:
    wrong = '{"amount": "much"}'
    with replay.serve({"text": wrong}) as url:
        outcome = ask(way, url, response_model=Order, max_retries=retries)
        with pytest.raises(pf.InvalidAnswerError) as raised:
            fetch(way, url, response_model=Order, max_retries=retries)
    for error in (outcome.error, raised.value):
        assert isinstance(error, ValidationError)
        assert isinstance(error, pf.InvalidAnswerError)
        assert [line["loc"] for line in error.errors()] == [("amount",)]
        assert error.text.startswith(wrong[:-1])
        assert len(error.attempts) == retries + 1
        assert all(isinstance(each.error, ValidationError) for each in error.attempts)
        assert isinstance(error.__cause__, ValidationError)
    assert raised.value.usage.total_tokens > 0


@EVERY_WAY
def test_text_that_is_no_json_is_an_invalid_answer_too(way: Way) -> None:
    with replay.serve({"text": '{"amount": oh}'}) as url:
        error = ask(way, url, response_model=Order).raised(pf.JsonError)
    assert issubclass(pf.InvalidJsonError, ValidationError)
    assert error.kind == "expected_value"
    assert error.offset == 11
    assert error.errors()[0]["type"] == "json_invalid"
    assert str(error) == str(error.__cause__)


@EVERY_WAY
def test_half_an_answer_whose_reason_is_no_limit_may_be_asked_again(way: Way) -> None:
    answers: list[dict[str, Any]] = [{"text": TEXT[:40], "times": 1}, {"text": TEXT}]
    with replay.serve(answers) as url:
        outcome = ask(way, url, response_model=Meeting, max_retries=1)
        assert len(url.exchanges) == 2
    assert outcome.error is None
    assert outcome.handed[-1] == FINAL
    with replay.serve({"text": TEXT}, faults="length@40") as url:
        ask(way, url, response_model=Meeting, max_retries=1).raised(pf.TruncatedError)
        assert len(url.exchanges) == 1
