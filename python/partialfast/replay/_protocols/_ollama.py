"""Ollama's own protocol: ``/api/chat``, one JSON object a line.

Source: ``docs/api.md`` of ollama/ollama and the types of ollama-python 0.6. Calls come whole. The
model is not forced to call a function.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from partialfast.replay._ask import Ask, RequestError
from partialfast.replay._protocols._base import Protocol, arguments, make_ask, text_of
from partialfast.replay._reply import Json, ReplayedAnswer, ReplayEvent, dump
from partialfast.replay._script import Kind, count_tokens

__all__ = ["Ollama"]

_REASONS = {"stop": "stop", "tool_calls": "stop", "length": "length"}


class Ollama(Protocol):
    """An Ollama that runs on this machine."""

    name = "ollama_native"
    paths = ("/api/chat",)
    media_type = "application/x-ndjson"
    corrupt = b'{"message":[{\n'

    def ask(self, body: Json, path: Mapping[str, str]) -> Ask:
        """Read a request, which streams unless it says otherwise."""
        del path
        return make_ask(
            self.name,
            body,
            model=body.get("model"),
            stream=body.get("stream") is not False,
            texts=[
                (each.get("role"), text_of(each.get("content")))
                for each in body.get("messages") or []
            ],
            tools=[(tool.get("function") or {}).get("name") for tool in body.get("tools") or []],
        )

    def stream(self, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
        """Give all objects of a streamed answer."""
        deltas = reply.script.deltas
        last = {d.call: number for number, d in enumerate(deltas) if d.kind is Kind.TOOL}
        for number, delta in enumerate(deltas):
            message: Json = {"role": "assistant", "content": ""}
            if delta.kind is Kind.TOOL:
                if last[delta.call] != number:
                    continue
                call = self._call(reply, delta.call)
                if call is None:
                    continue
                message["tool_calls"] = [call]
            elif delta.kind is Kind.REASONING:
                message["thinking"] = delta.text
            else:
                message["content"] = delta.text
            data = self._object(reply, message) | {"done": False}
            yield ReplayEvent(data, upto=number, tokens=count_tokens(delta.text))
        message = {"role": "assistant", "content": ""}
        end = self._object(reply, message) | self._ending(reply)
        yield ReplayEvent(end, upto=len(deltas))

    def whole(self, reply: ReplayedAnswer) -> Json:
        """Give the answer of a request that does not stream."""
        script = reply.script
        content = script.text(Kind.CONTENT) + script.text(Kind.REFUSAL)
        message: Json = {"role": "assistant", "content": content}
        if thinking := script.text(Kind.REASONING):
            message["thinking"] = thinking
        calls = [self._call(reply, call) for call in range(len(script.calls))]
        if calls:
            message["tool_calls"] = [call for call in calls if call is not None]
        return self._object(reply, message) | self._ending(reply)

    def _object(self, reply: ReplayedAnswer, message: Json) -> Json:
        created = "2026-01-01T00:00:00Z"
        return {"model": reply.ask.model, "created_at": created, "message": message}

    def _call(self, reply: ReplayedAnswer, call: int) -> Json | None:
        value = arguments(reply.script.text(Kind.TOOL, call=call))
        # What is not a JSON object is not a call for Ollama.
        if value is None:
            return None
        return {"function": {"name": reply.call(call).name, "arguments": value}}

    def _ending(self, reply: ReplayedAnswer) -> Json:
        script = reply.script
        counts = dict(reply.recording.usage or {}) or {
            "total_duration": 1000,
            "prompt_eval_count": script.prompt_tokens,
            "eval_count": script.completion_tokens,
        }
        return {"done": True, "done_reason": _REASONS.get(script.finish, script.finish), **counts}

    def failure(self, reply: ReplayedAnswer, upto: int) -> Iterator[ReplayEvent]:
        """Say that the model died."""
        del reply
        yield ReplayEvent({"error": "an error was encountered while running the model"}, upto=upto)

    def error(self, error: RequestError) -> Json:
        """Give the body of an error response."""
        return {"error": error.message}

    def encode(self, event: ReplayEvent) -> bytes:
        """Write an object as a line."""
        return (event.data.encode() if isinstance(event.data, str) else dump(event.data)) + b"\n"

    def headers(self, reply: ReplayedAnswer) -> dict[str, str]:
        """Give none."""
        del reply
        return {}
