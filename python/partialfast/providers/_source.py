"""Streams of what another library has already asked for: its chunks in, snapshots out.

Nothing is asked here, so there are no retries; snapshots, items, endings and usage are as with a
client of ours.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from partialfast._core import Delta
from partialfast.answer._aresource import AsyncResource
from partialfast.answer._delta import Outcome
from partialfast.answer._mode import Mode
from partialfast.answer._options import Settings
from partialfast.answer._resource import Resource
from partialfast.answer._seam import AsyncReply, Block, Mistake, Provider, Question, Reply, Request

if TYPE_CHECKING:
    from partialfast.answer._astream import AsyncItemStream, AsyncStream
    from partialfast.answer._stream import ItemStream, Stream

__all__ = ["Source", "Streams", "outcome_of"]

T = TypeVar("T")

# The words of OpenAI, Anthropic, Google, Bedrock, Cohere, Mistral and Ollama, in lower case; and of
# the libraries that have words of their own for them.
_OUTCOMES: dict[str, Outcome] = {
    **dict.fromkeys(
        (
            "stop",
            "tool_calls",
            "tool_call",
            "function_call",
            "end_turn",
            "stop_sequence",
            "tool_use",
            "complete",
            "completed",
        ),
        "whole",
    ),
    **dict.fromkeys(
        (
            "length",
            "max_tokens",
            "max_output_tokens",
            "model_length",
            "model_context_window_exceeded",
            "pause_turn",
            "incomplete",
        ),
        "cut_off",
    ),
    **dict.fromkeys(
        (
            "content_filter",
            "content_filtered",
            "guardrail_intervened",
            "safety",
            "recitation",
            "blocklist",
            "prohibited_content",
            "spii",
        ),
        "filtered",
    ),
    "refusal": "refused",
    **dict.fromkeys(("error", "failed", "malformed_function_call", "timeout"), "failed"),
}


def outcome_of(reason: str) -> Outcome:
    """Return what a finish reason means, whoever gives it."""
    return _OUTCOMES.get(reason.lower(), "unknown")


class Source(Provider):
    """Chunks that somebody else has asked for.

    Args:
        chunks: The chunks, or what gives them.
    """

    name = "source"
    modes = tuple(Mode)

    def __init__(self, chunks: Any) -> None:
        self.chunks = chunks
        self._finished = False

    def ask(self, question: Question) -> dict[str, Any]:
        """Ask for nothing."""
        if question.arguments:
            names = ", ".join(sorted(question.arguments))
            raise TypeError(f"{self.name} asks for nothing: it takes no argument {names}")
        return {}

    def correct(self, arguments: Mapping[str, Any], mistake: Mistake) -> dict[str, Any]:
        """Refuse to ask again."""
        del arguments, mistake
        raise TypeError(
            f"{self.name} asks for nothing, so it cannot ask again: leave max_retries out"
        )

    def blocks(self, chunk: Any) -> Iterator[Block]:
        """Say what a chunk says.

        Args:
            chunk: The chunk.
        """
        raise NotImplementedError

    def last(self) -> Iterator[Block]:
        """Say what is known once the chunks have ended."""
        yield from ()

    def open(self, request: Request) -> Reply:
        """Read the chunks without asynchrony."""
        del request
        chunks = iter(self.chunks)
        return Reply(blocks=self._read(chunks), close=_closer(chunks, self.chunks))

    async def aopen(self, request: Request) -> AsyncReply:
        """Read the chunks."""
        del request
        chunks = aiter(self.chunks)
        close = _acloser(chunks, self.chunks)
        return AsyncReply(blocks=self._aread(chunks), aclose=close, interrupts=True)

    def _read(self, chunks: Iterator[Any]) -> Iterator[Block]:
        for chunk in chunks:
            yield from self.blocks(chunk)
        yield from self.last()

    async def _aread(self, chunks: AsyncIterator[Any]) -> AsyncIterator[Block]:
        async for chunk in chunks:
            for block in self.blocks(chunk):
                yield block
        for block in self.last():
            yield block

    def finish(self, reason: str | None) -> Iterator[Block]:
        """Say that the answer has ended, once."""
        if reason and not self._finished:
            self._finished = True
            yield Delta.Finish(0, reason, outcome_of(reason))

    def finish_unknown(self) -> Iterator[Block]:
        """Say that the answer has ended, and that nobody said why."""
        if not self._finished:
            yield Delta.Finish(0, "", "unknown")


def _closer(*owners: Any) -> Any:
    def close() -> None:
        for owner in owners:
            if callable(method := getattr(owner, "close", None)):
                method()
                return

    return close


def _acloser(*owners: Any) -> Any:
    async def aclose() -> None:
        for owner in owners:
            method = getattr(owner, "aclose", None) or getattr(owner, "close", None)
            if callable(method):
                closing: Any = method()
                if inspect.isawaitable(closing):
                    await closing
                return

    return aclose


class Streams:
    """The four functions of a kind of source: snapshots or items, with and without asynchrony.

    Args:
        source: The class of the source.
    """

    def __init__(self, source: Callable[[Any], Source]) -> None:
        self._source = source

    def _resource(self, chunks: Any, mode: Mode) -> Any:
        return Resource(self._source(chunks), Settings(mode), None)

    def _aresource(self, chunks: Any, mode: Mode) -> Any:
        return AsyncResource(self._source(chunks), Settings(mode), None)

    def stream(
        self,
        response_model: type[T],
        chunks: Iterable[Any],
        *,
        mode: Mode = Mode.TOOLS,
        **options: Any,
    ) -> Stream[T]:
        """Give a snapshot for each of the chunks that changes it.

        Args:
            response_model: The type that the model writes.
            chunks: What the library gives; the module says which of its objects.
            mode: `Mode.TOOLS` where the value is the arguments of a call, `Mode.JSON` or
                `Mode.MD_JSON` where it is the content.
            **options: Those of ``create_partial`` that are not about asking: ``every``,
                ``context``, ``strict``, ``on_invalid``.

        Returns:
            The stream, as ``create_partial`` gives it.
        """
        made: Any = self._resource(chunks, mode).create_partial(response_model, **options)
        return cast("Stream[T]", made)

    def stream_items(
        self,
        response_model: type[T],
        chunks: Iterable[Any],
        *,
        mode: Mode = Mode.TOOLS,
        **options: Any,
    ) -> ItemStream[T]:
        """Give complete items; see `stream`."""
        made: Any = self._resource(chunks, mode).create_iterable(response_model, **options)
        return cast("ItemStream[T]", made)

    def astream(
        self,
        response_model: type[T],
        chunks: AsyncIterable[Any],
        *,
        mode: Mode = Mode.TOOLS,
        **options: Any,
    ) -> AsyncStream[T]:
        """Give a snapshot for each of the chunks that changes it; the twin of `stream`."""
        made: Any = self._aresource(chunks, mode).create_partial(response_model, **options)
        return cast("AsyncStream[T]", made)

    def astream_items(
        self,
        response_model: type[T],
        chunks: AsyncIterable[Any],
        *,
        mode: Mode = Mode.TOOLS,
        **options: Any,
    ) -> AsyncItemStream[T]:
        """Give complete items; see `stream`."""
        made: Any = self._aresource(chunks, mode).create_iterable(response_model, **options)
        return cast("AsyncItemStream[T]", made)
