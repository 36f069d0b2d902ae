"""What holds up the reading of a response while nothing that it brings is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from partialfast.answer._turns import Turns

__all__ = ["Gate", "StreamGate", "gate_of"]


class Gate:
    """Stands before each read from the network: what comes meanwhile gathers in the socket.

    Who opens a response lets its reads `wait`; who reads the answer says how long, with `due_in`.
    """

    def __init__(self) -> None:
        #: Gives the seconds in which nothing needs to be read.
        self.due_in: Callable[[], float] | None = None
        self._turns: Turns | None = None

    async def wait(self) -> None:
        """Wait until something is due."""
        seconds = 0.0 if self.due_in is None else self.due_in()
        if not seconds:
            return
        if self._turns is None:
            try:
                self._turns = Turns.of(asyncio.get_running_loop())
            except RuntimeError:
                from anyio import sleep  # noqa: PLC0415 - for other event loops; comes with the SDK

                await sleep(seconds)
                return
        await self._turns.rest(seconds)


class StreamGate(Gate):
    """Stands before the reads of a network stream of httpcore's, until it is taken away.

    Args:
        stream: The network stream, which further responses will come over.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self._stream = stream
        read = stream.read

        async def wait_and_read(*arguments: Any, **named: Any) -> Any:
            await self.wait()
            return await read(*arguments, **named)

        stream.read = wait_and_read

    def remove(self) -> None:
        """Take it away."""
        self.due_in = None
        vars(self._stream).pop("read", None)


def gate_of(http: Any) -> StreamGate | None:
    """Put a gate before the reads of a response; ``None`` where that cannot be done.

    Args:
        http: A response of httpx's or its successor's.
    """
    if getattr(http, "http_version", None) not in {"HTTP/1.1", "HTTP/1.0"}:
        # Other answers come over the same connection.
        return None
    stream = getattr(http, "extensions", {}).get("network_stream")
    if not callable(getattr(stream, "read", None)) or "read" in getattr(
        stream, "__dict__", {"read": None}
    ):
        return None
    return StreamGate(stream)
