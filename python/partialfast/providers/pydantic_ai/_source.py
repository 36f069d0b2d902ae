"""What the events of a streamed response of pydantic-ai's say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from partialfast._core import Delta
from partialfast.answer._delta import Part
from partialfast.answer._seam import Block, Tokens
from partialfast.providers._source import Source

__all__ = ["PydanticAi"]


class PydanticAi(Source):
    """A ``StreamedResponse``, or its events."""

    name = "pydantic_ai"

    def __init__(self, chunks: Any) -> None:
        super().__init__(chunks)
        #: The numbers of the calls, by the index of their part.
        self._calls: dict[int, int] = {}
        self._usage: Any = None

    def blocks(self, chunk: Any) -> Iterator[Block]:
        """Say what an event says."""
        kind = getattr(chunk, "event_kind", None)
        if kind == "part_start":
            yield from self._start(chunk.index, chunk.part)
        elif kind == "part_delta":
            yield from self._delta(chunk.index, chunk.delta)
        elif kind == "part_end" and chunk.index in self._calls:
            yield Delta.CallEnds(0, self._calls[chunk.index])

    def _start(self, index: int, part: Any) -> Iterator[Block]:
        if part.part_kind == "tool-call":
            number = self._calls[index] = len(self._calls)
            yield Delta.CallBegins(0, number, part.tool_call_id, part.tool_name)
            yield from self._arguments(number, part.args)
        elif part.part_kind in {"text", "thinking"} and part.content:
            yield Delta.Piece(0, _text(part.part_kind), None, part.content)

    def _delta(self, index: int, delta: Any) -> Iterator[Block]:
        kind = delta.part_delta_kind
        if kind == "tool_call":
            number = self._calls[index]
            if delta.tool_name_delta:
                yield Delta.CallBegins(0, number, delta.tool_call_id, delta.tool_name_delta)
            yield from self._arguments(number, delta.args_delta)
        elif kind in {"text", "thinking"} and delta.content_delta:
            yield Delta.Piece(0, _text(kind), None, delta.content_delta)

    def _arguments(self, number: int, arguments: Any) -> Iterator[Block]:
        if isinstance(arguments, str) and arguments:
            yield Delta.Piece(0, "call", number, arguments)
        elif isinstance(arguments, dict):
            # From a provider whose calls come whole.
            yield Delta.Whole(0, "call", number, json.dumps(arguments))

    def last(self) -> Iterator[Block]:
        """Say how the response ended."""
        response: Any = self.chunks
        response = getattr(response, "response", response)
        self._usage = getattr(response, "usage", None)
        if callable(self._usage):
            self._usage = self._usage()
        if self._usage is not None:
            yield Delta.Usage(json.dumps(asdict(self._usage)))
        yield from self.finish(getattr(response, "finish_reason", None))
        yield from self.finish_unknown()

    def usage(self, reported: Any) -> Any:
        """Return the ``RequestUsage``."""
        del reported
        return self._usage

    def tokens(self, reported: Any) -> Tokens:
        """Read the neutral numbers."""
        details = reported.get("details") or {}
        return Tokens(
            reported.get("input_tokens"),
            reported.get("output_tokens"),
            reported.get("cache_read_tokens"),
            details.get("reasoning_tokens"),
        )


def _text(kind: str) -> Part:
    return "reasoning" if kind == "thinking" else "text"
