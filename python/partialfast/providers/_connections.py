"""Connections to one server, for a batch: a request over each at a time, and sockets read directly.

A general HTTP client spends several times what a batch spends on all the rest: on what it offers
and a batch does not use, and on being told of each piece as it comes. Here a request is a head that
was made once and a body; and nothing happens when bytes come. They gather in the socket until
somebody asks for them, which one call to the operating system answers.

It offers no more than that. Whoever wants a proxy, redirects or content codings asks otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from typing_extensions import Self

from partialfast.answer._gate import Gate
from partialfast.providers._http11 import Head, HttpError, ResponseReader

__all__ = ["Connections", "Response"]

_BLOCK: Final = 1 << 16
# As OpenAI's SDK has it: ten minutes without a byte. And what a host may take to answer at all.
_SILENCE_S: Final = 600.0
_CONNECT_S: Final = 15.0
# What is read of a body at once, such as that of a refusal.
_MOST_WHOLE: Final = 1 << 20


class _Plain:
    """A socket, read without waiting where something is there.

    Args:
        sock: Connected, and non-blocking.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._is_late = False
        self._waits = False
        self._is_closed = False

    async def receive(self) -> bytes:
        """Give what has come, or wait for it; nothing at the end."""
        try:
            return self._socket.recv(_BLOCK)
        except (BlockingIOError, InterruptedError):
            pass
        limit = self._loop.call_later(_SILENCE_S, self._wake)
        self._waits = True
        try:
            data = await self._loop.sock_recv(self._socket, _BLOCK)
        finally:
            self._waits = False
            limit.cancel()
            if self._is_closed:
                self._socket.close()
        if self._is_late:
            raise TimeoutError(f"the server has sent nothing for {_SILENCE_S:g} seconds")
        return data

    def poll(self) -> bytes | None:
        """Give what has come; nothing at the end, and ``None`` if nothing has."""
        try:
            return self._socket.recv(_BLOCK)
        except (BlockingIOError, InterruptedError):
            return None

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        try:
            sent = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        if sent < len(data):
            await self._loop.sock_sendall(self._socket, memoryview(data)[sent:])

    def is_idle(self) -> bool:
        """Tell whether the other side has neither said anything nor gone."""
        try:
            return self.poll() is None
        except OSError:
            return False

    def _wake(self) -> None:
        self._is_late = True
        self._shut()

    def _shut(self) -> None:
        # It is not connected any more, if that fails.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it. Whoever waits for it gets nothing more."""
        self._is_closed = True
        if self._waits:
            # The loop has to forget it first: it is closed by the one who waits.
            self._shut()
        else:
            self._socket.close()


class _Tls:
    """TLS over a socket.

    The TLS of the loop's own transports reads on while nobody wants it to.

    Args:
        plain: The socket.
        context: How to encrypt.
        host: Whose certificate is expected.
    """

    def __init__(self, plain: _Plain, context: ssl.SSLContext, host: str) -> None:
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.close = plain.close

    async def begin(self) -> None:
        """Shake hands."""
        while not self._shakes():
            await self._flush()
            await self._more()
        await self._flush()

    async def receive(self) -> bytes:
        """Give what has come, or wait for it; nothing at the end."""
        # What has come is many records, and there may be more than one read's worth of them.
        while (data := self._decrypt()) is None:
            await self._flush()
            await self._more()
        return data

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        self._tls.write(data)
        await self._flush()

    def is_idle(self) -> bool:
        """Tell whether the other side has neither said anything nor gone."""
        try:
            came = self._plain.poll()
            if came:
                # A ticket for later sessions, most likely, which is nothing said.
                self._incoming.write(came)
            return came != b"" and self._decrypt() is None
        except OSError:
            return False

    def _shakes(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def _decrypt(self) -> bytes | None:
        records: list[bytes] = []
        try:
            while data := self._tls.read(_BLOCK):
                records.append(data)
        except ssl.SSLWantReadError:
            return b"".join(records) if records else None
        except ssl.SSLZeroReturnError:
            # The other side has said that this is all,
            pass
        except ssl.SSLEOFError:
            # or has hung up without. Whether it is all, the response knows.
            pass
        return b"".join(records)

    async def _more(self) -> None:
        came = await self._plain.receive()
        if came:
            self._incoming.write(came)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._plain.send(self._outgoing.read())


_Wire = _Plain | _Tls


class Response:
    """A response whose body is still to be read.

    Args:
        wire: Where it comes from.
        release: Takes the wire back once all is read and another request may follow.
    """

    def __init__(self, wire: _Wire, release: Callable[[_Wire], None]) -> None:
        self._wire: _Wire | None = wire
        self._release = release
        self._reader = ResponseReader()
        self._early = b""
        self.head: Head
        #: Stands before each read of the body.
        self.gate = Gate()

    async def begin(self) -> None:
        """Read what comes before the body, and what comes with it.

        Raises:
            OSError: The connection is lost.
        """
        while (head := self._reader.head) is None:
            self._early = await self._read()
        self.head = head

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> bytes:
        """Give the next part of the body: all that has come.

        Raises:
            OSError: The connection is lost.
        """
        data, self._early = self._early, b""
        while not data and not self._reader.done:
            await self.gate.wait()
            data = await self._read()
        if not data:
            raise StopAsyncIteration
        return data

    @property
    def is_done(self) -> bool:
        """Whether all has come."""
        return self._reader.done

    async def read(self) -> bytes:
        """Read the rest of the body, up to a limit."""
        parts: list[bytes] = []
        size = 0
        async for part in self:
            parts.append(part)
            size += len(part)
            if size > _MOST_WHOLE:
                self.close()
                break
        return b"".join(parts)[:_MOST_WHOLE]

    def close(self) -> None:
        """Close the connection, unless all is read and it was given back."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    async def _read(self) -> bytes:
        wire = self._wire
        if wire is None:
            raise HttpError("the response is closed")
        try:
            came = await wire.receive()
            if came:
                data = self._reader.feed(came)
            else:
                self._reader.end()
                data = b""
        except BaseException as error:
            self.close()
            known = (ConnectionError, TimeoutError, ssl.SSLError)
            if isinstance(error, OSError) and not isinstance(error, known):
                raise HttpError(f"the connection is lost: {error}") from error
            raise
        if self._reader.done and self._wire is not None:
            self._wire = None
            if self._reader.keeps_alive:
                self._release(wire)
            else:
                wire.close()
        return data


class Connections:
    """The connections to one server: as many as there are requests at a time, all kept.

    Args:
        url: Where requests go.
        headers: What all of them have in common.
        context: How to encrypt, where the URL says so.

    Raises:
        ValueError: A header cannot be sent.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], context: ssl.SSLContext | None
    ) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._context = context if parts.scheme == "https" else None
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"POST {target} HTTP/1.1", f"host: {parts.netloc.rpartition('@')[2]}"]
        lines += [f"{name.lower()}: {value}" for name, value in headers.items()]
        if any(set(line) & set("\r\n\0") for line in lines):
            raise ValueError("a header has a line break in it")
        self._start = ("\r\n".join(lines) + "\r\ncontent-length: ").encode("latin-1")
        self._idle: list[_Wire] = []
        self._closed = False
        # Where the host was reached last; and its addresses, looked up once for many connections.
        self._reached: Any = None
        self._looking: asyncio.Task[list[Any]] | None = None

    async def post(self, body: bytes) -> Response:
        """Send a request.

        Args:
            body: Its body.

        Returns:
            The response, as soon as it has begun.

        Raises:
            OSError: There is no connection, or it is lost.
        """
        wire = self._take() or await self._connect()
        response = Response(wire, self._give)
        try:
            await wire.send(b"%b%d\r\n\r\n%b" % (self._start, len(body), body))
            await response.begin()
        except BaseException:
            response.close()
            raise
        return response

    def close(self) -> None:
        """Close all that are not in use, and those that are in use when they are given back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    @property
    def idle(self) -> int:
        """How many wait for a request; those that the server has closed are sorted out."""
        for wire in [wire for wire in self._idle if not wire.is_idle()]:
            self._idle.remove(wire)
            wire.close()
        return len(self._idle)

    def _take(self) -> _Wire | None:
        while self._idle:
            # The one that was used last is the least likely to have been closed meanwhile.
            wire = self._idle.pop()
            if wire.is_idle():
                return wire
            wire.close()
        return None

    def _give(self, wire: _Wire) -> None:
        if self._closed:
            wire.close()
        else:
            self._idle.append(wire)

    async def _connect(self) -> _Wire:
        plain = await self._reach()
        if self._context is None:
            return plain
        try:
            wire = _Tls(plain, self._context, self._host)
            await _in_time(wire.begin())
        except BaseException:
            plain.close()
            raise
        return wire

    async def _reach(self) -> _Plain:
        addresses = await self._addresses()
        if self._reached in addresses:
            addresses.remove(self._reached)
            addresses.insert(0, self._reached)
        error: OSError | None = None
        for address in addresses:
            try:
                plain = await _open(*address)
            except OSError as failed:
                error = failed
                continue
            self._reached = address
            return plain
        raise error or OSError(f"{self._host} has no address")

    async def _addresses(self) -> list[Any]:
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_up())
            self._looking.add_done_callback(self._forget)
        # One who is cancelled must not take it from the others.
        return list(await asyncio.shield(self._looking))

    def _forget(self, _: Any) -> None:
        self._looking = None

    async def _look_up(self) -> list[Any]:
        found = await asyncio.get_running_loop().getaddrinfo(
            self._host, self._port, type=socket.SOCK_STREAM
        )
        return [(family, proto, address) for family, _, proto, _, address in found]


async def _in_time(connecting: Coroutine[Any, Any, None]) -> None:
    try:
        await asyncio.wait_for(connecting, _CONNECT_S)
    except asyncio.TimeoutError:
        # Until Python 3.11 it is another exception.
        raise TimeoutError(f"the server has not answered for {_CONNECT_S:g} seconds") from None


async def _open(family: int, proto: int, address: Any) -> _Plain:
    sock = socket.socket(family, socket.SOCK_STREAM, proto)
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        loop = asyncio.get_running_loop()
        await _in_time(loop.sock_connect(sock, address))
    except BaseException:
        sock.close()
        raise
    return _Plain(sock)
