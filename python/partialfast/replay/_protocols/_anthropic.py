"""Anthropic's messages.

Source: "Streaming Messages" and "Handling stop reasons" of Anthropic's documentation, the types of
anthropic 2.14, and streams recorded by others (anthropics/anthropic-sdk-python, ``tests``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from partialfast.replay._ask import Ask, Given, RequestError, ToolChoice
from partialfast.replay._events import Json
from partialfast.replay._protocols._base import Block, Protocol, Told, arguments, blocks
from partialfast.replay._script import Kind, ReplayedAnswer

__all__ = ["Anthropic"]

_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_CHOICES: dict[object, ToolChoice] = {"none": "none", "any": "required", "tool": "named"}
_DELTAS = {
    Kind.TOOL: ("input_json_delta", "partial_json"),
    Kind.REASONING: ("thinking_delta", "thinking"),
}


class Anthropic(Protocol):
    """api.anthropic.com, and Anthropic's models on Vertex AI."""

    name = "anthropic"
    paths = (
        "/v1/messages",
        "/v1/projects/{project}/locations/{region}/publishers/anthropic/models/{call}",
    )
    corrupt = b'event: content_block_delta\ndata: {"type":[{\n\n'
    reasons = ("end_turn", "tool_use", "max_tokens", "refusal")
    answer_headers = (("request-id", "req_{request:.24}"),)
    died = ("error", {"error": {"type": "overloaded_error", "message": "Overloaded"}})

    def ask(self, body: Given, path: Mapping[str, str]) -> Ask:
        """Read a request; a path of Vertex AI names the model."""
        model, _, verb = path.get("call", "").partition(":")
        body["max_tokens"].need(int)
        choice = body["tool_choice"]
        return self.read(
            body,
            body["messages"],
            system=body["system"],
            model=Given(model) if model else body["model"],
            stream=body["stream"].of(bool) or verb == "streamRawPredict",
            tools=[tool["name"] for tool in body["tools"]],
            choice=_CHOICES.get(choice["type"].of(str), "auto"),
            forced=choice["name"],
        )

    def begun(self, reply: ReplayedAnswer) -> Iterable[Told]:
        message = _message(reply, []) | {"stop_reason": None, "stop_sequence": None}
        message["usage"] = _usage(reply) | {"output_tokens": 1}
        return ("message_start", {"message": message}), ("ping", {})

    def opened(self, block: Block) -> Iterable[Told]:
        begun = {"index": block.index, "content_block": _empty(block)}
        yield "content_block_start", begun
        if block.kind is Kind.TOOL:
            yield from self.piece(replace(block, text=""))

    def piece(self, block: Block) -> Iterable[Told]:
        kind, key = _DELTAS.get(block.kind, ("text_delta", "text"))
        delta = {"type": kind, key: block.text}
        yield "content_block_delta", {"index": block.index, "delta": delta}

    def closed(self, block: Block) -> Iterable[Told]:
        yield "content_block_stop", {"index": block.index}

    def ended(self, reply: ReplayedAnswer) -> Iterable[Told]:
        usage = {"output_tokens": _usage(reply).get("output_tokens", 0)}
        return ("message_delta", {"delta": self._ending(reply), "usage": usage}), (
            "message_stop",
            {},
        )

    def whole(self, reply: ReplayedAnswer) -> Json:
        content: list[Json] = []
        for block in blocks(reply):
            said = _empty(block)
            if block.kind is Kind.TOOL:
                said["input"] = arguments(block.text) or {}
            else:
                said["thinking" if block.kind is Kind.REASONING else "text"] = block.text
            content.append(said)
        return _message(reply, content) | self._ending(reply) | {"usage": _usage(reply)}

    def _ending(self, reply: ReplayedAnswer) -> Json:
        refusal = reply.text(Kind.REFUSAL)
        reason = "refusal" if refusal else self.reason(reply)
        ending: Json = {"stop_reason": reason, "stop_sequence": None}
        if reason == "refusal":
            details = {"category": None, "explanation": refusal or None}
            ending["stop_details"] = {"type": "refusal", **details}
        return ending

    def error(self, error: RequestError) -> Json:
        kind = _ERRORS.get(error.status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": error.message}}


def _message(reply: ReplayedAnswer, content: list[Json]) -> Json:
    return {
        "model": reply.ask.model,
        "id": reply.fill("msg_{id:.24}"),
        "type": "message",
        "role": "assistant",
        "content": content,
    }


def _usage(reply: ReplayedAnswer) -> Json:
    counted = {
        "input_tokens": reply.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": reply.completion_tokens,
    }
    return reply.usage(counted)


def _empty(block: Block) -> Json:
    if block.kind is Kind.TOOL:
        call = {"id": block.call_id("toolu_{:.24}"), "name": block.name}
        return {"type": "tool_use", **call, "input": {}}
    if block.kind is Kind.REASONING:
        return {"type": "thinking", "thinking": "", "signature": ""}
    return {"type": "text", "text": ""}
