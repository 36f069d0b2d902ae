"""What a running server saw, for the thread that runs the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Literal

from partialfast.replay._recording import Recording

__all__ = ["Ending", "Exchange", "ExchangeLog"]

#: How an exchange ended: the whole response was written, the client closed the
#: connection, a fault dropped it, or the server was stopped.
Ending = Literal["complete", "disconnect", "dropped", "stopped"]

# A server may run for long.
_MOST_KEPT: Final = 100_000
_MOST_KEPT_BYTES: Final = 1 << 28


@dataclass(eq=False)
class Exchange:
    """One request and what became of it.

    Args:
        method: The HTTP method.
        path: The path with its query.
        headers: The request's headers, names in lower case.
        raw: The request's body.
        body: The request's body decoded, or ``None`` when it is not a JSON object.
        port: The client's port, the same for all requests over one connection.
        started: When it came, on `time.monotonic`'s clock.
        status: The status of the response, once decided.
        recording: What was played, if anything.
        writes: How many writes the body took so far.
        sent: How many bytes of the body were written so far.
        ending: How it ended; ``None`` while it goes on.
        ended: When it ended, on `time.monotonic`'s clock.
        number: How many requests came before it.
    """

    method: str
    path: str
    # They hold keys, and are long.
    headers: Mapping[str, str] = field(repr=False)
    raw: bytes
    body: dict[str, Any] | None
    port: int | None = None
    started: float = field(default_factory=time.monotonic)
    status: int | None = None
    recording: Recording | None = None
    writes: int = 0
    sent: int = 0
    ending: Ending | None = None
    ended: float | None = None
    number: int = 0
    _over: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def end(self, ending: Ending) -> None:
        """Note how it ended."""
        self.ending, self.ended = ending, time.monotonic()
        self._over.set()

    def wait_ended(self, timeout: float) -> None:
        """Wait until it has ended, for some seconds."""
        if not self._over.wait(timeout):
            raise TimeoutError(f"no end of the exchange within {timeout} s")


class ExchangeLog:
    """The exchanges of a server, in the order of their requests."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self._numbers = count()
        self._kept_bytes = 0

    def add(self, exchange: Exchange) -> None:
        """Enter a request and give it its number."""
        exchange.number = next(self._numbers)
        self.exchanges.append(exchange)
        self._kept_bytes += len(exchange.raw)
        while len(self.exchanges) > 1 and (
            len(self.exchanges) > _MOST_KEPT or self._kept_bytes > _MOST_KEPT_BYTES
        ):
            self._kept_bytes -= len(self.exchanges.pop(0).raw)
