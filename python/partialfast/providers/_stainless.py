"""How answers are read through the SDKs that Stainless generates: those of OpenAI, Anthropic, Groq.

Such an SDK gives a response without making objects of it (``with_streaming_response``): its bytes
are read as they come. A client that something else observes is iterated as the SDK does it, so that
the observer sees what it expects; the bytes are read along where they can be had, and else the
objects are turned back into JSON. Either way one reader makes deltas of them, within one set of
limits.
"""

from __future__ import annotations

import functools
import inspect
import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import AsyncGeneratorType, FunctionType
from typing import Any, Final, Literal, cast
from urllib.parse import urlsplit

from partialfast._core import Delta
from partialfast.answer._alarm import call_after
from partialfast.answer._gate import gate_of
from partialfast.answer._seam import AsyncReply, Block, Event, Reply, Request, transport_errors
from partialfast.providers._http2 import acancel, cancel, is_http2

__all__ = [
    "ID_HEADER",
    "Transport",
    "aend",
    "aopen_observed",
    "aopen_raw",
    "aread_rest",
    "as_json",
    "at_once",
    "bytes_of",
    "header",
    "in_time",
    "is_plain",
    "open_observed",
    "open_raw",
    "pool_waker",
    "read_for",
    "read_rest",
    "reads_bytes",
    "server_of",
    "take_time_again",
    "waker",
    "whole",
]

Transport = Literal["auto", "raw", "sdk"]

#: The header that names a request, unless an API has another.
ID_HEADER: Final = "x-request-id"
# How long, and how much, to read for the sake of the connection.
_FINISH_S: Final = 0.1
_FINISH_BLOCKS: Final = 16
# Between two looks whether another task has left.
_LOOK_S: Final = 0.001
# For an observer, which gets its record at the end of the stream.
_OBSERVED_S: Final = 1.0
# What may come without an event in it; the reader's own limit is below it. See docs/bounds.md.
_MOST_BYTES: Final = 1 << 25
_DEPTH: Final = 500


def is_plain(resource: Any, package: str) -> bool:
    """Tell whether a resource is the SDK's own and nothing observes it.

    Observers replace the SDK's function with one of their own. What only works like the SDK's
    client may answer to any name, as mocks do.

    Args:
        resource: Such as ``client.chat.completions``.
        package: The SDK's package.
    """
    owner = type(resource).__module__.partition(".")[0]
    client = getattr(resource, "_client", None)
    package = package.partition(".")[0]
    return (
        owner == package
        and _is_own(resource, "create", package)
        and _is_own(client, "request", package)
        and _is_own(client, "post", package)
    )


def _is_own(owner: Any, name: str, package: str) -> bool:
    try:
        function = inspect.getattr_static(owner, name)
    except AttributeError:
        return False
    # The SDK's decorators are functions of the SDK's, too. An observer's has the name of what it
    # replaces, but belongs to another module. The proxies that observers use claim to be functions.
    while type(function) is FunctionType:
        if function.__globals__.get("__name__", "").partition(".")[0] != package:
            return False
        wrapped = function.__dict__.get("__wrapped__")
        if wrapped is None:
            return True
        function = wrapped
    return False


def reads_bytes(resource: Any, transport: Transport, package: str) -> bool:
    """Tell whether the bytes of a response are read.

    Args:
        resource: Such as ``client.chat.completions``.
        transport: What the caller wants.
        package: The SDK's package.

    Raises:
        TypeError: Bytes are wanted, and cannot be had.
    """
    if transport == "sdk":
        return False
    official = type(resource).__module__.startswith(f"{package}.")
    if transport == "raw":
        if official and hasattr(resource, "with_streaming_response"):
            return True
        raise TypeError(
            f"transport='raw' needs the SDK's own client, not {type(resource).__qualname__}: "
            "pass transport='sdk' or 'auto'"
        )
    return is_plain(resource, package) and hasattr(resource, "with_streaming_response")


def _without_a_walk(request: Request) -> dict[str, Any]:
    """Let the SDK send what is plain JSON as it stands.

    It walks over all arguments beside their types, to turn models into what JSON can say, which
    for a schema takes a good part of the time of a call. What comes as ``extra_body`` goes into the
    same body unexamined.
    """
    arguments = request.arguments
    extra: object = arguments.get("extra_body") or {}
    if not isinstance(extra, Mapping):
        # The SDK has something to say about it.
        return arguments
    walked = {name: value for name, value in arguments.items() if name not in request.made}
    plain = {name: arguments[name] for name in request.made & arguments.keys()}
    return {**walked, "extra_body": {**plain, **extra}}


def server_of(resource: Any) -> tuple[str, int | None] | None:
    """Return host and port of the server that a resource is of; ``None`` where it does not say.

    Args:
        resource: Such as ``client.chat.completions``.
    """
    url = urlsplit(str(getattr(getattr(resource, "_client", None), "base_url", "")))
    if not url.hostname:
        return None
    return url.hostname, url.port or {"http": 80, "https": 443}.get(url.scheme)


def header(response: Any, name: str) -> str | None:
    """Return a header of a response, if it has such."""
    headers = getattr(response, "headers", None)
    return headers.get(name) if headers is not None else None


def waker(http: Any) -> Callable[[], Any] | None:
    """Return what ends a read that blocks in another thread."""
    if is_http2(http):
        return functools.partial(cancel, http)
    if getattr(http, "http_version", None) not in {"HTTP/1.1", "HTTP/1.0"}:
        return None
    network = getattr(http, "extensions", {}).get("network_stream")
    if network is None:
        return None

    def shut_down() -> None:
        connection = network.get_extra_info("socket")
        if connection is not None:
            try:
                # Closing would not wake the other thread. TLS need not say goodbye.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                # It is closed already.
                return

    return shut_down


def pool_waker(raw: Any) -> Callable[[], Any] | None:
    """Return what ends a read that blocks in another thread; `waker` for responses of urllib3.

    Args:
        raw: The response. To close it waits for the read.
    """
    shut_down = getattr(raw, "shutdown", None)
    if not callable(shut_down):
        # Before urllib3 2.3. The connection forgets a socket that the response has to itself.
        connection = getattr(getattr(raw, "connection", None), "sock", None)
        if connection is None:
            return None
        shut_down = functools.partial(socket.socket.shutdown, connection, socket.SHUT_RDWR)

    def wake() -> None:
        try:
            shut_down()
        except (OSError, RuntimeError, ValueError):
            # It is closed already, or has been given back.
            return

    return wake


def take_time_again(reply: Reply, resource: Any) -> None:
    """Let reading take as long as the client allows, after `in_time`.

    Args:
        reply: Of which nothing has been read: the limit counts from the first read.
        resource: Such as ``client.chat.completions``.
    """
    timeout = getattr(getattr(resource, "_client", None), "timeout", None)
    read_for(reply, getattr(timeout, "read", timeout))


def read_for(reply: Reply, seconds: float | None) -> None:
    """Let each read of a response take so long, whatever opening it might take.

    Args:
        reply: Of which nothing has been read: the limit counts from the first read.
        seconds: How long; ``None`` for as long as it takes.
    """
    extensions = getattr(reply.request, "extensions", None)
    if extensions is not None:
        extensions["timeout"] = {**extensions.get("timeout", {}), "read": seconds}


# Bytes.


def open_raw(resource: Any, request: Request, *, id_header: str = ID_HEADER) -> Reply:
    """Send a request and read the bytes of its response.

    Args:
        resource: Such as ``client.chat.completions``.
        request: What to send.
        id_header: The header that names the request.
    """
    manager = resource.with_streaming_response.create(**_without_a_walk(request), stream=True)
    response = manager.__enter__()
    http = response.http_response

    blocks = bytes_of(http)

    def close() -> None:
        cancel(http)
        manager.__exit__(None, None, None)

    def finish() -> None:
        read_rest(http, response.http_request, blocks)
        close()

    return Reply(
        blocks=blocks,
        close=close,
        finish=finish,
        wake=waker(http),
        request=response.http_request,
        request_id=header(response, id_header),
        content_type=header(response, "content-type"),
    )


def bytes_of(http: Any) -> Iterator[bytes]:
    """Return the bytes of a response of httpx's or its successor's."""
    # What an event hook or a transport of the caller's has read already is there; and reading what
    # is not compressed as it stands takes less time.
    blocks: Iterator[bytes] = (
        http.iter_bytes() if _is_read(http) or _is_encoded(http) else http.iter_raw()
    )
    return blocks


def _is_read(http: Any) -> bool:
    return bool(getattr(http, "is_stream_consumed", False))


def _is_encoded(http: Any) -> bool:
    return (header(http, "content-encoding") or "identity").lower() != "identity"


def read_rest(http: Any, request: Any, blocks: Iterator[bytes]) -> None:
    """Read the end of the body, for which the connection waits to be used again.

    It is about to come, if it is not there already. A server that does not send it must not hold
    the caller up, so the reading starts anew with a time limit of its own: it takes over where the
    first reading stands, which keeps the limit that it began with.

    Args:
        http: The response.
        request: The request.
        blocks: What is left of the body.
    """
    if getattr(http, "http_version", None) == "HTTP/1.1" and not http.is_closed:
        _read_rest_anew(http, request)
    elif is_http2(http) and not http.is_closed:
        # A limit that is reached would end the connection for all.
        alarm = call_after(_FINISH_S, functools.partial(cancel, http))
        try:
            for _ in zip(range(_FINISH_BLOCKS), blocks, strict=False):
                pass
        except transport_errors():
            # The answer is complete without it.
            pass
        finally:
            alarm.cancel()


def _read_rest_anew(http: Any, request: Any) -> None:
    extensions = request.extensions
    extensions["timeout"] = {**extensions.get("timeout", {}), "read": _FINISH_S}
    deadline = time.monotonic() + _FINISH_S
    # A transport of the caller's that can be read only once raises `RuntimeError`.
    expected: tuple[type[BaseException], ...] = (*transport_errors(), RuntimeError)
    try:
        for _ in http.stream:
            if time.monotonic() > deadline:
                break
    except expected:
        # The answer is complete without it, and the response is closed next in any case.
        return


async def aopen_raw(resource: Any, request: Request, *, id_header: str = ID_HEADER) -> AsyncReply:
    """Send a request and read the bytes of its response; the twin of `open_raw`."""
    manager = resource.with_streaming_response.create(**_without_a_walk(request), stream=True)
    response = await manager.__aenter__()
    http = response.http_response
    plain = not (_is_read(http) or _is_encoded(http))
    blocks: AsyncGeneratorType[bytes, None] = http.aiter_raw() if plain else http.aiter_bytes()

    gate = gate_of(http)

    async def aclose() -> None:
        if gate is not None:
            gate.remove()
        await aend(http, blocks)
        await manager.__aexit__(None, None, None)

    async def afinish() -> None:
        await aread_rest(blocks)
        await aclose()

    return AsyncReply(
        blocks=blocks,
        aclose=aclose,
        afinish=afinish,
        request=response.http_request,
        request_id=header(response, id_header),
        content_type=header(response, "content-type"),
        gate=gate,
    )


async def aend(http: Any, blocks: AsyncGeneratorType[Any, None]) -> None:
    """End the reading of a response, in whichever task, before it is closed.

    Args:
        http: The response.
        blocks: Its body.
    """
    await acancel(http)
    if not blocks.ag_running:
        await blocks.aclose()
    elif is_http2(http):
        # The task that waits in it is woken, and has to take note before the response is closed.
        # Over HTTP/1.1 it fails as soon as that is done.
        from anyio import move_on_after, sleep  # noqa: PLC0415 - comes with the SDK, not with us

        with move_on_after(_FINISH_S):
            while blocks.ag_running:  # noqa: ASYNC110 - a generator has no event
                await sleep(_LOOK_S)


async def aread_rest(blocks: AsyncIterator[bytes]) -> None:
    """Read the end of a body, so that its connection can be used again; the twin of `read_rest`.

    Args:
        blocks: What is left of the body.
    """
    from anyio import move_on_after  # noqa: PLC0415 - comes with the SDK, not with us

    # A connection can be used again when the end of the body was read, which is about to come. The
    # SDK waits as long for it.
    with move_on_after(_FINISH_S):
        try:
            for _ in range(_FINISH_BLOCKS):
                if await anext(blocks, None) is None:
                    break
        except transport_errors():
            # The answer is complete without it.
            pass


# Objects.

# What decoding a hostile answer raises: too deep, too many digits, of a wrong type.
_UNREADABLE: Final[tuple[type[BaseException], ...]] = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
)


class _Tee:
    """Reads the bytes of a response along with the SDK.

    The SDK gives up at the first event that it cannot decode, and closes the response. One reader
    judges what the server sent, so the response stays open until it is closed here.

    Args:
        http: The response; ``None`` where there is none.
    """

    def __init__(self, http: Any) -> None:
        self._http = http
        self._taken: list[bytes] = []
        self._size = 0
        self._source: Any = None
        asynchronous = inspect.isasyncgenfunction(getattr(http, "aiter_bytes", None)) and (
            not hasattr(http.stream, "__iter__")
        )
        self._names = ("aiter_bytes", "aclose") if asynchronous else ("iter_bytes", "close")
        read = getattr(http, self._names[0], None)
        #: Whether the bytes can be had.
        self.works = inspect.ismethod(read)
        if not self.works:
            return
        self._read: Any = read
        self._close: Any = getattr(http, self._names[1])
        # The SDK looks them up when the first event is asked for.
        setattr(http, self._names[0], self._aiter if asynchronous else self._iter)
        setattr(http, self._names[1], self._apass if asynchronous else self._pass)

    def take(self) -> bytes:
        """Return what was read since it was asked for last."""
        taken = b"".join(self._taken)
        self._taken.clear()
        self._size = 0
        return taken

    def _keep(self, block: bytes) -> None:
        self._taken.append(block)
        self._size += len(block)
        if self._size > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES:,} bytes without an event")

    def _open(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if self._source is None:
            self._source = self._read(*arguments, **named)
        return self._source

    def _iter(self, *arguments: Any, **named: Any) -> Iterator[bytes]:
        for block in self._open(arguments, named):
            self._keep(block)
            yield block

    async def _aiter(self, *arguments: Any, **named: Any) -> AsyncIterator[bytes]:
        async for block in self._open(arguments, named):
            self._keep(block)
            yield block

    def _pass(self) -> None:
        """Stand in for the closing of the response."""

    async def _apass(self) -> None:
        """Stand in for the closing of the response."""

    def rest(self) -> Iterator[bytes]:
        """Read on without the SDK."""
        yield self.take()
        if self._source is not None:
            yield from self._source

    async def arest(self) -> AsyncIterator[bytes]:
        """Read on without the SDK."""
        yield self.take()
        if self._source is not None:
            async for block in self._source:
                yield block

    def restore(self) -> Any:
        """Let the response be closed, and return what closes it; ``None`` if there is none."""
        if not self.works:
            return None
        for name in self._names:
            self._http.__dict__.pop(name, None)
        return self._close


def open_observed(stream: Any, package: str, *, id_header: str = ID_HEADER) -> Reply:
    """Read a stream of the SDK's, or of something that works like it.

    Args:
        stream: What ``create`` returned.
        package: The SDK's package.
        id_header: The header that names the request.
    """
    http = getattr(stream, "response", None)
    tee = _Tee(http)
    blocks = _blocks(iter(stream), tee, package)
    # What a provider reads in place of the SDK's stream knows its connection.
    wake = waker(http) or getattr(stream, "wake", None)

    def close() -> None:
        cancel(http)
        shut = tee.restore()
        # What a wrapped client gives may have no `close`.
        if callable(method := getattr(stream, "close", None)):
            method()
        if shut is not None:
            shut()

    def finish() -> None:
        alarm = call_after(_OBSERVED_S, wake or _nothing)
        try:
            # An observer writes its record when the stream has ended.
            for _ in blocks:
                pass
        except (*transport_errors(), *_failures(package)):
            # The answer is complete without it.
            pass
        finally:
            alarm.cancel()
        close()

    return Reply(
        blocks=blocks,
        close=close,
        finish=finish,
        wake=wake,
        request=getattr(http, "request", None),
        request_id=header(http, id_header),
        content_type=header(http, "content-type"),
    )


def _nothing() -> None:
    pass


def _blocks(chunks: Iterator[Any], tee: _Tee, package: str) -> Iterator[Block]:
    try:
        for chunk in chunks:
            if not tee.works:
                yield chunk if isinstance(chunk, Event) else as_json(chunk)
            elif read := tee.take():
                yield read
    except _failures(package) as error:
        if not tee.works or _is_lost(error):
            yield _failed(error)
            return
        yield from tee.rest()
        return
    if rest := tee.take():
        yield rest


async def aopen_observed(stream: Any, package: str, *, id_header: str = ID_HEADER) -> AsyncReply:
    """Read a stream of the SDK's, or of something that works like it; see `open_observed`."""
    http = getattr(stream, "response", None)
    tee = _Tee(http)
    blocks = cast("AsyncGeneratorType[Block, None]", _ablocks(aiter(stream), tee, package))
    gate = gate_of(http)

    async def aclose() -> None:
        if gate is not None:
            gate.remove()
        await aend(http, blocks)
        shut = tee.restore()
        # An asynchronous generator, as a wrapped client may give, has no `close`.
        method = getattr(stream, "aclose", None) or getattr(stream, "close", None)
        if callable(method):
            closing = method()
            if inspect.isawaitable(closing):
                await closing
        if shut is not None:
            await shut()

    async def afinish() -> None:
        from anyio import move_on_after  # noqa: PLC0415 - comes with the SDK, not with us

        with move_on_after(_OBSERVED_S):
            try:
                # An observer writes its record when the stream has ended.
                async for _ in blocks:
                    pass
            except (*transport_errors(), *_failures(package)):
                # The answer is complete without it.
                pass
        await aclose()

    return AsyncReply(
        blocks=blocks,
        aclose=aclose,
        afinish=afinish,
        request=getattr(http, "request", None),
        request_id=header(http, id_header),
        content_type=header(http, "content-type"),
        gate=gate,
    )


async def _ablocks(chunks: AsyncIterator[Any], tee: _Tee, package: str) -> AsyncIterator[Block]:
    try:
        async for chunk in chunks:
            if not tee.works:
                yield chunk if isinstance(chunk, Event) else as_json(chunk)
            elif read := tee.take():
                yield read
    except _failures(package) as error:
        if not tee.works or _is_lost(error):
            yield _failed(error)
            return
        async for block in tee.arest():
            yield block
        return
    if rest := tee.take():
        yield rest


def _failures(package: str) -> tuple[type[BaseException], ...]:
    """Return what iterating the SDK's objects raises, beside what means a lost connection."""
    module: Any = sys.modules.get(package)
    return _UNREADABLE if module is None else (*_UNREADABLE, module.APIError)


def _is_lost(error: BaseException) -> bool:
    name = type(error).__name__
    return "Connection" in name or "Timeout" in name


def _failed(error: BaseException) -> Block:
    """Return what a failure of the SDK's says, or raise it where it says that all is lost."""
    if _is_lost(error):
        raise error
    if isinstance(error, _UNREADABLE):
        return Delta.Corrupt(f"{type(error).__name__}: {error}")
    body: Any = getattr(error, "body", None)
    return Delta.ServerError(json.dumps(body or str(error), default=str))


def whole(answer: Any) -> Reply:
    """Return the reply for an answer that is there at once.

    Args:
        answer: What ``create`` returned.
    """
    return Reply(
        blocks=iter([as_json(answer)]),
        request_id=getattr(answer, "_request_id", None),
        completion=answer,
    )


def as_json(value: Any) -> str:
    """Return an object of an SDK's, or one that works like it, as JSON.

    Args:
        value: The object. The SDK builds it without validating, so it may hold anything.
    """
    # Characters that UTF-8 cannot say stay escaped.
    return json.dumps(_plain(value, _DEPTH))


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if depth == 0:
        raise RecursionError("the answer is nested too deeply")
    if isinstance(value, Mapping):
        return {str(key): _plain(each, depth - 1) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each, depth - 1) for each in cast("list[Any]", value)]
    if callable(dump := getattr(type(value), "model_dump", None)):
        return _plain(dump(value, exclude_unset=True, warnings=False), depth - 1)
    # Such as a `SimpleNamespace`, which tests like.
    return {
        name: _plain(each, depth - 1)
        for name, each in vars(value).items()
        if not name.startswith("_")
    }


def in_time(request: Request) -> Request:
    """Let the SDK give up when the response does not begin in time."""
    if request.first_timeout is None or "timeout" in request.arguments:
        return request
    arguments = {**request.arguments, "timeout": request.first_timeout}
    return Request(arguments, request.made, request.stream)


def at_once(reply: Reply) -> AsyncReply:
    """Return the reply of an asynchronous call for an answer that is there at once."""

    async def blocks() -> AsyncIterator[Block]:
        for block in reply.blocks:
            yield block

    async def aclose() -> None:
        pass

    return AsyncReply(
        blocks=blocks(),
        aclose=aclose,
        request_id=reply.request_id,
        completion=reply.completion,
    )
