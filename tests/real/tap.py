"""A server in front of a server, which keeps what the other one said, byte by byte."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Heard", "Tap", "tapped"]

_NOT_PASSED_ON = {"host", "connection", "content-length", "accept-encoding", "transfer-encoding"}
_TIMEOUT_S = 300.0


@dataclass
class Heard:
    """What a server said to one request.

    Args:
        status: The status.
        body: What was read of the body, until it ended or the client left.
        whole: Whether the body came to its end.
    """

    status: int = 0
    body: bytes = b""
    whole: bool = False


@dataclass
class Tap:
    """A server in front of a server.

    Args:
        url: Its base URL.
        heard: What was said to each request, in order.
    """

    url: str
    heard: list[Heard] = field(default_factory=list)
    # Held by a request until all of it is kept.
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> list[Heard]:
        """Return what was heard since it was asked for last, once nobody is served any more."""
        with self.lock:
            taken, self.heard = self.heard, []
            return taken


@contextmanager
def tapped(upstream: str) -> Generator[Tap]:
    """Listen in front of a server.

    Args:
        upstream: Its base URL, such as ``http://127.0.0.1:8080/v1``.
    """
    parts = urlsplit(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with tap.lock:
                heard = Heard()
                tap.heard.append(heard)
                self._pass_on(body, heard)
            self.close_connection = True

        def _pass_on(self, body: bytes, heard: Heard) -> None:
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in _NOT_PASSED_ON
            }
            connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
            # A client that leaves, and a server that does, end the one exchange.
            with (
                contextlib.closing(connection),
                contextlib.suppress(OSError, http.client.HTTPException),
            ):
                connection.request("POST", self.path, body, headers)
                response = connection.getresponse()
                heard.status = response.status
                self.send_response(response.status)
                self.send_header("content-type", response.headers.get("content-type", ""))
                self.send_header("connection", "close")
                self.end_headers()
                while block := response.read1(65536):
                    heard.body += block
                    self.wfile.write(block)
                    self.wfile.flush()
                heard.whole = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tap = Tap(f"http://127.0.0.1:{server.server_address[1]}{parts.path}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield tap
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
