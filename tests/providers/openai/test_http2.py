"""Closing over HTTP/2: the server gets a stream reset, and a blocked reader wakes at once."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pytest
from openai import DefaultAsyncHttpxClient, DefaultHttpxClient

import partialfast as pf
from tests import http2
from tests.openai_driver import TEXT, Meeting, open_async, open_sync

pytestmark = pytest.mark.network

ASK: dict[str, Any] = {"model": "m", "messages": "hello", "response_model": Meeting}
TRANSPORTS = pytest.mark.parametrize("transport", ["raw", "sdk"])
FINAL = Meeting.model_validate_json(TEXT)
CANCEL = 8
SECONDS = 2.0


def _events(text: str) -> bytes:
    call = {"index": 0, "id": "c", "function": {"name": "Meeting", "arguments": text}}
    chunk = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


HALF = http2.Answer(_events(TEXT[:40]), ends=False)
WHOLE = http2.Answer(_events(TEXT) + b"data: [DONE]\n\n", ends=True)
ENDLESS = http2.Answer(_events(TEXT) + b"data: [DONE]\n\n", ends=False)


def sync_sdk(url: str) -> Any:
    return open_sync(url, http_client=DefaultHttpxClient(http1=False, http2=True))


def async_sdk(url: str) -> Any:
    return open_async(url, http_client=DefaultAsyncHttpxClient(http1=False, http2=True))


@TRANSPORTS
def test_leaving_resets_the_stream_and_nothing_else(transport: Any) -> None:
    with http2.serve([HALF, HALF, WHOLE]) as server, sync_sdk(server.url) as sdk:
        client = pf.from_openai(sdk, transport=transport)
        kept = client.create_partial(**ASK)
        next(kept)
        for _ in client.create_partial(**ASK):
            break
        assert server.wait_for_resets(1) == [(1, 3, CANCEL)]
        # The connection is as good as before.
        assert client.create_partial(**ASK).final() == FINAL
        assert server.connections == 1
        assert len(server.resets) == 1
        kept.close()
        assert server.wait_for_resets(2)[-1] == (1, 1, CANCEL)


@TRANSPORTS
@pytest.mark.parametrize("how", ["break", "aclose", "cancel", "drop"])
def test_leaving_asynchronously_resets_the_stream_and_nothing_else(
    transport: Any, how: str
) -> None:
    async def leave(stream: Any) -> None:
        if how == "break":
            async for _ in stream:
                break
            return
        await anext(stream)
        if how == "aclose":
            await stream.aclose()
        elif how == "cancel":
            waiting = asyncio.create_task(stream.final())
            await asyncio.sleep(0.1)
            waiting.cancel()
            await asyncio.wait({waiting})

    async def main() -> None:
        async with async_sdk(server.url) as sdk:
            client = pf.from_openai(sdk, transport=transport)
            kept = client.create_partial(**ASK)
            await anext(kept)
            await leave(client.create_partial(**ASK))
            assert await asyncio.to_thread(server.wait_for_resets, 1) == [(1, 3, CANCEL)]
            assert await client.create_partial(**ASK).final() == FINAL
            assert server.connections == 1
            await kept.aclose()
            assert (await asyncio.to_thread(server.wait_for_resets, 2))[-1] == (1, 1, CANCEL)

    with http2.serve([HALF, HALF, WHOLE]) as server:
        asyncio.run(main())


@TRANSPORTS
def test_a_thread_that_waits_wakes_at_once(transport: Any) -> None:
    raised: list[BaseException] = []
    shown = threading.Event()

    def read() -> None:
        try:
            for _ in stream:
                shown.set()
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            raised.append(error)

    with http2.serve([HALF, WHOLE]) as server, sync_sdk(server.url) as sdk:
        client = pf.from_openai(sdk, transport=transport)
        stream = client.create_partial(**ASK)
        thread = threading.Thread(target=read)
        thread.start()
        assert shown.wait(10)
        # It waits for the server now.
        time.sleep(0.2)
        since = time.monotonic()
        stream.close()
        thread.join(10)
        assert time.monotonic() - since < SECONDS
        assert server.wait_for_resets(1) == [(1, 1, CANCEL)]
        assert client.create_partial(**ASK).final() == FINAL
        assert server.connections == 1
    (error,) = raised
    assert type(error) is pf.StreamError
    assert "closed" in str(error)


@TRANSPORTS
def test_a_task_that_waits_wakes_at_once(transport: Any) -> None:
    async def main() -> None:
        async with async_sdk(server.url) as sdk:
            client = pf.from_openai(sdk, transport=transport)
            stream = client.create_partial(**ASK)
            await anext(stream)
            waiting = asyncio.create_task(stream.final())
            await asyncio.sleep(0.2)
            since = time.monotonic()
            await stream.aclose()
            with pytest.raises(pf.StreamError, match="closed"):
                await asyncio.wait_for(waiting, 10)
            assert time.monotonic() - since < SECONDS
            assert await asyncio.to_thread(server.wait_for_resets, 1) == [(1, 1, CANCEL)]
            assert await client.create_partial(**ASK).final() == FINAL
            assert server.connections == 1

    with http2.serve([HALF, WHOLE]) as server:
        asyncio.run(main())


@TRANSPORTS
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_time_limit_resets_the_stream_and_spares_the_others(
    transport: Any,
    asynchronous: bool,  # noqa: FBT001
) -> None:
    async def main() -> None:
        async with async_sdk(server.url) as sdk:
            client = pf.from_openai(sdk, transport=transport)
            with pytest.raises(pf.StreamTimeoutError):
                await client.create_partial(**ASK, stall_timeout=0.2).final()
            assert await client.create_partial(**ASK).final() == FINAL

    with http2.serve([HALF, WHOLE]) as server:
        if asynchronous:
            asyncio.run(main())
        else:
            with sync_sdk(server.url) as sdk:
                client = pf.from_openai(sdk, transport=transport)
                with pytest.raises(pf.StreamTimeoutError):
                    client.create_partial(**ASK, stall_timeout=0.2).final()
                assert client.create_partial(**ASK).final() == FINAL
        assert server.wait_for_resets(1) == [(1, 1, CANCEL)]
        assert server.connections == 1


@TRANSPORTS
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("answer", "resets"), [(WHOLE, 0), (ENDLESS, 1)], ids=["ends", "does-not"])
def test_a_whole_answer_is_not_reset_unless_its_stream_does_not_end(
    transport: Any,
    asynchronous: bool,  # noqa: FBT001
    answer: http2.Answer,
    resets: int,
) -> None:
    async def main() -> None:
        async with async_sdk(server.url) as sdk:
            client = pf.from_openai(sdk, transport=transport)
            for _ in range(2):
                assert await client.create_partial(**ASK).final() == FINAL

    with http2.serve([answer, WHOLE]) as server:
        if asynchronous:
            asyncio.run(main())
        else:
            with sync_sdk(server.url) as sdk:
                client = pf.from_openai(sdk, transport=transport)
                for _ in range(2):
                    assert client.create_partial(**ASK).final() == FINAL
        assert server.requests == 2
        assert server.connections == 1
        assert len(server.wait_for_resets(resets)) == resets
