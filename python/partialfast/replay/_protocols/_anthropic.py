"""Anthropic's messages.

Source: "Streaming Messages" and "Handling stop reasons" of Anthropic's documentation, the types of
anthropic 2.14, and streams recorded by others (anthropics/anthropic-sdk-python, ``tests``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from partialfast.replay._ask import Ask, RequestError
from partialfast.replay._protocols._base import (
    Block,
    Protocol,
    arguments,
    blocks,
    make_ask,
    text_of,
)
from partialfast.replay._reply import Json, ReplayedAnswer, ReplayEvent
from partialfast.replay._script import Kind, count_tokens

__all__ = ["Anthropic"]

_REASONS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_CHOICES: dict[object, Literal["none", "auto", "required", "named"]] = {
    "none": "none",
    "any": "required",
    "tool": "named",
}


class Anthropic(Protocol):
    """api.anthropic.com, and Anthropic's models on Vertex AI."""

    name = "anthropic"
    paths = (
        "/v1/messages",
        "/v1/projects/{project}/locations/{region}/publishers/anthropic/models/{call}",
    )
    corrupt = b'event: content_block_delta\ndata: {"type":[{\n\n'

    def ask(self, body: Json, path: Mapping[str, str]) -> Ask:
        """Read a request; a path of Vertex AI names the model."""
        model, _, verb = path.get("call", "").partition(":")
        if not isinstance(body.get("max_tokens"), int):
            raise RequestError(400, "max_tokens: Field required", param="max_tokens")
        messages = body.get("messages")
        given = messages if isinstance(messages, list) else []
        texts = [(each.get("role"), text_of(each.get("content"))) for each in given]
        if body.get("system"):
            texts.insert(0, ("system", text_of(body["system"])))
        choice = body.get("tool_choice") or {}
        return make_ask(
            self.name,
            body,
            model=model or body.get("model"),
            stream=bool(body.get("stream")) or verb == "streamRawPredict",
            texts=texts,
            tools=[tool.get("name") for tool in body.get("tools") or []],
            choice=_CHOICES.get(choice.get("type"), "auto"),
            forced=choice.get("name"),
        )

    def stream(self, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
        """Give all events of a streamed answer."""
        message = self._message(reply, content=[], reason=None)
        message["usage"] = self._usage(reply) | {"output_tokens": 1}
        yield _event("message_start", {"message": message})
        yield _event("ping", {})
        for what, block, delta, number in blocks(reply):
            at = {"index": block.index}
            if what == "open":
                begun = {"content_block": _empty(reply, block)}
                yield _event("content_block_start", at | begun, upto=number)
                if block.kind is Kind.TOOL:
                    yield _delta(block, "", number)
            elif what == "delta":
                if delta.text:
                    yield _delta(block, delta.text, number)
            else:
                yield _event("content_block_stop", at, upto=number)
        end = len(reply.script.deltas)
        usage = {"output_tokens": self._usage(reply).get("output_tokens", 0)}
        yield _event("message_delta", {"delta": _ending(reply), "usage": usage}, upto=end)
        yield _event("message_stop", {}, upto=end)

    def whole(self, reply: ReplayedAnswer) -> Json:
        """Give the answer of a request that does not stream."""
        content: list[Json] = []
        for what, block, _, _ in blocks(reply):
            if what == "close":
                said = _empty(reply, block)
                if block.kind is Kind.TOOL:
                    said["input"] = arguments(block.text) or {}
                else:
                    said["thinking" if block.kind is Kind.REASONING else "text"] = block.text
                content.append(said)
        message = self._message(reply, content=content, reason=None)
        return message | _ending(reply) | {"usage": self._usage(reply)}

    def _message(self, reply: ReplayedAnswer, *, content: list[Json], reason: str | None) -> Json:
        return {
            "model": reply.ask.model,
            "id": "msg_" + reply.token("id", 24),
            "type": "message",
            "role": "assistant",
            "content": content,
            "stop_reason": reason,
            "stop_sequence": None,
        }

    def _usage(self, reply: ReplayedAnswer) -> dict[str, Any]:
        script = reply.script
        return dict(reply.recording.usage or {}) or {
            "input_tokens": script.prompt_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": script.completion_tokens,
        }

    def failure(self, reply: ReplayedAnswer, upto: int) -> Iterator[ReplayEvent]:
        """Say that the service is overloaded, as an event."""
        del reply
        error = {"type": "overloaded_error", "message": "Overloaded"}
        yield _event("error", {"error": error}, upto=upto)

    def error(self, error: RequestError) -> Json:
        """Give the body of an error response."""
        kind = _ERRORS.get(error.status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": error.message}}


def _event(kind: str, data: Json, *, upto: int = -1, tokens: int = 0) -> ReplayEvent:
    return ReplayEvent({"type": kind} | data, event=kind, upto=upto, tokens=tokens)


def _delta(block: Block, text: str, number: int) -> ReplayEvent:
    kind, key = {
        Kind.TOOL: ("input_json_delta", "partial_json"),
        Kind.REASONING: ("thinking_delta", "thinking"),
    }.get(block.kind, ("text_delta", "text"))
    data = {"index": block.index, "delta": {"type": kind, key: text}}
    return _event("content_block_delta", data, upto=number, tokens=count_tokens(text))


def _empty(reply: ReplayedAnswer, block: Block) -> Json:
    if block.kind is Kind.TOOL:
        call = {"id": reply.call_id(block.call, "toolu_", 24), "name": reply.call(block.call).name}
        return {"type": "tool_use", **call, "input": {}}
    if block.kind is Kind.REASONING:
        return {"type": "thinking", "thinking": "", "signature": ""}
    return {"type": "text", "text": ""}


def _ending(reply: ReplayedAnswer) -> Json:
    finish = reply.script.finish
    reason = _REASONS.get(finish, finish)
    if reply.recording.finish_reason is None and reply.script.calls and finish == "stop":
        # A forced call ends like any other.
        reason = "tool_use"
    refusal = reply.script.text(Kind.REFUSAL)
    if refusal:
        reason = "refusal"
    ending: Json = {"stop_reason": reason, "stop_sequence": None}
    if reason == "refusal":
        details = {"category": None, "explanation": refusal or None}
        ending["stop_details"] = {"type": "refusal", **details}
    return ending
