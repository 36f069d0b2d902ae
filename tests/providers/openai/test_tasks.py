"""Several tasks and one stream, many streams at once, and what validators may raise."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from openai import AsyncOpenAI, DefaultAioHttpClient, OpenAI
from pydantic import BaseModel, field_validator

import partialfast as pf
from partialfast import replay
from tests import openai_driver as driver
from tests.either import in_step
from tests.openai_driver import EVERY_WAY, TEXT, Meeting, Way, ask, open_async, open_sync

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("nothing_ignored")]

ASK: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "hello"}],
    "response_model": Meeting,
}
FINAL = Meeting.model_validate_json(TEXT)
ASYNC = pytest.mark.parametrize("transport", ["raw", "sdk"])
HTTP = pytest.mark.parametrize("http", ["httpx", "aiohttp"])
SECONDS = 1.0


def opened(url: str, http: str) -> AsyncOpenAI:
    client = DefaultAioHttpClient() if http == "aiohttp" else None
    return AsyncOpenAI(base_url=url, api_key="k", max_retries=0, http_client=client)


@ASYNC
@HTTP
def test_a_second_task_is_refused_and_the_first_goes_on(transport: Any, http: str) -> None:
    async def main() -> None:
        async with opened(url, http) as sdk:
            stream = pf.from_openai(sdk, transport=transport).create_partial(**ASK)
            first = asyncio.create_task(stream.final())
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="take turns"):
                await stream.final()
            with pytest.raises(RuntimeError, match="take turns"):
                await anext(stream)
            assert await first == FINAL

    with replay.serve({"text": TEXT}) as url:
        asyncio.run(main())


@ASYNC
@HTTP
def test_another_task_may_close_the_stream(transport: Any, http: str) -> None:
    async def main() -> None:
        async with opened(url, http) as sdk:
            stream = pf.from_openai(sdk, transport=transport).create_partial(**ASK)
            shown = asyncio.Event()

            async def read() -> list[Meeting]:
                handed = []
                async for one in stream:
                    handed.append(one)
                    shown.set()
                return handed

            reading = asyncio.create_task(read())
            await shown.wait()
            # It waits for the server now.
            await asyncio.sleep(0.1)
            since = time.monotonic()
            await stream.aclose()
            with pytest.raises(pf.StreamError, match="closed") as raised:
                await reading
            assert type(raised.value) is pf.StreamError
            assert raised.value.snapshot is stream.snapshot
            assert raised.value.text == stream.text
            exchange = await asyncio.to_thread(url.wait_ended, timeout=5)
            assert exchange.ending == "disconnect"
            assert exchange.ended is not None
            assert exchange.ended - since < SECONDS
            with pytest.raises(pf.StreamError, match="closed"):
                await stream.final()

    with replay.serve({"text": TEXT}, hold=6) as url:
        asyncio.run(main())


@ASYNC
@HTTP
def test_another_task_may_close_the_stream_before_there_is_an_answer(
    transport: Any, http: str
) -> None:
    async def main() -> None:
        async with opened(url, http) as sdk:
            stream = pf.from_openai(sdk, transport=transport).create_partial(**ASK)

            async def read() -> Meeting | None:
                # Not a loop, which would close the stream itself.
                return await anext(stream, None)

            reading = asyncio.create_task(read())
            await asyncio.sleep(0)
            await stream.aclose()
            with pytest.raises(pf.StreamError, match="closed"):
                await reading
            for number in range(len(url.exchanges)):
                exchange = await asyncio.to_thread(url.wait_ended, number, timeout=5)
                assert exchange.ending == "disconnect"

    with replay.serve({"text": TEXT}, hold=6) as url:
        asyncio.run(main())


@ASYNC
def test_a_cancellation_is_not_raised_a_second_time(transport: Any) -> None:
    async def main() -> None:
        async with open_async(url) as sdk:
            stream = pf.from_openai(sdk, transport=transport).create_partial(**ASK)
            await anext(stream)
            waiting = asyncio.create_task(stream.final())
            await asyncio.sleep(0.1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            with pytest.raises(pf.StreamError, match="closed") as raised:
                await stream.final()
            assert isinstance(raised.value.__cause__, asyncio.CancelledError)
            assert raised.value.snapshot == stream.snapshot

    with replay.serve({"text": TEXT}, hold=6) as url:
        asyncio.run(main())


@ASYNC
@HTTP
def test_many_streams_at_once_some_of_them_cancelled(transport: Any, http: str) -> None:
    async def main() -> None:
        async with opened(url, http) as sdk:
            client = pf.from_openai(sdk, transport=transport)

            async def read() -> Meeting | None:
                last = None
                async for last in client.create_partial(**ASK):  # noqa: B007
                    pass
                return last

            reading = [asyncio.create_task(read()) for _ in range(40)]
            for task in reading[::4]:
                await asyncio.sleep(0.002)
                task.cancel()
            results = await asyncio.gather(*reading, return_exceptions=True)
            for number, result in enumerate(results):
                if number % 4:
                    assert result == FINAL
                else:
                    assert result == FINAL or isinstance(result, asyncio.CancelledError)

    with replay.serve({"text": TEXT}, rate=2000) as url:
        asyncio.run(main())


@ASYNC
def test_many_threads_with_a_stream_each(transport: Any) -> None:
    handed: list[Meeting] = []
    with replay.serve({"text": TEXT}) as url, open_sync(url) as sdk:
        client = pf.from_openai(sdk, transport=transport)
        threads = [
            threading.Thread(target=lambda: handed.append(client.create_partial(**ASK).final()))
            for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert handed == [FINAL] * 12


class Raises(BaseModel):
    name: str
    kind: str

    @field_validator("kind")
    @classmethod
    def _raise(cls, kind: str) -> str:
        raise {"stop": StopIteration, "astop": StopAsyncIteration, "lost": ConnectionError}[kind]


async def to_the_end(stream: Any) -> None:
    ends = object()
    while await anext(stream, ends) is not ends:
        pass


@EVERY_WAY
@pytest.mark.parametrize("kind", ["stop", "astop", "lost"])
def test_what_a_validator_raises_is_no_end_and_no_lost_connection(way: Way, kind: str) -> None:
    expected = {"lost": ConnectionError}.get(kind, RuntimeError)

    async def by_hand() -> None:
        async with driver.opened(way, url) as client:
            stream = in_step(client.create_partial(**ASK | {"response_model": Raises}))
            with pytest.raises(expected):
                await to_the_end(stream)
            with pytest.raises(expected):
                await stream.final()

    with replay.serve({"text": f'{{"name": "A", "kind": "{kind}"}}'}) as url:
        ask(way, url, response_model=Raises).raised(expected)
        asyncio.run(by_hand())


def test_a_thread_may_read_what_another_began() -> None:
    handed: list[Meeting] = []
    with replay.serve({"text": TEXT}) as url, OpenAI(base_url=url, api_key="k") as sdk:
        stream = pf.from_openai(sdk).create_partial(**ASK)
        next(stream)
        thread = threading.Thread(target=lambda: handed.extend(stream))
        thread.start()
        thread.join()
    assert handed[-1] == FINAL
