"""What a stream hands out when all goes well."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Iterable
from typing import Any, Literal

import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel, JsonValue, ValidationError

import partialfast as pf
from partialfast import replay
from partialfast.providers.openai import Mode
from partialfast.providers.openai._provider import OpenAI as OpenAIProvider
from partialfast.replay._recording import Recording, ToolCall
from tests.either import in_step
from tests.openai_driver import EVERY_WAY, TEXT, Api, Meeting, User, Way, ask, fetch, opened
from tests.replaying import canned, events, responses, tool_request

pytestmark = pytest.mark.network

FINAL = Meeting.model_validate_json(TEXT)
APIS: list[Api] = ["chat", "responses"]
MESSAGES: list[Any] = [{"role": "user", "content": "hello"}]
ASK: dict[str, Any] = {"model": "m", "messages": MESSAGES, "response_model": Meeting}
NOISE = '<think>Who? {"users": 0}</think>Here it is:\n```json\n%s\n```\nAnything else?'


def grows(handed: list[Any]) -> None:
    """Check that text only grows and nothing vanishes."""
    for earlier, later in itertools.pairwise(handed):
        for key, value in earlier.items():
            if isinstance(value, str):
                assert later[key].startswith(value)
            elif isinstance(value, list):
                assert len(later[key]) >= len(value)
            elif value is not None:
                assert later[key] == value


@pytest.mark.parametrize(
    ("api", "shape", "received"),
    [
        ("chat", "openai", ""),
        ("chat", "vllm", "Let me see. Ada?"),
        ("chat", "llama.cpp", "Let me see. Ada?"),
        ("chat", "openrouter", "Let me see. Ada?"),
        ("responses", "openai", "Let me see. Ada?"),
        ("responses", "vllm", "Let me see. Ada?"),
    ],
)
@pytest.mark.parametrize("split", [None, 7])
def test_reasoning_is_told_apart_from_the_answer(
    way: Way, api: Api, shape: str, received: str, split: int | None
) -> None:
    recording = {"text": TEXT, "reasoning": "Let me see. Ada?"}
    with replay.serve(recording, shape=shape, split=split) as url:
        outcome = ask(way, url, api=api, response_model=Meeting)
    assert outcome.error is None
    assert outcome.handed[-1] == FINAL
    assert outcome.stream.text == TEXT
    assert outcome.stream.reasoning_text == received


@EVERY_WAY
@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("mode", OpenAIProvider.modes)
def test_snapshots_grow_to_the_final_value(way: Way, api: Api, mode: Mode) -> None:
    with replay.serve({"text": TEXT}) as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Meeting)
    assert outcome.error is None
    assert len(outcome.handed) > 20
    grows(outcome.dumps())
    assert outcome.handed[-1] == FINAL
    assert all(isinstance(each, Meeting) for each in outcome.handed)
    stream = outcome.stream
    assert stream.snapshot is outcome.handed[-1]
    assert stream.text == TEXT
    assert stream.attempt == 1
    assert stream.attempts == ()
    assert stream.request_id.startswith("req_")
    assert stream.response_id
    assert stream.model == "gpt-4"
    assert stream.trailing_text == ""
    expected = {"chat": "stop", "responses": "completed"}[api]
    assert stream.finish_reason == expected
    used = stream.usage.total_tokens
    assert used > 0


@EVERY_WAY
@pytest.mark.parametrize("api", APIS)
def test_completions_are_exact(way: Way, api: Api) -> None:
    with replay.serve({"text": TEXT}) as url:
        outcome = ask(way, url, api=api, response_model=pf.Partial[Meeting])
    assert list(itertools.chain(*outcome.completed)) == [
        ("users", 0, "name"),
        ("users", 0, "email"),
        ("users", 0),
        ("users", 1, "name"),
        ("users", 1, "email"),
        ("users", 1),
        ("users",),
        ("location",),
        ("budget",),
        (),
    ]
    assert ("users", 1, "email") in outcome.paths
    assert ("location",) in outcome.paths


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("mode", OpenAIProvider.modes)
def test_create_gives_the_final_value_alone(way: Way, api: Api, mode: Mode) -> None:
    with replay.serve({"text": TEXT}) as url:
        assert fetch(way, url, api=api, mode=mode, response_model=Meeting) == FINAL
        (exchange,) = url.exchanges
    assert exchange.body
    assert not exchange.body.get("stream")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("mode", OpenAIProvider.modes)
@pytest.mark.parametrize("bare", [False, True], ids=["wrapped", "bare"])
def test_items_come_one_by_one(way: Way, api: Api, mode: Mode, bare: bool) -> None:  # noqa: FBT001
    users = [user.model_dump_json() for user in FINAL.users]
    text = f"[{', '.join(users)}]" if bare else f'{{"items": [{", ".join(users)}]}}'
    with replay.serve({"text": text}) as url:
        outcome = ask(way, url, api=api, mode=mode, method="create_iterable", response_model=User)
        for asked in (Iterable[User], list[User]):
            same = ask(way, url, api=api, mode=mode, method="create_iterable", response_model=asked)
            assert same.handed == FINAL.users
            same = ask(
                way, url, api=api, mode=mode, method="create", response_model=asked, stream=True
            )
            assert same.handed == FINAL.users
        assert fetch(way, url, api=api, mode=mode, response_model=list[User]) == FINAL.users
    assert outcome.error is None
    assert outcome.handed == FINAL.users
    assert outcome.completed[0][-1] == (0,)
    assert outcome.stream.snapshot == FINAL.users[-1]
    assert outcome.stream.text == text


@EVERY_WAY
@pytest.mark.parametrize("mode", OpenAIProvider.modes)
@pytest.mark.parametrize(
    ("response_model", "text", "final"),
    [
        (list[User], '{"items": [{"name": "A", "email": "a"}]}', [User(name="A", email="a")]),
        (list[int], '{"items": [1, 23, 456]}', [1, 23, 456]),
        (int, '{"value": 12345}', 12345),
        (Literal["yes", "no"], '{"value": "yes"}', "yes"),
        (str, '{"value": "a } \\" ] b"}', 'a } " ] b'),
        (dict[str, int], '{"a": 1, "b": 2}', {"a": 1, "b": 2}),
        (JsonValue, '{"value": {"a": [1, null]}}', {"a": [1, None]}),
        (User | None, '{"value": null}', None),
        (User | None, '{"value": {"name": "A", "email": "a"}}', User(name="A", email="a")),
    ],
    ids=str,
)
def test_any_type_may_be_asked_for(
    way: Way, mode: Mode, response_model: Any, text: str, final: Any
) -> None:
    with replay.serve({"text": text}) as url:
        outcome = ask(way, url, mode=mode, response_model=response_model)
        assert fetch(way, url, mode=mode, response_model=response_model) == final
    assert outcome.error is None
    assert outcome.handed[-1] == final
    if response_model is str:
        assert len(outcome.handed) > 3
        assert all(final.startswith(each) for each in outcome.handed)


@pytest.mark.parametrize("mode", [Mode.JSON, Mode.JSON_SCHEMA, Mode.MD_JSON])
@pytest.mark.parametrize("chunk", [1, 3, None])
def test_noise_around_the_json_is_skipped(way: Way, mode: Mode, chunk: int | None) -> None:
    text = NOISE % TEXT
    with replay.serve({"text": text}, chunk=chunk) as url:
        outcome = ask(way, url, mode=mode, response_model=Meeting)
    assert outcome.error is None
    assert outcome.handed[-1] == FINAL
    assert outcome.stream.text == text
    assert outcome.stream.trailing_text == "\nAnything else?"
    grows(outcome.dumps())


def without(stream: list[Any], *kinds: str) -> str:
    """Return a stream of the Responses API without the events of some kinds."""
    kept = [event for event in stream if not event["type"].endswith(kinds)]
    return "".join(f"data: {json.dumps(event)}\n\n" for event in kept)


@EVERY_WAY
@pytest.mark.parametrize("missing", [(".delta",), (".delta", "arguments.done", "item.added")])
def test_a_proxy_may_send_whole_calls_only(way: Way, missing: tuple[str, ...]) -> None:
    calls = (ToolCall("Meeting", TEXT), ToolCall("User", '{"name": "Ada", "email": "a"}'))
    ask_for = tool_request("responses")
    raw = without(events(canned(Recording(tool_calls=calls), ask_for)), *missing)
    with replay.serve({"raw": raw}) as url:
        one = ask(way, url, api="responses", response_model=Meeting)
        many = ask(
            way, url, api="responses", method="create_iterable", response_model=Meeting | User
        )
    meeting = Meeting.model_validate_json(TEXT)
    assert (one.error, many.error) == (None, None)
    assert one.handed[-1] == meeting
    assert many.handed == [meeting, User(name="Ada", email="a")]


@EVERY_WAY
def test_a_proxy_may_send_whole_texts_only(way: Way) -> None:
    answers = [Recording(text=TEXT), Recording(refusal="I'd rather not.")]
    raws = [without(events(canned(each, responses())), ".delta") for each in answers]
    arguments: dict[str, Any] = {"api": "responses", "mode": Mode.JSON_SCHEMA}
    with replay.serve({"raw": raws[0]}) as url:
        answered = ask(way, url, response_model=Meeting, **arguments)
    with replay.serve({"raw": raws[1]}) as url:
        refused = ask(way, url, response_model=Meeting, **arguments)
    assert answered.error is None
    assert answered.handed[-1] == Meeting.model_validate_json(TEXT)
    assert refused.raised(pf.RefusalError).text == "I'd rather not."


@EVERY_WAY
def test_the_first_snapshot_comes_before_the_rest_is_sent(way: Way) -> None:
    async def main() -> None:
        async with opened(way, url) as client:
            stream = in_step(client.create_partial(**ASK))
            first = await anext(stream)
            assert first.model_dump()["budget"] is None
            assert url.exchanges[0].ending is None
            url.release()
            assert await stream.final() == FINAL

    with replay.serve({"text": TEXT}, hold=4) as url:
        asyncio.run(main())


@EVERY_WAY
def test_final_drains_and_can_be_asked_again(way: Way) -> None:
    async def main() -> None:
        async with opened(way, url) as client:
            stream = in_step(client.create_partial(**ASK))
            assert await stream.final() == FINAL
            assert await stream.final() is await stream.final()
            assert [one async for one in stream] == []

    with replay.serve({"text": TEXT}) as url:
        asyncio.run(main())


def test_async_calls_can_be_awaited_and_iterated_alike() -> None:
    async def main() -> None:
        ask: dict[str, Any] = {"model": "m", "messages": MESSAGES}
        async with AsyncOpenAI(base_url=url, api_key="k") as sdk:
            completions = pf.from_openai(sdk).chat.completions
            plain = completions.create_partial(**ask, response_model=Meeting)
            assert [one async for one in plain][-1] == FINAL
            awaited = await completions.create_partial(**ask, response_model=Meeting)
            assert [one async for one in awaited][-1] == FINAL
            partial = pf.Partial[Meeting]
            plain = completions.create(**ask, response_model=partial, stream=True)
            assert [one async for one in plain][-1] == FINAL
            awaited = await completions.create(**ask, response_model=partial, stream=True)
            assert [one async for one in awaited][-1] == FINAL
            assert await awaited is awaited
            async with completions.create_partial(**ask, response_model=Meeting) as stream:
                assert await stream.final() == FINAL
            assert await completions.create(**ask, response_model=Meeting) == FINAL
            value = completions.create(**ask, response_model=Meeting)
            assert [one async for one in value] == [FINAL]
            # A call is a coroutine, as it is with the SDK.
            task = asyncio.create_task(completions.create(**ask, response_model=Meeting))
            both = [completions.create(**ask, response_model=Meeting) for _ in range(2)]
            assert [await task, *await asyncio.gather(*both)] == [FINAL] * 3
            assert (
                await asyncio.wait_for(completions.create(**ask, response_model=Meeting), timeout=5)
                == FINAL
            )

    with replay.serve({"text": TEXT}) as url:
        asyncio.run(main())


def test_everything_else_passes_through() -> None:
    with replay.serve({"text": TEXT}) as url, OpenAI(base_url=url, api_key="k") as sdk:
        client = pf.from_openai(sdk)
        assert [model.id for model in client.models.list()] == ["replay"]
        assert client.api_key == "k"
        assert client.chat.completions.with_raw_response is not None
        answer = client.chat.completions.create(model="m", messages=MESSAGES)
        assert answer.choices[0].message.content == TEXT
        chunks = client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        assert type(chunks).__module__.startswith("openai")
        with chunks:
            assert sum(bool(chunk.choices) for chunk in chunks) > 20
        assert client.responses.create(model="m", input="hi").output_text == TEXT
        slow = client.with_options(timeout=5)
        assert slow.timeout == 5
        assert slow.create(model="m", messages=MESSAGES, response_model=Meeting) == FINAL
        bodies = [exchange.body or {} for exchange in url.exchanges]
        assert not any("tools" in body or "stream_options" in body for body in bodies[:-1])
        with pytest.raises(AttributeError, match="no attribute"):
            _ = client.nothing_of_the_sort


def test_a_client_is_a_context_manager() -> None:
    async def main() -> None:
        async with pf.from_openai(AsyncOpenAI(base_url=url, api_key="k")) as client:
            assert (
                await client.create(model="m", messages=MESSAGES, response_model=Meeting) == FINAL
            )
        assert client.is_closed()

    with replay.serve({"text": TEXT}) as url:
        with pf.from_openai(OpenAI(base_url=url, api_key="k")) as client:
            assert client.create(model="m", messages=MESSAGES, response_model=Meeting) == FINAL
        assert client.is_closed()
        asyncio.run(main())


@EVERY_WAY
@pytest.mark.parametrize("every", ["event", "read", "value", 0.0001, 60.0])
def test_every_chooses_when_a_snapshot_is_due(way: Way, every: Any) -> None:
    with replay.serve({"text": TEXT}) as url:
        outcome = ask(way, url, response_model=Meeting, every=every)
        full = ask(way, url, response_model=Meeting)
    assert outcome.error is None
    assert outcome.dumps()[-1] == FINAL.model_dump()
    # The first one is never delayed, and nothing is reported complete twice or not at all.
    assert outcome.dumps()[0] == full.dumps()[0]
    assert list(itertools.chain(*outcome.completed)) == list(itertools.chain(*full.completed))
    if every == "value":
        assert all(outcome.completed[1:])
        assert len(outcome.handed) < len(full.handed) / 2
    if every == 60.0:
        assert len(outcome.handed) == 2
    if every == "event":
        assert outcome.dumps() == full.dumps()


@EVERY_WAY
def test_strict_and_context_reach_pydantic(way: Way) -> None:
    class Checked(BaseModel):
        budget: int

        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            from pydantic_core import core_schema

            def check(value: Any, info: Any) -> Any:
                seen.append(info.context)
                return value

            return core_schema.with_info_after_validator_function(check, handler(source))

    seen: list[Any] = []
    with replay.serve({"text": '{"budget": "12"}'}) as url:
        loose = ask(way, url, response_model=Checked, context={"a": 1})
        assert loose.handed[-1].budget == 12
        assert seen
        assert all(each == {"a": 1} for each in seen)
        assert fetch(way, url, response_model=Checked, validation_context={"b": 2}).budget == 12
        assert seen[-1] == {"b": 2}
        ask(way, url, response_model=Checked, strict=True).raised(ValidationError)


def test_the_log_has_no_secrets_and_no_text(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.DEBUG, logger="partialfast"),
        replay.serve({"text": TEXT}) as url,
        OpenAI(base_url=url, api_key="sk-secret") as sdk,
    ):
        stream = pf.from_openai(sdk).create_partial(
            model="m",
            messages=[{"role": "user", "content": "whisper"}],
            response_model=Meeting,
        )
        stream.final()
    records = [record for record in caplog.records if record.name == "partialfast"]
    assert len(records) >= 2
    assert {record.levelno for record in records} == {logging.DEBUG}
    said = "\n".join(record.getMessage() for record in records)
    assert "Meeting" in said
    assert "stop" in said
    assert not any(secret in said for secret in ("sk-secret", "whisper", "Ada", "ada@"))
