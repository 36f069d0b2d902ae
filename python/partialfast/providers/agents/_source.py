"""What the events of a streamed run of OpenAI's Agents SDK say: those of its Responses API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from partialfast.answer._seam import Block, Event, Tokens
from partialfast.providers._observed import as_json
from partialfast.providers._source import Source

__all__ = ["Agents"]


class Agents(Source):
    """The events of ``RunResultStreaming.stream_events``: of each turn, and the last one counts."""

    name = "agents"
    dialect = "openai_responses"

    def blocks(self, chunk: Any) -> Iterator[Block]:
        """Hand on what the model's own events are."""
        if getattr(chunk, "type", None) == "raw_response_event":
            yield Event(as_json(chunk.data), getattr(chunk.data, "type", ""))

    def usage(self, reported: Any) -> Any:
        """Make of decoded usage the object that OpenAI's SDK makes of it."""
        from openai.types.responses import ResponseUsage  # noqa: PLC0415 - loaded, as it is used

        return ResponseUsage.construct(**reported) if isinstance(reported, dict) else None

    def tokens(self, reported: Any) -> Tokens:
        """Read the neutral numbers."""
        if not isinstance(reported, Mapping):
            return Tokens()
        usage = cast("Mapping[str, Any]", reported)
        read = usage.get("input_tokens_details") or {}
        written = usage.get("output_tokens_details") or {}
        return Tokens(
            usage.get("input_tokens"),
            usage.get("output_tokens"),
            read.get("cached_tokens"),
            written.get("reasoning_tokens"),
        )
