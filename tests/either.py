"""One body of a test for clients with and without asynchrony.

The test awaits in either case; a stream without asynchrony does at once what it is asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import Any

__all__ = ["drained", "in_step", "value_of"]


async def value_of(given: Any) -> Any:
    """Await what has to be."""
    return await given if inspect.isawaitable(given) else given


async def drained(stream: Any) -> list[Any]:
    """Return all that a stream gives."""
    return [each async for each in in_step(stream)]


def in_step(stream: Any) -> Any:
    """Give a stream that is read asynchronously, whatever it is; its attributes stay its own."""
    return stream if hasattr(stream, "__aiter__") else _InStep(stream)


class _InStep:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self._stream)
        except StopIteration:
            raise StopAsyncIteration from None

    async def final(self) -> Any:
        return self._stream.final()

    async def aclose(self) -> None:
        self._stream.close()
