"""Gemini's ``generateContent``, of the Gemini API and of Vertex AI.

Source: the reference of both APIs ("GenerateContentResponse"), the types of google-genai, and
streams recorded by others (pydantic/pydantic-ai, vercel/ai). A call comes whole, unless the
request says ``streamFunctionCallArguments`` (Vertex AI): then its arguments come as values with
their paths.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from partialfast.replay._ask import Ask, RequestError
from partialfast.replay._protocols._base import Protocol, arguments, make_ask, text_of
from partialfast.replay._reply import Json, ReplayedAnswer, ReplayEvent, dump
from partialfast.replay._script import Kind, count_tokens, cut

__all__ = ["Google"]

_REASONS = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}
_MODES: dict[object, Literal["none", "auto", "required", "named"]] = {
    "NONE": "none",
    "ANY": "required",
}


class Google(Protocol):
    """generativelanguage.googleapis.com and aiplatform.googleapis.com."""

    name = "google"
    paths = (
        "/{version}/models/{call}",
        "/{version}/publishers/google/models/{call}",
        "/{version}/projects/{project}/locations/{region}/publishers/google/models/{call}",
    )
    media_type = "text/event-stream"

    def ask(self, body: Json, path: Mapping[str, str]) -> Ask:
        """Read a request; its path names the model and whether it streams."""
        model, _, verb = path["call"].rpartition(":")
        if verb not in {"generateContent", "streamGenerateContent"}:
            raise RequestError(404, f"no method {verb!r}")
        texts = [
            (each.get("role", "user"), text_of(each.get("parts")))
            for each in body.get("contents") or []
        ]
        system = body.get("systemInstruction")
        if isinstance(system, dict):
            texts.insert(0, ("system", text_of(system.get("parts"))))
        declared = [
            function.get("name")
            for tool in body.get("tools") or []
            for function in tool.get("functionDeclarations") or []
        ]
        config = _calling(body)
        allowed = config.get("allowedFunctionNames") or []
        one = len(allowed) == 1
        return make_ask(
            self.name,
            body,
            model=model,
            stream=verb == "streamGenerateContent",
            texts=texts,
            tools=declared,
            choice="named" if one else _MODES.get(config.get("mode"), "auto"),
            forced=allowed[0] if one else None,
            choices=(body.get("generationConfig") or {}).get("candidateCount") or 1,
        )

    def stream(self, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
        """Give all chunks of a streamed answer."""
        script = reply.script
        last = {
            (delta.choice, delta.call): number
            for number, delta in enumerate(script.deltas)
            if delta.kind is Kind.TOOL
        }
        for number, delta in enumerate(script.deltas):
            if delta.kind is Kind.TOOL:
                if last[delta.choice, delta.call] == number:
                    parts = list(self._call(reply, delta.choice, delta.call))
                    for part in parts:
                        chunk = _chunk(reply, [_candidate(delta.choice, [part])])
                        yield ReplayEvent(chunk, upto=number, tokens=count_tokens(delta.text))
            elif delta.kind is not Kind.REFUSAL:
                part = {"text": delta.text}
                if delta.kind is Kind.REASONING:
                    part = part | {"thought": True}
                chunk = _chunk(reply, [_candidate(delta.choice, [part])])
                yield ReplayEvent(chunk, upto=number, tokens=count_tokens(delta.text))
        ends = [
            _candidate(choice, [{"text": ""}]) | self._ending(reply)
            for choice in range(reply.ask.choices)
        ]
        yield ReplayEvent(_chunk(reply, ends, end=True), upto=len(script.deltas))

    def whole(self, reply: ReplayedAnswer) -> Json:
        """Give the answer of a request that does not stream."""
        script = reply.script
        candidates: list[Json] = []
        for choice in range(reply.ask.choices):
            parts: list[Json] = []
            thought = script.text(Kind.REASONING, choice=choice)
            text = script.text(Kind.CONTENT, choice=choice)
            if thought:
                parts.append({"text": thought, "thought": True})
            if text:
                parts.append({"text": text})
            for call in range(len(script.calls)):
                value = arguments(script.text(Kind.TOOL, choice=choice, call=call))
                if value is not None:
                    parts.append({"functionCall": self._named(reply, call) | {"args": value}})
            candidates.append(_candidate(choice, parts) | self._ending(reply))
        return _chunk(reply, candidates, end=True)

    def _named(self, reply: ReplayedAnswer, call: int) -> Json:
        named: Json = {"name": reply.call(call).name}
        recorded = reply.call(call).id
        return named if recorded is None else named | {"id": recorded}

    def _call(self, reply: ReplayedAnswer, choice: int, call: int) -> Iterator[Json]:
        value = arguments(reply.script.text(Kind.TOOL, choice=choice, call=call))
        if value is None:
            # What is not a JSON object cannot be sent: see `_ending`.
            return
        named = self._named(reply, call)
        if not _calling(reply.ask.body).get("streamFunctionCallArguments"):
            yield {"functionCall": named | {"args": value}}
            return
        yield {"functionCall": named | {"willContinue": True}}
        for partial in _partial(value, "$"):
            yield {"functionCall": {"partialArgs": [partial], "willContinue": True}}
        yield {"functionCall": {}}

    def _ending(self, reply: ReplayedAnswer) -> Json:
        script = reply.script
        if refusal := script.text(Kind.REFUSAL):
            return {"finishReason": "PROHIBITED_CONTENT", "finishMessage": refusal}
        for call in range(len(script.calls)):
            text = script.text(Kind.TOOL, call=call)
            if script.finish != "length" and arguments(text) is None:
                return {
                    "finishReason": "MALFORMED_FUNCTION_CALL",
                    "finishMessage": f"Malformed function call: {reply.call(call).name}",
                }
        return {"finishReason": _REASONS.get(script.finish, script.finish)}

    def failure(self, reply: ReplayedAnswer, upto: int) -> Iterator[ReplayEvent]:
        """Say that the model is overloaded, as an event."""
        del reply
        error = RequestError(503, "The model is overloaded. Please try again later.")
        yield ReplayEvent(self.error(error), upto=upto)

    def error(self, error: RequestError) -> Json:
        """Give the body of an error response."""
        status = _STATUSES.get(error.status, "INTERNAL")
        return {"error": {"code": error.status, "message": error.message, "status": status}}

    def headers(self, reply: ReplayedAnswer) -> dict[str, str]:
        """Give no id: it is in the answer."""
        del reply
        return {}


def _calling(body: Json) -> Json:
    """Return how functions may be called; JSON of protobuf has two names for each field."""
    config = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    return {_camel(name): value for name, value in config.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _candidate(choice: int, parts: list[Json]) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}}
    return candidate | ({"index": choice} if choice else {})


def _chunk(reply: ReplayedAnswer, candidates: list[Json], *, end: bool = False) -> Json:
    script = reply.script
    usage: Mapping[str, Any] = {
        "promptTokenCount": script.prompt_tokens,
        "totalTokenCount": script.prompt_tokens,
    }
    if end:
        answer = script.completion_tokens - script.reasoning_tokens
        usage = reply.recording.usage or {
            "promptTokenCount": script.prompt_tokens,
            "candidatesTokenCount": answer,
            "totalTokenCount": script.prompt_tokens + script.completion_tokens,
            "thoughtsTokenCount": script.reasoning_tokens,
        }
    return {
        "candidates": candidates,
        "usageMetadata": dict(usage),
        "modelVersion": reply.ask.model,
        "responseId": reply.token("id", 22),
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
