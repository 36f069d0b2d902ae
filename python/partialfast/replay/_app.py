"""The HTTP side: takes requests in and carries plans out, in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from partialfast.replay._ask import RequestError, parse_body
from partialfast.replay._batches import Batches, Handler, parse_batch_faults
from partialfast.replay._events import error_body
from partialfast.replay._exchanges import Ending, Exchange, ExchangeLog
from partialfast.replay._faults import parse_faults
from partialfast.replay._guard import Guard
from partialfast.replay._message_batches import MessageBatches
from partialfast.replay._protocols import PROTOCOLS, Protocol
from partialfast.replay._recording import RecordingSet
from partialfast.replay._steps import Options, Plan, Wait, plan_answer, plan_error
from partialfast.replay._steps import Send as SendStep

__all__ = ["Runner"]

_TIMEOUT_S = 10.0
_STEP_S = 0.001
_TURNS = 5

_Endpoint = Callable[[Request], Awaitable[Response]]


class _UnfinishedError(Exception):
    """Unwinds the server's own stack: the only way to leave a body unfinished."""


def _is_news(record: logging.LogRecord) -> bool:
    """Keep connections that are dropped on purpose out of the server's error log."""
    return not (record.exc_info and isinstance(record.exc_info[1], _UnfinishedError))


class _Gate:
    """Lets only as many pieces of text through as it is allowed; ``None`` stands for all."""

    def __init__(self, allowed: int | None) -> None:
        self._allowed = allowed
        self._raised = asyncio.Event()

    def release(self, count: int | None) -> None:
        if self._allowed is not None:
            self._allowed = None if count is None else self._allowed + count
        self._raised.set()

    async def pass_one(self) -> None:
        while self._allowed == 0:
            self._raised.clear()
            await self._raised.wait()
        if self._allowed is not None:
            self._allowed -= 1


class Runner:
    """The thread that an event loop and a server live in, with all that its requests share."""

    def __init__(
        self,
        recordings: RecordingSet,
        options: Options,
        listener: socket.socket,
        *,
        hold: int | None,
        batches: Sequence[str],
    ) -> None:
        self.log = ExchangeLog()
        self._recordings = recordings
        self._options = options
        self._listener = listener
        self.gate = _Gate(hold)
        self.stopping = asyncio.Event()
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._ended: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="partialfast-replay", daemon=True)
        # Shared: it is one batch after the other, whoever asks.
        faults = parse_batch_faults(batches)
        routes = [Route("/v1/models", self._models, methods=["GET"])]
        for kind in (Batches, MessageBatches):
            shelf = kind(recordings, options, faults)
            for path, method, handle in shelf.routes():
                endpoint = self._at_once(shelf.protocol, handle)
                routes.append(Route(path, endpoint, methods=[method]))
        for protocol in PROTOCOLS.values():
            endpoint = self._endpoint(protocol)
            routes += [Route(path, endpoint, methods=["POST"]) for path in protocol.paths]
        handlers: dict[Any, Any] = {HTTPException: _http_error}
        self._app = Guard(Starlette(routes=routes, exception_handlers=handlers))

    # The thread

    def start(self) -> None:
        """Start the thread and wait until requests are answered."""
        self._thread.start()
        self._started.result(_TIMEOUT_S)

    def stop(self) -> None:
        """Give up open responses and end the thread."""
        self._started.result().call_soon_threadsafe(self.stopping.set)
        self._ended.result(_TIMEOUT_S)
        self._thread.join(_TIMEOUT_S)

    def release(self, count: int | None) -> None:
        """Let more pieces of text pass; ``None`` for all from now on."""
        self._started.result().call_soon_threadsafe(self.gate.release, count)

    def _run(self) -> None:
        logging.getLogger("uvicorn.error").addFilter(_is_news)
        try:
            asyncio.run(self._serve())
            self._ended.set_result(None)
        except BaseException as error:  # noqa: BLE001 - raised again where `serve` was called
            (self._ended if self._started.done() else self._started).set_exception(error)

    async def _serve(self) -> None:
        config = uvicorn.Config(
            self._app,
            # The plain implementation: it behaves the same wherever the tests run.
            http="h11",
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            # A client's pool must not find its idle connection closed under it.
            timeout_keep_alive=60,
        )
        server = uvicorn.Server(config)
        # What `uvicorn.Server.serve` does, without its clock: that looks whether to stop only ten
        # times a second and waits as long again for the connections, and a test suite starts a
        # server a thousand times.
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[self._listener])
        self._started.set_result(asyncio.get_running_loop())
        await self.stopping.wait()
        for listening in server.servers:
            listening.close()
        state = server.server_state
        # What was accepted just now is known only a few turns of the loop later.
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        # There is no event to wait for.
        while state.connections or state.tasks:
            for connection in list(state.connections):
                connection.shutdown()
            await asyncio.sleep(_STEP_S)

    # Its requests

    async def _enter(self, request: Request) -> tuple[Exchange, int]:
        raw = await request.body()
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            body = None  # answered with an error of its own; here it is only entered
        query = f"?{request.url.query}" if request.url.query else ""
        exchange = Exchange(
            method=request.method,
            path=request.url.path + query,
            headers=dict(request.headers),
            raw=raw,
            body=body if isinstance(body, dict) else None,
            port=request.client.port if request.client is not None else None,
        )
        return exchange, self.log.add(exchange)

    def _endpoint(self, protocol: Protocol) -> _Endpoint:
        async def answer(request: Request) -> Response:
            try:
                exchange, number = await self._enter(request)
            except ClientDisconnect:
                # It left before it had said what it wanted: there is nobody to answer.
                return Response(status_code=400)
            options, created = self._options, int(time.time())
            try:
                options = _overrides(options, request.headers)
                path = {**request.path_params, "path": request.url.path}
                ask = protocol.ask(parse_body(exchange.raw), path)
                plan = plan_answer(self._recordings, ask, options, number=number, created=created)
            except RequestError as error:
                plan = plan_error(protocol.shaped(options.shape), error)
            exchange.status, exchange.recording = plan.status, plan.recording
            return _Performance(plan, exchange, self)

        return answer

    def _at_once(self, protocol: Protocol, handle: Handler) -> _Endpoint:
        """Make an endpoint of a function that may take its time."""

        async def answer(request: Request) -> Response:
            exchange, _ = await self._enter(request)
            try:
                response = await asyncio.to_thread(handle, request, exchange.raw)
            except RequestError as error:
                response = JSONResponse(protocol.error(error), status_code=error.status)
            exchange.status = response.status_code
            self.log.end(exchange, "complete")
            return response

        return answer

    async def _models(self, _: Request) -> Response:
        names = self._recordings.models or ["replay"]
        data = [{"id": n, "object": "model", "created": 0, "owned_by": "replay"} for n in names]
        return JSONResponse({"object": "list", "data": data})


_OVERRIDES: dict[str, Callable[[str], Any]] = {
    "shape": str,
    "rate": float,
    "chunk": int,
    "split": int,
    "faults": lambda text: parse_faults(text.split(",")),
}


def _overrides(options: Options, headers: Mapping[str, str]) -> Options:
    """Read what a request's own ``x-replay-...`` headers say."""
    for name, read in _OVERRIDES.items():
        header = f"x-replay-{name}"
        if header in headers:
            try:
                changed: dict[str, Any] = {name: read(headers[header])}
                options = replace(options, **changed)
            except ValueError as error:
                raise RequestError(400, f"Bad header '{header}': {error}", param=header) from error
    return options


async def _http_error(request: Request, error: HTTPException) -> Response:
    path, status = request.url.path, error.status_code
    message = {
        404: f"Invalid URL ({request.method} {path})",
        405: f"Not allowed to {request.method} on {path}. (HINT: Perhaps you meant to use a "
        "different HTTP method?)",
    }.get(status, str(error))
    return JSONResponse(error_body(RequestError(status, message)), status_code=status)


class _Performance(Response):
    """Carries a plan out, and notices when the client goes away."""

    def __init__(self, plan: Plan, exchange: Exchange, runner: Runner) -> None:
        super().__init__(status_code=plan.status)
        self._plan = plan
        self._exchange = exchange
        self._runner = runner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write the response, until it is whole or someone ends it.

        Raises:
            _UnfinishedError: The body is left unfinished on purpose.
        """
        del scope
        player = asyncio.create_task(self._play(send))
        client = asyncio.create_task(_gone(receive))
        stopping = asyncio.create_task(self._runner.stopping.wait())
        tasks = {player, client, stopping}
        ending: Ending = "stopped"
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            # A finished response makes the client look gone as well.
            if player.done():
                ending = "complete" if player.result() else "dropped"
            elif client.done():
                ending = "disconnect"
            self._runner.log.end(self._exchange, ending)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if ending != "complete":
            raise _UnfinishedError

    async def _play(self, send: Send) -> bool:
        """Carry out the steps; say whether the body is whole at the end."""
        plan = self._plan
        length = {} if plan.length is None else {"content-length": str(plan.length)}
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in (plan.headers | length).items()
        ]
        await send({"type": "http.response.start", "status": plan.status, "headers": headers})
        for step in plan.steps:
            if isinstance(step, SendStep):
                if step.carries_text:
                    await self._runner.gate.pass_one()
                await send({"type": "http.response.body", "body": step.data, "more_body": True})
                self._exchange.writes += 1
                self._exchange.sent += len(step.data)
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
