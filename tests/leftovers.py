"""Finds asynchronous generators that are left to the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

__all__ = ["nothing_left"]

# How often other tasks get their turn to close what was dropped.
_TURNS = 100


@asynccontextmanager
async def nothing_left(*kept: str) -> AsyncGenerator[Callable[[str], None]]:
    """Check that each generator begun inside has ended, or was freed, without the collector.

    What the collector finds it may find in any thread, at any time: in the middle of the closing of
    another one, of which it complains.

    Args:
        *kept: Names of those that others leave, or keep in something that is in use.

    Yields:
        What says the name of that which is done next.
    """
    begun = _Begun()
    hooks = sys.get_asyncgen_hooks()

    def note(generator: AsyncGenerator[Any, Any]) -> None:
        begun.note(generator)
        if hooks.firstiter is not None:
            hooks.firstiter(generator)

    collects = gc.isenabled()
    gc.disable()
    sys.set_asyncgen_hooks(firstiter=note, finalizer=hooks.finalizer)
    try:
        yield begun.names.append
        for _ in range(_TURNS):
            if begun.alive(kept):
                await asyncio.sleep(0.001)
        left = begun.alive(kept)
        if begun.alive():
            # Here, where nothing is being closed, instead of anywhere.
            gc.collect()
    finally:
        sys.set_asyncgen_hooks(*hooks)
        if collects:
            gc.enable()
    if not begun.generators:
        raise AssertionError("no generator was begun")
    if left:
        raise AssertionError(f"left to the garbage collector: {left}")


class _Begun:
    def __init__(self) -> None:
        self.generators: list[tuple[weakref.ref[Any], str]] = []
        self.names = [""]

    def note(self, generator: AsyncGenerator[Any, Any]) -> None:
        self.generators.append((weakref.ref(generator), self.names[-1]))

    def alive(self, kept: tuple[str, ...] = ()) -> list[str]:
        there = [(each(), name) for each, name in self.generators]
        return [
            f"{name}: {each.__qualname__}"
            for each, name in there
            if each is not None and each.ag_frame is not None and each.__qualname__ not in kept
        ]
