"""The connections of the replay server, byte by byte, as no SDK would use them."""

from __future__ import annotations

import gc
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from partialfast import replay
from tests.patience import STALL

pytestmark = pytest.mark.network

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n" % len(
    BODY
)
ASK = HEAD + b"\r\n" + BODY


@pytest.fixture
def server(caplog: pytest.LogCaptureFixture) -> Iterator[replay.Server]:
    with replay.serve([{"text": "first", "times": 1}, {"text": "second"}]) as url:
        yield url
    assert not caplog.records


def connect(url: replay.Server) -> socket.socket:
    host, _, port = url.origin.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_requests_that_are_sent_at_once_are_answered_in_their_order(server: replay.Server) -> None:
    with connect(server) as connection:
        connection.sendall(ASK + ASK[:20])
        connection.sendall(ASK[20:] + HEAD + b"connection: close\r\n\r\n" + BODY)
        said = read_all(connection)
    assert said.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert said.index(b'"content":"first"') < said.index(b'"content":"second"')
    assert [exchange.ending for exchange in server.exchanges] == ["complete"] * 3
    assert len({exchange.port for exchange in server.exchanges}) == 1


def test_a_client_that_asks_whether_to_go_on_is_told_so(server: replay.Server) -> None:
    with connect(server) as connection:
        connection.sendall(HEAD + b"expect: 100-continue\r\nconnection: close\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 100 ")
        connection.sendall(BODY)
        assert b"HTTP/1.1 200 OK" in read_all(connection)


def test_an_old_client_gets_its_answer_and_the_end(server: replay.Server) -> None:
    with connect(server) as connection:
        connection.sendall(ASK.replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert b'"content":"first"' in read_all(connection)


def test_what_is_not_http_is_refused(server: replay.Server) -> None:
    for said in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ):
        with connect(server) as connection:
            connection.sendall(said)
            answer = read_all(connection)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"Invalid HTTP request" in answer
    assert server.exchanges == []


@pytest.mark.parametrize("size", [0, 1, len(HEAD), len(HEAD) + 2, len(ASK) - 1])
def test_a_client_may_leave_before_it_has_asked(server: replay.Server, size: int) -> None:
    with connect(server) as connection:
        connection.sendall(ASK[:size])
    assert server.exchanges == []
    with connect(server) as connection:
        connection.sendall(ASK)
        assert connection.recv(15) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("size", [0, 9])
def test_stopping_ends_a_connection_that_has_asked_nothing(size: int) -> None:
    for _ in range(5):
        with replay.serve({"text": "hi"}) as url:
            connection = connect(url)
            connection.sendall(ASK[:size])
        with connection, suppress(ConnectionError):
            assert connection.recv(1) == b""
    # What is left open says so when it is collected.
    gc.collect()


def test_stopping_ends_connections_that_come_at_that_moment(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def come_and_go(url: replay.Server) -> None:
        with suppress(OSError):
            while True:
                connect(url).close()

    for _ in range(5):
        with replay.serve({"text": "hi"}) as url:
            clients = [threading.Thread(target=come_and_go, args=(url,)) for _ in range(3)]
            for client in clients:
                client.start()
            connect(url).close()
        for client in clients:
            client.join()
    gc.collect()
    assert not caplog.records


def ask_without_reading(url: replay.Server, connection: socket.socket) -> replay.Exchange:
    """Ask for an answer, and wait until all of it is sent or the server waits for its client."""
    connection.sendall(HEAD + b"connection: close\r\n\r\n" + BODY)
    assert connection.recv(1)
    (exchange,), sent = url.exchanges, -1
    # A slow machine may make it look as if the server waited: then it is tried again.
    while exchange.ending is None and exchange.sent != sent:
        sent = exchange.sent
        time.sleep(0.2)
    return exchange


def test_stopping_ends_a_connection_whose_last_bytes_are_still_to_be_sent() -> None:
    """An answer is complete when asyncio has taken it; the client may not have taken all of it."""
    # How much the system takes is not the same each time: it is tried until something is left.
    for _ in range(20):
        with replay.serve({"raw": "x" * (1 << 25)}, split=1024) as url, connect(url) as connection:
            # What the system takes, and the 64 KiB that asyncio keeps before it lets a writer wait.
            size = ask_without_reading(url, connection).sent - (1 << 15)
        with ExitStack() as stack:
            with replay.serve({"raw": "x" * size}, split=1024) as url:
                connection = stack.enter_context(connect(url))
                is_complete = ask_without_reading(url, connection).ending == "complete"
            received = b""
            with suppress(ConnectionError):
                received = read_all(connection)
        # What is left open says so when it is collected.
        gc.collect()
        if is_complete and received.count(b"x") < size:
            return
    pytest.fail("no answer was complete before the system had taken all of it")


def test_a_question_of_headers_only_gets_no_body(server: replay.Server) -> None:
    with connect(server) as connection:
        connection.sendall(
            b"HEAD /v1/models HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        )
        said = read_all(connection)
    assert said.startswith(b"HTTP/1.1 405 ")
    assert said.endswith(b"\r\n\r\n")


def test_a_fault_of_the_server_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    # What cannot be written as JSON.
    broken = replay.Recording(text="hi", usage={"total_tokens": object()})
    with replay.serve(broken) as url, connect(url) as connection:
        connection.sendall(HEAD + b"connection: close\r\n\r\n" + BODY)
        assert read_all(connection).startswith(b"HTTP/1.1 500 ")
        assert url.wait_ended(timeout=STALL).ending == "complete"
    assert "/v1/chat/completions could not be answered" in caplog.text
