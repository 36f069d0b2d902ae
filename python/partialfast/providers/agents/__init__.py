"""A run of OpenAI's Agents SDK as a source: its chunks become snapshots.

    from partialfast.providers import agents

    run = Runner.run_streamed(agent, "...")
    async for user in agents.astream(User, run.stream_events(), mode=Mode.JSON_SCHEMA): ...

Importing this module does not import that package.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from partialfast.answer._mode import Mode
from partialfast.providers._source import amake_items, amake_stream, make_items, make_stream
from partialfast.providers.agents._source import Agents

if TYPE_CHECKING:
    from partialfast.answer._astream import AsyncItemStream, AsyncStream
    from partialfast.answer._stream import ItemStream, Stream

__all__ = ["astream", "astream_items", "stream", "stream_items"]

T = TypeVar("T")


def stream(
    response_model: type[T], chunks: Iterable[Any], *, mode: Mode = Mode.TOOLS, **options: Any
) -> Stream[T]:
    """Give a snapshot for each of the chunks that changes it.

    Args:
        response_model: The type that the model writes.
        chunks: What ``stream_events`` of a streamed run gives.
        mode: `Mode.TOOLS` where the value is the arguments of a call, `Mode.JSON` or
            `Mode.MD_JSON` where it is the content.
        **options: Those of ``create_partial`` that are not about asking: ``every``, ``context``,
            ``strict``, ``on_invalid``.

    Returns:
        The stream, as ``create_partial`` gives it.
    """
    return make_stream(response_model, Agents(chunks), mode, options)


def stream_items(
    response_model: type[T], chunks: Iterable[Any], *, mode: Mode = Mode.TOOLS, **options: Any
) -> ItemStream[T]:
    """Give complete items; see `stream`."""
    return make_items(response_model, Agents(chunks), mode, options)


def astream(
    response_model: type[T], chunks: AsyncIterable[Any], *, mode: Mode = Mode.TOOLS, **options: Any
) -> AsyncStream[T]:
    """Give a snapshot for each of the chunks that changes it; the twin of `stream`."""
    return amake_stream(response_model, Agents(chunks), mode, options)


def astream_items(
    response_model: type[T], chunks: AsyncIterable[Any], *, mode: Mode = Mode.TOOLS, **options: Any
) -> AsyncItemStream[T]:
    """Give complete items; see `stream`."""
    return amake_items(response_model, Agents(chunks), mode, options)
