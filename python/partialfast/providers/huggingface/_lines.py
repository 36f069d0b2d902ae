"""What a stream of HuggingFace's is read from: the lines of the response."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from partialfast.answer._seam import Event
from partialfast.providers._http import waker

__all__ = ["reading_lines"]


def reading_lines(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let what a function streams be the lines that the SDK makes its objects from.

    To make the objects and to turn them back into JSON takes ten times what is done with the text.
    The SDK has no way to the lines but the variable of a generator of its own. Where that is
    another, or where somebody has wrapped it, the objects are read.

    Args:
        function: ``chat_completion`` of a client.
    """

    @functools.wraps(function)
    def call(**arguments: Any) -> Any:
        return _told(function(**arguments))

    @functools.wraps(function)
    async def acall(**arguments: Any) -> Any:
        return _told(await function(**arguments))

    return acall if inspect.iscoroutinefunction(inspect.unwrap(function)) else call


def _told(answer: Any) -> Any:
    if inspect.isgenerator(answer):
        lines = _lines_in(answer.gi_frame)
        return answer if lines is None else _Lines(lines)
    if inspect.isasyncgen(answer):
        lines = _lines_in(answer.ag_frame)
        return answer if lines is None else _AsyncLines(lines)
    return answer


def _lines_in(frame: Any) -> Any:
    lines: Any = None if frame is None else frame.f_locals.get("lines")
    return lines if inspect.isgenerator(lines) or inspect.isasyncgen(lines) else None


def _event_of(line: str) -> Event | None:
    field, _, data = line.partition(":")
    return Event(data.strip()) if field == "data" else None


class _Lines:
    """Events, closed with the lines they are made from."""

    def __init__(self, lines: Any) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[Event]:
        for line in self._lines:
            if (event := _event_of(line)) is not None:
                yield event

    @property
    def wake(self) -> Callable[[], Any] | None:
        """What ends a read that blocks in another thread, where the lines are those of httpx."""
        frame = self._lines.gi_frame
        return None if frame is None else waker(frame.f_locals.get("self"))

    def close(self) -> None:
        """Close the lines."""
        self._lines.close()


class _AsyncLines:
    """The twin of `_Lines`."""

    def __init__(self, lines: Any) -> None:
        self._lines = lines

    async def __aiter__(self) -> AsyncIterator[Event]:
        async for line in self._lines:
            if (event := _event_of(line)) is not None:
                yield event

    async def aclose(self) -> None:
        """Close the lines."""
        await self._lines.aclose()
