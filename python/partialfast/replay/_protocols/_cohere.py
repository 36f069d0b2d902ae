"""Cohere's chat, version 2.

Source: "Streaming guide" and "Chat with streaming" of Cohere's documentation, the types of
cohere 7.3, and streams recorded by others (vercel/ai).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from partialfast.replay._ask import Ask, Given, ToolChoice
from partialfast.replay._events import DONE, Json, ReplayEvent
from partialfast.replay._protocols._base import Block, Protocol, Told, blocks
from partialfast.replay._script import Kind, ReplayedAnswer

__all__ = ["Cohere"]

_CHOICES: dict[object, ToolChoice] = {"NONE": "none", "REQUIRED": "required"}


class Cohere(Protocol):
    """api.cohere.com."""

    name = "cohere"
    paths = ("/v2/chat",)
    reasons = ("COMPLETE", "TOOL_CALL", "MAX_TOKENS", "ERROR_TOXIC")
    answer_headers = (("x-debug-trace-id", "{request:.32}"),)
    died = ("message-end", {"delta": {"finish_reason": "ERROR", "error": "internal server error"}})

    def ask(self, body: Given, path: Mapping[str, str]) -> Ask:
        del path
        return self.read(
            body,
            body["messages"],
            model=body["model"],
            stream=body["stream"].of(bool),
            tools=[tool["function"]["name"] for tool in body["tools"]],
            choice=_CHOICES.get(body["tool_choice"].of(str), "auto"),
        )

    def begun(self, reply: ReplayedAnswer) -> Iterable[Told]:
        message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}
        delta = {"message": message | {"citations": []}}
        yield "message-start", {"id": reply.fill("{id:.32}"), "delta": delta}

    def opened(self, block: Block) -> Iterable[Told]:
        if block.kind is Kind.TOOL:
            yield _told("tool-call-start", block, {"tool_calls": _call(block, "")})
        else:
            yield _told("content-start", block, _content(block, ""))

    def piece(self, block: Block) -> Iterable[Told]:
        if block.kind is Kind.TOOL:
            more = {"tool_calls": {"function": {"arguments": block.text}}}
            yield _told("tool-call-delta", block, more)
        else:
            yield _told("content-delta", block, _content(block, block.text))

    def closed(self, block: Block) -> Iterable[Told]:
        yield _told("tool-call-end" if block.kind is Kind.TOOL else "content-end", block)

    def ended(self, reply: ReplayedAnswer) -> Iterable[Told]:
        yield "message-end", {"delta": self._ending(reply)}

    def stream(self, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
        yield from super().stream(reply)
        yield ReplayEvent(DONE, upto=len(reply.deltas))

    def whole(self, reply: ReplayedAnswer) -> Json:
        message: Json = {"role": "assistant", "content": []}
        for block in blocks(reply):
            if block.kind is Kind.TOOL:
                message.setdefault("tool_calls", []).append(_call(block, block.text))
            else:
                message["content"].append(_content(block, block.text)["content"])
        return {"id": reply.fill("{id:.32}"), "message": message} | self._ending(reply)

    def _ending(self, reply: ReplayedAnswer) -> Json:
        tokens = {"input_tokens": reply.prompt_tokens, "output_tokens": reply.completion_tokens}
        usage = reply.usage({"billed_units": tokens, "tokens": tokens, "cached_tokens": 0})
        return {"finish_reason": self.reason(reply), "usage": usage}


def _told(name: str, block: Block, message: Json | None = None) -> Told:
    at: Json = {"index": block.call if block.kind is Kind.TOOL else block.index}
    return name, at if message is None else at | {"delta": {"message": message}}


def _call(block: Block, text: str) -> Json:
    name = block.name
    identity = {"id": block.call_id("{name}_{:.12}"), "type": "function"}
    return identity | {"function": {"name": name, "arguments": text}}


def _content(block: Block, text: str) -> Json:
    kind = "thinking" if block.kind is Kind.REASONING else "text"
    return {"content": {"type": kind, kind: text}}
