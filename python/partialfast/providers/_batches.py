"""What the batch endpoints of providers have in common: many requests, answered later, for less.

A provider has one file, ``_batches.py`` in its folder, with a class that is a `BatchProvider`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

__all__ = [
    "BatchLine",
    "BatchProvider",
    "BatchState",
    "Search",
    "Sought",
    "lines_of",
    "listed",
    "object_of",
]


@dataclass(frozen=True, slots=True)
class BatchState:
    """How a batch stands.

    Args:
        kind: Whether it is at work, has ended (with results for some requests at least), or was
            refused as a whole.
        done: Requests that are answered.
        message: Why it was refused, in the provider's words.
    """

    kind: Literal["working", "ended", "refused"]
    done: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """Which batch is looked for.

    Args:
        run: Whose it is.
        number: Which of its batches.
        count: How many requests it has.
        since: When it was submitted first, in seconds since 1970 by this machine's clock.
        known: The names of batches that it is not.
    """

    run: str
    number: int
    count: int
    since: float
    known: Collection[str] = ()


class Sought(NamedTuple):
    """What was found.

    Args:
        name: The name of the batch, if it was found.
        is_certain: Whether there is none, if it was not; else it has to be looked for again later.
    """

    name: str | None
    is_certain: bool = True


class BatchLine(NamedTuple):
    """A line of what a batch has brought.

    Args:
        id: What it answers, as `BatchProvider.request` was told; ``None`` if it does not say.
        text: The line.
        status: The status that a single request would have had; ``None`` if it was not asked.
        input_tokens: Tokens of the request.
        output_tokens: Tokens of the answer.
    """

    id: str | None
    text: bytes
    status: int | None
    input_tokens: int = 0
    output_tokens: int = 0


class BatchProvider(Protocol):
    """A provider's batch endpoint.

    Lines of requests are kept in files. The first property of a line is ``custom_id``, the id that
    `request` was given.
    """

    #: Requests of a batch.
    most_requests: int
    #: Bytes of a file.
    most_bytes: int
    #: What is paid of the price of a single request.
    price: float

    def request(self, id_: str, messages: Sequence[Any]) -> bytes:
        """Give the line that asks about a document.

        Args:
            id_: What the answer is to be called.
            messages: What is asked.
        """
        ...

    def corrected(self, line: bytes, text: str, error: Exception) -> bytes:
        """Give the line that asks again, with the answer that was wrong and why.

        Args:
            line: The line that asked.
            text: The answer.
            error: What is wrong with it.
        """
        ...

    async def submit(self, path: Path, *, run: str, number: int) -> str:
        """Have the requests of a file answered.

        Args:
            path: The file.
            run: Whose it is.
            number: Which of its batches.

        Returns:
            The name of the batch.
        """
        ...

    async def find(self, search: Search) -> Sought:
        """Look for a batch that may have been submitted already.

        Args:
            search: Which one.
        """
        ...

    async def look(self, name: str) -> BatchState:
        """Look how a batch stands.

        Args:
            name: The batch.
        """
        ...

    def results(self, name: str, ids: Sequence[str]) -> AsyncGenerator[BatchLine, None]:
        """Fetch what a batch that has ended has brought.

        Args:
            name: The batch.
            ids: Those of its requests, in the order of the file.

        Returns:
            A line for each request that was answered or has failed, in any order.
        """
        ...


async def listed(pages: Awaitable[Any]) -> AsyncGenerator[Any, None]:
    """Give what an SDK lists, page by page.

    The SDK's own iteration is several generators, one within the other. Who leaves it early can
    close only the outermost.

    Args:
        pages: What the SDK's ``list`` returned.

    Yields:
        What is listed, in the order of the pages.
    """
    page: Any = await pages
    while True:
        for each in page.data:
            yield each
        if not page.has_next_page():
            return
        page = await page.get_next_page()


async def lines_of(blocks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Cut a file into its lines, without empty ones.

    Args:
        blocks: The file; closed at the end, or when this is.
    """
    rest = b""
    async with aclosing(blocks):
        async for block in blocks:
            # At line feeds alone: an answer may hold what Unicode calls an end of a line.
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                if line.strip():
                    yield line
        if rest.strip():
            yield rest


def object_of(line: bytes) -> Mapping[str, Any]:
    """Read a line; what is not an object, such as the page of a gateway, counts as an empty one.

    Args:
        line: The line.
    """
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
