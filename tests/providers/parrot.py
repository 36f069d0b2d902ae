"""A made-up provider: all of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from threading import Event
from typing import Any

from partialfast.providers import (
    AsyncReply,
    Mistake,
    Mode,
    Provider,
    Question,
    Reply,
    Request,
    Tokens,
)

__all__ = ["Parrot"]


class Parrot(Provider):
    """Says what it is told to, one list of blocks for each request; at ``None`` it falls silent."""

    name = "parrot"
    modes = (Mode.TOOLS, Mode.JSON)

    def __init__(self, *answers: list[Any]) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self.closed = Event()

    def ask(self, question: Question) -> dict[str, Any]:
        names = [shape.name for shape in question.target.shapes]
        return {**question.arguments, "wanted": names}

    def _blocks(self, request: Request) -> Iterator[Any]:
        self.requests.append(request)
        for block in self.answers[len(self.requests) - 1]:
            if isinstance(block, Exception):
                raise block
            yield block

    def open(self, request: Request) -> Reply:
        def blocks() -> Iterator[Any]:
            for block in self._blocks(request):
                if block is None:
                    self.closed.wait(60)
                    return
                yield block

        end = self.closed.set
        number = len(self.requests) + 1
        return Reply(blocks=blocks(), close=end, wake=end, request_id=f"r{number}")

    async def aopen(self, request: Request) -> AsyncReply:
        async def blocks() -> AsyncIterator[Any]:
            for block in self._blocks(request):
                if block is None:
                    await asyncio.sleep(60)
                yield block

        return AsyncReply(blocks=blocks(), aclose=_nothing)

    def correct(self, arguments: Mapping[str, Any], mistake: Mistake) -> dict[str, Any]:
        return {**arguments, "mistakes": [*arguments.get("mistakes", ()), mistake]}

    def tokens(self, reported: Any) -> Tokens:
        return Tokens(reported["heard"], reported["said"])


async def _nothing() -> None:
    pass
