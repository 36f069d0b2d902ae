"""A batch's own way to the server: the same results as the SDK's, read in gulps."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from pydantic import BaseModel

import partialfast as pf
from partialfast import replay
from partialfast.providers.openai._chat import Chat
from partialfast.providers.openai._command_client import Endpoint, connected
from partialfast.providers.openai._direct import DirectChat, goes_through_a_proxy

pytestmark = pytest.mark.network


class Person(BaseModel):
    name: str
    age: int


TEXT = '{"name": "Ada Lovelace", "age": 36}'


@asynccontextmanager
async def ways(url: str) -> AsyncGenerator[list[Any], None]:
    """Give a client of the batch's and one of the SDK's."""
    async with (
        connected(Endpoint(url, "none")) as batch,
        openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as sdk,
    ):
        yield [batch, pf.from_openai(sdk)]


async def ask(client: Any, **more: Any) -> Any:
    arguments: dict[str, Any] = {
        "response_model": Person, "model": "gpt-4", "every": "read",
        "messages": [{"role": "user", "content": "x"}],
    }  # fmt: skip
    stream = client.create_partial(**(arguments | more))
    try:
        value = await stream.final()
    except Exception as error:  # noqa: BLE001 - what is raised is compared
        # The response is of the library that the SDK works over, whatever else is loaded.
        response = type(getattr(error, "response", None))
        return type(error), str(error), getattr(error, "body", None), response
    finally:
        await stream.aclose()
    return value, stream.text, stream.usage, stream.finish_reason


@pytest.mark.parametrize("every", ["read", 0.02])
@pytest.mark.parametrize(
    "recording",
    [
        {},
        {"text": '{"name": "Ada", "age": "old"}'},
        {"text": "no JSON"},
        {"refusal": "No."},
        *(
            {"fault": fault}
            for fault in (
                "status:400", "status:401", "status:404", "status:422", "status:429", "status:500",
                "length@9", "filter@9", "error@9", "end@9", "corrupt@9", "reject:stream_options",
            )
        ),
    ],
)  # fmt: skip
def test_both_ways_lead_to_the_same(recording: dict[str, Any], every: Any) -> None:
    async def run(url: str) -> list[Any]:
        async with ways(url) as clients:
            return [await ask(client, every=every) for client in clients]

    played: dict[str, Any] = {"text": TEXT, **recording}
    with replay.serve(played) as server:
        batch, sdk = asyncio.run(run(server))
        # The body is the same JSON, and the headers that name the caller are the SDK's.
        first, last = server.exchanges[0], server.exchanges[len(server.exchanges) // 2]
        assert first.body == last.body
        for name in ("authorization", "user-agent", "x-stainless-lang", "content-type"):
            assert first.headers[name] == last.headers[name]
    assert batch == sdk


def test_a_lost_connection_is_one() -> None:
    async def run(url: str) -> list[Any]:
        async with ways(url) as clients:
            return [(await ask(client))[0] for client in clients]

    with replay.serve({"text": TEXT, "fault": "drop@9"}) as server:
        assert asyncio.run(run(server)) == [pf.DroppedError] * 2
    assert asyncio.run(run("http://127.0.0.1:1/v1")) == [openai.APIConnectionError] * 2


def test_tokens_are_gathered() -> None:
    text = json.dumps({"name": "x" * 400, "age": 1})
    reads = 0

    async def run(url: str) -> Person:
        nonlocal reads
        async with ways(url) as (client, _):
            stream = client.create_partial(
                response_model=Person, model="gpt-4", every=0.2,
                messages=[{"role": "user", "content": "x"}],
            )  # fmt: skip
            async for _ in stream:
                reads += 1
            value: Person = await stream.final()
            return value

    # About 200 deltas in a second.
    with replay.serve({"text": text}, rate=200, chunk=2) as server:
        assert asyncio.run(run(server)).age == 1
        assert server.exchanges[0].writes > 150
    assert 1 < reads < 30


def test_an_invalid_answer_is_cut_off_after_a_gulp_at_most() -> None:
    text = '{"name": "x", "age": "old", "more": "' + "x" * 100_000 + '"}'

    async def run(url: str) -> Any:
        async with ways(url) as (client, _):
            return await ask(client, every=0.1)

    with replay.serve({"text": text}, rate=300) as server:
        assert issubclass(asyncio.run(run(server))[0], pf.InvalidAnswerError)
        assert server.wait_ended().ending == "disconnect"


def events_of_an_answer() -> bytes:
    """Make the events of an answer, but for the last."""
    delta = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "Person"}}]}
    events: list[Any] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {"choices": [{"index": 0, "finish_reason": None, "delta": {
            "tool_calls": [{"index": 0, "function": {"arguments": TEXT}}]}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]  # fmt: skip
    return b"".join(
        b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n" for event in events
    )


EVENTS = events_of_an_answer() + b"data: [DONE]\n\n"


def whole_answer() -> bytes:
    """Make a response that a server writes at once, but for its very end."""
    body = events_of_an_answer()
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    return head + b"%x\r\n%s\r\n" % (len(body), body)


@asynccontextmanager
async def handled_by(handle: Any) -> AsyncGenerator[str]:
    """Serve with what deals with a connection."""
    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def test_nothing_is_delayed_after_the_end() -> None:
    """With an hour between two reads, an answer whose end has come takes no hour."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(whole_answer())
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def run() -> Any:
        async with handled_by(handle) as url, ways(url) as (client, _):
            return await asyncio.wait_for(ask(client, every=3600), 20)

    assert asyncio.run(run())[0] == Person(name="Ada Lovelace", age=36)


def test_connections_are_used_again() -> None:
    async def run(url: str) -> None:
        async with ways(url) as (client, _):
            for _ in range(4):
                await ask(client)

    with replay.serve({"text": TEXT}) as server:
        asyncio.run(run(server))
        assert len({exchange.port for exchange in server.exchanges}) == 1


def test_what_is_the_sdks_business_takes_the_sdks_way(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(url: str) -> None:
        async with ways(url) as (client, _):
            assert (await ask(client, extra_headers={"x-mine": "1"}))[0].age == 36

    with replay.serve({"text": TEXT}) as server:
        asyncio.run(run(server))
        assert server.exchanges[0].headers["x-mine"] == "1"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    assert not goes_through_a_proxy("https://api.openai.com/v1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert goes_through_a_proxy("https://api.openai.com/v1")
    assert not goes_through_a_proxy("http://127.0.0.1:1/v1")
    monkeypatch.setenv("no_proxy", "openai.com")
    assert not goes_through_a_proxy("https://api.openai.com/v1")

    async def provider() -> Any:
        async with connected(Endpoint("https://example.org/v1", "none")) as client:
            return client.stand_in("chat.completions")[0]

    monkeypatch.delenv("no_proxy")
    assert type(asyncio.run(provider())) is Chat
    monkeypatch.delenv("https_proxy")
    assert type(asyncio.run(provider())) is DirectChat


@pytest.mark.parametrize("head", [b"content-encoding: gzip\r\n", b""])
def test_what_is_no_plain_answer_is_asked_for_in_the_sdks_way(head: bytes) -> None:
    """A redirect, and an answer that is compressed although nobody has asked for that."""
    agents: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        agents.append(asked.split(b" ")[1].decode())
        if head:
            body = gzip.compress(EVENTS)
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n%bcontent-length: %d\r\n"
                b"connection: close\r\n\r\n%b" % (head, len(body), body)
            )
        elif agents[-1] == "/v1/chat/completions":
            writer.write(
                b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /v2/chat/completions\r\n"
                b"content-length: 0\r\nconnection: close\r\n\r\n"
            )
        else:
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n"
                b"connection: close\r\n\r\n%b" % (len(EVENTS), EVENTS)
            )
        await writer.drain()
        writer.close()

    async def run() -> Any:
        async with handled_by(handle) as url, ways(url) as (client, _):
            return [await ask(client) for _ in range(2)]

    for answer in asyncio.run(run()):
        assert answer[0] == Person(name="Ada Lovelace", age=36)
    # Once it was asked in vain, and after that no more.
    assert len(agents) == (3 if head else 5)


def test_a_client_that_is_closed_closes_what_it_reads() -> None:
    async def run(url: str) -> float:
        async with ways(url) as (client, _):
            stream = client.create_partial(
                response_model=Person, model="gpt-4", every=60,
                messages=[{"role": "user", "content": "x"}],
            )  # fmt: skip
            await anext(stream)
            waiting = asyncio.create_task(anext(stream))
            await asyncio.sleep(0.1)
            began = time.monotonic()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await stream.aclose()
            return time.monotonic() - began

    with replay.serve({"text": TEXT}, hold=3) as server:
        assert asyncio.run(run(server)) < 30
        assert server.wait_ended().ending == "disconnect"
