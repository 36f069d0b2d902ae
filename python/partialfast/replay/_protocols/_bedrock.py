"""Amazon Bedrock: ``Converse``, and ``InvokeModel`` for Anthropic's models.

Source: the service model of botocore 1.44 (``bedrock-runtime``), "Event stream encoding" of AWS's
documentation, and streams recorded by others (pydantic/pydantic-ai).
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from partialfast.replay._ask import Ask, Given, RequestError
from partialfast.replay._events import Json, ReplayEvent, dump
from partialfast.replay._protocols._anthropic import Anthropic
from partialfast.replay._protocols._base import Block, Protocol, Told, arguments, blocks
from partialfast.replay._script import Kind, ReplayedAnswer

__all__ = ["Bedrock", "BedrockAnthropic"]

_ERRORS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}


def _message(name: str, payload: bytes) -> bytes:
    """Write a message of AWS's event stream."""
    kind = "exception" if name.endswith("Exception") else "event"
    headers = b"".join(
        bytes([len(key)]) + key + b"\x07" + len(value).to_bytes(2, "big") + value
        for key, value in (
            (f":{kind}-type".encode(), name.encode()),
            (b":content-type", b"application/json"),
            (b":message-type", kind.encode()),
        )
    )
    length = 16 + len(headers) + len(payload)
    message = length.to_bytes(4, "big") + len(headers).to_bytes(4, "big")
    message += zlib.crc32(message).to_bytes(4, "big") + headers + payload
    return message + zlib.crc32(message).to_bytes(4, "big")


class _Amazon(Protocol):
    """What both share."""

    media_type = "application/vnd.amazon.eventstream"
    # A message whose checksum is wrong.
    corrupt = b"\0\0\0\x10\0\0\0\0\x05\xc2\x48\xeb\0\0\0\0"

    def error(self, error: RequestError) -> Json:
        return {"message": error.message}

    def error_headers(self, error: RequestError) -> dict[str, str]:
        return {"x-amzn-errortype": _ERRORS.get(error.status, "InternalServerException")}


class Bedrock(_Amazon):
    """``Converse`` and ``ConverseStream``."""

    name = "bedrock"
    paths = ("/model/{model}/converse", "/model/{model}/converse-stream")
    reasons = ("end_turn", "tool_use", "max_tokens", "content_filtered")
    answer_headers = (("x-amzn-requestid", "{request:.32}"),)
    died = (
        "serviceUnavailableException",
        {"message": "The service is overloaded. Please try again later."},
    )

    def ask(self, body: Given, path: Mapping[str, str]) -> Ask:
        """Read a request; its path names the model and whether it streams."""
        config = body["toolConfig"]
        choice = config["toolChoice"].of(dict) or {}
        return self.read(
            body,
            body["messages"],
            system=body["system"],
            model=Given(path["model"]),
            stream=path["path"].endswith("-stream"),
            tools=[tool["toolSpec"]["name"] for tool in config["tools"]],
            choice="named" if "tool" in choice else "required" if "any" in choice else "auto",
            forced=config["toolChoice"]["tool"]["name"],
        )

    def begun(self, reply: ReplayedAnswer) -> Iterable[Told]:
        del reply
        yield "messageStart", {"role": "assistant"}

    def opened(self, block: Block) -> Iterable[Told]:
        """Announce a call; text and reasoning are not announced."""
        if block.kind is Kind.TOOL:
            start = {"toolUse": _named(block)}
            yield "contentBlockStart", {"contentBlockIndex": block.index, "start": start}

    def piece(self, block: Block) -> Iterable[Told]:
        delta: Json = {"text": block.text}
        if block.kind is Kind.TOOL:
            delta = {"toolUse": {"input": block.text}}
        elif block.kind is Kind.REASONING:
            delta = {"reasoningContent": delta}
        yield "contentBlockDelta", {"contentBlockIndex": block.index, "delta": delta}

    def closed(self, block: Block) -> Iterable[Told]:
        yield "contentBlockStop", {"contentBlockIndex": block.index}

    def ended(self, reply: ReplayedAnswer) -> Iterable[Told]:
        ending = self._ending(reply)
        yield "messageStop", {"stopReason": ending.pop("stopReason")}
        yield "metadata", ending

    def event(self, told: Told, upto: int, tokens: int = 0) -> ReplayEvent:
        name, data = told
        return ReplayEvent(data, event=name, upto=upto, tokens=tokens)

    def whole(self, reply: ReplayedAnswer) -> Json:
        content: list[Json] = []
        for block in blocks(reply):
            said: Json = {"text": block.text}
            if block.kind is Kind.TOOL:
                said = {"toolUse": _named(block) | {"input": arguments(block.text) or {}}}
            elif block.kind is Kind.REASONING:
                said = {"reasoningContent": {"reasoningText": said}}
            content.append(said)
        output = {"message": {"role": "assistant", "content": content}}
        return {"output": output} | self._ending(reply)

    def _ending(self, reply: ReplayedAnswer) -> Json:
        refused = bool(reply.text(Kind.REFUSAL))
        counted = reply.counts("inputTokens", "outputTokens", "totalTokens")
        return {
            "stopReason": "guardrail_intervened" if refused else self.reason(reply),
            "usage": reply.usage(counted),
            "metrics": {"latencyMs": 1},
        }

    def encode(self, event: ReplayEvent) -> bytes:
        return _message(event.event or "", event.payload)


def _named(block: Block) -> Json:
    name = block.name
    return {"toolUseId": block.call_id("tooluse_{:.22}"), "name": name}


class BedrockAnthropic(_Amazon, Anthropic):
    """``InvokeModel``: Anthropic's messages, each event in base64 in a chunk."""

    name = "bedrock_anthropic"
    paths = ("/model/{model}/invoke", "/model/{model}/invoke-with-response-stream")

    def ask(self, body: Given, path: Mapping[str, str]) -> Ask:
        """Read a request; its path names the model and whether it streams."""
        ask = super().ask(Given(body.value | {"model": path["model"]}), {})
        return replace(ask, stream=path["path"].endswith("-stream"))

    def encode(self, event: ReplayEvent) -> bytes:
        return _message("chunk", dump({"bytes": base64.b64encode(event.payload).decode()}))
