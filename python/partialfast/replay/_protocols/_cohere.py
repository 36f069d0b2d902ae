"""Cohere's chat, version 2.

Source: "Streaming guide" and "Chat with streaming" of Cohere's documentation, the types of
cohere 7.3, and streams recorded by others (vercel/ai).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from partialfast.replay._ask import Ask, RequestError
from partialfast.replay._protocols._base import Block, Protocol, blocks, make_ask, text_of
from partialfast.replay._reply import DONE, Json, ReplayedAnswer, ReplayEvent
from partialfast.replay._script import Kind, count_tokens

__all__ = ["Cohere"]

_REASONS = {
    "stop": "COMPLETE",
    "tool_calls": "TOOL_CALL",
    "length": "MAX_TOKENS",
    "content_filter": "ERROR_TOXIC",
}
_CHOICES: dict[object, Literal["none", "required"]] = {"NONE": "none", "REQUIRED": "required"}


class Cohere(Protocol):
    """api.cohere.com."""

    name = "cohere"
    paths = ("/v2/chat",)

    def ask(self, body: Json, path: Mapping[str, str]) -> Ask:
        """Read a request."""
        del path
        return make_ask(
            self.name,
            body,
            model=body.get("model"),
            stream=bool(body.get("stream")),
            texts=[
                (each.get("role"), text_of(each.get("content")))
                for each in body.get("messages") or []
            ],
            tools=[(tool.get("function") or {}).get("name") for tool in body.get("tools") or []],
            choice=_CHOICES.get(body.get("tool_choice"), "auto"),
        )

    def stream(self, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
        """Give all events of a streamed answer."""
        begun: Json = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}
        start = {"id": self._id(reply), "delta": {"message": begun | {"citations": []}}}
        yield _event("message-start", start)
        for what, block, delta, number in blocks(reply):
            at: Json = {"index": block.call if block.kind is Kind.TOOL else block.index}
            call = block.kind is Kind.TOOL
            if what == "open":
                message = {"tool_calls": self._call(reply, block)} if call else _content(block, "")
                name = "tool-call-start" if call else "content-start"
                yield _event(name, at | {"delta": {"message": message}}, upto=number)
            elif what == "delta":
                if not delta.text:
                    continue
                more = {"tool_calls": {"function": {"arguments": delta.text}}}
                message = more if call else _content(block, delta.text)
                name = "tool-call-delta" if call else "content-delta"
                tokens = count_tokens(delta.text)
                data = at | {"delta": {"message": message}}
                yield _event(name, data, upto=number, tokens=tokens)
            else:
                yield _event("tool-call-end" if call else "content-end", at, upto=number)
        end = len(reply.script.deltas)
        ending = {"finish_reason": _reason(reply), "usage": _usage(reply)}
        yield _event("message-end", {"delta": ending}, upto=end)
        yield ReplayEvent(DONE, upto=end)

    def whole(self, reply: ReplayedAnswer) -> Json:
        """Give the answer of a request that does not stream."""
        content: list[Json] = []
        calls: list[Json] = []
        for what, block, _, _ in blocks(reply):
            if what == "close" and block.kind is Kind.TOOL:
                call = self._call(reply, block)
                call["function"]["arguments"] = block.text
                calls.append(call)
            elif what == "close":
                content.append(_content(block, block.text)["content"])
        message: Json = {"role": "assistant", "content": content}
        if calls:
            message["tool_calls"] = calls
        return {
            "id": self._id(reply),
            "message": message,
            "finish_reason": _reason(reply),
            "usage": _usage(reply),
        }

    def _id(self, reply: ReplayedAnswer) -> str:
        return reply.token("id", 32)

    def _call(self, reply: ReplayedAnswer, block: Block) -> dict[str, Any]:
        name = reply.call(block.call).name
        identity = {"id": reply.call_id(block.call, f"{name}_", 12), "type": "function"}
        return identity | {"function": {"name": name, "arguments": ""}}

    def failure(self, reply: ReplayedAnswer, upto: int) -> Iterator[ReplayEvent]:
        """Say that the answer failed in its end."""
        del reply
        ending = {"finish_reason": "ERROR", "error": "internal server error"}
        yield _event("message-end", {"delta": ending}, upto=upto)

    def error(self, error: RequestError) -> Json:
        """Give the body of an error response."""
        return {"message": error.message}

    def headers(self, reply: ReplayedAnswer) -> dict[str, str]:
        """Give the id of the request."""
        return {"x-debug-trace-id": reply.token("request", 32)}


def _event(kind: str, data: Json, *, upto: int = -1, tokens: int = 0) -> ReplayEvent:
    return ReplayEvent({"type": kind} | data, event=kind, upto=upto, tokens=tokens)


def _content(block: Block, text: str) -> Json:
    kind = "thinking" if block.kind is Kind.REASONING else "text"
    return {"content": {"type": kind, kind: text}}


def _reason(reply: ReplayedAnswer) -> str:
    script = reply.script
    if reply.recording.finish_reason is None and script.calls and script.finish == "stop":
        return "TOOL_CALL"
    return _REASONS.get(script.finish, script.finish)


def _usage(reply: ReplayedAnswer) -> Json:
    script = reply.script
    tokens = {"input_tokens": script.prompt_tokens, "output_tokens": script.completion_tokens}
    billed = {"billed_units": tokens, "tokens": tokens, "cached_tokens": 0}
    return dict(reply.recording.usage or {}) or billed
