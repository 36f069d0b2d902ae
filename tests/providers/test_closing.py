"""How streams end before their time, whoever the provider: closed, left, lost, dropped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import pytest
from pydantic import BaseModel

import partialfast as pf
from partialfast import replay
from partialfast.providers import langchain
from partialfast.replay import Server
from tests.leftovers import nothing_left
from tests.openai_driver import open_async, open_sync
from tests.patience import STALL
from tests.providers.cases import CASES
from tests.providers.test_objects import without

pytestmark = [
    pytest.mark.network,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


class User(BaseModel):
    name: str
    age: int
    town: str = ""


TEXT = '{"name": "Ada Lovelace", "age": 36, "town": "London"}'
ASK: dict[str, Any] = {"messages": "Who?", "response_model": User}
BY_NAME = {case.name: case for case in CASES}
# Those of which the objects can be read as well. Google's SDK has no way to close what it streams.
OBJECTS = ("cohere", "ollama", "huggingface")
# HuggingFace's client keeps one of each stream until it is closed itself. LangChain does not close
# the stream of OpenAI's SDK that it reads.
KEPT = {
    "huggingface": ["AsyncClient.stream"],
    "langchain": [
        "AsyncStream.__stream__",
        "AsyncStream._iter_events",
        "SSEDecoder.aiter_bytes",
        "Response.aiter_bytes",
        "Response.aiter_raw",
        "BoundAsyncStream.__aiter__",
        "AsyncResponseStream.__aiter__",
        "PoolByteStream.__aiter__",
        "HTTP11ConnectionByteStream.__aiter__",
        "AsyncHTTP11Connection._receive_response_body",
    ],
}


class Way:
    """How an answer comes to the reader.

    Args:
        name: What the test is called by.
    """

    def __init__(self, name: str) -> None:
        self.name, _, self.kind = name.partition("-")
        self.case = BY_NAME.get(self.name)

    @property
    def shape(self) -> str:
        return "openai" if self.case is None else self.case.shape

    @asynccontextmanager
    async def asking(self, url: Server, *, is_async: bool) -> AsyncGenerator[Any, None]:
        """Give what makes a stream."""
        if self.case is not None:
            async with self.case.connected(url, is_async=is_async) as client:
                if self.kind:
                    client._provider = without(self.name, client._provider)
                # Calls come whole from some of them.
                client._settings.mode = pf.Mode.MD_JSON
                model = self.case.model
                yield lambda **options: client.create_partial(**ASK, model=model, **options)
        elif self.name == "langchain":
            made = pytest.importorskip("langchain_openai").ChatOpenAI(
                base_url=str(url), api_key="k", model="m", max_retries=0
            )
            asked = made.bind_tools([User])
            if is_async:
                yield lambda **options: langchain.astream(User, asked.astream("Who?"), **options)
            else:
                yield lambda **options: langchain.stream(User, asked.stream("Who?"), **options)
        else:
            async with AsyncExitStack() as stack:
                if is_async:
                    sdk: Any = await stack.enter_async_context(open_async(url))
                else:
                    sdk = stack.enter_context(open_sync(url))
                name, _, transport = self.kind.partition("-")
                options: dict[str, Any] = {"transport": transport}
                client = pf.from_openai(sdk, **options)
                api = client.responses if name == "responses" else client
                yield lambda **more: api.create_partial(**ASK, model="m", **more)


WAYS = [
    *(f"openai-{api}-{transport}" for api in ("chat", "responses") for transport in ("raw", "sdk")),
    *BY_NAME,
    *(f"{name}-objects" for name in OBJECTS),
    "langchain",
]
EVERY_WAY = pytest.mark.parametrize("way", [Way(name) for name in WAYS], ids=WAYS)


async def read(stream: Any) -> None:
    async for _ in stream:
        pass


async def read_final(stream: Any) -> None:
    await stream.final()


async def leave(stream: Any) -> None:
    async for _ in stream:
        break


async def close(stream: Any) -> None:
    await anext(stream)
    await stream.aclose()


async def drop(stream: Any) -> None:
    await anext(stream)


async def fail(stream: Any) -> None:
    # What is known by its objects alone raises what the SDK raises.
    with pytest.raises(Exception) as caught:  # noqa: PT011 - as it says
        await stream.final()
    assert not isinstance(caught.value, AssertionError)


async def close_elsewhere(stream: Any) -> None:
    """The task that waits for the server is woken, and told."""
    reading = asyncio.create_task(stream.final())
    await asyncio.sleep(0.05)
    await asyncio.wait_for(stream.aclose(), STALL)
    with pytest.raises(pf.StreamError, match="closed"):
        await asyncio.wait_for(reading, STALL)


async def cancel(stream: Any) -> None:
    reading = asyncio.create_task(stream.final())
    await asyncio.sleep(0.05)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(reading, STALL)
    await stream.aclose()


STALLS = f"stall@20:{STALL}"
ENDS: list[tuple[Callable[[Any], Any], str | None]] = [
    *((each, None) for each in (read, read_final, leave, close, drop)),
    *((fail, f"{fault}@20") for fault in ("drop", "length", "garbage", "error")),
    *((each, STALLS) for each in (close, drop, close_elsewhere, cancel)),
]


@EVERY_WAY
@pytest.mark.parametrize("every", [None, 3600], ids=["each", "seldom"])
def test_nothing_is_left_to_the_garbage_collector(way: Way, every: int | None) -> None:
    """However a stream ends, all that reads it has ended too: each task, each generator."""
    options = {} if every is None else {"every": every}

    async def main() -> None:
        before, kept = asyncio.all_tasks(), KEPT.get(way.name, ())
        async with way.asking(url, is_async=True) as ask, nothing_left(*kept) as begin:
            for use, fault in ENDS:
                begin(f"{use.__name__} {fault}")
                await use(ask(**options))
        assert asyncio.all_tasks() == before

    answers = [
        {"text": TEXT, "times": 1, **({"fault": each[1]} if each[1] else {})} for each in ENDS
    ]
    with replay.serve(answers, shape=way.shape) as url:
        asyncio.run(main())


@EVERY_WAY
def test_closing_from_another_thread(way: Way) -> None:
    """The thread that waits for the server is told that the stream was closed."""
    raised: list[BaseException] = []

    async def main() -> None:
        async with way.asking(url, is_async=False) as ask:
            stream = ask()

            def run() -> None:
                try:
                    stream.final()
                except BaseException as error:  # noqa: BLE001 - looked at below
                    raised.append(error)

            thread = threading.Thread(target=run)
            thread.start()
            await asyncio.sleep(0.05)
            stream.close()
            url.release()
            thread.join(STALL)
            assert not thread.is_alive()

    with replay.serve({"text": TEXT}, shape=way.shape, hold=3) as url:
        asyncio.run(main())
    assert [type(error) for error in raised] == [pf.StreamError]
    assert "closed" in str(raised[0])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_chunks_that_do_not_come_are_not_waited_for(backend: str) -> None:
    """What gives the chunks is not ours: the read that waits for it is cancelled, on any loop."""
    chunk = pytest.importorskip("langchain_core.messages").AIMessageChunk
    told: list[Any] = []

    async def chunks() -> AsyncGenerator[Any, None]:
        try:
            yield chunk(content='{"name": "Ada"')
            await anyio.sleep_forever()
        finally:
            told.append("ended")

    async def read(stream: Any, shown: anyio.Event) -> None:
        try:
            async for snapshot in stream:
                told.append(snapshot.name)
                shown.set()
        except pf.StreamError as error:
            told.append(str(error))

    async def main() -> None:
        stream = langchain.astream(User, chunks(), mode=pf.Mode.JSON)
        shown = anyio.Event()
        with anyio.fail_after(STALL):
            async with anyio.create_task_group() as group:
                group.start_soon(read, stream, shown)
                await shown.wait()
                await stream.aclose()

    anyio.run(main, backend=backend)
    assert told[:2] == ["Ada", "ended"]
    assert "closed" in told[2]
    assert len(told) == 3
