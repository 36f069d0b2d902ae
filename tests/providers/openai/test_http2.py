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
from tests.either import in_step
from tests.openai_driver import EVERY_WAY, TEXT, WAYS, Meeting, Way, open_sync, opened

pytestmark = pytest.mark.network

ASK: dict[str, Any] = {"model": "m", "messages": "hello", "response_model": Meeting}
TRANSPORTS = pytest.mark.parametrize("transport", ["raw", "sdk"])
FINAL = Meeting.model_validate_json(TEXT)
CANCEL = 8
SECONDS = 9.0


def _events(text: str) -> bytes:
    call = {"index": 0, "id": "c", "function": {"name": "Meeting", "arguments": text}}
    chunk = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


HALF = http2.Answer(_events(TEXT[:40]), ends=False)
WHOLE = http2.Answer(_events(TEXT) + b"data: [DONE]\n\n", ends=True)
ENDLESS = http2.Answer(_events(TEXT) + b"data: [DONE]\n\n", ends=False)


def http_client(way: Way) -> Any:
    made = DefaultAsyncHttpxClient if way.asynchronous else DefaultHttpxClient
    return made(http1=False, http2=True)


def each_way_to_leave() -> list[Any]:
    """Without asynchrony, nothing else can be done while a stream waits."""
    return [
        pytest.param(way, how, id=f"{way}-{how}")
        for way in WAYS
        for how in ("break", "aclose", "drop", *(["cancel"] if way.asynchronous else []))
    ]


@pytest.mark.parametrize(("way", "how"), each_way_to_leave())
def test_leaving_resets_the_stream_and_nothing_else(way: Way, how: str) -> None:
    async def leave(given: Any) -> None:
        if how == "break":
            if way.asynchronous:
                async for _ in given:
                    break
            else:
                # Its own loop: leaving that is what closes it.
                for _ in given:
                    break
            return
        stream = in_step(given)
        await anext(stream)
        if how == "aclose":
            await stream.aclose()
        elif how == "cancel":
            waiting = asyncio.create_task(stream.final())
            await asyncio.sleep(0.1)
            waiting.cancel()
            await asyncio.wait({waiting})

    async def main() -> None:
        async with opened(way, server.url, http_client=http_client(way)) as client:
            kept = in_step(client.create_partial(**ASK))
            await anext(kept)
            await leave(client.create_partial(**ASK))
            assert await asyncio.to_thread(server.wait_for_resets, 1) == [(1, 3, CANCEL)]
            # The connection is as good as before.
            assert await in_step(client.create_partial(**ASK)).final() == FINAL
            assert server.connections == 1
            assert len(server.resets) == 1
            await kept.aclose()
            assert (await asyncio.to_thread(server.wait_for_resets, 2))[-1] == (1, 1, CANCEL)

    with http2.serve([HALF, HALF, WHOLE]) as server:
        asyncio.run(main())


@TRANSPORTS
def test_a_thread_that_waits_wakes_at_once(transport: Any) -> None:
    http = http_client(Way(asynchronous=False, transport=transport))
    raised: list[BaseException] = []
    shown = threading.Event()

    def read() -> None:
        try:
            for _ in stream:
                shown.set()
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            raised.append(error)

    with http2.serve([HALF, WHOLE]) as server, open_sync(server.url, http_client=http) as sdk:
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
    way = Way(asynchronous=True, transport=transport)

    async def main() -> None:
        async with opened(way, server.url, http_client=http_client(way)) as client:
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


@EVERY_WAY
def test_a_time_limit_resets_the_stream_and_spares_the_others(way: Way) -> None:
    async def main() -> None:
        async with opened(way, server.url, http_client=http_client(way)) as client:
            with pytest.raises(pf.StreamTimeoutError):
                await in_step(client.create_partial(**ASK, stall_timeout=0.2)).final()
            assert await in_step(client.create_partial(**ASK)).final() == FINAL

    with http2.serve([HALF, WHOLE]) as server:
        asyncio.run(main())
        assert server.wait_for_resets(1) == [(1, 1, CANCEL)]
        assert server.connections == 1


@EVERY_WAY
@pytest.mark.parametrize(("answer", "resets"), [(WHOLE, 0), (ENDLESS, 1)], ids=["ends", "does-not"])
def test_a_whole_answer_is_not_reset_unless_its_stream_does_not_end(
    way: Way, answer: http2.Answer, resets: int
) -> None:
    async def main() -> None:
        async with opened(way, server.url, http_client=http_client(way)) as client:
            for _ in range(2):
                assert await in_step(client.create_partial(**ASK)).final() == FINAL

    with http2.serve([answer, WHOLE]) as server:
        asyncio.run(main())
        assert server.requests == 2
        assert server.connections == 1
        assert len(server.wait_for_resets(resets)) == resets
