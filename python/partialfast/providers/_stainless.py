"""How answers are read through the SDKs that Stainless generates: those of OpenAI, Anthropic, Groq.

Such an SDK gives a response without making objects of it (``with_streaming_response``): its bytes
are read as they come. A client that something else observes is read by its objects (`_observed`).
Either way one reader makes deltas of them, within one set of limits.
"""

from __future__ import annotations

import functools
import inspect
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import AsyncGeneratorType, FunctionType
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from partialfast.answer._alarm import call_after
from partialfast.answer._gate import gate_of
from partialfast.answer._seam import AsyncReply, Reply, Request, transport_errors
from partialfast.providers._http2 import acancel, cancel, is_http2

__all__ = [
    "ID_HEADER",
    "Transport",
    "aend",
    "aopen_raw",
    "aread_rest",
    "bytes_of",
    "header",
    "in_time",
    "is_plain",
    "open_raw",
    "pool_waker",
    "read_for",
    "read_rest",
    "reads_bytes",
    "server_of",
    "take_time_again",
    "waker",
]

Transport = Literal["auto", "raw", "sdk"]

#: The header that names a request, unless an API has another.
ID_HEADER: Final = "x-request-id"
# How long, and how much, to read for the sake of the connection.
_FINISH_S: Final = 0.1
_FINISH_BLOCKS: Final = 16
# Between two looks whether another task has left.
_LOOK_S: Final = 0.001


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


def in_time(request: Request) -> Request:
    """Let the SDK give up when the response does not begin in time."""
    if request.first_timeout is None or "timeout" in request.arguments:
        return request
    arguments = {**request.arguments, "timeout": request.first_timeout}
    return Request(arguments, request.made, request.stream)
