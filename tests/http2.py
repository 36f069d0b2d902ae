"""A server that speaks HTTP/2 on loopback, and notes what its clients tell it.

Cleartext with prior knowledge (RFC 9113, section 3.3): what is tested are frames, not TLS.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events

__all__ = ["Answer", "Http2Server", "serve"]

_HEADERS = [(":status", "200"), ("content-type", "text/event-stream"), ("x-request-id", "r1")]


@dataclass(frozen=True)
class Answer:
    """What the server sends for a request.

    Args:
        body: The body.
        ends: Whether it ends the stream after it; else it keeps it open.
    """

    body: bytes
    ends: bool


@dataclass
class Http2Server:
    """What a server has seen.

    Args:
        url: The base URL.
        resets: The streams that a client has reset, each with its connection and error code.
        connections: How many clients have connected.
    """

    url: str
    resets: list[tuple[int, int, int]] = field(default_factory=list)
    requests: int = 0
    connections: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for_resets(self, count: int, timeout: float = 10.0) -> list[tuple[int, int, int]]:
        """Wait until so many streams were reset, and return them."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.resets) >= count, timeout), self.resets
            return list(self.resets)


@contextmanager
def serve(answers: list[Answer]) -> Generator[Http2Server]:
    """Serve the answers, one after the other, the last one again and again."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Http2Server(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
        talks: list[tuple[threading.Thread, socket.socket]] = []

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                server.connections += 1
                thread = threading.Thread(target=_talk, args=(client, server, answers))
                talks.append((thread, client))
                thread.start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for _, client in talks:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *(thread for thread, _ in talks)):
                thread.join(10)
                assert not thread.is_alive()


def _talk(client: socket.socket, server: Http2Server, answers: list[Answer]) -> None:
    number = server.connections
    state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    state.initiate_connection()
    with client:
        client.sendall(state.data_to_send())
        while True:
            try:
                data = client.recv(65536)
            except OSError:
                return
            if not data:
                return
            for event in state.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    answer = answers[min(server.requests, len(answers) - 1)]
                    server.requests += 1
                    stream = event.stream_id
                    assert stream is not None
                    state.send_headers(stream, _HEADERS)
                    state.send_data(stream, answer.body, end_stream=answer.ends)
                elif isinstance(event, h2.events.StreamReset):
                    with server.changed:
                        reset = (number, event.stream_id or 0, int(event.error_code or 0))
                        server.resets.append(reset)
                        server.changed.notify_all()
            with contextlib.suppress(OSError):
                client.sendall(state.data_to_send())
