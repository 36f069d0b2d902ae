"""What happens while a stream waits: somebody closes it, a snapshot is due, nothing more comes."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from openai import AsyncOpenAI, DefaultAioHttpClient

import partialfast as pf
from partialfast import replay
from partialfast.answer import _patience
from partialfast.answer._gate import Gate
from tests import wire
from tests.either import in_step
from tests.openai_driver import EVERY_WAY, TEXT, Meeting, Way, ask, open_async, open_sync, opened
from tests.patience import STALL, with_time_enough

pytestmark = pytest.mark.network

ASK: dict[str, Any] = {"model": "m", "messages": "hello", "response_model": Meeting}
TRANSPORTS = pytest.mark.parametrize("transport", ["raw", "sdk"])
FINAL = Meeting.model_validate_json(TEXT)


def shown(text: str) -> Meeting | None:
    """Return the snapshot that belongs to a text."""
    state: pf.StreamState[Meeting] = pf.StreamState(Meeting)
    state.feed(text)
    return state.snapshot


def closed_by_a_thread(read: Callable[[Any], Any], transport: Any) -> tuple[Any, Any, float]:
    """Read in a thread and close in this one; return the stream, what was raised, and how long."""
    raised: list[BaseException] = []
    shown = threading.Event()

    def run() -> None:
        try:
            read(stream)
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            raised.append(error)

    def noted(stream: Any) -> Iterator[Any]:
        for one in stream:
            shown.set()
            yield one

    with replay.serve({"text": TEXT}, hold=6) as url, open_sync(url) as sdk:
        stream = pf.from_openai(sdk, transport=transport).create_partial(**ASK)
        if read is list:
            read = lambda stream: list(noted(stream))  # noqa: E731
        thread = threading.Thread(target=run)
        thread.start()
        shown.wait(0.5)
        # It waits for the server now.
        time.sleep(0.2)
        since = time.monotonic()
        stream.close()
        thread.join(10)
        took = time.monotonic() - since
        assert not thread.is_alive()
        assert url.wait_ended(timeout=STALL).ending == "disconnect"
    return stream, raised, took


@TRANSPORTS
@pytest.mark.parametrize("read", [list, lambda stream: stream.final()], ids=["loop", "final"])
def test_closing_from_another_thread_wakes_the_reader_with_an_error(
    transport: Any, read: Any
) -> None:
    stream, raised, took = closed_by_a_thread(read, transport)
    (error,) = raised
    assert type(error) is pf.StreamError
    assert "closed" in str(error)
    assert error.snapshot == stream.snapshot
    assert error.text == stream.text
    assert took < STALL
    with pytest.raises(pf.StreamError, match="closed"):
        stream.final()


@TRANSPORTS
def test_closing_while_another_thread_looks_at_a_snapshot_is_no_success(transport: Any) -> None:
    raised: list[BaseException] = []
    shown, closed = threading.Event(), threading.Event()

    def run() -> None:
        try:
            for _ in stream:
                shown.set()
                assert closed.wait(10)
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            raised.append(error)

    with replay.serve({"text": TEXT}) as url, open_sync(url) as sdk:
        stream = pf.from_openai(sdk, transport=transport).create_partial(**ASK)
        thread = threading.Thread(target=run)
        thread.start()
        assert shown.wait(10)
        stream.close()
        closed.set()
        thread.join(10)
    assert [type(error) for error in raised] == [pf.StreamError]


@TRANSPORTS
def test_closing_while_another_task_looks_at_a_snapshot_is_no_success(transport: Any) -> None:
    async def main() -> None:
        shown, closed = asyncio.Event(), asyncio.Event()

        async def read() -> None:
            async for _ in stream:
                shown.set()
                await closed.wait()

        async with open_async(url) as sdk:
            stream = pf.from_openai(sdk, transport=transport).create_partial(**ASK)
            reading = asyncio.create_task(read())
            await shown.wait()
            await stream.aclose()
            closed.set()
            with pytest.raises(pf.StreamError, match="closed"):
                await reading

    with replay.serve({"text": TEXT}) as url:
        asyncio.run(main())


@TRANSPORTS
@pytest.mark.parametrize("http", ["httpx", "aiohttp"])
def test_the_newest_snapshot_is_handed_out_when_its_time_has_come(
    transport: Any, http: str
) -> None:
    """The server stops in the middle: what came before is due although nothing more is read."""

    async def main() -> None:
        client = DefaultAioHttpClient() if http == "aiohttp" else None
        async with AsyncOpenAI(base_url=server, api_key="k", http_client=client) as sdk:
            stream = pf.from_openai(sdk, transport=transport).create_partial(**ASK, every=0.3)
            handed = [await anext(stream)]
            server.release(6)
            handed.append(await asyncio.wait_for(anext(stream), 10))
            assert stream.snapshot is handed[-1]
            assert handed[-1] == shown(stream.text)
            await stream.aclose()
            assert stream.snapshot is handed[-1]

    with replay.serve({"text": TEXT}, hold=6) as server:
        asyncio.run(main())


@TRANSPORTS
def test_an_answer_that_is_due_now_and_then_is_read_now_and_then(
    transport: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes meanwhile gathers in the socket, and its reading wakes nobody."""
    reads: list[bool] = []
    original = Gate.wait

    async def counted(gate: Gate) -> None:
        await original(gate)
        reads.append(True)

    monkeypatch.setattr(Gate, "wait", counted)

    async def ask(sdk: Any, every: Any) -> tuple[float, int]:
        reads.clear()
        began = time.monotonic()
        stream = pf.from_openai(sdk, transport=transport).create_partial(**ASK, every=every)
        handed = [snapshot async for snapshot in stream]
        assert handed[-1] == FINAL
        return time.monotonic() - began, len(reads)

    async def main() -> None:
        async with open_async(url) as sdk:
            for _ in range(2):
                seconds, count = await ask(sdk, 0.1)
                # One each time that a snapshot is due, and a few at the beginning and once all is
                # written. There are 59 deltas.
                assert 0 < count <= seconds / 0.1 + 30
            # The same connection is read as it was.
            await ask(sdk, "event")

    with replay.serve({"text": TEXT}, rate=100) as url:
        asyncio.run(main())


@pytest.mark.parametrize("limit", ["stall_timeout", "total_timeout"])
def test_a_limit_does_not_wait_for_the_next_snapshot(limit: str) -> None:
    async def shown(url: str, seconds: float) -> Any:
        async with open_async(url) as sdk:
            options: dict[str, Any] = {limit: seconds}
            stream = pf.from_openai(sdk).create_partial(**ASK, every=3600, **options)
            with pytest.raises(pf.StreamTimeoutError, match=limit):
                await asyncio.wait_for(stream.final(), 20)
            return stream.snapshot

    def ask_within(seconds: float) -> Any:
        with replay.serve({"text": TEXT}, hold=12) as url:
            return asyncio.run(shown(url, seconds))

    assert with_time_enough(ask_within, lambda snapshot: snapshot is not None) is not None


@pytest.mark.parametrize("transport", ["raw", "sdk"])
def test_the_end_does_not_wait_for_the_next_snapshot(transport: Any) -> None:
    async def main() -> None:
        async with open_async(url) as sdk:
            stream = pf.from_openai(sdk, transport=transport).create_partial(**ASK, every=3600)
            assert await asyncio.wait_for(stream.final(), 20) == FINAL

    with replay.serve({"text": TEXT}, rate=100) as url:
        asyncio.run(main())


@EVERY_WAY
@pytest.mark.parametrize("fault", ["drop@60", "length@60", "error@60", "garbage@60", "corrupt@60"])
def test_what_was_pending_is_handed_out_before_an_error(way: Way, fault: str) -> None:
    def ask_within(seconds: float) -> Any:
        with replay.serve({"text": TEXT}, faults=[fault], chunk=6, rate=10 / seconds) as url:
            # So long that the second is not due in time either, which may be after any part of it.
            return ask(way, url, response_model=Meeting, every=1e6)

    # The server paces its writes, so that no read brings all, if it is not late itself.
    outcome = with_time_enough(ask_within, lambda outcome: len(outcome.handed) > 1)
    assert isinstance(outcome.error, pf.StreamError)
    # The first, and the newest.
    assert len(outcome.handed) == 2
    assert outcome.stream.snapshot is outcome.handed[-1]
    assert outcome.error.snapshot == outcome.handed[-1]
    if "garbage" not in fault:
        assert shown(outcome.stream.text) == outcome.handed[-1]


@pytest.fixture
def _nothing_is_said(caplog: pytest.LogCaptureFixture, nothing_ignored: None) -> Iterator[None]:
    del nothing_ignored
    yield
    assert [each.message for each in caplog.records if each.levelno >= logging.WARNING] == []


@TRANSPORTS
@pytest.mark.parametrize("http", ["httpx", "aiohttp"])
@pytest.mark.usefixtures("_nothing_is_said")
def test_a_stream_that_is_opened_and_dropped_closes_its_response(transport: Any, http: str) -> None:
    async def main() -> None:
        client = DefaultAioHttpClient() if http == "aiohttp" else None
        async with AsyncOpenAI(base_url=url, api_key="k", http_client=client) as sdk:
            opened = await pf.from_openai(sdk, transport=transport).create_partial(**ASK)
            del opened
            gc.collect()
            exchange = await asyncio.to_thread(url.wait_ended, timeout=STALL)
            assert exchange.ending == "disconnect"

    with replay.serve({"text": TEXT}, hold=6) as url:
        asyncio.run(main())


CHUNK = (
    'data: {"id":"1","choices":[{"index":0,"delta":{"content":"{\\"name\\":\\"Ada\\"}"}}]}\n\n'
    'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
)


@EVERY_WAY
def test_the_value_comes_though_the_stream_does_not_end(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> Any:
        async with opened(way, server.url(case, 0), pf.Mode.JSON_SCHEMA) as client:
            return await in_step(client.create_partial(**asked)).final()

    asked: dict[str, Any] = {**ASK, "response_model": dict[str, str]}
    steps: list[dict[str, Any]] = [{"send": CHUNK}, {"wait_s": STALL}]
    case = wire.Case("endless", "chat", "JSON_SCHEMA", "create_partial", "User", steps, [])
    monkeypatch.setattr(_patience, "_FOR_USAGE_S", 0.1)
    with wire.serve([case]) as server:
        since = time.monotonic()
        value = asyncio.run(run())
        assert time.monotonic() - since < STALL, "the server ended it"
    assert value == {"name": "Ada"}


HELD_UP = """
import sys
import openai
import partialfast as pf
from partialfast.answer import _patience

_patience._FOR_USAGE_S = float(sys.argv[1])
sdk = openai.OpenAI(base_url=sys.argv[2], api_key="none", max_retries=0)
client = pf.from_openai(sdk, mode=pf.Mode.JSON_SCHEMA, transport=sys.argv[3])
stream = client.create_partial(model="m", messages="hello", response_model=dict[str, str])
for snapshot in stream:
    print(snapshot, flush=True)
print(stream.usage.total_tokens if stream.usage else stream.usage)
"""
USAGE = (
    'data: {"id":"1","choices":[],'
    '"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n'
)


@contextmanager
def answering(go_on: threading.Event, sent: threading.Event) -> Generator[str]:
    """Serve one answer, whose usage comes when it is told to; give the base URL."""

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.recv(1 << 16)
            connection.sendall(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\n\r\n" + chunked(CHUNK)
            )
            go_on.wait(STALL)
            # Each byte is a block of its own.
            connection.sendall(b"".join(map(chunked, USAGE)))
            sent.set()
            read.wait(STALL)

    def chunked(text: str) -> bytes:
        return b"%x\r\n%s\r\n" % (len(text), text.encode())

    read = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer)
        server.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            read.set()
            server.join()


@TRANSPORTS
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
def test_a_process_that_was_held_up_finds_what_came_in_time(transport: str) -> None:
    seconds = 2.0
    held_up, sent = threading.Event(), threading.Event()
    with answering(held_up, sent) as url:
        command = [sys.executable, "-c", HELD_UP, str(seconds), url, transport]
        with subprocess.Popen(  # noqa: S603 - a program of this file's
            command, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            said = process.stdout.readline()
            # It reads on, and waits.
            time.sleep(seconds / 4)
            process.send_signal(signal.SIGSTOP)
            held_up.set()
            assert sent.wait(STALL)
            time.sleep(seconds + 0.5)
            process.send_signal(signal.SIGCONT)
            said += process.stdout.read()
    assert said.split("\n")[-2:] == ["3", ""]


@TRANSPORTS
@pytest.mark.parametrize("aiohttp", [False, True], ids=["httpx", "aiohttp"])
def test_a_loop_that_was_held_up_finds_what_came_in_time(
    transport: Any, monkeypatch: pytest.MonkeyPatch, *, aiohttp: bool
) -> None:
    async def run(url: str) -> Any:
        options: dict[str, Any] = {"http_client": DefaultAioHttpClient()} if aiohttp else {}
        async with open_async(url, **options) as sdk:
            client = pf.from_openai(sdk, mode=pf.Mode.JSON_SCHEMA, transport=transport)
            asked: dict[str, Any] = {**ASK, "response_model": dict[str, str]}
            stream = client.create_partial(**asked)
            async for _ in stream:
                # By then it reads on, and waits.
                asyncio.get_running_loop().call_later(0.1, hold_up)
            return stream.usage

    def hold_up() -> None:
        held_up.set()
        assert sent.wait(STALL)
        time.sleep(seconds)

    seconds = 1.0
    monkeypatch.setattr(_patience, "_FOR_USAGE_S", seconds)
    monkeypatch.setattr(_patience, "_FOR_THE_END_S", 0.1)
    held_up, sent = threading.Event(), threading.Event()
    with answering(held_up, sent) as url:
        usage = asyncio.run(run(url))
    assert usage is not None
    assert usage.total_tokens == 3
