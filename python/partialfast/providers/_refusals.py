"""How much is read of a response that refuses a request.

The SDKs that Stainless generates read the whole body of an error, whatever its size, before anybody
sees the response. So the HTTP client is given a hook, which cuts off what is longer than any words
of a server's, and only for requests that are made here.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, aclosing
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakSet

__all__ = ["bounded_refusals"]

_MOST_BYTES: Final = 1 << 20
_REFUSALS: Final = 400

_OURS: ContextVar[bool] = ContextVar("_OURS", default=False)
_HOOKED: WeakSet[Any] = WeakSet()


class _Ours(AbstractContextManager[None]):
    """What requests are made in that are made here."""

    def __enter__(self) -> None:
        self._token = _OURS.set(True)

    def __exit__(self, *_: object) -> None:
        _OURS.reset(self._token)


def bounded_refusals(resource: Any) -> AbstractContextManager[None]:
    """Let at most 1 MiB be read of a response that refuses a request.

    Args:
        resource: Such as ``client.chat.completions``, through which it is sent.
    """
    _hook(getattr(getattr(resource, "_client", None), "_client", None))
    return _Ours()


def _hook(http: Any) -> None:
    if http in _HOOKED:
        return
    hooks: Any = getattr(http, "event_hooks", None)
    # A mock may have anything there.
    if not isinstance(hooks, dict) or "response" not in hooks:
        return
    _HOOKED.add(http)
    asynchronous = hasattr(http, "aclose")
    hooks["response"].append(_abound if asynchronous else _bound)


def _is_to_be_bounded(response: Any) -> bool:
    if not _OURS.get() or response.status_code < _REFUSALS:
        return False
    # What another hook has read is there already.
    return not (response.is_closed or response.is_stream_consumed)


def _bound(response: Any) -> None:
    if not _is_to_be_bounded(response):
        return
    decoded = _decoded(response)
    _replace(response, b"".join(_taken(decoded.iter_bytes())))
    decoded.close()


async def _abound(response: Any) -> None:
    if not _is_to_be_bounded(response):
        return
    decoded = _decoded(response)
    async with aclosing(decoded.aiter_bytes()) as parts:
        _replace(response, b"".join([part async for part in _ataken(parts)]))
    await decoded.aclose()


def _decoded(response: Any) -> Any:
    """Return the same response, to be read instead."""
    return type(response)(
        response.status_code,
        headers=response.headers,
        stream=response.stream,
        request=response.request,
    )


def _taken(parts: Iterator[bytes]) -> Iterator[bytes]:
    left = _MOST_BYTES
    for part in parts:
        yield part[:left]
        left -= len(part)
        if left <= 0:
            return


async def _ataken(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    left = _MOST_BYTES
    async for part in parts:
        yield part[:left]
        left -= len(part)
        if left <= 0:
            return


def _replace(response: Any, body: bytes) -> None:
    package: Any = sys.modules[type(response).__module__.partition(".")[0]]
    response.stream = package.ByteStream(body)
    for name in ("content-encoding", "content-length"):
        response.headers.pop(name, None)
