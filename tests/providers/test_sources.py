"""Chunks of LangChain, pydantic-ai and the Agents SDK, each asked by the library itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

import partialfast as pf
from partialfast import Mode, replay
from partialfast.providers import Tokens, agents, langchain, pydantic_ai
from partialfast.replay import Server
from partialfast.replay._script import count_tokens

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


class User(BaseModel):
    name: str
    age: int


class Place(BaseModel):
    city: str


TEXT = '{"name": "Ada Lovelace", "age": 36}'
ADA = User(name="Ada Lovelace", age=36)


@pytest.fixture
def url() -> Iterator[Server]:
    with replay.serve({"text": TEXT}) as server:
        yield server


def _langchain(url: Server) -> Any:
    module = pytest.importorskip("langchain_openai")
    return module.ChatOpenAI(base_url=str(url), api_key="k", model="m", max_retries=0)


def _check(stream: Any, snapshots: list[Any]) -> None:
    assert snapshots[-1] == ADA
    assert len(snapshots) > 3
    assert stream.text == TEXT
    assert stream.tokens == Tokens(count_tokens("Who?"), count_tokens(TEXT), 0, 0)
    assert stream.usage is not None


def test_langchain(url: Server) -> None:
    model = _langchain(url)
    asked = model.bind_tools([User])
    stream = langchain.stream(User, asked.stream("Who?", stream_usage=True))
    _check(stream, list(stream))
    assert stream.final() == ADA
    words = langchain.stream(User, model.stream("Who?", stream_usage=True), mode=Mode.MD_JSON)
    _check(words, list(words))

    async def run() -> None:
        chunks = asked.astream("Who?", stream_usage=True)
        stream = langchain.astream(User, chunks)
        _check(stream, [snapshot async for snapshot in stream])
        await model.root_async_client.close()

    asyncio.run(run())


def test_langchain_items_and_endings() -> None:
    text = '{"items": [{"name": "Ada", "age": 36}, {"name": "Alan", "age": 41}]}'
    with replay.serve({"text": text}) as url:
        items = langchain.stream_items(User, _langchain(url).bind_tools([User]).stream("Who?"))
        assert [user.name for user in items] == ["Ada", "Alan"]
    with replay.serve({"text": TEXT}, faults="length@12") as url:
        stream = langchain.stream(User, _langchain(url).bind_tools([User]).stream("Who?"))
        with pytest.raises(pf.TruncatedError) as caught:
            list(stream)
        assert caught.value.finish_reason == "length"


def test_a_source_asks_for_nothing(url: Server) -> None:
    chunks = _langchain(url).stream("Who?")
    with pytest.raises(TypeError, match="asks for nothing: it takes no argument temperature"):
        langchain.stream(User, chunks, temperature=0)


def test_langchain_tells_the_calls_apart() -> None:
    pytest.importorskip("langchain_core")
    from langchain_core.messages import AIMessageChunk

    def chunk(**fields: Any) -> Any:
        return AIMessageChunk(content=fields.pop("content", ""), **fields)

    def call(index: int | None, name: str | None, arguments: str) -> Any:
        return {"index": index, "name": name, "id": None, "args": arguments}

    chunks = [
        chunk(content=[{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "So:"}]),
        chunk(tool_call_chunks=[call(0, "User", '{"name": "A'), call(1, "Place", '{"city"')]),
        chunk(tool_call_chunks=[call(1, None, ': "London"}')]),
        chunk(tool_call_chunks=[call(0, None, 'da", "age": 36}')]),
        chunk(response_metadata={"stop_reason": "tool_use"}),
    ]
    both: Any = User | Place
    stream = langchain.stream_items(both, chunks)
    assert list(stream) == [Place(city="London"), User(name="Ada", age=36)]
    assert stream.reasoning_text == "Hm."


def test_pydantic_ai(url: Server) -> None:
    direct = pytest.importorskip("pydantic_ai.direct")
    from pydantic_ai.messages import ModelRequest
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.tools import ToolDefinition

    tool = ToolDefinition(name="User", parameters_json_schema=User.model_json_schema())
    asked = ModelRequestParameters(output_tools=[tool], output_mode="tool")

    async def run() -> None:
        async with OpenAIProvider(base_url=str(url), api_key="k") as provider:
            model = OpenAIChatModel("m", provider=provider)
            request = [ModelRequest.user_text_prompt("Who?")]
            opened = direct.model_request_stream(model, request, model_request_parameters=asked)
            async with opened as response:
                stream = pydantic_ai.astream(User, response)
                _check(stream, [snapshot async for snapshot in stream])
                assert stream.finish_reason == "tool_call"

    asyncio.run(run())


def test_agents(url: Server) -> None:
    sdk = pytest.importorskip("agents")
    from openai import AsyncOpenAI

    async def run() -> None:
        sdk.set_tracing_disabled(True)
        async with AsyncOpenAI(base_url=str(url), api_key="k") as client:
            model = sdk.OpenAIResponsesModel("m", client)
            agent = sdk.Agent(name="a", model=model, output_type=User)
            started = sdk.Runner.run_streamed(agent, "Who?")
            stream = agents.astream(User, started.stream_events(), mode=Mode.JSON_SCHEMA)
            _check(stream, [snapshot async for snapshot in stream])

    asyncio.run(run())
