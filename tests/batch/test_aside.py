"""Iterating over what blocks, beside the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import pytest

from partialfast.batch.loop._aside import aside


def test_items_come_in_order_and_no_more_than_one_ahead() -> None:
    produced = threading.Semaphore(0)
    taken: list[int] = []

    def source() -> Iterator[int]:
        for number in range(10):
            taken.append(number)
            produced.release()
            yield number

    async def run() -> list[int]:
        found: list[int] = []
        async with contextlib.aclosing(aside(source(), name="test")) as items:
            async for item in items:
                found.append(item)
                # Time for the thread to run ahead, if nothing held it back.
                await asyncio.to_thread(produced.acquire, timeout=0.02)
                await asyncio.sleep(0.01)
                assert len(taken) <= len(found) + 2
        return found

    assert asyncio.run(run()) == list(range(10))


def test_what_goes_wrong_is_raised_after_the_items_before_it() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    found: list[int] = []

    async def run() -> None:
        async for item in aside(source(), name="test"):
            found.append(item)  # noqa: PERF401 - what came before the exception

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())
    assert found == [1]


def test_leaving_ends_the_thread() -> None:
    ended = threading.Event()

    def source() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            ended.set()

    async def run() -> None:
        async with contextlib.aclosing(aside(source(), name="test")) as items:
            assert await anext(items) == 0

    asyncio.run(run())
    assert ended.wait(5)
