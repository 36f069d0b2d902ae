"""How an SDK's objects are read: a stream that something observes, an answer that came whole.

The SDK iterates over its stream itself, so that an observer sees what it expects. The bytes are
read along where they can be had, and else the objects are turned back into JSON.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final, cast

from partialfast._core import Delta
from partialfast.answer._alarm import call_after
from partialfast.answer._seam import AsyncReply, Block, Reply, transport_errors
from partialfast.providers._http import (
    ID_HEADER,
    aclose_generators,
    areply_of,
    reply_of,
    waker,
)

__all__ = ["aopen_observed", "as_json", "at_once", "open_observed", "whole"]

# For an observer, which gets its record at the end of the stream.
_OBSERVED_S: Final = 1.0
# What may come without an event in it; the reader's own limit is below it. See docs/bounds.md.
_MOST_BYTES: Final = 1 << 25
_DEPTH: Final = 500

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
        #: What is left of the bytes, once the SDK has begun to read them.
        self.source: Any = None
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
        if self.source is None:
            self.source = self._read(*arguments, **named)
        return self.source

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

    def block_of(self, chunk: Any) -> Block:
        """Return what is read along with an object of the SDK's; empty where that is nothing."""
        if self.works:
            return self.take()
        return as_json(chunk)

    def after(self, error: BaseException) -> Block:
        """Return what is read when the SDK has failed: what it says, or the bytes meanwhile.

        Args:
            error: What the SDK raised; raised again where it says that the connection is lost.
        """
        if _is_lost(error):
            raise error
        if self.works:
            return self.take()
        if isinstance(error, _UNREADABLE):
            return Delta.Corrupt(f"{type(error).__name__}: {error}")
        body: Any = getattr(error, "body", None)
        return Delta.ServerError(json.dumps(body or str(error), default=str))

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

    def close() -> None:
        shut = tee.restore()
        # What a wrapped client gives may have no `close`.
        if callable(method := getattr(stream, "close", None)):
            method()
        if shut is not None:
            shut()

    def rest() -> None:
        alarm = call_after(_OBSERVED_S, waker(http) or _nothing)
        try:
            with contextlib.suppress(*_harmless(package)):
                for _ in blocks:
                    pass
        finally:
            alarm.cancel()

    return reply_of(http, blocks=blocks, close=close, rest=rest, id_header=id_header)


def aopen_observed(stream: Any, package: str, *, id_header: str = ID_HEADER) -> AsyncReply:
    """Read a stream of the SDK's, or of something that works like it; see `open_observed`."""
    http = getattr(stream, "response", None)
    tee = _Tee(http)
    blocks = _ablocks(aiter(stream), tee, package)

    async def close() -> None:
        shut = tee.restore()
        # An asynchronous generator, as a wrapped client may give, has no `close`.
        method = getattr(stream, "aclose", None) or getattr(stream, "close", None)
        if callable(method) and inspect.isawaitable(closing := method()):
            await closing
        # The SDK's stream keeps a generator that keeps the stream.
        await aclose_generators(*getattr(stream, "__dict__", {}).values(), tee.source)
        if shut is not None:
            await shut()

    async def rest() -> None:
        from anyio import move_on_after  # noqa: PLC0415 - comes with the SDK, not with us

        with move_on_after(_OBSERVED_S), contextlib.suppress(*_harmless(package)):
            async for _ in blocks:
                pass

    return areply_of(http, blocks=blocks, close=close, rest=rest, id_header=id_header)


def _blocks(chunks: Iterator[Any], tee: _Tee, package: str) -> Iterator[Block]:
    try:
        for chunk in chunks:
            if block := tee.block_of(chunk):
                yield block
    except _failures(package) as error:
        yield tee.after(error)
        yield from tee.source or ()
    else:
        if rest := tee.take():
            yield rest


async def _ablocks(chunks: AsyncIterator[Any], tee: _Tee, package: str) -> AsyncIterator[Block]:
    try:
        async for chunk in chunks:
            if block := tee.block_of(chunk):
                yield block
    except _failures(package) as error:
        yield tee.after(error)
        if tee.source is not None:
            async for block in tee.source:
                yield block
    else:
        if rest := tee.take():
            yield rest


def _nothing() -> None:
    pass


def _failures(package: str) -> tuple[type[BaseException], ...]:
    """Return what iterating the SDK's objects raises, beside what means a lost connection."""
    module: Any = sys.modules.get(package)
    return _UNREADABLE if module is None else (*_UNREADABLE, module.APIError)


def _harmless(package: str) -> tuple[type[BaseException], ...]:
    """Return what is ignored after the answer is complete: observers write their record then."""
    return (*transport_errors(), *_failures(package))


def _is_lost(error: BaseException) -> bool:
    name = type(error).__name__
    return "Connection" in name or "Timeout" in name


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
