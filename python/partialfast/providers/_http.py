"""Replies from HTTP responses: httpx's, its successor's, aiohttp's and those of requests."""

from __future__ import annotations

import functools
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import AsyncGeneratorType
from typing import Any, Final

from partialfast.answer._alarm import call_after
from partialfast.answer._gate import Gate, gate_of
from partialfast.answer._seam import AsyncReply, Reply, transport_errors
from partialfast.providers._http2 import acancel, cancel, is_http2

__all__ = [
    "ID_HEADER",
    "aclose_generators",
    "areply_of",
    "pool_waker",
    "read_for",
    "reply_of",
    "waker",
]

#: The header that names a request, unless an API has another.
ID_HEADER: Final = "x-request-id"
# How long, and how much, to read for the sake of the connection.
_FINISH_S: Final = 0.1
_FINISH_BLOCKS: Final = 16
# Between two looks whether another task has left.
_LOOK_S: Final = 0.001


def reply_of(
    http: Any,
    *,
    blocks: Iterator[Any] | None = None,
    close: Callable[[], Any] | None = None,
    rest: Callable[[], Any] | None = None,
    id_header: str = ID_HEADER,
) -> Reply:
    """Return the reply that a response is.

    Args:
        http: The response; ``None`` where only `blocks` and `close` are known of it.
        blocks: What is read of it; its bytes, of which nothing was read, where this is left out.
        close: Closes it; its own `close` where there is none.
        rest: Reads what is left of it once the answer is complete; where this is left out, as much
            as lets its connection be used again.
        id_header: The header that names the request, or the usual one.
    """
    request = getattr(http, "request", None)
    read = _bytes_of(http) if blocks is None else blocks
    shut: Callable[[], Any] = close or http.close
    read_rest = rest or functools.partial(_read_rest, http, request, read)
    shared = is_http2(http)

    def end() -> None:
        if shared:
            cancel(http)
        shut()

    def finish() -> None:
        read_rest()
        end()

    return Reply(
        blocks=read,
        close=end,
        finish=finish,
        wake=waker(http),
        request=request,
        request_id=_request_id(http, id_header),
        content_type=_header(http, "content-type"),
    )


def areply_of(
    http: Any,
    *,
    blocks: AsyncIterator[Any] | None = None,
    close: Callable[[], Any] | None = None,
    rest: Callable[[], Awaitable[Any]] | None = None,
    id_header: str = ID_HEADER,
) -> AsyncReply:
    """Return the reply that a response is; the twin of `reply_of`."""
    if blocks is None and not hasattr(http, "aiter_raw"):
        return _of_aiohttp(http, id_header)
    read: Any = _abytes_of(http) if blocks is None else blocks
    shut: Callable[[], Any] = close or http.aclose
    read_rest = rest or functools.partial(_aread_rest, read)
    gate = gate_of(http)

    async def end() -> None:
        if gate is not None:
            gate.remove()
        await _aend(http, read)
        await shut()

    async def finish() -> None:
        await read_rest()
        await end()

    return AsyncReply(
        blocks=read,
        aclose=end,
        afinish=finish,
        interrupts=http is None,
        request=getattr(http, "request", None),
        request_id=_request_id(http, id_header),
        content_type=_header(http, "content-type"),
        gate=gate,
    )


def _of_aiohttp(http: Any, id_header: str) -> AsyncReply:
    gate = Gate()

    async def blocks() -> AsyncIterator[bytes]:
        async for block in http.content.iter_any():
            yield block
            # What comes meanwhile is given as one block.
            await gate.wait()

    read: Any = blocks()

    async def aclose() -> None:
        # Another task may be waiting in it, for what fails as soon as the response is closed.
        http.close()
        if not read.ag_running:
            await read.aclose()

    async def afinish() -> None:
        await _aread_rest(read)
        http.release()
        await read.aclose()

    return AsyncReply(
        blocks=read,
        aclose=aclose,
        afinish=afinish,
        request_id=http.headers.get(id_header),
        content_type=http.headers.get("content-type"),
        gate=gate,
    )


def _header(response: Any, name: str) -> str | None:
    """Return a header of a response, if it has such."""
    headers = getattr(response, "headers", None)
    return headers.get(name) if headers is not None else None


def _request_id(http: Any, name: str) -> str | None:
    return _header(http, name) or _header(http, ID_HEADER)


def waker(http: Any) -> Callable[[], Any] | None:
    """Return what ends a read that blocks in another thread."""
    version = getattr(http, "http_version", None)
    if version == "HTTP/2":
        return functools.partial(cancel, http)
    if version not in {"HTTP/1.1", "HTTP/1.0"}:
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


def read_for(reply: Reply, seconds: float | None) -> None:
    """Let each read of a response take so long, whatever opening it might take.

    Args:
        reply: Of which nothing has been read: the limit counts from the first read.
        seconds: How long; ``None`` for as long as it takes.
    """
    extensions = getattr(reply.request, "extensions", None)
    if extensions is not None:
        extensions["timeout"] = {**extensions.get("timeout", {}), "read": seconds}


def _bytes_of(http: Any) -> Iterator[bytes]:
    if not hasattr(http, "iter_raw"):
        whole: Iterator[bytes] = http.iter_content(None)
        return whole
    # What an event hook or a transport of the caller's has read already is there; and reading what
    # is not compressed as it stands takes less time.
    blocks: Iterator[bytes] = (
        http.iter_bytes() if _is_read(http) or _is_encoded(http) else http.iter_raw()
    )
    return blocks


def _abytes_of(http: Any) -> AsyncIterator[bytes]:
    blocks: AsyncIterator[bytes] = (
        http.aiter_bytes() if _is_read(http) or _is_encoded(http) else http.aiter_raw()
    )
    return blocks


def _is_read(http: Any) -> bool:
    return bool(getattr(http, "is_stream_consumed", False))


def _is_encoded(http: Any) -> bool:
    return (_header(http, "content-encoding") or "identity").lower() != "identity"


def _read_rest(http: Any, request: Any, blocks: Iterator[bytes]) -> None:
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


async def _aend(http: Any, blocks: AsyncGeneratorType[Any, None]) -> None:
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


async def aclose_generators(*generators: Any) -> None:
    """Close those of some objects that are asynchronous generators and wait for nothing.

    A generator that has not ended would be left to the garbage collector. That may run in another
    thread in the middle of their being closed one by the other, and then complains of one that
    "is already executing".

    Args:
        *generators: The objects; the outermost first, where one reads another.
    """
    for each in generators:
        if isinstance(each, AsyncGeneratorType) and not each.ag_running:
            await each.aclose()


async def _aread_rest(blocks: AsyncIterator[bytes]) -> None:
    """Read the end of a body, so that its connection can be used again; the twin of `_read_rest`.

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
