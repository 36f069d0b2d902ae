"""Asking again when an answer is invalid."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel, Field, ValidationError

import partialfast as pf
from partialfast import replay
from partialfast.providers.openai import Attempt, Mode
from partialfast.providers.openai._provider import OpenAI as OpenAIProvider
from tests.openai_driver import EVERY_WAY, Api, Way, ask, fetch

pytestmark = pytest.mark.network

BOTH = pytest.mark.parametrize("api", ["chat", "responses"])
MODES = pytest.mark.parametrize("mode", OpenAIProvider.modes)


class Order(BaseModel):
    name: str
    amount: int = Field(gt=0)
    note: str = ""


BAD = '{"name": "A-1", "amount": -5, "note": "%s"}' % ("long " * 100)
LATE = '{"name": "A-1", "note": "no amount"}'
GOOD = '{"name": "A-1", "amount": 5}'


def serve(*texts: str, **options: Any) -> Any:
    recordings: list[Any] = [{"text": text, "times": 1} for text in texts[:-1]]
    return replay.serve([*recordings, {"text": texts[-1]}], **options)


def bodies(url: replay.Server) -> list[Any]:
    return [exchange.body for exchange in url.exchanges]


@BOTH
@MODES
def test_an_invalid_answer_is_asked_for_again(way: Way, api: Api, mode: Mode) -> None:
    told: list[Attempt] = []
    with serve(BAD, LATE, GOOD) as url:
        outcome = ask(
            way,
            url,
            api=api,
            mode=mode,
            response_model=Order,
            max_retries=2,
            on_retry=told.append,
        )
        first, second, third = bodies(url)
    assert outcome.error is None
    assert outcome.handed[-1] == Order(name="A-1", amount=5)
    stream = outcome.stream
    assert stream.attempt == 3
    assert stream.text == GOOD
    # A new attempt begins with an empty snapshot.
    for attempt in (1, 2, 3):
        first_of = outcome.attempts.index(attempt)
        assert outcome.handed[first_of].model_dump()["name"] in {None, ""}
    assert stream.attempts == tuple(told)
    assert [attempt.number for attempt in told] == [1, 2]
    assert all(isinstance(attempt.error, ValidationError) for attempt in told)
    # The first fails as soon as the amount is there: the rest of it is not waited for.
    assert len(told[0].text) < 60
    assert told[1].text == LATE
    key = "messages" if api == "chat" else "input"
    assert [len(body[key]) for body in (first, second, third)] == [
        len(first[key]),
        len(first[key]) + 2,
        len(first[key]) + 4,
    ]
    assert second[key][: len(first[key])] == first[key]
    # The model is shown what it wrote and what is wrong with it.
    correction = json.dumps(third[key][len(first[key]) :])
    assert json.dumps(told[0].text) in correction
    assert json.dumps(told[1].text) in correction
    assert "amount: Input should be greater than 0" in correction
    assert "amount: Field required" in correction


@BOTH
@MODES
def test_create_asks_again_too(way: Way, api: Api, mode: Mode) -> None:
    told: list[Attempt] = []
    with serve(BAD, "not JSON", GOOD) as url:
        value = fetch(
            way, url, api=api, mode=mode, response_model=Order, max_retries=2, on_retry=told.append
        )
        assert len(bodies(url)) == 3
    assert value == Order(name="A-1", amount=5)
    assert [type(attempt.error) for attempt in told] == [ValidationError, pf.JsonError]
    assert told[0].usage.total_tokens > 0
    assert told[0].finish_reason
    assert told[0].request_id


@EVERY_WAY
@BOTH
def test_a_complete_call_is_sent_back_as_a_call(way: Way, api: Api) -> None:
    with serve(LATE, GOOD) as url:
        outcome = ask(way, url, api=api, response_model=Order, max_retries=1)
        assert fetch(way, url, api=api, response_model=Order, max_retries=1)
        _, second, *_ = bodies(url)
    assert outcome.error is None
    if api == "chat":
        asked, answered = second["messages"][-2:]
        (call,) = asked["tool_calls"]
        assert call["function"] == {"name": "Order", "arguments": LATE}
        assert answered["role"] == "tool"
        assert answered["tool_call_id"] == call["id"]
        assert "amount: Field required" in answered["content"]
    else:
        call, answered = second["input"][-2:]
        assert (call["type"], call["name"], call["arguments"]) == ("function_call", "Order", LATE)
        assert answered["type"] == "function_call_output"
        assert answered["call_id"] == call["call_id"]
        assert "amount: Field required" in answered["output"]


@EVERY_WAY
@BOTH
def test_a_call_is_sent_back_by_the_name_that_we_gave_it(way: Way, api: Api) -> None:
    call = {"name": "functions.Order", "arguments": LATE}
    with replay.serve([{"tool_calls": [call], "times": 1}, {"text": GOOD}]) as url:
        ask(way, url, api=api, response_model=Order, max_retries=1)
        _, second = bodies(url)
    if api == "chat":
        assert second["messages"][-2]["tool_calls"][0]["function"]["name"] == "Order"
    else:
        assert second["input"][-2]["name"] == "Order"


@EVERY_WAY
@BOTH
def test_half_a_call_is_sent_back_as_text(way: Way, api: Api) -> None:
    with serve(BAD, GOOD) as url:
        ask(way, url, api=api, response_model=Order, max_retries=1)
        _, second = bodies(url)
    said, wrong = second["messages" if api == "chat" else "input"][-2:]
    assert said["role"] == "assistant"
    assert BAD.startswith(said["content"])
    assert wrong["role"] == "user"


@EVERY_WAY
@BOTH
def test_attempts_come_to_an_end(way: Way, api: Api) -> None:
    with serve(BAD, BAD, LATE) as url:
        outcome = ask(way, url, api=api, response_model=Order, max_retries=2)
        assert len(url.exchanges) == 3
        with pytest.raises(ValidationError, match="Field required"):
            fetch(way, url, api=api, response_model=Order, max_retries=2)
    error = outcome.raised(ValidationError)
    assert "Field required" in str(error)
    assert len(outcome.stream.attempts) == 3
    assert outcome.stream.attempts[-1].error is error.__cause__
    assert error.attempts == outcome.stream.attempts
    assert outcome.stream.attempt == 3


@EVERY_WAY
def test_nothing_is_asked_again_by_default(way: Way) -> None:
    with serve(BAD, GOOD) as url:
        ask(way, url, response_model=Order).raised(ValidationError)
        assert len(url.exchanges) == 1


@EVERY_WAY
@BOTH
def test_items_are_asked_for_again(way: Way, api: Api) -> None:
    good, bad = f'{{"items": [{GOOD}, {GOOD}]}}', f'{{"items": [{GOOD}, {BAD}, {GOOD}]}}'
    with serve(bad, good) as url:
        outcome = ask(
            way, url, api=api, method="create_iterable", response_model=Order, max_retries=1
        )
    assert outcome.error is None
    # The items of the first attempt have been handed out; the second begins anew.
    assert outcome.attempts == [1, 2, 2]
    order = Order(name="A-1", amount=5)
    assert outcome.handed == [order] * 3
    assert "items" in outcome.stream.attempts[0].text


@BOTH
@pytest.mark.parametrize("mode", [Mode.TOOLS, Mode.JSON])
def test_words_are_asked_again(way: Way, api: Api, mode: Mode) -> None:
    recordings: list[Any] = [{"text": "Which order?", "via": "content", "times": 1}, {"text": GOOD}]
    with replay.serve(recordings) as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Order, max_retries=1)
        _, second = bodies(url)
    assert outcome.error is None
    assert outcome.handed[-1] == Order(name="A-1", amount=5)
    said, wrong = second["messages" if api == "chat" else "input"][-2:]
    assert said == {"role": "assistant", "content": "Which order?"}
    assert wrong["role"] == "user"


@pytest.mark.parametrize("fault", ["length@20", "drop@20", "filter", "refuse", "error@20"])
def test_other_endings_are_not_asked_again(way: Way, fault: str) -> None:
    with replay.serve({"text": GOOD}, faults=fault) as url:
        assert ask(way, url, response_model=Order, max_retries=3).error is not None
        assert len(url.exchanges) == 1


@EVERY_WAY
def test_text_that_is_not_json_is_asked_again(way: Way) -> None:
    recordings: list[Any] = [{"text": GOOD, "fault": "garbage@12", "times": 1}, {"text": GOOD}]
    with replay.serve(recordings) as url:
        outcome = ask(way, url, response_model=Order, max_retries=1)
    assert outcome.error is None
    assert isinstance(outcome.stream.attempts[0].error, pf.JsonError)


def test_on_retry_may_be_asynchronous_and_may_raise() -> None:
    class StopError(Exception):
        pass

    async def note(attempt: Attempt) -> None:
        await asyncio.sleep(0)
        told.append(attempt.number)

    def stop(attempt: Attempt) -> None:
        raise StopError(attempt.number)

    async def main() -> None:
        arguments: dict[str, Any] = {
            "model": "m",
            "messages": [{"role": "user", "content": "hello"}],
            "response_model": Order,
            "max_retries": 2,
        }
        async with AsyncOpenAI(base_url=url, api_key="k") as sdk:
            client = pf.from_openai(sdk)
            stream = client.create_partial(**arguments, on_retry=note)
            assert await stream.final() == Order(name="A-1", amount=5)
            assert await client.create(**arguments, on_retry=note) == Order(name="A-1", amount=5)
            stopped = client.create_partial(**arguments, on_retry=stop)
            with pytest.raises(StopError):
                await stopped.final()
            with pytest.raises(StopError):
                await stopped.final()

    told: list[int] = []
    answers = [{"text": text, "times": 1} for text in (BAD, GOOD, BAD, GOOD, BAD)]
    with replay.serve(answers) as url:
        asyncio.run(main())
    assert told == [1, 1]
    recordings: list[Any] = [{"text": BAD}]
    with replay.serve(recordings) as url, OpenAI(base_url=url, api_key="k") as sdk:
        stream = pf.from_openai(sdk).create_partial(
            model="m",
            messages=[{"role": "user", "content": "hello"}],
            response_model=Order,
            max_retries=2,
            on_retry=stop,
        )
        with pytest.raises(StopError):
            list(stream)
        assert list(stream) == []


@EVERY_WAY
def test_an_error_of_the_next_request_passes_through(way: Way) -> None:
    import openai

    recordings: list[Any] = [{"text": BAD, "times": 1}, {"text": "", "fault": "status:401"}]
    with replay.serve(recordings) as url:
        outcome = ask(way, url, response_model=Order, max_retries=2)
    outcome.raised(openai.AuthenticationError)
    assert len(outcome.stream.attempts) == 1
