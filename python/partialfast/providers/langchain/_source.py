"""What the chunks of a chat model of LangChain's say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from partialfast._core import Delta
from partialfast.answer._seam import Block, Tokens
from partialfast.providers._source import Source

__all__ = ["LangChain"]

# What the providers' packages call it in `response_metadata`.
_REASONS = ("finish_reason", "stop_reason", "stopReason", "done_reason")
_THOUGHTS = {"thinking": "thinking", "reasoning": "reasoning", "reasoning_content": "text"}


class LangChain(Source):
    """``AIMessageChunk`` objects."""

    name = "langchain"

    def __init__(self, chunks: Any) -> None:
        super().__init__(chunks)
        self._headed = False
        #: The numbers of the calls, by the index that the chunks give.
        self._calls: dict[Any, int] = {}
        self._usage: dict[str, Any] = {}

    def blocks(self, chunk: Any) -> Iterator[Block]:
        """Say what a chunk says."""
        about: Mapping[str, Any] = getattr(chunk, "response_metadata", None) or {}
        if not self._headed and (id_ := getattr(chunk, "id", None)):
            self._headed = True
            yield Delta.Head(id_, about.get("model_name"))
        more: Mapping[str, Any] = getattr(chunk, "additional_kwargs", None) or {}
        if isinstance(thought := more.get("reasoning_content"), str) and thought:
            yield Delta.Piece(0, "reasoning", None, thought)
        yield from _content(getattr(chunk, "content", ""))
        for call in getattr(chunk, "tool_call_chunks", None) or ():
            yield from self._call(call)
        usage: Any = getattr(chunk, "usage_metadata", None)
        if usage:
            # Each chunk tells of its own part.
            self._usage = _added(self._usage, usage)
            yield Delta.Usage(json.dumps(self._usage))
        yield from self.finish(next((about[name] for name in _REASONS if about.get(name)), None))

    def last(self) -> Iterator[Block]:
        """Say that the chunks have ended."""
        yield from self.finish_unknown()

    def _call(self, call: Mapping[str, Any]) -> Iterator[Block]:
        index, name, id_ = call.get("index"), call.get("name"), call.get("id")
        number = self._calls.get(index)
        if number is None or (index is None and name):
            number = self._calls[index] = len(set(self._calls.values()))
        if name or id_:
            yield Delta.CallBegins(0, number, id_ or None, name or None)
        if call.get("args"):
            yield Delta.Piece(0, "call", number, call["args"])

    def usage(self, reported: Any) -> Any:
        """Return the ``UsageMetadata`` of all chunks."""
        return reported

    def tokens(self, reported: Any) -> Tokens:
        """Read the neutral numbers."""
        if not isinstance(reported, Mapping):
            return Tokens()
        usage = cast("Mapping[str, Any]", reported)
        read = usage.get("input_token_details") or {}
        written = usage.get("output_token_details") or {}
        return Tokens(
            usage.get("input_tokens"),
            usage.get("output_tokens"),
            read.get("cache_read"),
            written.get("reasoning"),
        )


def _content(content: Any) -> Iterator[Block]:
    for part in [content] if isinstance(content, str) else content:
        if isinstance(part, str):
            if part:
                yield Delta.Piece(0, "text", None, part)
            continue
        kind = part.get("type")
        if kind == "text" and part.get("text"):
            yield Delta.Piece(0, "text", None, part["text"])
        elif (
            kind in _THOUGHTS and isinstance(thought := part.get(_THOUGHTS[kind]), str) and thought
        ):
            yield Delta.Piece(0, "reasoning", None, thought)


def _added(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    added = dict(one)
    for name, value in other.items():
        known = added.get(name)
        if isinstance(value, Mapping):
            added[name] = _added(cast("Mapping[str, Any]", known or {}), cast("Any", value))
        elif isinstance(value, int) and isinstance(known, int):
            added[name] = known + value
        else:
            added[name] = value
    return added
