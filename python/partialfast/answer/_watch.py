"""Who watches a call from the inside: told of each request, and of how its answer ended.

Unlike what replaces functions of the SDK's, a watcher leaves the way of the bytes as it is.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from typing_extensions import Self

from partialfast.answer._seam import AsyncReply, Block, Provider, Reply

if TYPE_CHECKING:
    from partialfast.answer._received import Received

__all__ = ["Sent", "Watch", "Watched", "Watchers"]

logger = logging.getLogger("partialfast")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that is about to be sent.

    Args:
        provider: Who is asked.
        arguments: What is sent.
        stream: Whether the answer is streamed.
        choices: How many answers are asked for.
    """

    provider: Provider
    arguments: Mapping[str, Any] = field(repr=False)
    stream: bool
    choices: int


class Watched(Protocol):
    """One request, as a watcher sees it."""

    def active(self) -> AbstractContextManager[Any]:
        """Return what the sending of the request stands in."""
        ...

    def first(self) -> None:
        """Take note that the first of the answer has come."""
        ...

    def end(self, received: Received, error: BaseException | None) -> None:
        """Take note that the answer has ended.

        Args:
            received: What was received of it.
            error: What it ended with; ``None`` for a value, or for a caller who left.
        """
        ...


class Watch(Protocol):
    """A watcher."""

    def begin(self, sent: Sent) -> Watched:
        """Take note of a request."""
        ...


class Watchers:
    """All who watch one request. What one of them raises is logged: it ends no call."""

    def __init__(self, watches: list[Watch], sent: Sent) -> None:
        self._watched: list[Watched] = []
        for watch in watches:
            if (watched := _told(watch.begin, sent)) is not None:
                self._watched.append(watched)

    @contextmanager
    def active(self) -> Generator[None]:
        """Give what the sending of the request stands in."""
        with ExitStack() as stack:
            for watched in self._watched:
                if (context := _told(watched.active)) is not None:
                    stack.enter_context(context)
            yield

    def look_at(self, reply: Reply | AsyncReply) -> None:
        """Notice the first of an answer.

        Args:
            reply: The answer, of which nothing has been read.
        """
        if not self._watched:
            return
        if isinstance(reply, Reply):
            reply.blocks = _Blocks(reply.blocks, self._first)
        else:
            reply.blocks = _AsyncBlocks(reply.blocks, self._first)

    def _first(self) -> None:
        for watched in self._watched:
            _told(watched.first)

    def end(self, received: Received, error: BaseException | None) -> None:
        """Tell that the answer has ended; once."""
        ended, self._watched = self._watched, []
        for watched in ended:
            _told(watched.end, received, error)


class _Blocks:
    """Blocks, of which the first is noticed."""

    def __init__(self, blocks: Iterator[Block], first: Callable[[], None]) -> None:
        self._blocks = blocks
        self._first: Callable[[], None] | None = first

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Block:
        block = next(self._blocks)
        if self._first is not None:
            self._first()
            self._first = None
        return block


class _AsyncBlocks:
    """Blocks, of which the first is noticed; the twin of `_Blocks`."""

    def __init__(self, blocks: AsyncIterator[Block], first: Callable[[], None]) -> None:
        self._blocks = blocks
        self._first: Callable[[], None] | None = first

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Block:
        block = await anext(self._blocks)
        if self._first is not None:
            self._first()
            self._first = None
        return block


def _told(function: Callable[..., T], *arguments: Any) -> T | None:
    try:
        return function(*arguments)
    except Exception:
        logger.exception("a watcher failed")
        return None
