"""Replies from the objects of an SDK, where there is no way to the bytes that it made them from."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Generator,
    Iterable,
)
from typing import Any

from partialfast.answer._seam import AsyncReply, Block, Reply
from partialfast.providers._http import aclose_generators
from partialfast.providers._observed import as_json

__all__ = ["aopen_objects", "has_all", "open_objects"]


def has_all(owner: Any, *names: str) -> bool:
    """Tell whether an object of an SDK's still has what it does not promise to have.

    Args:
        owner: The object.
        names: Of its private attributes.
    """
    return all(hasattr(owner, name) for name in names)


def open_objects(chunks: Iterable[Any], close: Callable[[], Any] | None = None) -> Reply:
    """Read a stream of an SDK's, object by object.

    The first is read here: an SDK may send the request only then, and raise what came of it.

    Args:
        chunks: What the SDK returned.
        close: Closes what they come from, where they do not do it themselves.
    """
    blocks = _each(chunks)
    next(blocks)

    def end() -> None:
        blocks.close()
        if close is not None:
            close()

    return Reply(blocks=blocks, close=end)


def _each(chunks: Iterable[Any]) -> Generator[Block, None, None]:
    rest = iter(chunks)
    first = next(rest, None)
    # Begun, and nothing said yet.
    yield "{}"
    if first is None:
        return
    yield as_json(first)
    for chunk in rest:
        yield as_json(chunk)


async def aopen_objects(
    chunks: AsyncIterable[Any], close: Callable[[], Awaitable[Any]] | None = None
) -> AsyncReply:
    """Read a stream of an SDK's, object by object; the twin of `open_objects`."""
    blocks = _aeach(chunks)
    await anext(blocks)

    async def end() -> None:
        await blocks.aclose()
        if close is not None:
            await close()

    return AsyncReply(blocks=blocks, aclose=end, interrupts=True)


async def _aeach(chunks: AsyncIterable[Any]) -> AsyncGenerator[Block, None]:
    rest = aiter(chunks)
    try:
        first = await anext(rest, None)
        # As above.
        yield "{}"
        if first is None:
            return
        yield as_json(first)
        async for chunk in rest:
            yield as_json(chunk)
    finally:
        await aclose_generators(rest)
