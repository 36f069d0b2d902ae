"""What a running server saw, for the thread that runs the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
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


class ExchangeLog:
    """The exchanges of a server, in the order of their requests."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self._count = 0
        self._kept_bytes = 0
        self._ended = threading.Condition()

    def add(self, exchange: Exchange) -> int:
        """Enter a request and give its number, counted from 0."""
        self.exchanges.append(exchange)
        self._count += 1
        self._kept_bytes += len(exchange.raw)
        while len(self.exchanges) > 1 and (
            len(self.exchanges) > _MOST_KEPT or self._kept_bytes > _MOST_KEPT_BYTES
        ):
            older = self.exchanges[: len(self.exchanges) // 2]
            del self.exchanges[: len(older)]
            self._kept_bytes -= sum(len(each.raw) for each in older)
        return self._count - 1

    def end(self, exchange: Exchange, ending: Ending) -> None:
        """Enter the end of an exchange."""
        with self._ended:
            exchange.ending, exchange.ended = ending, time.monotonic()
            self._ended.notify_all()

    def wait_ended(self, exchange: Exchange, timeout: float) -> None:
        """Wait until an exchange has ended, for some seconds."""
        with self._ended:
            if not self._ended.wait_for(lambda: exchange.ending is not None, timeout):
                raise TimeoutError(f"no end of the exchange within {timeout} s")
