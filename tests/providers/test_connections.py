"""Connections of a batch, over real sockets: plain and with TLS, kept, lost, stale."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from partialfast.providers._connections import Connections
from partialfast.providers._http11 import HttpError

pytestmark = pytest.mark.network

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes, int], Awaitable[Any]]

PLAIN_OR_TLS = pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
CA = trustme.CA()


def contexts(*, secure: bool, host: str = "localhost") -> tuple[Any, Any]:
    if not secure:
        return None, None
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert(host).configure_cert(server)
    client = ssl.create_default_context()
    CA.configure_trust(client)
    return server, client


@asynccontextmanager
async def connected(
    answer: Answer, *, secure: bool = False, host: str = "localhost"
) -> AsyncGenerator[tuple[Connections, list[bytes]], None]:
    """Serve with `answer`, which is told the body, and how many came before on its connection."""
    heads: list[bytes] = []
    serving, asking = contexts(secure=secure, host=host)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                heads.append(head)
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
                await answer(reader, writer, await reader.readexactly(length), number)
                number += 1
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            # The client has gone.
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=serving)
    port = server.sockets[0].getsockname()[1]
    url = f"http{'s' if secure else ''}://localhost:{port}/v1/x?a=b"
    connections = Connections(url, {"X-Key": "k"}, asking)
    try:
        yield connections, heads
    finally:
        connections.close()
        server.close()
        await server.wait_closed()


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-request-id: r\r\n\r\n"


async def echo(_: Any, writer: asyncio.StreamWriter, body: bytes, number: int) -> None:
    writer.write(HEAD + chunked(b"%d:" % number))
    await writer.drain()
    writer.write((chunked(body) if body else b"") + b"0\r\n\r\n")
    await writer.drain()


def within(coroutine: Any) -> Any:
    async def limited() -> Any:
        return await asyncio.wait_for(coroutine, 30)

    return asyncio.run(limited())


@PLAIN_OR_TLS
def test_a_connection_is_used_again(*, secure: bool) -> None:
    async def main() -> None:
        async with connected(echo, secure=secure) as (connections, heads):
            for number in range(3):
                response = await connections.post(b"hello")
                assert response.head.status == 200
                assert response.head.get("x-request-id") == "r"
                assert await response.read() == b"%d:hello" % number
                assert response.is_done
            first = heads[0].split(b"\r\n")
            assert first[0] == b"POST /v1/x?a=b HTTP/1.1"
            assert first[1].startswith(b"host: localhost:")
            assert b"x-key: k" in first

    within(main())


@PLAIN_OR_TLS
@settings(max_examples=10)
@given(sizes=st.lists(st.integers(0, 300_000), min_size=1, max_size=4))
def test_what_is_sent_comes_back_whatever_its_size(*, secure: bool, sizes: list[int]) -> None:
    async def main() -> None:
        async with connected(echo, secure=secure) as (connections, _):
            bodies = [bytes([65 + n]) * size for n, size in enumerate(sizes)]

            async def one(body: bytes) -> bytes:
                return (await (await connections.post(body)).read()).partition(b":")[2]

            assert await asyncio.gather(*map(one, bodies)) == bodies

    within(main())


@PLAIN_OR_TLS
def test_a_connection_that_was_closed_meanwhile_is_not_used(*, secure: bool) -> None:
    async def once(reader: Any, writer: asyncio.StreamWriter, body: bytes, number: int) -> None:
        await echo(reader, writer, body, number)
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        async with connected(once, secure=secure) as (connections, heads):
            for _ in range(3):
                assert await (await connections.post(b"x")).read() == b"0:x"
                for _ in range(1000):
                    if not connections.idle:
                        break
                    await asyncio.sleep(0.01)
            assert len(heads) == 3

    within(main())


@PLAIN_OR_TLS
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 2", HEAD, HEAD + b"5\r\nab"])
def test_a_connection_that_is_lost_is_an_error(*, secure: bool, said: bytes) -> None:
    async def lose(_: Any, writer: asyncio.StreamWriter, _body: bytes, _number: int) -> None:
        writer.write(said)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        async with connected(lose, secure=secure) as (connections, _):
            with pytest.raises(OSError, match="closed the connection"):
                await (await connections.post(b"x")).read()

    within(main())


@PLAIN_OR_TLS
def test_closing_a_response_wakes_who_reads_it(*, secure: bool) -> None:
    async def stall(reader: Any, writer: asyncio.StreamWriter, _: bytes, _number: int) -> None:
        writer.write(HEAD + chunked(b"first"))
        await writer.drain()
        await reader.read()

    async def main() -> None:
        async with connected(stall, secure=secure) as (connections, _):
            response = await connections.post(b"x")
            assert await anext(response) == b"first"
            waiting = asyncio.create_task(anext(response))
            await asyncio.sleep(0.05)
            response.close()
            with pytest.raises(HttpError, match="closed"):
                await waiting
            # One who was cancelled leaves nothing open either.
            response = await connections.post(b"x")
            assert await anext(response) == b"first"
            waiting = asyncio.create_task(anext(response))
            await asyncio.sleep(0.05)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            response.close()
            assert not connections.idle

    within(main())


def test_a_certificate_of_somebody_else_is_refused() -> None:
    async def main() -> None:
        async with connected(echo, secure=True, host="example.org") as (connections, _):
            with pytest.raises(ssl.SSLCertVerificationError):
                await connections.post(b"x")

    within(main())


def test_where_nobody_listens() -> None:
    async def main() -> None:
        async with connected(echo) as (connections, _):
            pass
        with pytest.raises(ConnectionRefusedError):
            await connections.post(b"x")

    within(main())


def test_a_header_cannot_bring_another() -> None:
    with pytest.raises(ValueError, match="line break"):
        Connections("http://localhost/", {"a": "b\r\nc: d"}, None)


def test_a_server_that_speaks_something_else() -> None:
    async def other(_: Any, writer: asyncio.StreamWriter, _body: bytes, _number: int) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        await writer.drain()

    async def main() -> None:
        async with connected(other) as (connections, _):
            with pytest.raises(HttpError, match="no response"):
                await connections.post(b"x")

    within(main())
