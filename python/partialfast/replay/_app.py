"""The HTTP side: takes requests in and carries responses out, over any number of connections."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from http.client import responses
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import h11

from partialfast.replay._ask import SERVER_ERROR, RequestError, parse_body
from partialfast.replay._batches import Batches, Handler, Params, parse_batch_faults
from partialfast.replay._exchanges import Ending, Exchange, ExchangeLog
from partialfast.replay._faults import parse_faults
from partialfast.replay._guard import admit, check_size
from partialfast.replay._message_batches import MessageBatches
from partialfast.replay._protocols import PROTOCOLS, Protocol
from partialfast.replay._recording import RecordingSet
from partialfast.replay._steps import CannedResponse, Options, respond, respond_with_error

__all__ = ["App"]

_LOG = logging.getLogger(__name__)
_READ = 1 << 16
_MOST_HEAD = 1 << 16
_BACKLOG = 1024
_TURNS = 5

_Handler = Callable[[Exchange, Params], Awaitable[CannedResponse]]


class _Route(NamedTuple):
    """What answers requests at some paths."""

    method: str
    path: re.Pattern[str]
    protocol: Protocol  # whose errors it gives
    handle: _Handler


class _Gate:
    """Lets only as many pieces of text through as it is allowed; ``None`` stands for all."""

    def __init__(self, allowed: int | None) -> None:
        self._allowed = 0.0
        self._raised = asyncio.Event()
        self.release(allowed)

    def release(self, count: int | None) -> None:
        self._allowed += math.inf if count is None else count
        self._raised.set()

    async def pass_one(self) -> None:
        while not self._allowed:
            self._raised.clear()
            await self._raised.wait()
        self._allowed -= 1


class App:
    """Answers the requests of all connections, with what they share."""

    def __init__(
        self,
        recordings: RecordingSet,
        options: Options,
        *,
        hold: int | None,
        batches: Sequence[str],
    ) -> None:
        self.log = ExchangeLog()
        self.gate = _Gate(hold)
        self._recordings = recordings
        self._options = options
        self._clients: set[asyncio.Task[None]] = set()
        self._routes: list[_Route] = []
        self._add("GET", "/v1/models", PROTOCOLS["chat"], self._models)
        # Shared: it is one batch after the other, whoever asks.
        faults = parse_batch_faults(batches)
        for kind in (Batches, MessageBatches):
            shelf = kind(recordings, options, faults)
            for path, method, handle in shelf.routes():
                self._add(method, path, shelf.protocol, partial(_in_thread, handle))
        for protocol in PROTOCOLS.values():
            for path in protocol.paths:
                self._add("POST", path, protocol, partial(self._play, protocol))

    def _add(self, method: str, path: str, protocol: Protocol, handle: _Handler) -> None:
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
        self._routes.append(_Route(method, pattern, protocol, handle))

    async def start(self, listener: socket.socket) -> None:
        """Take connections from now on; on a loop that reads by a selector."""
        self._listener = listener
        self._server = await asyncio.start_server(self._connected, sock=listener, backlog=_BACKLOG)

    async def stop(self) -> None:
        """Take no more connections, and end those that are open."""
        # What asyncio has just accepted when it closes its server would fail, and stay open: so it
        # accepts nothing more first, and a few turns later each connection is known.
        asyncio.get_running_loop().remove_reader(self._listener)
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        # Nor is a transport closed at once.
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client: Any = asyncio.current_task()
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)
        # A client may leave before it has said what it wants: there is nobody to answer. And where
        # the server stops, asyncio of Python 3.11 asks this task for its exception, which a
        # cancelled one raises.
        with suppress(ConnectionError, asyncio.CancelledError):
            await _Connection(self, reader, writer).serve()

    async def answer(self, exchange: Exchange) -> CannedResponse:
        """Decide the response to a request."""
        path, _, query = exchange.path.partition("?")
        found = [(route, match) for route in self._routes if (match := route.path.fullmatch(path))]
        for route, match in found:
            if route.method == exchange.method:
                self.log.add(exchange)
                params = dict(parse_qsl(query)) | match.groupdict() | {"path": path}
                try:
                    return await route.handle(exchange, params)
                except RequestError as error:
                    return respond_with_error(route.protocol, error)
                except Exception:  # noqa: BLE001 - a fault of ours; said where the server's owner sees it
                    _LOG.exception("%s %s could not be answered", exchange.method, path)
                    return respond_with_error(route.protocol, SERVER_ERROR)
        wrong = RequestError(404, f"Invalid URL ({exchange.method} {path})")
        if found:
            said = f"Not allowed to {exchange.method} on {path}."
            hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
            wrong = RequestError(405, f"{said} {hint}")
        return respond_with_error(PROTOCOLS["chat"], wrong)

    async def _play(self, protocol: Protocol, exchange: Exchange, params: Params) -> CannedResponse:
        options = _overrides(self._options, exchange.headers)
        try:
            ask = protocol.ask(parse_body(exchange.raw), params)
            number, created = exchange.number, int(time.time())
            return respond(self._recordings, ask, options, number=number, created=created)
        except RequestError as error:
            return respond_with_error(protocol.shaped(options.shape), error)

    async def _models(self, _: Exchange, __: Params) -> CannedResponse:
        names = self._recordings.models or ["replay"]
        data = [{"id": n, "object": "model", "created": 0, "owned_by": "replay"} for n in names]
        return CannedResponse.of_json({"object": "list", "data": data})


async def _in_thread(handle: Handler, exchange: Exchange, params: Params) -> CannedResponse:
    """Answer by what may take its time, such as the requests of a batch."""
    return await asyncio.to_thread(handle, exchange, params)


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


@dataclass
class _Connection:
    """A client's connection: its requests, one after the other."""

    app: App
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection = field(default_factory=partial(h11.Connection, h11.SERVER, _MOST_HEAD))
    method: bytes = b""

    async def serve(self) -> None:
        """Answer requests until either side has had enough, and the connection is closed."""
        try:
            await self._answer_all()
            self.writer.close()
            await self.writer.wait_closed()
        except BaseException:
            # Nobody waits for what the client has not taken yet.
            self.writer.transport.abort()
            raise

    async def _answer_all(self) -> None:
        try:
            while exchange := await self._read():
                if await self._perform(await self.app.answer(exchange), exchange) != "complete":
                    break
        except RequestError as refused:
            # What is left of the request is not read.
            response = respond_with_error(PROTOCOLS["chat"], refused)
            response.headers["connection"] = "close"
            await self._play(response, Exchange("", "", {}, b"", None))

    async def _read(self) -> Exchange | None:
        """Read a request; there is none when the connection is at its end."""
        if self.http.our_state is h11.MUST_CLOSE:
            return None
        if self.http.our_state is h11.DONE:
            self.http.start_next_cycle()
        try:
            request = await self._next_event()
            if not isinstance(request, h11.Request):
                return None
            self.method = request.method
            headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
            admit(headers)
            raw = bytearray()
            while isinstance(event := await self._next_event(), h11.Data):
                raw += event.data
                check_size(len(raw))
        except h11.RemoteProtocolError as error:
            raise RequestError(error.error_status_hint, f"Invalid HTTP request: {error}") from error
        path, mark, query = request.target.decode("latin-1").partition("?")
        body = None
        with suppress(RequestError):  # It is answered with an error of its own.
            body = parse_body(bytes(raw)).value
        port = self.writer.get_extra_info("peername")[1]
        method = request.method.decode()
        return Exchange(method, unquote(path) + mark + query, headers, bytes(raw), body, port)

    async def _next_event(self) -> Any:
        while (event := self.http.next_event()) is h11.NEED_DATA:
            if self.http.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self.http.receive_data(await self.reader.read(_READ))
        return event

    async def _send(self, event: h11.Event) -> None:
        self.writer.write(self.http.send(event) or b"")
        await self.writer.drain()

    async def _perform(self, response: CannedResponse, exchange: Exchange) -> Ending:
        """Give a response, until it is whole or someone ends it."""
        exchange.status, exchange.recording = response.status, response.recording
        player = asyncio.create_task(self._play(response, exchange))
        client = asyncio.create_task(self._gone())
        ending: Ending = "stopped"
        try:
            done, _ = await asyncio.wait({player, client}, return_when=asyncio.FIRST_COMPLETED)
            # A finished response makes the client look gone as well.
            ending = (player if player in done else client).result()
        except ConnectionError:
            ending = "disconnect"
        finally:
            exchange.end(ending)
            player.cancel()
            client.cancel()
            await asyncio.gather(player, client, return_exceptions=True)
        return ending

    async def _play(self, response: CannedResponse, exchange: Exchange) -> Ending:
        """Carry out the steps."""
        length = {} if response.length is None else {"content-length": str(response.length)}
        headers = list((response.headers | length).items())
        reason = responses.get(response.status, "").encode()
        head = h11.Response(status_code=response.status, headers=headers, reason=reason)
        await self._send(head)
        for step in () if self.method == b"HEAD" else response.steps:
            if step.wait:
                await asyncio.sleep(step.wait)
            if step.data:
                if step.carries_text:
                    await self.app.gate.pass_one()
                await self._send(h11.Data(data=step.data))
                exchange.writes += 1
                exchange.sent += len(step.data)
                # Without a pause the loop would never learn that the client has left.
                await asyncio.sleep(0)
        if response.dropped:
            return "dropped"
        await self._send(h11.EndOfMessage())
        return "complete"

    async def _gone(self) -> Ending:
        """Wait until the client has closed the connection."""
        while data := await self.reader.read(_READ):
            self.http.receive_data(data)
        return "disconnect"
