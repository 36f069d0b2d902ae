"""Gemini's ``generateContent``, of the Gemini API and of Vertex AI.

Source: the reference of both APIs ("GenerateContentResponse"), the types of google-genai, and
streams recorded by others (pydantic/pydantic-ai, vercel/ai). A call comes whole, unless the
request says ``streamFunctionCallArguments`` (Vertex AI): then its arguments come as values with
their paths.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from partialfast.replay._ask import MISSING, Ask, Given, RequestError, ToolChoice
from partialfast.replay._events import Json, dump
from partialfast.replay._protocols._base import Block, Protocol, Told, arguments, blocks
from partialfast.replay._script import Kind, ReplayedAnswer, cut

__all__ = ["Google"]

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}
_OVERLOADED = "The model is overloaded. Please try again later."
_MODES: dict[object, ToolChoice] = {"NONE": "none", "ANY": "required"}


class Google(Protocol):
    """generativelanguage.googleapis.com and aiplatform.googleapis.com."""

    name = "google"
    paths = (
        "/{version}/models/{call}",
        "/{version}/publishers/google/models/{call}",
        "/{version}/projects/{project}/locations/{region}/publishers/google/models/{call}",
    )
    media_type = "text/event-stream"
    whole_calls = empty_pieces = True
    died = ("", {"error": {"code": 503, "message": _OVERLOADED, "status": "UNAVAILABLE"}})
    reasons = ("STOP", "STOP", "MAX_TOKENS", "SAFETY")

    def ask(self, body: Given, path: Mapping[str, str]) -> Ask:
        """Read a request; its path names the model and whether it streams."""
        model, _, verb = path["call"].rpartition(":")
        if verb not in {"generateContent", "streamGenerateContent"}:
            raise RequestError(404, f"no method {verb!r}")
        config = _calling(body)
        allowed = list(config["allowedFunctionNames"])
        one = len(allowed) == 1
        return self.read(
            body,
            body["contents"],
            system=body["systemInstruction"]["parts"],
            model=Given(model),
            stream=verb == "streamGenerateContent",
            tools=[
                function["name"]
                for tool in body["tools"]
                for function in tool["functionDeclarations"]
            ],
            choice="named" if one else _MODES.get(config["mode"].of(str), "auto"),
            forced=allowed[0] if one else MISSING,
        )

    def text_of(self, message: Given) -> str:
        return message["parts"].text()

    def piece(self, block: Block) -> Iterable[Told]:
        for part in _parts(block):
            yield "", _chunk(block.reply, [part])

    def ended(self, reply: ReplayedAnswer) -> Iterable[Told]:
        yield "", _chunk(reply, [{"text": ""}], self._ending(reply))

    def whole(self, reply: ReplayedAnswer) -> Json:
        parts = [part for block in blocks(reply) for part in _parts(block)]
        return _chunk(reply, parts, self._ending(reply))

    def _ending(self, reply: ReplayedAnswer) -> Json:
        if refusal := reply.text(Kind.REFUSAL):
            return {"finishReason": "PROHIBITED_CONTENT", "finishMessage": refusal}
        for number, call in enumerate(reply.calls):
            text = reply.text(Kind.TOOL, call=number)
            if reply.finish != "length" and arguments(text) is None:
                said = f"Malformed function call: {call.name}"
                return {"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": said}
        return {"finishReason": self.reason(reply)}

    def error(self, error: RequestError) -> Json:
        status = _STATUSES.get(error.status, "INTERNAL")
        return {"error": {"code": error.status, "message": error.message, "status": status}}


def _parts(said: Block) -> Iterator[Json]:
    """Give the parts that a block, or a piece of one, is sent in; a call is whole."""
    reply = said.reply
    if said.kind is Kind.REASONING:
        yield {"text": said.text, "thought": True}
    elif said.kind is Kind.CONTENT:
        yield {"text": said.text}
    elif said.kind is Kind.TOOL and (value := arguments(said.text)) is not None:
        # What is not a JSON object cannot be sent: see `_ending`.
        call = reply.calls[said.call]
        named: Json = {"name": call.name} | ({} if call.id is None else {"id": call.id})
        if not (
            reply.ask.stream
            and _calling(Given(reply.ask.body))["streamFunctionCallArguments"].of(bool)
        ):
            yield {"functionCall": named | {"args": value}}
            return
        yield {"functionCall": named | {"willContinue": True}}
        for partial in _partial(value, "$"):
            yield {"functionCall": {"partialArgs": [partial], "willContinue": True}}
        yield {"functionCall": {}}


def _calling(body: Given) -> Given:
    """Return how functions may be called; JSON of protobuf has two names for each field."""
    return _in_camel(_in_camel(body["toolConfig"])["functionCallingConfig"])


def _in_camel(message: Given) -> Given:
    fields = message.of(dict) or {}
    return Given({_camel(name): value for name, value in fields.items()}, message.place)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _chunk(reply: ReplayedAnswer, parts: list[Json], ending: Json | None = None) -> Json:
    usage = {"promptTokenCount": reply.prompt_tokens, "totalTokenCount": reply.prompt_tokens}
    if ending is not None:
        counted = {
            "promptTokenCount": reply.prompt_tokens,
            "candidatesTokenCount": reply.completion_tokens - reply.reasoning_tokens,
            "totalTokenCount": reply.prompt_tokens + reply.completion_tokens,
            "thoughtsTokenCount": reply.reasoning_tokens,
        }
        usage = reply.usage(counted)
    return {
        "candidates": [{"content": {"parts": parts, "role": "model"}} | (ending or {})],
        "usageMetadata": usage,
        "modelVersion": reply.ask.model,
        "responseId": reply.fill("{id:.22}"),
    }


def _partial(value: Any, path: str) -> Iterator[Json]:
    """Give the values of some arguments with their paths, texts in pieces."""
    if isinstance(value, dict):
        for key, member in value.items():
            simple = key.isidentifier()
            step = f".{key}" if simple else f"[{json.dumps(key, ensure_ascii=False)}]"
            yield from _partial(member, path + step)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _partial(item, f"{path}[{number}]")
    elif isinstance(value, str):
        for piece in cut(value):
            yield {"jsonPath": path, "stringValue": piece, "willContinue": True}
        yield {"jsonPath": path, "stringValue": ""}
    elif value is None:
        yield {"jsonPath": path, "nullValue": "NULL_VALUE"}
    elif isinstance(value, bool):
        yield {"jsonPath": path, "boolValue": value}
    else:
        dump(value)
        yield {"jsonPath": path, "numberValue": value}
