"""The typed events and the object of the Responses API.

Source: the models of openai-python 3.54 (``types/responses``) and recorded
streams. OpenAI sends a failure as an ``error`` event with a nested ``error``
object, then ``response.failed``; the published schema has the fields of the
error beside ``type``. llama.cpp leaves out the indices and the sequence
numbers (ggml-org/llama.cpp, ``to_json_oaicompat_resp_stream``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from partialfast.replay._ask import RequestError
from partialfast.replay._reply import Json, ReplayedAnswer, ReplayEvent
from partialfast.replay._script import Delta, Kind, count_tokens
from partialfast.replay._shapes import ChatWriter, server_error

__all__ = ["failed", "response", "stream"]

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


@dataclass
class _Item:
    """One output item: reasoning, a message, or a function call."""

    kind: Kind
    index: int
    id: str
    call: int = 0
    last: int = 0
    text: str = ""
    status: Literal["in_progress", "completed", "incomplete"] = "in_progress"
    open: bool = field(default=False)


class _Writer:
    """Turns a script into events, numbering them."""

    def __init__(self, shape: ChatWriter, reply: ReplayedAnswer) -> None:
        self.shape = shape
        self.reply = reply
        self.bare = shape.shape.bare_responses
        self.items = _items(shape, reply)
        self._sequence = 0
        self._upto = -1

    def event(self, kind: str, value: Mapping[str, object], *, tokens: int = 0) -> ReplayEvent:
        """Make an event, with its number where the server numbers them."""
        data: Json = {"type": kind}
        if not self.bare:
            data["sequence_number"] = self._sequence
            self._sequence += 1
        return ReplayEvent(data | dict(value), event=kind, upto=self._upto, tokens=tokens)

    def at(self, item: _Item, *, part: str | None = None, with_id: bool = True) -> Json:
        """Say where an event belongs."""
        place: Json = {"item_id": item.id} if with_id else {}
        if not self.bare:
            place["output_index"] = item.index
            if part is not None:
                place[part] = 0
        return place

    def call_id(self, item: _Item) -> str:
        """Give the id of a function call."""
        return self.reply.call_id(item.call, "call_", 32 if self.bare else 24)

    def events(self) -> Iterator[ReplayEvent]:
        started = self.object("in_progress", [])
        yield self.event("response.created", {"response": started})
        yield self.event("response.in_progress", {"response": started})
        for number, delta in enumerate(self.reply.script.deltas):
            item = self.items.get((delta.kind, delta.call))
            if item is None:
                continue
            self._upto = number
            if not item.open:
                item.open = True
                yield from self.open(item)
            if delta.text:
                item.text += delta.text
                yield self.delta(item, delta)
            if number == item.last:
                yield from self.close(item)
        self._upto = len(self.reply.script.deltas)
        kind, status = self.ending()
        value = {"response": self.object(status, self.output(), usage=True)}
        yield self.event(kind, value)

    def failure(self, upto: int, *, announced: bool) -> Iterator[ReplayEvent]:
        """Give the events of a failure, numbered on from what came before it."""
        for event in self.events():
            if event.upto >= upto:
                # The event that does not come has taken a number already.
                self._sequence -= 0 if self.bare else 1
                break
        self._upto = upto
        error = server_error()
        if announced:
            details = {"type": error.type, "code": error.type, "message": error.message}
            yield self.event("error", {"error": details | {"param": None}})
        if not announced or not self.bare:
            value = {"response": self.object("failed", self.output(), error=error)}
            yield self.event("response.failed", value)

    def ending(self) -> tuple[str, str]:
        """Name the last event and the status in it."""
        # llama.cpp says `completed` whatever the reason was.
        if self.reply.script.finish in _INCOMPLETE and not self.bare:
            return "response.incomplete", "incomplete"
        return "response.completed", "completed"

    def open(self, item: _Item) -> Iterator[ReplayEvent]:
        """Announce an item, and the part of it that text goes to."""
        added = {"item": self.render(item, status="in_progress", empty=True)}
        place = self.at(item, with_id=False)
        yield self.event("response.output_item.added", place | added)
        if item.kind is Kind.REASONING and self.shape.shape.reasoning_summary:
            part = {"part": {"type": "summary_text", "text": ""}}
            kind = "response.reasoning_summary_part.added"
            yield self.event(kind, self.at(item, part="summary_index") | part)
        elif item.kind in {Kind.CONTENT, Kind.REFUSAL}:
            content = {"part": self.part(item, "")}
            place = self.at(item, part="content_index")
            yield self.event("response.content_part.added", place | content)

    def delta(self, item: _Item, delta: Delta) -> ReplayEvent:
        """Give a piece of an item."""
        value: Json = self.at(item, part=self.part_index(item)) | {"delta": delta.text}
        if item.kind is Kind.CONTENT and not self.bare:
            value["logprobs"] = []
        if self.reply.ask.obfuscation and not self.bare:
            value["obfuscation"] = self.reply.token("pad", 1 + (self._upto + 7) % 16)
        return self.event(self.kind(item) + ".delta", value, tokens=count_tokens(delta.text))

    def part_index(self, item: _Item) -> str | None:
        """Name the index of the part inside an item."""
        if item.kind is Kind.TOOL:
            return None
        summary = item.kind is Kind.REASONING and self.shape.shape.reasoning_summary
        return "summary_index" if summary else "content_index"

    def kind(self, item: _Item) -> str:
        """Name the events of an item's text."""
        if item.kind is Kind.REASONING:
            summary = self.shape.shape.reasoning_summary
            return "response.reasoning_summary_text" if summary else "response.reasoning_text"
        return {
            Kind.CONTENT: "response.output_text",
            Kind.REFUSAL: "response.refusal",
            Kind.TOOL: "response.function_call_arguments",
        }[item.kind]

    def close(self, item: _Item) -> Iterator[ReplayEvent]:
        """Say that an item is whole, or that it never will be."""
        cut_off = (
            item is max(self.items.values(), key=lambda other: other.last)
            and self.reply.script.finish in _INCOMPLETE
        )
        item.status = "incomplete" if cut_off and not self.bare else "completed"
        place = self.at(item, part=self.part_index(item))
        # llama.cpp ends reasoning and arguments only with the item's own `done`.
        if not self.bare or item.kind is Kind.CONTENT:
            yield self.event(self.kind(item) + ".done", place | self.whole(item))
        if item.kind in {Kind.CONTENT, Kind.REFUSAL}:
            part = {"part": self.part(item, item.text)}
            yield self.event("response.content_part.done", place | part)
        elif item.kind is Kind.REASONING and self.shape.shape.reasoning_summary:
            part = {"part": {"type": "summary_text", "text": item.text}}
            yield self.event("response.reasoning_summary_part.done", place | part)
        done = {"item": self.render(item, status=item.status)}
        yield self.event("response.output_item.done", self.at(item, with_id=False) | done)

    def whole(self, item: _Item) -> Json:
        """Give what the ``done`` event of an item's text has."""
        if item.kind is Kind.REFUSAL:
            return {"refusal": item.text}
        if item.kind is Kind.TOOL:
            return {"arguments": item.text}
        logprobs = item.kind is Kind.CONTENT and not self.bare
        return {"text": item.text} | ({"logprobs": []} if logprobs else {})

    def part(self, item: _Item, text: str) -> Json:
        """Give the content part of a message."""
        if item.kind is Kind.REFUSAL:
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}

    def render(self, item: _Item, *, status: str, empty: bool = False) -> Json:
        """Give an output item."""
        text = "" if empty else item.text
        if item.kind is Kind.REASONING:
            summary = self.shape.shape.reasoning_summary
            parts = [] if empty else [{"type": "summary_text", "text": text}]
            plain = [] if empty else [{"type": "reasoning_text", "text": text}]
            value: Json = {"id": item.id, "type": "reasoning", "summary": parts if summary else []}
            return value if summary else value | {"content": plain, "status": status}
        if item.kind is Kind.TOOL:
            return {
                "id": item.id,
                "type": "function_call",
                "status": status,
                "arguments": text,
                "call_id": self.call_id(item),
                "name": self.reply.call(item.call).name,
            }
        return {
            "id": item.id,
            "type": "message",
            "status": status,
            "content": [] if empty else [self.part(item, text)],
            "role": "assistant",
        }

    def output(self) -> list[Json]:
        """Give all items that have begun."""
        return [self.render(item, status=item.status) for item in self.items.values() if item.open]

    def object(
        self,
        status: str,
        output: list[Json],
        *,
        usage: bool = False,
        error: RequestError | None = None,
    ) -> Json:
        """Give the response object."""
        reply, body = self.reply, self.reply.ask.body
        identity: Json = {"id": "resp_" + reply.token("id", 48), "object": "response"}
        if self.bare and status == "in_progress":
            return identity | {"status": status}
        counts = self.usage() if usage else None
        value: Json = identity | {
            "created_at": reply.created,
            "status": status,
            "model": reply.ask.model,
            "output": output,
            "usage": counts,
        }
        if self.bare:
            return value
        incomplete = status == "incomplete"
        reason = _INCOMPLETE.get(reply.script.finish) if incomplete else None
        return value | {
            "error": None if error is None else {"code": error.type, "message": error.message},
            "incomplete_details": {"reason": reason} if reason is not None else None,
            "instructions": body.get("instructions"),
            "metadata": body.get("metadata") or {},
            "parallel_tool_calls": body.get("parallel_tool_calls", True),
            "temperature": body.get("temperature", 1.0),
            "text": body.get("text") or {"format": {"type": "text"}},
            "tool_choice": body.get("tool_choice") or "auto",
            "tools": body.get("tools") or [],
            "top_p": body.get("top_p", 1.0),
            "truncation": "disabled",
            "service_tier": "default",
            "store": body.get("store", True),
        }

    def usage(self) -> Json:
        """Give the token usage."""
        script = self.reply.script
        counts: Json = {
            "input_tokens": script.prompt_tokens,
            "output_tokens": script.completion_tokens,
            "total_tokens": script.prompt_tokens + script.completion_tokens,
        }
        if not self.bare:
            counts["input_tokens_details"] = {"cached_tokens": 0, "cache_write_tokens": 0}
            counts["output_tokens_details"] = {"reasoning_tokens": script.reasoning_tokens}
        return dict(self.reply.recording.usage or counts)


def _items(shape: ChatWriter, reply: ReplayedAnswer) -> dict[tuple[Kind, int], _Item]:
    """Find the output items, in the order in which they begin."""
    prefixes = {Kind.REASONING: "rs_", Kind.TOOL: "fc_"}
    items: dict[tuple[Kind, int], _Item] = {}
    for number, delta in enumerate(reply.script.deltas):
        key = delta.kind, delta.call
        item = items.get(key)
        if item is None:
            # Open models have no refusal of their own: it is text like any other.
            kind = delta.kind
            if kind is Kind.REFUSAL and shape.shape.bare_responses:
                kind = Kind.CONTENT
            name = prefixes.get(kind, "msg_") + reply.token(f"{kind.value}{delta.call}", 48)
            item = items[key] = _Item(kind, len(items), name, call=delta.call)
        item.last = number
    return items


def stream(shape: ChatWriter, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
    """Give all events of a streamed response.

    Args:
        shape: The server to imitate.
        reply: The answer.

    Yields:
        Its events, in order.
    """
    return _Writer(shape, reply).events()


def response(shape: ChatWriter, reply: ReplayedAnswer) -> Json:
    """Give the response object of a request that does not stream."""
    writer = _Writer(shape, reply)
    *_, last = writer.events()
    data: Json = last.data["response"] if isinstance(last.data, dict) else {}
    return data


def failed(
    shape: ChatWriter, reply: ReplayedAnswer, upto: int, *, announced: bool
) -> Iterator[ReplayEvent]:
    """Give what comes instead of the rest when generation dies midway.

    Args:
        shape: The server to imitate.
        reply: The answer.
        upto: Number of the delta that does not come.
        announced: Whether an ``error`` event comes first.

    Yields:
        The events.
    """
    return _Writer(shape, reply).failure(upto, announced=announced)
