"""A server of recorded answers: one loopback socket, the bytes as they stand, each cut as asked."""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

__all__ = ["MODELS", "Case", "WireServer", "read_cases", "read_request", "serve"]

_HEAD = "HTTP/1.1 {status}\r\n{headers}transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
_PATIENCE_S = 10


class User(BaseModel):
    name: str
    age: int


class Place(BaseModel):
    city: str
    country: str


class Opt(BaseModel):
    city: str = "none"
    n: int = 0


Object = dict[str, Any]

#: The types that cases ask for, by their names there.
MODELS: dict[str, Any] = {
    "User": User,
    "Place": Place,
    "Opt": Opt,
    "User | Place": User | Place,
    "Place | Opt": Place | Opt,
}


@dataclass(frozen=True)
class Case:
    """What a server sent, and what is right.

    Args:
        name: Of the case.
        api: ``"chat"`` or ``"responses"``.
        mode: Name of a mode.
        method: Of the client.
        model: Name of the type, or names joined by ``|``.
        steps: What is sent, and when.
        right: A value, or an exception's name and words that its message has.
        status: The status line.
        headers: Of the response.
    """

    name: str
    api: str
    mode: str
    method: str
    model: str
    steps: list[dict[str, Any]]
    right: list[Any]
    status: str = "200 OK"
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})


def read_cases(path: Path) -> list[Case]:
    """Read the cases of a file of JSON lines."""
    known = set(Case.__dataclass_fields__)
    with path.open(encoding="utf-8") as lines:
        return [
            Case(**{name: value for name, value in json.loads(line).items() if name in known})
            for line in lines
        ]


class WireServer:
    """Answers the request to ``/NUMBER/CUT/...`` with the case of that number.

    Args:
        cases: What can be asked for; ``CUT`` is the length of the pieces, 0 for whole steps.
    """

    def __init__(self, cases: list[Case]) -> None:
        self._cases = cases
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    def url(self, case: Case, cut: int) -> str:
        """Return the base URL that has a case."""
        return f"http://127.0.0.1:{self.port}/{self._cases.index(case)}/{cut}/v1"

    def run(self) -> None:
        """Serve until the listener is closed."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Serve no more."""
        # Closing alone would leave the thread where it waits.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(_PATIENCE_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number, cut = _path_of(read_request(connection)).split("/")[1:3]
            try:
                _send(connection, self._cases[int(number)], int(cut))
            except (BrokenPipeError, ConnectionResetError):
                # The client has what it wanted.
                return


def read_request(connection: socket.socket) -> bytes:
    """Read a request to its end, and return its head."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    left = int(lengths[0].partition(b":")[2]) - len(body)
    while left > 0:
        left -= len(connection.recv(65536))
    return head


def _path_of(head: bytes) -> str:
    return head.split(b" ", 2)[1].decode()


def _send(connection: socket.socket, case: Case, cut: int) -> None:
    headers = "".join(f"{name}: {value}\r\n" for name, value in case.headers.items())
    connection.sendall(_HEAD.format(status=case.status, headers=headers).encode())
    for step in case.steps:
        if "wait_s" in step:
            time.sleep(step["wait_s"])
        elif step.get("then") == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # What was sent has to arrive before.
            time.sleep(0.1)
            return
        elif step.get("then") == "close":
            return
        else:
            data = (
                base64.b64decode(step["send_base64"])
                if "send_base64" in step
                else step["send"].encode("utf-8", "surrogatepass")
            )
            size = cut or len(data) or 1
            for at in range(0, len(data), size):
                piece = data[at : at + size]
                connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    connection.sendall(b"0\r\n\r\n")


@contextmanager
def serve(cases: list[Case]) -> Generator[WireServer]:
    """Serve cases while the context lasts."""
    server = WireServer(cases)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(_PATIENCE_S)
