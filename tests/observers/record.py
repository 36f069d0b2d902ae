"""What a tracing tool has to record of a call, whatever it calls it."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

__all__ = ["Collector", "Record", "Spans", "numbers"]


# What services answer that a tool waits for.
_ANSWER = json.dumps({"digest": "digest", "id": "id", "trace_id": "trace"}).encode()


class Record(NamedTuple):
    """What a tool recorded of one call.

    Args:
        answer: Where the tool keeps the answer, as text.
        tokens: The output tokens.
        seconds: How long the call took.
    """

    answer: str
    tokens: int | None
    seconds: float


class Collector:
    """A service on loopback that takes what a tool sends, and says yes to everything."""

    def __init__(self) -> None:
        # Paths and bodies, in the order of their arrival.
        self._posts: list[tuple[str, bytes]] = []
        posts = self._posts

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._take()
                self._answer()

            do_PATCH = do_POST  # noqa: N815 - the names of the standard library

            def _take(self) -> None:
                body = _body(self)
                coding = self.headers.get("content-encoding", "")
                if coding == "gzip":
                    body = gzip.decompress(body)
                elif coding == "deflate":
                    body = zlib.decompress(body)
                posts.append((self.path, body))

            def _answer(self) -> None:
                said = _ANSWER
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self) -> list[tuple[str, bytes]]:
        """Return paths and bodies of what arrived since the last call."""
        taken = self._posts[:]
        del self._posts[: len(taken)]
        return taken


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    length = handler.headers.get("content-length")
    if length is not None:
        return handler.rfile.read(int(length))
    body = b""
    while size := int(handler.rfile.readline().split(b";")[0] or b"0", 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body


class Spans:
    """Spans of OpenTelemetry's, kept in memory."""

    def __init__(self) -> None:
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self._exporter = InMemorySpanExporter()
        #: To be added to a provider of traces.
        self.processor = SimpleSpanProcessor(self._exporter)

    def provide(self) -> Any:
        """Make a provider that keeps its spans here the one that all use."""
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider

        provider = TracerProvider()
        provider.add_span_processor(self.processor)
        trace.set_tracer_provider(provider)
        return provider

    def take(self, *tokens: str) -> list[Record]:
        """Return what was recorded since the last call.

        Args:
            tokens: Attributes, one of which has the output tokens.
        """
        spans = self._exporter.get_finished_spans()
        self._exporter.clear()
        found: list[Record] = []
        for span in spans:
            attributes = dict(span.attributes or {})
            events = [dict(event.attributes or {}) for event in span.events]
            counts = [attributes[name] for name in tokens if name in attributes]
            if not counts:
                # Such as one of the HTTP request.
                continue
            seconds = ((span.end_time or 0) - (span.start_time or 0)) / 1e9
            said = json.dumps([attributes, events], default=str, ensure_ascii=False)
            found.append(Record(said, _whole(counts[0]), seconds))
        return found


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) else None


def numbers(value: Any, *names: str) -> list[int]:
    """Return the whole numbers that stand under one of some names, anywhere in a JSON value."""
    found: list[int] = []
    if isinstance(value, dict):
        for name, each in value.items():
            if name in names and isinstance(each, (int, float)):
                found.append(int(each))
            found += numbers(each, *names)
    elif isinstance(value, list):
        for each in value:
            found += numbers(each, *names)
    return found
