"""Ollama's own protocol: ``/api/chat``, one JSON object a line.

Source: ``docs/api.md`` of ollama/ollama and the types of ollama-python 0.6. Calls come whole. The
model is not forced to call a function.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from partialfast.replay._ask import Ask, Given, RequestError
from partialfast.replay._events import Json, ReplayEvent
from partialfast.replay._protocols._base import Block, Protocol, Told, arguments
from partialfast.replay._script import Kind, ReplayedAnswer

__all__ = ["Ollama"]


class Ollama(Protocol):
    """An Ollama that runs on this machine."""

    name = "ollama_native"
    paths = ("/api/chat",)
    media_type = "application/x-ndjson"
    corrupt = b'{"message":[{\n'
    whole_calls = empty_pieces = True
    died = ("", {"error": "an error was encountered while running the model"})
    reasons = ("stop", "stop", "length", "content_filter")

    def ask(self, body: Given, path: Mapping[str, str]) -> Ask:
        """Read a request, which streams unless it says otherwise."""
        del path
        return self.read(
            body,
            body["messages"],
            model=body["model"],
            stream=body["stream"].of(bool) is not False,
            tools=[tool["function"]["name"] for tool in body["tools"]],
        )

    def piece(self, block: Block) -> Iterable[Told]:
        message: Json = {"role": "assistant", "content": ""}
        if block.kind is not Kind.TOOL:
            message["thinking" if block.kind is Kind.REASONING else "content"] = block.text
        elif calls := _calls(block.reply, [block.call]):
            message["tool_calls"] = calls
        else:
            return
        yield "", _object(block.reply, message) | {"done": False}

    def ended(self, reply: ReplayedAnswer) -> Iterable[Told]:
        end = _object(reply, {"role": "assistant", "content": ""})
        yield "", end | self._ending(reply)

    def whole(self, reply: ReplayedAnswer) -> Json:
        content = reply.text(Kind.CONTENT) + reply.text(Kind.REFUSAL)
        message: Json = {"role": "assistant", "content": content}
        if thinking := reply.text(Kind.REASONING):
            message["thinking"] = thinking
        if reply.calls:
            message["tool_calls"] = _calls(reply, range(len(reply.calls)))
        return _object(reply, message) | self._ending(reply)

    def _ending(self, reply: ReplayedAnswer) -> Json:
        counted = {
            "total_duration": 1000,
            "prompt_eval_count": reply.prompt_tokens,
            "eval_count": reply.completion_tokens,
        }
        return {"done": True, "done_reason": self.reason(reply), **reply.usage(counted)}

    def error(self, error: RequestError) -> Json:
        return {"error": error.message}

    def encode(self, event: ReplayEvent) -> bytes:
        return event.payload + b"\n"


def _object(reply: ReplayedAnswer, message: Json) -> Json:
    created = "2026-01-01T00:00:00Z"
    return {"model": reply.ask.model, "created_at": created, "message": message}


def _calls(reply: ReplayedAnswer, numbers: Iterable[int]) -> list[Json]:
    """Give calls; what is not a JSON object is not a call for Ollama."""
    values = {number: arguments(reply.text(Kind.TOOL, call=number)) for number in numbers}
    return [
        {"function": {"name": reply.calls[number].name, "arguments": value}}
        for number, value in values.items()
        if value is not None
    ]
