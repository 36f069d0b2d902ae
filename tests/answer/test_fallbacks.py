"""Time limits and fallbacks hold for every kind of call, and may lead to another provider."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest

import partialfast as pf
from partialfast import replay
from tests.either import value_of
from tests.openai_driver import (
    EVERY_WAY,
    TEXT,
    Meeting,
    Outcome,
    Way,
    ask,
    open_async,
    open_sync,
    opened,
)
from tests.patience import STALL, with_time_enough
from tests.providers.cases import CASES

pytestmark = pytest.mark.network

FINAL = Meeting.model_validate_json(TEXT)
ITEMS = '{"items": [{"a": 1}, {"a": 2}, {"a": 3}]}'
METHODS = ("create", "create_partial", "create_iterable")
LIMITS = ("first_timeout", "stall_timeout", "total_timeout")


def fetch_by(way: Way, url: str, method: str, **kwargs: Any) -> Any:
    """Call a method and return its final value."""
    asked = {"model": "m", "messages": "hi", "response_model": dict[str, int], **kwargs}
    if method != "create_iterable":
        asked["response_model"] = dict[str, list[dict[str, int]]]

    async def run() -> Any:
        async with opened(way, url) as client:
            result = getattr(client, method)(**asked)
            return await value_of(result if method == "create" else result.final())

    return asyncio.run(run())


@EVERY_WAY
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fault", ["length@12", "status:503", "garbage@12"])
def test_every_kind_of_call_has_fallbacks(way: Way, method: str, fault: str) -> None:
    answers: list[dict[str, Any]] = [{"text": ITEMS, "fault": fault, "times": 1}, {"text": ITEMS}]
    items = [{"a": 1}, {"a": 2}, {"a": 3}]
    told: list[Any] = []
    with replay.serve(answers) as url:
        value = fetch_by(way, url, method, fallbacks=[{"model": "b"}], on_retry=told.append)
        models = [(exchange.body or {})["model"] for exchange in url.exchanges]
    assert value == (items if method == "create_iterable" else {"items": items})
    assert models == ["m", "b"]
    assert [attempt.number for attempt in told] == [1]


@EVERY_WAY
@pytest.mark.parametrize("limit", LIMITS)
def test_items_have_time_limits_too(way: Way, limit: str) -> None:
    at = 0 if limit == "first_timeout" else 24
    expected = [] if limit == "first_timeout" else [{"a": 1}]

    def ask_within(seconds: float) -> Outcome:
        limits: dict[str, Any] = {limit: seconds}
        with replay.serve({"text": ITEMS}, faults=[f"stall@{at}:{STALL}"], chunk=4) as url:
            return ask(way, url, method="create_iterable", response_model=dict[str, int], **limits)

    outcome = with_time_enough(ask_within, lambda outcome: outcome.handed == expected)
    assert limit in str(outcome.raised(pf.StreamTimeoutError))
    assert outcome.handed == expected


@EVERY_WAY
def test_a_stream_that_drips_ends_at_the_total_limit(way: Way) -> None:
    """A token every tenth of a second keeps within the other two limits for ever."""

    def ask_within(seconds: float) -> Outcome:
        limits: dict[str, Any] = {"first_timeout": 15, "stall_timeout": 15}
        with replay.serve({"text": TEXT}, rate=10, chunk=1) as url:
            outcome = ask(way, url, response_model=Meeting, total_timeout=seconds, **limits)
            # It may be over before the server has begun to answer.
            ended = url.wait_ended(timeout=10).ending if outcome.handed else "disconnect"
        assert ended == "disconnect"
        assert f"total_timeout={seconds}" in str(outcome.raised(pf.StreamTimeoutError))
        return outcome

    assert with_time_enough(ask_within, lambda outcome: bool(outcome.handed)).handed


@contextmanager
def _silent() -> Generator[str]:
    """Accept connections, and say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


@EVERY_WAY
@pytest.mark.parametrize("limit", ["first_timeout", "total_timeout"])
def test_a_response_that_does_not_begin_is_not_waited_for(way: Way, limit: str) -> None:
    limits: dict[str, Any] = {limit: 0.3}
    with _silent() as url:
        since = time.monotonic()
        with pytest.raises(pf.StreamTimeoutError, match=limit):
            fetch_by(way, url, "create_partial", **limits)
        assert time.monotonic() - since < 10


@EVERY_WAY
def test_a_limit_that_is_reached_leads_to_the_fallback(way: Way) -> None:
    answers: list[dict[str, Any]] = [
        {"text": TEXT, "fault": f"stall@40:{STALL}", "times": 1},
        {"text": TEXT},
    ]

    def ask_within(seconds: float) -> Outcome:
        limits: dict[str, Any] = {"stall_timeout": seconds, "fallbacks": [{"model": "b"}]}
        with replay.serve(answers) as url:
            return ask(way, url, response_model=Meeting, **limits)

    # The limit is the fallback's too.
    outcome = with_time_enough(ask_within, lambda outcome: outcome.error is None)
    assert outcome.error is None
    assert outcome.handed[-1] == FINAL
    (attempt,) = outcome.stream.attempts
    assert isinstance(attempt.error, pf.StreamTimeoutError)


@EVERY_WAY
def test_retries_come_before_the_fallback_and_again_after_it(way: Way) -> None:
    wrong = {"text": '{"budget": "much"}', "times": 3}
    with replay.serve([wrong, {"text": TEXT}]) as url:
        outcome = ask(way, url, response_model=Meeting, max_retries=1, fallbacks=[{"model": "b"}])
        models = [(exchange.body or {})["model"] for exchange in url.exchanges]
    assert models == ["gpt-4", "gpt-4", "b", "b"]
    assert outcome.handed[-1] == FINAL
    assert outcome.stream.attempt == 4
    # Another model is not shown what the first one got wrong.
    assert len((url.exchanges[2].body or {})["messages"]) == 1


# Of calls that come whole the first token is the last.
@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.whole_calls], ids=lambda case: case.name
)
@pytest.mark.parametrize(
    "asynchronous", [False, pytest.param(True, marks=pytest.mark.deep)], ids=["sync", "async"]
)
def test_the_limit_of_the_first_token_is_for_the_first_token(
    case: Any,
    asynchronous: bool,  # noqa: FBT001
) -> None:
    """What SDKs have for it is a limit of each read."""
    asked: dict[str, Any] = {"model": case.model, "messages": "hi", "response_model": Meeting}

    async def final(url: str, seconds: float) -> Any:
        async with AsyncExitStack() as stack:
            client = await value_of(case.client(url, asynchronous, stack))
            return await value_of(client.create_partial(**asked, first_timeout=seconds).final())

    def ask_within(seconds: float) -> Any:
        stall = f"stall@40:{2 * seconds}"
        with replay.serve({"text": TEXT}, faults=[stall], shape=case.shape) as url:
            try:
                return asyncio.run(final(url, seconds))
            except pf.StreamTimeoutError as error:
                return error

    assert with_time_enough(ask_within, lambda value: value == FINAL) == FINAL


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("fault", ["length@40", "drop@40", "status:503"])
def test_a_fallback_may_be_another_provider(
    asynchronous: bool,  # noqa: FBT001
    fault: str,
) -> None:
    case = next(case for case in CASES if case.name == "anthropic")
    asked: dict[str, Any] = {"model": "m", "messages": "hi", "response_model": Meeting}

    async def main(url: replay.Server, other: replay.Server) -> Any:
        async with AsyncExitStack() as stack:
            second = case.client(other, asynchronous, stack)
            fallback = {"client": second, "model": case.model, "max_tokens": 500}
            if not asynchronous:
                with open_sync(url) as sdk:
                    client: Any = pf.from_openai(sdk)
                    stream = client.create_partial(**asked, fallbacks=[fallback])
                    return stream.final(), stream
            async with open_async(url) as asdk:
                aclient: Any = pf.from_openai(asdk)
                stream = aclient.create_partial(**asked, fallbacks=[fallback])
                return await stream.final(), stream

    with replay.serve({"text": TEXT}, faults=fault) as url, replay.serve({"text": TEXT}) as other:
        value, stream = asyncio.run(main(url, other))
        (exchange,) = other.exchanges
    assert value == FINAL
    assert exchange.path.endswith("/messages")
    assert (exchange.body or {})["model"] == case.model
    assert stream.attempt == 2
    assert len(stream.attempts) == 1
