"""Servers that are broken, or mean harm: each ends soon, in one of the package's own exceptions."""

from __future__ import annotations

import functools
import gzip
import json
import logging
import resource
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import Any

import openai
import pytest
from pydantic import BaseModel

import partialfast as pf
from tests.openai_driver import EVERY_WAY, Api, Way, ask, fetch
from tests.wire import read_request

pytestmark = pytest.mark.network

BOTH = pytest.mark.parametrize("api", ["chat", "responses"])
MEGABYTE = 1 << 20
Body = Callable[[Api], Iterator[bytes]]


class User(BaseModel):
    name: str
    age: int


@contextmanager
def sending(body: Iterator[bytes], *headers: str, status: str = "200 OK") -> Generator[str]:
    """Answer one request with what an iterator gives, for as long as anybody reads it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(20)
            read_request(connection)
            lines = [f"HTTP/1.1 {status}", *headers, "connection: close", "", ""]
            try:
                connection.sendall("\r\n".join(lines).encode())
                for piece in body:
                    connection.sendall(piece)
            except OSError:
                # The client has seen enough.
                return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        listener.close()
        thread.join(25)


def harmless(text: str) -> bool:
    """Tell whether a text moves no cursor, and hides nothing; pydantic's have several lines."""
    return text.replace("\n", "").isprintable()


def event(api: Api, **changes: Any) -> bytes:
    """Give an event with a piece of an answer in it."""
    if api == "chat":
        call = {"index": 0, "id": "c", "function": {"name": "User", "arguments": '{"name": '}}
        choice = {"index": 0, "delta": {"tool_calls": [call]}} | changes
        said: dict[str, Any] = {"id": "1", "choices": [choice]}
    else:
        said = {"type": "response.function_call_arguments.delta", "output_index": 0} | changes
        said.setdefault("delta", '{"name": ')
    name = f"event: {said['type']}\n" if "type" in said else ""
    return f"{name}data: {json.dumps(said)}\n\n".encode()


def deep(_api: Api) -> Iterator[bytes]:
    yield b"data: " + b"[" * 100_000 + b"]" * 100_000 + b"\n\n"


def deep_within(api: Api) -> Iterator[bytes]:
    yield event(api, more="@").replace(b'"@"', b'{"a":' * 50_000 + b"1" + b"}" * 50_000)


def long_number(api: Api) -> Iterator[bytes]:
    yield event(api, more="@").replace(b'"@"', b"1" * 1_000_000)


def long_index(api: Api) -> Iterator[bytes]:
    name = "index" if api == "chat" else "output_index"
    yield event(api, **{name: "@"}).replace(b'"@"', b"1" * 1_000_000)


def index_in_a_list(api: Api) -> Iterator[bytes]:
    yield event(api, **{"index" if api == "chat" else "output_index": [0]})


def index_below_zero(api: Api) -> Iterator[bytes]:
    yield event(api, **{"index" if api == "chat" else "output_index": -1})


def of_other_types(api: Api) -> Iterator[bytes]:
    yield event(api, delta=[1, {"tool_calls": 3}])
    yield event(api, delta={"tool_calls": {"function": 7}, "content": {"a": 1}})
    yield b"data: 3\n\ndata: null\n\ndata: []\n\ndata: true\n\n"


def endless_line(_api: Api) -> Iterator[bytes]:
    yield b"data: "
    yield from repeat(b"a" * 65536)


def endless_event(_api: Api) -> Iterator[bytes]:
    yield from repeat(b"data: " + b"a" * 65529 + b"\n")


BODIES = [
    deep,
    deep_within,
    long_number,
    long_index,
    index_in_a_list,
    index_below_zero,
    of_other_types,
    endless_line,
    endless_event,
]
STREAM = "content-type: text/event-stream"


@EVERY_WAY
@BOTH
@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_every_failure_is_the_packages_own(way: Way, api: Api, body: Body) -> None:
    with sending(body(api), STREAM) as url:
        outcome = ask(way, url, api=api, response_model=User)
    assert isinstance(outcome.error, pf.StreamError), repr(outcome.error)
    assert outcome.error.text == outcome.stream.text
    # What is said of it fits on a line, and moves no cursor.
    assert len(str(outcome.error)) < 2000
    assert harmless(str(outcome.error))


@BOTH
@pytest.mark.parametrize("body", BODIES[:7], ids=lambda body: body.__name__)
def test_all_ways_end_alike(api: Api, body: Body) -> None:
    ends = set()
    for asynchronous in (False, True):
        for transport in ("raw", "sdk"):
            with sending(body(api), STREAM) as url:
                outcome = ask(Way(asynchronous, transport), url, api=api, response_model=User)
            ends.add((type(outcome.error), str(outcome.error)))
    assert len(ends) == 1, ends


@EVERY_WAY
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compression_bomb_is_an_error(way: Way, coding: str) -> None:
    bomb = packed_bomb(coding)
    before = _peak()
    with sending(iter([bomb]), STREAM, f"content-encoding: {coding}") as url:
        outcome = ask(way, url, response_model=User)
    assert isinstance(outcome.error, pf.StreamError), repr(outcome.error)
    # Not all of it was unpacked.
    assert _peak() - before < 512 * MEGABYTE


@functools.cache
def packed_bomb(coding: str) -> bytes:
    plain = b"data: " + b"a" * (256 * MEGABYTE)
    return gzip.compress(plain, 1) if coding == "gzip" else zlib.compress(plain, 1)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@EVERY_WAY
@BOTH
@pytest.mark.parametrize("packed", [False, True])
def test_the_body_of_an_error_is_read_in_part(way: Way, api: Api, *, packed: bool) -> None:
    # Ten times what is read; a gigabyte would be cut off at the same place.
    body = b"the disk is full " + b"x" * (10 * MEGABYTE)
    coding = ["content-encoding: gzip"] if packed else []
    sent = [gzip.compress(body)] if packed else [body, *repeat(b"y" * 65536, 64)]
    with sending(iter(sent), "content-type: text/plain", *coding, status="500 No") as url:
        if way.asynchronous:
            error: Any = ask(way, url, api=api, response_model=User).error
        else:
            with pytest.raises(openai.InternalServerError) as caught:
                ask(way, url, api=api, response_model=User)
            error = caught.value
    assert isinstance(error, openai.InternalServerError)
    assert len(error.response.content) == MEGABYTE
    assert error.response.text.startswith("the disk is full")


@EVERY_WAY
def test_the_body_of_an_error_is_read_in_part_without_a_stream(way: Way) -> None:
    body = b"x" * (10 * MEGABYTE)
    with (
        sending(iter([body]), "content-type: text/plain", status="400 No") as url,
        pytest.raises(openai.BadRequestError) as caught,
    ):
        fetch(way, url, response_model=User)
    assert len(caught.value.response.content) == MEGABYTE


@EVERY_WAY
def test_a_stream_that_drips_has_a_limit_in_all(way: Way) -> None:
    def drip() -> Iterator[bytes]:
        yield event("chat")
        while True:
            threading.Event().wait(0.02)
            call = {"index": 0, "function": {"arguments": " "}}
            yield event("chat", delta={"tool_calls": [call]})

    with sending(drip(), STREAM) as url:
        outcome = ask(way, url, response_model=User, total_timeout=0.4, stall_timeout=10)
    error = outcome.raised(pf.StreamTimeoutError)
    assert "total_timeout" in str(error)


@EVERY_WAY
def test_what_a_server_named_is_escaped_in_messages_and_in_the_log(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    wild = "\x1b[2J\x1b]0;owned\x07\r\nfake line\u202e"
    call = {"index": 0, "id": "c", "function": {"name": f"x{wild}", "arguments": "{}"}}
    bodies = [
        [event("chat", delta={"tool_calls": [call]}), event("chat", finish_reason=wild)],
        [event("chat", finish_reason=wild)],
        [b"data: " + json.dumps({"error": {"message": wild, "code": wild}}).encode() + b"\n\n"],
        [b"data: " + wild.replace("\r\n", " ").encode() + b"\n\n"],
    ]
    with caplog.at_level(logging.DEBUG, "partialfast"):
        for body in bodies:
            with sending(iter(body), STREAM) as url:
                outcome = ask(way, url, response_model=User)
            assert isinstance(outcome.error, pf.StreamError)
            assert harmless(str(outcome.error)), repr(str(outcome.error))
    assert caplog.records
    for record in caplog.records:
        if record.name == "partialfast":
            assert harmless(record.getMessage()), record.getMessage()


@EVERY_WAY
def test_white_space_as_arguments_is_kept_once_beside_the_parsers(way: Way) -> None:
    size = 8

    def blank(arguments: str) -> bytes:
        call = {"index": 0, "id": "c", "function": {"name": "User", "arguments": arguments}}
        return event("chat", delta={"tool_calls": [call]})

    tracemalloc.start()
    try:
        with sending(iter([blank(" " * MEGABYTE)] * size), STREAM) as url:
            outcome = ask(way, url, response_model=User)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    error = outcome.raised(pf.TruncatedError)
    assert len(error.text) == size * MEGABYTE
    # The text of the exception, and what was read from the network and not parsed yet.
    assert peak < (size + size / 2 + 6) * MEGABYTE
