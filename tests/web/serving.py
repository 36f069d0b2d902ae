"""A server on loopback for the tests, and a bare client that shows what travels."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

__all__ = ["Raw", "request", "serving"]

_TIMEOUT_S = 10.0


@contextmanager
def serving(app: Any, *, port: int = 0) -> Generator[str, None, None]:
    """Run an ASGI application on loopback; give its origin."""
    listener = socket.create_server(("127.0.0.1", port))
    # WebSockets are not spoken; older versions warn about the library that they load for them.
    config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    try:
        host, port = listener.getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(_TIMEOUT_S)
        listener.close()
        assert not thread.is_alive()


class Raw:
    """A response as it comes off the socket.

    Args:
        origin: The server's.
        path: The path to get.
        method: The method.
        headers: More headers.
        body: The request's body.
    """

    def __init__(
        self,
        origin: str,
        path: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        host, port = origin.removeprefix("http://").split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=_TIMEOUT_S)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers: dict[str, str] = {}
        while line := self._file.readline().strip().decode():
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value
        #: Whether the body came to its proper end, once it has been read.
        self.whole = False

    def chunks(self) -> Iterator[bytes]:
        """Read the body, chunk by chunk."""
        if "content-length" in self.headers:
            yield self._file.read(int(self.headers["content-length"]))
            self.whole = True
            return
        if self.headers.get("transfer-encoding") != "chunked":
            return
        while line := self._file.readline():
            size = int(line, 16)
            data = self._file.read(size + 2)
            if size == 0:
                self.whole = True
                return
            yield data[:-2]

    def read(self) -> bytes:
        """Read the rest of the body."""
        return b"".join(self.chunks())

    def until(self, text: bytes) -> bytes:
        """Read until something has come."""
        received = b""
        for chunk in self.chunks():
            received += chunk
            if text in received:
                return received
        raise AssertionError(f"{text!r} has not come: {received!r}")

    def close(self) -> None:
        """Close the connection at once."""
        self._file.close()
        self._socket.close()


def request(origin: str, path: str, **options: Any) -> tuple[Raw, bytes]:
    """Send a request and read all of the response."""
    response = Raw(origin, path, **options)
    body = response.read()
    response.close()
    return response, body
