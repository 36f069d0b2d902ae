"""What stands before the application: who may ask, and how much they may send."""

from __future__ import annotations

from typing import Any, Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from partialfast.replay._ask import RequestError
from partialfast.replay._events import error_body

__all__ = ["MOST_BODY", "Guard"]

#: What a request may have: a file of requests for a batch is the largest that is meant to come.
MOST_BODY: Final = 1 << 26
_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Guard:
    """Refuses requests that are not meant for a server on loopback, or that are too large.

    A page in a browser can send requests here, under a name of its own that it lets point to this
    machine ("DNS rebinding"); the name is in the ``Host`` header.
    """

    def __init__(self, app: ASGIApp, most_body: int = MOST_BODY) -> None:
        self._app = app
        self._most = most_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        headers = Headers(scope=scope)
        host, length = headers.get("host", ""), headers.get("content-length", "0")
        too_large = RequestError(
            413, f"The body of a request may have {self._most:,} bytes at most"
        )
        if not _is_local(host):
            said = f"This server answers on loopback only, not as {host[:200]!r}"
            await _refuse(RequestError(421, said), scope, receive, send)
            return
        if length.isdigit() and int(length) > self._most:
            await _refuse(too_large, scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            if received > self._most:
                return {"type": "http.disconnect"}
            message = await receive()
            received += len(message.get("body", b""))
            if received <= self._most:
                return message
            await _refuse(too_large, scope, receive, send)
            return {"type": "http.disconnect"}

        async def unless_refused(message: Any) -> None:
            if received <= self._most:
                await send(message)

        await self._app(scope, counted, unless_refused)


async def _refuse(error: RequestError, scope: Scope, receive: Receive, send: Send) -> None:
    # What is left of the request is not read.
    headers = {"connection": "close"}
    answer = JSONResponse(error_body(error), status_code=error.status, headers=headers)
    await answer(scope, receive, send)


def _is_local(host: str) -> bool:
    name = host.lower()
    if ":" in name and not name.endswith("]"):
        name = name.rpartition(":")[0]
    return name in _HOSTS or name.endswith(".localhost")
