"""What programs written for instructor use beside streams: names, hooks, templates, tenacity."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterable
from typing import Any

import pytest
import tenacity
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel, Field, ValidationError

import partialfast as pf
import partialfast.exceptions
from partialfast import replay
from partialfast._hints import HINTS

pytestmark = pytest.mark.usefixtures("clients_are_closed")


class User(BaseModel):
    name: str
    age: int = Field(ge=0)


WHOLE = '{"name": "Ada", "age": 36}'
INVALID = '{"name": "Ada", "age": -1}'
USERS = '{"items": [' + WHOLE + ", " + WHOLE + "]}"
MESSAGES: list[Any] = [{"role": "user", "content": "Who?"}]


def client_of(url: str, mode: pf.Mode = pf.Mode.TOOLS) -> Any:
    return pf.from_openai(OpenAI(base_url=url, api_key="k", max_retries=0), mode, model="m")


def async_client_of(url: str) -> Any:
    return pf.from_openai(AsyncOpenAI(base_url=url, api_key="k", max_retries=0), model="m")


# Names


@pytest.mark.parametrize("name", HINTS)
def test_what_is_not_there_is_told_with_what_to_use(name: str) -> None:
    if name in pf.__all__:
        pytest.skip("it is there")
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; instead of instructor"):
        getattr(pf, name)


def test_modes_have_instructors_names() -> None:
    names = ("FUNCTIONS", "PARALLEL_TOOLS", "TOOLS")
    assert {pf.Mode[name] for name in names} == {pf.Mode.TOOLS}


def test_exceptions_have_instructors_names() -> None:
    assert pf.IncompleteOutputException is pf.TruncatedError
    assert partialfast.exceptions.InstructorRetryException is pf.InvalidAnswerError
    for name in partialfast.exceptions.__all__:
        assert getattr(partialfast.exceptions, name) is getattr(pf, name)


@pytest.mark.network
def test_clients_are_of_instructors_classes_and_say_what_they_have_not() -> None:
    with replay.serve({"text": WHOLE}) as url:
        client = client_of(url)
        assert isinstance(client, pf.Instructor)
        assert isinstance(async_client_of(url), pf.AsyncInstructor)
        assert client.messages.create(response_model=User, messages=MESSAGES).name == "Ada"
        with pytest.raises(AttributeError, match=r"instead of instructor's, use from_openai"):
            _ = client.default_model


@pytest.mark.network
@pytest.mark.parametrize(
    "mode", [pf.Mode.RESPONSES_TOOLS, pf.Mode.RESPONSES_TOOLS_WITH_INBUILT_TOOLS]
)
def test_a_mode_that_names_the_responses_api_asks_it(mode: pf.Mode) -> None:
    with replay.serve({"text": WHOLE, "via": "tool"}) as server:
        client = client_of(server, mode)
        value, completion = client.create_with_completion(response_model=User, messages=MESSAGES)
        *_, last = client.create_partial(response_model=User, messages=MESSAGES)
        assert value == last == User(name="Ada", age=36)
        assert isinstance(completion, Response)
        bodies = [exchange.body or {} for exchange in server.exchanges]
        assert [exchange.path for exchange in server.exchanges] == ["/v1/responses"] * 2
    forced = mode is pf.Mode.RESPONSES_TOOLS
    assert all((body["tool_choice"] == "auto") is not forced for body in bodies)
    assert bodies[0]["input"] == MESSAGES


@pytest.mark.network
def test_a_value_comes_with_its_completion() -> None:
    async def main(url: str) -> tuple[User, Any]:
        async with async_client_of(url) as client:
            both: tuple[User, Any] = await client.create_with_completion(
                response_model=User, messages=MESSAGES
            )
        return both

    with replay.serve({"text": WHOLE}) as url:
        client = client_of(url)
        for value, completion in (
            client.chat.completions.create_with_completion(response_model=User, messages=MESSAGES),
            asyncio.run(main(url)),
        ):
            assert value == User(name="Ada", age=36)
            assert isinstance(completion, ChatCompletion)
            assert completion.usage is not None
        with pytest.raises(TypeError, match="never streams"):
            client.create_with_completion(response_model=User, messages=MESSAGES, stream=True)


@pytest.mark.network
def test_an_awaited_iterable_is_iterated_either_way() -> None:
    async def main(url: str) -> None:
        async with async_client_of(url) as client:
            users = await client.create(response_model=Iterable[User], messages=MESSAGES)
        assert [user async for user in users] == list(users) == users
        assert len(users) == 2

    with replay.serve({"text": USERS}) as url:
        asyncio.run(main(url))


# Hooks


@pytest.mark.network
def test_hooks_are_told_what_happens() -> None:
    seen: list[tuple[str, Any]] = []
    with replay.serve([{"text": INVALID, "times": 1}, {"text": WHOLE}]) as url:
        client = client_of(url)
        client.on("completion:kwargs", lambda **kwargs: seen.append(("kwargs", kwargs["model"])))
        client.on("completion:response", lambda answer: seen.append(("response", type(answer))))
        client.on("completion:usage", lambda usage: seen.append(("usage", usage.total_tokens > 0)))
        client.on("parse:error", lambda error: seen.append(("parse", type(error))))
        client.on("completion:last_attempt", lambda error: seen.append(("last", type(error))))
        client.create(response_model=User, messages=MESSAGES, max_retries=1)
        assert seen == [
            ("kwargs", "m"),
            ("usage", True),
            ("parse", ValidationError),
            ("kwargs", "m"),
            ("response", ChatCompletion),
            ("usage", True),
        ]
        seen.clear()
        client.clear("completion:usage")
        list(client.create_partial(response_model=User, messages=MESSAGES))
        assert seen == [("kwargs", "m")]


@pytest.mark.network
def test_hooks_are_told_of_the_last_attempt() -> None:
    seen: list[type] = []

    def note(error: Exception) -> None:
        seen.append(type(error))

    with replay.serve({"text": INVALID}) as url:
        client = client_of(url)
        client.on("completion:last_attempt", note)
        with pytest.raises(pf.InvalidAnswerError):
            list(client.create_partial(response_model=User, messages=MESSAGES))
        client.off("completion:last_attempt", note)
        with pytest.raises(pf.InvalidAnswerError):
            client.create(response_model=User, messages=MESSAGES)
    assert seen == [ValidationError]


@pytest.mark.network
def test_a_hook_that_fails_ends_no_call(caplog: pytest.LogCaptureFixture) -> None:
    with replay.serve({"text": WHOLE}) as url:
        client = client_of(url)
        client.on("completion:kwargs", lambda: None)
        with caplog.at_level(logging.ERROR, "partialfast"):
            assert client.create(response_model=User, messages=MESSAGES).age == 36
    assert "a handler of completion:kwargs failed" in caplog.text


def test_a_hook_that_cannot_be_is_refused() -> None:
    client = client_of("http://127.0.0.1:9/v1")
    with pytest.raises(ValueError, match=r"there is no event 'completion:begin'; there are "):
        client.on("completion:begin", print)
    with pytest.raises(TypeError, match="must be callable"):
        client.on("parse:error", 3)


# Templates


@pytest.mark.network
def test_templates_are_filled_with_the_context() -> None:
    messages = [
        {"role": "system", "content": "{% if short %}Be short.{% endif %}"},
        {"role": "user", "content": [{"type": "text", "text": "Who is {{ name }}?"}]},
    ]
    with replay.serve({"text": WHOLE}) as server:
        client = client_of(server)
        context = {"name": "Ada", "short": True}
        client.create(response_model=User, messages=messages, context=context)
        client.create(response_model=User, messages=messages)
        sent, raw = ((exchange.body or {})["messages"] for exchange in server.exchanges)
    assert [sent[0]["content"], sent[1]["content"][0]["text"]] == ["Be short.", "Who is Ada?"]
    assert raw == messages


def test_a_template_is_never_sent_raw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2.sandbox", None)
    client = client_of("http://127.0.0.1:9/v1")
    messages = [{"role": "user", "content": "Who is {{ name }}?"}]
    with pytest.raises(ImportError, match=r"pip install .partialfast\[templates\]"):
        client.create(response_model=User, messages=messages, context={"name": "Ada"})


# Tenacity


@pytest.mark.network
@pytest.mark.parametrize("stream", [False, True])
def test_tenacity_says_how_often_and_how_long(*, stream: bool) -> None:
    waited: list[int] = []

    def wait(state: tenacity.RetryCallState) -> float:
        assert state.outcome is not None
        assert isinstance(state.outcome.exception(), ValidationError)
        waited.append(state.attempt_number)
        return 0.001

    retrying = tenacity.Retrying(stop=tenacity.stop_after_attempt(3), wait=wait)
    arguments: Any = {"response_model": User, "messages": MESSAGES, "max_retries": retrying}
    with replay.serve({"text": INVALID}) as server:
        client = client_of(server)
        ask = client.create_partial if stream else client.create
        with pytest.raises(pf.InvalidAnswerError) as raised:
            # A list of what a call without a stream gives is never made: it raises.
            list(ask(**arguments))
        assert len(server.exchanges) == 3
    assert waited == [1, 2]
    assert len(raised.value.attempts) == 3


@pytest.mark.network
def test_tenacity_waits_without_blocking() -> None:
    async def main(url: str) -> None:
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(2), wait=tenacity.wait_fixed(0.05)
        )
        async with async_client_of(url) as client:
            call = client.create(response_model=User, messages=MESSAGES, max_retries=retrying)
            task = asyncio.ensure_future(call)
            turns = 0
            while not task.done():
                await asyncio.sleep(0.005)
                turns += 1
            assert (await task).age == 36
        assert turns > 2

    with replay.serve([{"text": INVALID, "times": 1}, {"text": WHOLE}]) as url:
        asyncio.run(main(url))
