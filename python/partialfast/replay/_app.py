"""The ASGI application: takes requests in and carries plans out."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from partialfast.replay._ask import RequestError, parse_body
from partialfast.replay._batches import Batches
from partialfast.replay._exchanges import Exchange, ExchangeLog
from partialfast.replay._faults import parse_faults
from partialfast.replay._gate import Gate
from partialfast.replay._message_batches import MessageBatches
from partialfast.replay._protocols import PROTOCOLS, Protocol
from partialfast.replay._recording import RecordingSet
from partialfast.replay._reply import error_body
from partialfast.replay._steps import Options, Plan, Wait, plan_answer, plan_error
from partialfast.replay._steps import Send as SendStep

__all__ = ["Stage", "build_app"]


class _DroppedError(Exception):
    """Unwinds the server's own stack: the only way to leave a body unfinished."""


class _NoDropped(logging.Filter):
    """Keeps connections that are dropped on purpose out of the server's error log."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], _DroppedError))


@dataclass
class Stage:
    """All that requests to one server share.

    Args:
        recordings: The recordings.
        options: How answers are given.
        journal: Where exchanges are entered.
        gate: What holds text back.
        stopping: Set when the server is to give up open responses.
        batches: OpenAI's files and batches.
        message_batches: Anthropic's.
    """

    recordings: RecordingSet
    options: Options
    journal: ExchangeLog
    gate: Gate
    stopping: asyncio.Event
    batches: Batches
    message_batches: MessageBatches


def build_app(stage: Stage) -> Starlette:
    """Make the application.

    Args:
        stage: What its requests share.

    Returns:
        The application, with the routes of all protocols.
    """
    logging.getLogger("uvicorn.error").addFilter(_NO_DROPPED)
    routes = [Route("/v1/models", _models(stage), methods=["GET"])]
    routes += stage.batches.routes(_entering(stage))
    routes += stage.message_batches.routes(_entering(stage))
    for protocol in PROTOCOLS.values():
        endpoint = _endpoint(stage, protocol)
        routes += [Route(path, endpoint, methods=["POST"]) for path in protocol.paths]
    return Starlette(routes=routes, exception_handlers=_HANDLERS)


_NO_DROPPED = _NoDropped()


def _endpoint(stage: Stage, protocol: Protocol) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            raw = await request.body()
        except ClientDisconnect:
            # It left before it had said what it wanted: there is nobody to answer.
            return Response(status_code=400)
        exchange = _exchange(request, raw)
        number = stage.journal.add(exchange)
        options = stage.options
        try:
            options = _overrides(options, request.headers)
            path = {**request.path_params, "path": request.url.path}
            ask = protocol.ask(parse_body(raw), path)
            created = int(time.time())
            plan = plan_answer(stage.recordings, ask, options, number=number, created=created)
        except RequestError as error:
            plan = plan_error(protocol.shaped(options.shape), error)
        exchange.status, exchange.recording = plan.status, plan.recording
        return _Performance(plan, stage, exchange)

    return answer


def _entering(stage: Stage) -> Callable[[Request, bytes], Callable[[int], None]]:
    """Give what enters a request that is answered at once."""

    def enter(request: Request, raw: bytes) -> Callable[[int], None]:
        exchange = _exchange(request, raw)
        stage.journal.add(exchange)

        def finish(status: int) -> None:
            exchange.status = status
            stage.journal.end(exchange, "complete")

        return finish

    return enter


def _exchange(request: Request, raw: bytes) -> Exchange:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None  # answered with an error of its own; here it is only entered
    query = f"?{request.url.query}" if request.url.query else ""
    return Exchange(
        method=request.method,
        path=request.url.path + query,
        headers=dict(request.headers),
        raw=raw,
        body=body if isinstance(body, dict) else None,
        port=request.client.port if request.client is not None else None,
    )


_OVERRIDES: dict[str, Callable[[str], Any]] = {
    "shape": str,
    "rate": float,
    "chunk": int,
    "split": int,
    "faults": lambda text: parse_faults(text.split(",")),
}


def _overrides(options: Options, headers: Mapping[str, str]) -> Options:
    """Read what a request's own ``x-replay-...`` headers say."""
    changed: dict[str, Any] = {}
    for name, read in _OVERRIDES.items():
        header = f"x-replay-{name}"
        if header in headers:
            try:
                changed[name] = read(headers[header])
                options = replace(options, **changed)
            except ValueError as error:
                raise RequestError(400, f"Bad header '{header}': {error}", param=header) from error
    return options


def _models(stage: Stage) -> Callable[[Request], Awaitable[Response]]:
    async def models(_: Request) -> Response:
        names = stage.recordings.models or ["replay"]
        data = [{"id": n, "object": "model", "created": 0, "owned_by": "replay"} for n in names]
        return JSONResponse({"object": "list", "data": data})

    return models


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    path = request.url.path
    message = {
        404: f"Invalid URL ({request.method} {path})",
        405: f"Not allowed to {request.method} on {path}. (HINT: Perhaps you meant to use a "
        "different HTTP method?)",
    }.get(status, str(error))
    return JSONResponse(error_body(RequestError(status, message)), status_code=status)


async def _request_error(_: Request, error: Exception) -> Response:
    refused = error if isinstance(error, RequestError) else RequestError(400, str(error))
    return JSONResponse(error_body(refused), status_code=refused.status)


_HANDLERS: dict[Any, Any] = {HTTPException: _http_error, RequestError: _request_error}


class _Performance(Response):
    """Carries a plan out, and notices when the client goes away."""

    def __init__(self, plan: Plan, stage: Stage, exchange: Exchange) -> None:
        super().__init__(status_code=plan.status)
        self._plan = plan
        self._stage = stage
        self._exchange = exchange

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write the response, until it is whole or someone ends it.

        Raises:
            _DroppedError: The body is left unfinished on purpose.
        """
        del scope
        journal, exchange = self._stage.journal, self._exchange
        player = asyncio.create_task(self._play(send))
        client = asyncio.create_task(_gone(receive))
        stopping = asyncio.create_task(self._stage.stopping.wait())
        tasks = {player, client, stopping}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            # A finished response makes the client look gone as well.
            if player.done():
                whole = player.result()
                journal.end(exchange, "complete" if whole else "dropped")
            else:
                whole = False
                journal.end(exchange, "disconnect" if client.done() else "stopped")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if not whole:
            raise _DroppedError

    async def _play(self, send: Send) -> bool:
        """Carry out the steps; say whether the body is whole at the end."""
        plan = self._plan
        headers = dict(plan.headers)
        if plan.length is not None:
            headers["content-length"] = str(plan.length)
        encoded = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
        ]
        await send({"type": "http.response.start", "status": plan.status, "headers": encoded})
        for step in plan.steps:
            if isinstance(step, SendStep):
                if step.carries_text:
                    await self._stage.gate.pass_one()
                await send({"type": "http.response.body", "body": step.data, "more_body": True})
                self._stage.journal.wrote(self._exchange, len(step.data))
                # Without a pause the loop would never learn that the client has left.
                await asyncio.sleep(0)
            elif isinstance(step, Wait):
                await asyncio.sleep(step.seconds)
            else:
                return False
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return True


async def _gone(receive: Receive) -> None:
    """Wait until the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
