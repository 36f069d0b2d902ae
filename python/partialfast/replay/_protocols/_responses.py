"""The typed events and the object of the Responses API.

Source: the models of openai-python 3.54 (``types/responses``) and recorded
streams. OpenAI sends a failure as an ``error`` event with a nested ``error``
object, then ``response.failed``; the published schema has the fields of the
error beside ``type``. llama.cpp leaves out the indices and the sequence
numbers (ggml-org/llama.cpp, ``to_json_oaicompat_resp_stream``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from partialfast.replay._ask import SERVER_ERROR, Given
from partialfast.replay._events import Json, ReplayEvent
from partialfast.replay._protocols._base import Block, Told, blocks
from partialfast.replay._protocols._chat import OpenAIProtocol
from partialfast.replay._script import Kind, ReplayedAnswer

__all__ = ["Responses"]

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class _Form(NamedTuple):
    """How output items of one kind are written."""

    prefix: str  # what their ids begin with
    events: str  # the name of the events of their text
    key: str  # the field for the text in the last of these
    part_type: str = ""  # of the part that the text stands in
    index_name: str | None = None  # of that part
    part: str | None = None  # the name of the events of that part, where it is announced
    more: Mapping[str, Any] = MappingProxyType({})  # what stands beside the text


_MESSAGE_PART = ("content_index", "response.content_part")
_SUMMARY_PART = ("summary_index", "response.reasoning_summary_part")
_CONTENT = _Form(
    "msg_", "response.output_text", "text", "output_text", *_MESSAGE_PART, {"logprobs": []}
)
_REFUSAL = _Form("msg_", "response.refusal", "refusal", "refusal", *_MESSAGE_PART)
_CALL = _Form("fc_", "response.function_call_arguments", "arguments")
_REASONING = _Form("rs_", "response.reasoning_text", "text", "reasoning_text", "content_index")
_SUMMARY = _Form("rs_", "response.reasoning_summary_text", "text", "summary_text", *_SUMMARY_PART)
#: What a response says of its request, where that says nothing.
_ASKED: Json = {
    "instructions": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "service_tier": "default",
    "store": True,
}
#: What llama.cpp leaves out of events, beside all indices.
_NOT_BARE = {"sequence_number", "logprobs", "obfuscation"}


class Responses(OpenAIProtocol):
    """The Responses API."""

    name = "responses"
    speaker = ""  # items that are not messages have no role
    paths = ("/v1/responses", "/openai/v1/responses", "/openai/responses")

    def __init__(self, shape: str = "openai") -> None:
        super().__init__(shape)
        self.bare = self.shape.llama_cpp
        self._forms = {
            Kind.REASONING: _SUMMARY if self.shape.reasoning_summary else _REASONING,
            Kind.CONTENT: _CONTENT,
            # Open models have no refusal of their own: it is text like any other.
            Kind.REFUSAL: _CONTENT if self.bare else _REFUSAL,
            Kind.TOOL: _CALL,
        }

    def conversation(self, body: Given) -> Mapping[str, Any]:
        told = body["input"]
        if isinstance(told.value, str):
            told = Given([{"role": "user", "content": told.value}], told.place)
        return {"messages": told, "system": body["instructions"]}

    def text_of(self, message: Given) -> str:
        if "content" in message.of(dict):
            return message["content"].text()
        # The output of a tool may be an image.
        output = message["output"]
        return "" if isinstance(output.value, dict) else output.text()

    def stream(self, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
        return self._numbered(reply, super().stream(reply))

    def failure(self, reply: ReplayedAnswer, upto: int, *, quiet: bool) -> Iterator[ReplayEvent]:
        begun = blocks(replace(reply, deltas=reply.deltas[:upto]))
        output = [
            self._item(block, self._status(whole) if whole.last < upto else "in_progress")
            for block, whole in zip(begun, blocks(reply), strict=False)
        ]
        details: Json = {"code": SERVER_ERROR.type, "message": SERVER_ERROR.message}
        failed = self._object(reply, "failed", output) | ({} if self.bare else {"error": details})
        error = {"error": {"type": SERVER_ERROR.type, **details, "param": None}}
        told: list[Told] = [] if quiet else [("error", error)]
        if quiet or not self.bare:
            told.append(("response.failed", {"response": failed}))
        before = sum(event.upto < upto for event in super().stream(reply))
        yield from self._numbered(reply, (self.event(each, upto) for each in told), before)

    def whole(self, reply: ReplayedAnswer) -> Json:
        status = "incomplete" if self._is_cut_off(reply) else "completed"
        output = [self._item(each, self._status(each)) for each in blocks(reply)]
        return self._object(reply, status, output) | {"usage": self._usage(reply)}

    def begun(self, reply: ReplayedAnswer) -> Iterable[Told]:
        started = {"response": self._object(reply, "in_progress", [])}
        return ("response.created", started), ("response.in_progress", started)

    def opened(self, block: Block) -> Iterable[Told]:
        form = self._forms[block.kind]
        added = {"item": self._item(replace(block, text=""), "in_progress", empty=True)}
        yield "response.output_item.added", {"output_index": block.index} | added
        if form.part is not None:
            added = {"part": _part(form, "")}
            yield form.part + ".added", self._part_place(block) | added

    def piece(self, block: Block) -> Iterable[Told]:
        form = self._forms[block.kind]
        yield form.events + ".delta", self._part_place(block) | {"delta": block.text, **form.more}

    def closed(self, block: Block) -> Iterable[Told]:
        form, place = self._forms[block.kind], self._part_place(block)
        # llama.cpp ends reasoning and arguments only with the item's own `done`.
        if not self.bare or form is _CONTENT:
            done = {**place, form.key: block.text, **form.more}
            # Said by the server; the newer SDKs have no field of that name.
            done |= {"name": block.name} if form is _CALL else {}
            yield form.events + ".done", done
        if form.part is not None:
            yield form.part + ".done", place | {"part": _part(form, block.text)}
        item = self._item(block, self._status(block))
        yield "response.output_item.done", {"output_index": block.index} | {"item": item}

    def ended(self, reply: ReplayedAnswer) -> Iterable[Told]:
        response = self.whole(reply)
        yield f"response.{response['status']}", {"response": response}

    def _numbered(
        self, reply: ReplayedAnswer, events: Iterable[ReplayEvent], first: int = 0
    ) -> Iterator[ReplayEvent]:
        for number, event in enumerate(events, first):
            data = {"type": "", "sequence_number": number} | cast("Json", event.data)
            if "delta" in data and reply.ask.obfuscation:
                data["obfuscation"] = reply.pad(event.upto)
            if self.bare:
                names = [name for name in data if not name.endswith("_index")]
                data = {name: data[name] for name in names if name not in _NOT_BARE}
            yield replace(event, data=data)

    def _is_cut_off(self, reply: ReplayedAnswer) -> bool:
        # llama.cpp says `completed` whatever the reason was.
        return reply.finish in _INCOMPLETE and not self.bare

    def _status(self, block: Block) -> str:
        is_last = block.last == len(block.reply.deltas) - 1
        return "incomplete" if is_last and self._is_cut_off(block.reply) else "completed"

    def _id(self, block: Block) -> str:
        form = f"{self._forms[block.kind].prefix}{{{block.kind.value}{block.call}:.48}}"
        return block.reply.fill(form)

    def _part_place(self, block: Block) -> Json:
        index = self._forms[block.kind].index_name
        part = {} if index is None else {index: 0}
        return {"item_id": self._id(block), "output_index": block.index} | part

    def _item(self, block: Block, status: str, *, empty: bool = False) -> Json:
        """Give an output item: reasoning, a message, or a function call."""
        form = self._forms[block.kind]
        parts = [] if empty else [_part(form, block.text)]
        item: Json = {"id": self._id(block)}
        if form is _SUMMARY:
            return item | {"type": "reasoning", "summary": parts}
        if form is _REASONING:
            return item | {"type": "reasoning", "summary": [], "content": parts, "status": status}
        if form is _CALL:
            id_ = block.call_id("call_{:.32}" if self.bare else "call_{:.24}")
            call = {"arguments": block.text, "call_id": id_, "name": block.name}
            return item | {"type": "function_call", "status": status} | call
        return item | {"type": "message", "status": status, "content": parts, "role": "assistant"}

    def _object(self, reply: ReplayedAnswer, status: str, output: list[Json]) -> Json:
        """Give the response object, which has its usage at the end only."""
        body = reply.ask.body
        identity: Json = {"id": reply.fill("resp_{id:.48}"), "object": "response"}
        if self.bare and status == "in_progress":
            return identity | {"status": status}
        made = {"created_at": reply.created, "status": status, "model": reply.ask.model}
        value = identity | made | {"output": output, "usage": None}
        if self.bare:
            return value
        incomplete = {"reason": _INCOMPLETE.get(reply.finish)} if status == "incomplete" else None
        asked = {name: body[name] for name in _ASKED.keys() & body if body[name] is not None}
        return value | {"error": None, "incomplete_details": incomplete} | _ASKED | asked

    def _usage(self, reply: ReplayedAnswer) -> Json:
        counts = reply.counts("input_tokens", "output_tokens", "total_tokens")
        if not self.bare:
            counts["input_tokens_details"] = {"cached_tokens": 0, "cache_write_tokens": 0}
            counts["output_tokens_details"] = {"reasoning_tokens": reply.reasoning_tokens}
        return reply.usage(counts)


def _part(form: _Form, text: str) -> Json:
    """Give the part of an item that its text stands in."""
    annotations: Json = {"annotations": []} if form is _CONTENT else {}
    return {"type": form.part_type, **annotations, **form.more, form.key: text}
