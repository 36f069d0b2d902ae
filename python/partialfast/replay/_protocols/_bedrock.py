"""Amazon Bedrock: ``Converse``, and ``InvokeModel`` for Anthropic's models.

Source: the service model of botocore 1.44 (``bedrock-runtime``), "Event stream encoding" of AWS's
documentation, and streams recorded by others (pydantic/pydantic-ai).
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal

from partialfast.replay._ask import Ask, RequestError
from partialfast.replay._protocols._anthropic import Anthropic
from partialfast.replay._protocols._base import (
    Block,
    Protocol,
    arguments,
    blocks,
    make_ask,
    text_of,
)
from partialfast.replay._reply import Json, ReplayedAnswer, ReplayEvent, dump
from partialfast.replay._script import Kind, count_tokens

__all__ = ["Bedrock", "BedrockAnthropic"]

_MEDIA_TYPE = "application/vnd.amazon.eventstream"
_REASONS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "content_filtered",
}
_ERRORS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
#: Event names that are exceptions end so.
_EXCEPTION = "Exception"


def _message(event: ReplayEvent) -> bytes:
    """Write an event as a message of AWS's event stream."""
    name = event.event or ""
    kind = "exception" if name.endswith(_EXCEPTION) else "event"
    headers = b"".join(
        bytes([len(key)]) + key + b"\x07" + len(value).to_bytes(2, "big") + value
        for key, value in (
            (f":{kind}-type".encode(), name.encode()),
            (b":content-type", b"application/json"),
            (b":message-type", kind.encode()),
        )
    )
    payload = event.data.encode() if isinstance(event.data, str) else dump(event.data)
    length = 16 + len(headers) + len(payload)
    message = length.to_bytes(4, "big") + len(headers).to_bytes(4, "big")
    message += zlib.crc32(message).to_bytes(4, "big") + headers + payload
    return message + zlib.crc32(message).to_bytes(4, "big")


def _error_headers(error: RequestError) -> dict[str, str]:
    return {"x-amzn-errortype": _ERRORS.get(error.status, "InternalServerException")}


class Bedrock(Protocol):
    """``Converse`` and ``ConverseStream``."""

    name = "bedrock"
    paths = ("/model/{model}/converse", "/model/{model}/converse-stream")
    media_type = _MEDIA_TYPE
    # A message whose checksum is wrong.
    corrupt = b"\0\0\0\x10\0\0\0\0\x05\xc2\x48\xeb\0\0\0\0"

    def ask(self, body: Json, path: Mapping[str, str]) -> Ask:
        """Read a request; its path names the model and whether it streams."""
        texts = [
            (each.get("role"), text_of(each.get("content"))) for each in body.get("messages") or []
        ]
        if body.get("system"):
            texts.insert(0, ("system", text_of(body["system"])))
        config = body.get("toolConfig") or {}
        choice = config.get("toolChoice") or {}
        free: Literal["auto", "required", "named"] = "auto"
        if "tool" in choice:
            free = "named"
        elif "any" in choice:
            free = "required"
        return make_ask(
            self.name,
            body,
            model=path["model"],
            stream=path["path"].endswith("-stream"),
            texts=texts,
            tools=[(tool.get("toolSpec") or {}).get("name") for tool in config.get("tools") or []],
            choice=free,
            forced=(choice.get("tool") or {}).get("name"),
        )

    def stream(self, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
        """Give all events of a streamed answer."""
        yield ReplayEvent({"role": "assistant"}, event="messageStart")
        for what, block, delta, number in blocks(reply):
            at: Json = {"contentBlockIndex": block.index}
            if what == "open":
                # Text and reasoning are not announced.
                if block.kind is Kind.TOOL:
                    start = {"start": {"toolUse": self._named(reply, block)}}
                    yield ReplayEvent(at | start, event="contentBlockStart", upto=number)
            elif what == "delta":
                if delta.text:
                    data = at | {"delta": _piece(block, delta.text)}
                    tokens = count_tokens(delta.text)
                    yield ReplayEvent(data, event="contentBlockDelta", upto=number, tokens=tokens)
            else:
                yield ReplayEvent(at, event="contentBlockStop", upto=number)
        end = len(reply.script.deltas)
        yield ReplayEvent({"stopReason": _reason(reply)}, event="messageStop", upto=end)
        metadata = {"usage": _usage(reply), "metrics": {"latencyMs": 1}}
        yield ReplayEvent(metadata, event="metadata", upto=end)

    def whole(self, reply: ReplayedAnswer) -> Json:
        """Give the answer of a request that does not stream."""
        content: list[Json] = []
        for what, block, _, _ in blocks(reply):
            if what != "close":
                continue
            if block.kind is Kind.TOOL:
                call = self._named(reply, block) | {"input": arguments(block.text) or {}}
                content.append({"toolUse": call})
            elif block.kind is Kind.REASONING:
                content.append({"reasoningContent": {"reasoningText": {"text": block.text}}})
            else:
                content.append({"text": block.text})
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": _reason(reply),
            "usage": _usage(reply),
            "metrics": {"latencyMs": 1},
        }

    def _named(self, reply: ReplayedAnswer, block: Block) -> Json:
        name = reply.call(block.call).name
        return {"toolUseId": reply.call_id(block.call, "tooluse_", 22), "name": name}

    def failure(self, reply: ReplayedAnswer, upto: int) -> Iterator[ReplayEvent]:
        """Say that the service cannot go on, as an exception."""
        del reply
        said = {"message": "The service is overloaded. Please try again later."}
        yield ReplayEvent(said, event="serviceUnavailableException", upto=upto)

    def error(self, error: RequestError) -> Json:
        """Give the body of an error response."""
        return {"message": error.message}

    def error_headers(self, error: RequestError) -> dict[str, str]:
        """Name the exception."""
        return _error_headers(error)

    def encode(self, event: ReplayEvent) -> bytes:
        """Write an event as a message of AWS's event stream."""
        return _message(event)

    def headers(self, reply: ReplayedAnswer) -> dict[str, str]:
        """Give the id of the request."""
        return {"x-amzn-requestid": reply.token("request", 32)}


def _piece(block: Block, text: str) -> Json:
    if block.kind is Kind.TOOL:
        return {"toolUse": {"input": text}}
    if block.kind is Kind.REASONING:
        return {"reasoningContent": {"text": text}}
    return {"text": text}


def _reason(reply: ReplayedAnswer) -> str:
    script = reply.script
    if script.text(Kind.REFUSAL):
        return "guardrail_intervened"
    if reply.recording.finish_reason is None and script.calls and script.finish == "stop":
        return "tool_use"
    return _REASONS.get(script.finish, script.finish)


def _usage(reply: ReplayedAnswer) -> Json:
    script = reply.script
    return dict(reply.recording.usage or {}) or {
        "inputTokens": script.prompt_tokens,
        "outputTokens": script.completion_tokens,
        "totalTokens": script.prompt_tokens + script.completion_tokens,
    }


class BedrockAnthropic(Anthropic):
    """``InvokeModel``: Anthropic's messages, each event in base64 in a chunk."""

    name = "bedrock_anthropic"
    paths = ("/model/{model}/invoke", "/model/{model}/invoke-with-response-stream")
    media_type = _MEDIA_TYPE
    corrupt = Bedrock.corrupt

    def ask(self, body: Json, path: Mapping[str, str]) -> Ask:
        """Read a request; its path names the model and whether it streams."""
        ask = super().ask(body | {"model": path["model"]}, {})
        return replace(ask, stream=path["path"].endswith("-stream"))

    def encode(self, event: ReplayEvent) -> bytes:
        """Write an event as a chunk."""
        data = event.data.encode() if isinstance(event.data, str) else dump(event.data)
        chunk = {"bytes": base64.b64encode(data).decode()}
        return _message(replace(event, data=chunk, event="chunk"))

    def error_headers(self, error: RequestError) -> dict[str, str]:
        """Name the exception."""
        return _error_headers(error)
