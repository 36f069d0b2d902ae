"""Leaving a stream early closes the HTTP response at once, and nothing is logged about it."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import sys
import threading
import time
import warnings
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import pytest
from openai import AsyncOpenAI, DefaultAioHttpClient, DefaultHttpxClient, OpenAI

import partialfast as pf
from partialfast import replay
from partialfast.answer import _patience
from partialfast.providers.openai import AsyncStream, Stream
from tests import openai_driver as driver
from tests.either import in_step
from tests.openai_driver import EVERY_WAY, HTTP, TEXT, WAYS, Meeting, Way
from tests.patience import STALL

pytestmark = pytest.mark.network

ASK: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "hello"}],
    "response_model": Meeting,
}
TRANSPORTS = sorted({way.transport for way in WAYS})
BY_TRANSPORT = pytest.mark.parametrize("transport", TRANSPORTS)


class LoopBodyError(Exception):
    """Raised by the caller's own code."""


@pytest.fixture(autouse=True)
def _nothing_is_said(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail on warnings, on complaints of the garbage collector and of the event loop."""
    said: list[Any] = []
    hook, sys.unraisablehook = sys.unraisablehook, said.append
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
            gc.collect()
    finally:
        sys.unraisablehook = hook
    complaints = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == []
    assert complaints == []


@contextmanager
def held() -> Generator[replay.Server]:
    """Serve an answer that stops in the middle, and check that the client went away."""
    with replay.serve({"text": TEXT}, hold=6) as url:
        yield url


def went_away(url: replay.Server, since: float) -> None:
    exchange = url.wait_ended(timeout=STALL)
    assert exchange.ending == "disconnect"
    assert exchange.ended is not None
    assert exchange.ended - since < STALL


def break_out(stream: Stream[Meeting]) -> None:
    for _ in stream:
        break


def raise_in_the_loop(stream: Stream[Meeting]) -> None:
    def read() -> None:
        for _ in stream:
            raise LoopBodyError

    with pytest.raises(LoopBodyError):
        read()


def leave_the_context(stream: Stream[Meeting]) -> None:
    with stream:
        next(stream)


def raise_in_the_context(stream: Stream[Meeting]) -> None:
    def read() -> None:
        with stream:
            next(stream)
            raise LoopBodyError

    with pytest.raises(LoopBodyError):
        read()


def close(stream: Stream[Meeting]) -> None:
    next(stream)
    stream.close()


@BY_TRANSPORT
@pytest.mark.parametrize(
    "leave", [break_out, raise_in_the_loop, leave_the_context, raise_in_the_context, close]
)
def test_leaving_closes_at_once(transport: Any, leave: Any) -> None:
    with held() as url, OpenAI(base_url=url, api_key="k") as sdk:
        stream = pf.from_openai(sdk, transport=transport).create_partial(**ASK)
        leave(stream)
        since = time.monotonic()
        went_away(url, since)
        # What was received stays readable.
        assert isinstance(stream.snapshot, Meeting)
        assert stream.text
        assert list(stream) == []
        with pytest.raises(pf.StreamError, match="closed") as raised:
            stream.final()
        assert raised.value.snapshot == stream.snapshot
        assert raised.value.text == stream.text
        stream.close()


@BY_TRANSPORT
def test_a_dropped_stream_is_closed(transport: Any) -> None:
    with held() as url, OpenAI(base_url=url, api_key="k") as sdk:
        client = pf.from_openai(sdk, transport=transport)
        next(client.create_partial(**ASK))
        gc.collect()
        went_away(url, time.monotonic())


@EVERY_WAY
def test_what_was_read_already_is_not_handed_out_after_closing(way: Way) -> None:
    """All events come in one read, so that closing has more to stop than the connection."""

    async def main() -> None:
        async with driver.opened(way, url) as client:
            stream = in_step(client.create_partial(**ASK))
            handed = []
            async for one in stream:
                handed.append(one)
                assert stream.snapshot is one
                if len(handed) == 5:
                    await stream.aclose()
            assert stream.snapshot is handed[-1]
            assert len(handed) == 5

    with replay.serve({"text": TEXT}, split=1 << 20) as url:
        asyncio.run(main())


async def abreak_out(stream: AsyncStream[Meeting]) -> None:
    async for _ in stream:
        break


async def araise_in_the_loop(stream: AsyncStream[Meeting]) -> None:
    async def read() -> None:
        async for _ in stream:
            raise LoopBodyError

    with pytest.raises(LoopBodyError):
        await read()


async def aleave_the_context(stream: AsyncStream[Meeting]) -> None:
    async with stream:
        await anext(stream)


async def araise_in_the_context(stream: AsyncStream[Meeting]) -> None:
    async def read() -> None:
        async with stream:
            await anext(stream)
            raise LoopBodyError

    with pytest.raises(LoopBodyError):
        await read()


async def aclose(stream: AsyncStream[Meeting]) -> None:
    await anext(stream)
    await stream.aclose()


async def close_like_the_sdk(stream: AsyncStream[Meeting]) -> None:
    await anext(stream)
    await stream.close()


async def cancel_while_it_waits(stream: AsyncStream[Meeting]) -> None:
    await anext(stream)
    waiting = asyncio.create_task(stream.final())
    await asyncio.sleep(0.2)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def cancel_while_the_body_waits(stream: AsyncStream[Meeting]) -> None:
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in stream:
            begun.set()
            await asyncio.sleep(60)

    reading = asyncio.create_task(read())
    await begun.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def time_out(stream: AsyncStream[Meeting]) -> None:
    async def read() -> None:
        with anyio.fail_after(0.2):
            async for _ in stream:
                pass

    with pytest.raises(TimeoutError):
        await read()


CLIENTS: dict[str, Callable[[], Any]] = {
    "httpx": dict,
    "aiohttp": lambda: {"http_client": DefaultAioHttpClient()},
}


@asynccontextmanager
async def opened(url: str, http: str) -> AsyncGenerator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=url, api_key="k", **CLIENTS[http]()) as sdk:
        yield sdk


@BY_TRANSPORT
@pytest.mark.parametrize("http", CLIENTS)
@pytest.mark.parametrize(
    "leave",
    [
        abreak_out,
        araise_in_the_loop,
        aleave_the_context,
        araise_in_the_context,
        aclose,
        close_like_the_sdk,
        cancel_while_it_waits,
        cancel_while_the_body_waits,
        time_out,
    ],
)
def test_leaving_asynchronously_closes_at_once(transport: Any, http: str, leave: Any) -> None:
    async def main() -> None:
        async with opened(url, http) as sdk:
            stream = pf.from_openai(sdk, transport=transport).create_partial(**ASK)
            await leave(stream)
            since = time.monotonic()
            await asyncio.to_thread(went_away, url, since)
            assert isinstance(stream.snapshot, Meeting)
            assert stream.text
            assert [one async for one in stream] == []
            with pytest.raises(pf.StreamError, match="closed"):
                await stream.final()
            await stream.aclose()

    with held() as url:
        asyncio.run(main())


@BY_TRANSPORT
@pytest.mark.parametrize("http", CLIENTS)
def test_the_last_thing_a_program_does_may_be_to_break(transport: Any, http: str) -> None:
    async def main() -> None:
        async with opened(url, http) as sdk:
            client = pf.from_openai(sdk, transport=transport)
            async for _ in client.create_partial(**ASK):
                break

    with held() as url:
        asyncio.run(main())
        went_away(url, time.monotonic())


@BY_TRANSPORT
def test_other_event_loops(transport: Any) -> None:
    trio = pytest.importorskip("trio")

    async def main() -> None:
        async with AsyncOpenAI(base_url=url, api_key="k") as sdk:
            stream = pf.from_openai(sdk, transport=transport).create_partial(**ASK)
            with trio.move_on_after(0.2):
                async for _ in stream:
                    pass
            since = time.monotonic()
            await trio.to_thread.run_sync(went_away, url, since)

    with held() as url:
        trio.run(main)


@BY_TRANSPORT
def test_many_streams_left_early_leave_no_connection_behind(transport: Any) -> None:
    with replay.serve({"text": TEXT}, rate=100) as url, OpenAI(base_url=url, api_key="k") as sdk:
        client = pf.from_openai(sdk, transport=transport)
        for _ in range(20):
            for _ in client.create_partial(**ASK):
                break
        for number in range(20):
            assert url.wait_ended(number).ending == "disconnect"
        pool: Any = sdk._client._transport
        assert pool._pool.connections == []


@BY_TRANSPORT
def test_a_stream_that_was_never_begun_is_no_trouble(transport: Any) -> None:
    async def main() -> None:
        async with AsyncOpenAI(base_url=url, api_key="k") as sdk:
            stream = pf.from_openai(sdk, transport=transport).create_partial(**ASK)
            assert stream.snapshot is None
            assert stream.text == ""
            assert stream.request_id is None
            await stream.aclose()
            with pytest.raises(pf.StreamError, match="closed"):
                await stream.final()

    with held() as url:
        asyncio.run(main())
        assert url.exchanges == []


@pytest.mark.parametrize(
    ("way", "http"),
    [
        pytest.param(way, http, id=f"{way}-{http}")
        for way in WAYS
        for http in CLIENTS
        # What the SDK itself reads without asynchrony, it closes.
        if way.asynchronous or (way.transport == "raw" and http == "httpx")
    ],
)
def test_a_connection_is_used_again_after_a_whole_answer(way: Way, http: str) -> None:
    async def main() -> None:
        async with driver.opened(way, url, **CLIENTS[http]()) as client:
            for _ in range(3):
                await in_step(client.create_partial(**ASK)).final()

    with replay.serve({"text": TEXT}) as url:
        asyncio.run(main())
        assert [exchange.ending for exchange in url.exchanges] == ["complete"] * 3
        assert len({exchange.port for exchange in url.exchanges}) == 1


def test_a_transport_of_the_callers_may_be_read_once_only() -> None:
    def answer(request: Any) -> Any:
        asked.append(request)
        headers = {"content-type": "text/event-stream"}
        return HTTP.Response(200, headers=headers, content=(line for line in body))

    asked: list[Any] = []
    call = {"index": 0, "id": "c", "function": {"name": "Meeting", "arguments": TEXT}}
    chunk = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
    body = [f"data: {json.dumps(chunk)}\n\n".encode(), b"data: [DONE]\n\n", b": bye\n\n"]
    http = DefaultHttpxClient(transport=HTTP.MockTransport(answer))
    with OpenAI(base_url="http://nowhere", api_key="k", http_client=http) as sdk:
        client = pf.from_openai(sdk, transport="raw")
        assert client.create_partial(**ASK).final().budget == 50000
    assert len(asked) == 1


@pytest.mark.parametrize("end", ["[DONE]", "finish_reason"])
@pytest.mark.parametrize("more", ["", ": alive\n\n"], ids=["silent", "talking"])
@EVERY_WAY
def test_a_server_that_does_not_end_its_body_is_not_waited_for(
    way: Way, more: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with driver.opened(way, url) as client:
            stream = in_step(client.create_partial(**ASK))
            since = time.monotonic()
            assert (await stream.final()).budget == 50000
            assert time.monotonic() - since < STALL

    call = {"index": 0, "id": "c", "function": {"name": "Meeting", "arguments": TEXT}}
    choice: dict[str, Any] = {"index": 0, "delta": {"tool_calls": [call]}}
    if end == "finish_reason":
        choice["finish_reason"] = "tool_calls"
    body = f"data: {json.dumps({'id': '1', 'model': 'm', 'choices': [choice]})}\n\n"
    monkeypatch.setattr(_patience, "_FOR_USAGE_S", 0.5)
    with endless(body + "data: [DONE]\n\n" * (end == "[DONE]"), more) as url:
        asyncio.run(main())


@contextmanager
def endless(body: str, more: str) -> Generator[str]:
    """Serve one answer whose body never ends, and goes on with `more` now and then."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
            connection.sendall((head + body).encode())
            connection.settimeout(0.02 if more else STALL)
            until = time.monotonic() + STALL
            while time.monotonic() < until and not is_closed(connection):
                connection.sendall(more.encode())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        thread.join(10)
        assert not thread.is_alive()


def is_closed(connection: socket.socket) -> bool:
    """Wait for the client to close the connection, as long as its timeout says."""
    try:
        connection.recv(1)
    except TimeoutError:
        return False
    return True
