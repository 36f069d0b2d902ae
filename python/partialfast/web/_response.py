"""`sse`: an answer as a response of Starlette's or FastAPI's; and the browser module."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from partialfast.web._browser import MODULE
from partialfast.web._events import Events
from partialfast.web._hub import UnfinishedError
from partialfast.web._outcome import Outcome

__all__ = ["AnswerResponse", "module"]


async def module(request: Request) -> Response:
    """Serve the browser module; for ``app.add_route("/partialfast.js", module)``."""
    del request
    return FileResponse(MODULE, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


class AnswerResponse(Response):
    """Sends an answer while it comes, and closes it when the client goes away.

    Args:
        events: The answer on its wire.
        detail: Whether an error may say what the exception said.
        headers: Headers to be added.
    """

    def __init__(self, events: Events, *, detail: bool, headers: Mapping[str, str] | None) -> None:
        self.status_code = 200
        self.background: BackgroundTask | None = None
        # Without a body, so that no length is announced.
        self.init_headers({**events.headers, **(headers or {})})
        self._events = events
        self._detail = detail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, until it is whole or the client goes away."""
        player = asyncio.ensure_future(self._play(scope, receive, send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({player, gone}, return_when=asyncio.FIRST_COMPLETED)
            if player.done():
                player.result()
        finally:
            for task in (player, gone):
                task.cancel()
            await asyncio.wait({player, gone})
            await self._events.aclose()
        if self.background is not None:
            await self.background()

    async def _play(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._events.resumable and _last_event_id(scope):
            # A browser that lost the connection asks for the rest. There is none, and it is not for
            # a browser to ask the model again. 204 keeps it from trying.
            await Response(status_code=204)(scope, receive, send)
            return
        outcome = await self._events.start()
        if outcome is not None:
            await self._error(outcome)(scope, receive, send)
            return
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        try:
            async for event in self._events:
                body = {"type": "http.response.body", "body": bytes(event), "more_body": True}
                await send(body)
        except UnfinishedError:
            # A server closes the connection of a response that was not finished.
            return
        except OSError:
            # The client has gone; some servers say so here.
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _error(self, outcome: Outcome) -> Response:
        said = outcome.to_json(detail=self._detail)
        return JSONResponse(said, status_code=outcome.status or 502)


def _last_event_id(scope: Scope) -> bool:
    return any(name == b"last-event-id" and value for name, value in scope["headers"])


async def _gone(receive: Receive) -> None:
    """Wait until the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
