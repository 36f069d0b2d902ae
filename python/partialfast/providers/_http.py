"""Replies from HTTP responses: httpx's, its successor's, aiohttp's and those of requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from partialfast.answer._gate import Gate, gate_of
from partialfast.answer._seam import AsyncReply, Reply
from partialfast.providers._http2 import cancel
from partialfast.providers._stainless import (
    ID_HEADER,
    aend,
    aread_rest,
    bytes_of,
    header,
    read_rest,
    waker,
)

__all__ = ["areply_of", "reply_of"]


def reply_of(
    http: Any, *, close: Callable[[], Any] | None = None, id_header: str = ID_HEADER
) -> Reply:
    """Return the reply that a response is, of which nothing was read.

    Args:
        http: The response.
        close: Closes it; its own `close` where there is none.
        id_header: The header that names the request, or the usual one.
    """
    shut: Callable[[], Any] = close or http.close
    blocks = bytes_of(http) if hasattr(http, "iter_raw") else http.iter_content(None)

    def finish() -> None:
        read_rest(http, getattr(http, "request", None), blocks)
        shut()

    def end() -> None:
        cancel(http)
        shut()

    return Reply(
        blocks=blocks,
        close=end,
        finish=finish,
        wake=waker(http),
        request=getattr(http, "request", None),
        request_id=header(http, id_header) or header(http, ID_HEADER),
        content_type=header(http, "content-type"),
    )


async def areply_of(
    http: Any, *, close: Callable[[], Any] | None = None, id_header: str = ID_HEADER
) -> AsyncReply:
    """Return the reply that a response is, of which nothing was read; the twin of `reply_of`."""
    if not hasattr(http, "aiter_raw"):
        return _of_aiohttp(http, id_header)
    blocks: Any = http.aiter_bytes() if header(http, "content-encoding") else http.aiter_raw()
    gate = gate_of(http)

    async def aclose() -> None:
        if gate is not None:
            gate.remove()
        await aend(http, blocks)
        await (close or http.aclose)()

    async def afinish() -> None:
        await aread_rest(blocks)
        await aclose()

    return AsyncReply(
        blocks=blocks,
        aclose=aclose,
        afinish=afinish,
        request=getattr(http, "request", None),
        request_id=header(http, id_header) or header(http, ID_HEADER),
        content_type=header(http, "content-type"),
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
        await aread_rest(read)
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
