"""Hosted services that speak OpenAI's protocol with an accent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from partialfast.replay._reply import Event, Json, Reply
from partialfast.replay._request import RequestError
from partialfast.replay._shapes._local import Ollama
from partialfast.replay._shapes._openai import Chunk, OpenAI

__all__ = ["Gemini", "Mistral", "OpenRouter"]


class OpenRouter(OpenAI):
    """OpenRouter.

    Source: its documentation ("Streaming", "Errors") and recorded streams
    (aaif-goose/goose, ``providers/formats/openai.rs``). Comments keep the
    connection alive while the upstream works; every delta has the role; the
    usage comes in a chunk that has a choice; an error inside the stream comes
    beside a choice with finish reason ``error``.
    """

    name: ClassVar[str] = "openrouter"
    reasoning_keys: ClassVar[tuple[str, ...]] = ("reasoning",)
    reasoning_summary: ClassVar[bool] = False
    named_call_stops: ClassVar[bool] = False
    #: A comment comes after so many chunks.
    every: ClassVar[int] = 25

    def stream(self, reply: Reply) -> Iterator[Event]:
        comment = "OPENROUTER PROCESSING"
        yield Event(comment=comment)
        for number, event in enumerate(super().stream(reply)):
            if number % self.every == 0:
                yield Event(comment=comment, upto=event.upto)
            yield event

    def opening(self, reply: Reply, choice: int) -> Iterator[Json]:
        del reply, choice
        yield self.text_delta({"content": ""})

    def _opens_with_call(self, reply: Reply) -> bool:
        del reply
        return False

    def text_delta(self, delta: Json) -> Json:
        content: Json = {"role": "assistant", "content": ""}
        return {**content, "reasoning": None, "reasoning_details": [], **delta}

    def tool_delta(self, call: Json) -> Json:
        return {"role": "assistant", "content": None, "tool_calls": [call]}

    def closing(self) -> Json:
        return self.text_delta({})

    def choice(self, chunk: Chunk) -> Json:
        return {
            "index": chunk.choice,
            "delta": chunk.delta,
            "finish_reason": chunk.finish,
            "native_finish_reason": chunk.finish,
            "logprobs": None,
        }

    def envelope(self, reply: Reply, choices: list[Json]) -> Json:
        return {
            "id": self.id(reply),
            "provider": "Replay",
            "model": reply.ask.model,
            "object": "chat.completion.chunk",
            "created": reply.created,
            "choices": choices,
        }

    def pad(self, reply: Reply, data: Json, chunk: Chunk) -> Json:
        del reply, chunk
        return data

    def epilogue(self, reply: Reply) -> Iterator[Event]:
        # Sent whether asked for or not.
        choice = self.choice(Chunk(0, {"role": "assistant", "content": ""}))
        yield Event(self.envelope(reply, [choice]) | {"usage": self.usage(reply)})

    def id(self, reply: Reply) -> str:
        return f"gen-{reply.created}-" + reply.token("id", 20)

    def headers(self, reply: Reply) -> dict[str, str]:
        return {"x-generation-id": self.id(reply)}

    def error(self, error: RequestError) -> Json:
        return {"error": {"code": error.status, "message": error.message}}

    def failure(self, reply: Reply, upto: int) -> Iterator[Event]:
        choice = self.choice(Chunk(0, {"content": ""}, finish="error"))
        error = {"code": "server_error", "message": "Provider disconnected unexpectedly"}
        yield Event(self.envelope(reply, [choice]) | {"error": error}, upto=upto)


class Gemini(Ollama):
    """Google's OpenAI-compatible endpoint for Gemini.

    Source: recorded chunks in open-webui/computer issue 224.
    A tool call comes whole, without ``index``; the finish reason comes beside
    the last delta.
    """

    name: ClassVar[str] = "gemini"
    reasoning_keys: ClassVar[tuple[str, ...]] = ()
    finish_beside: ClassVar[bool] = True
    named_call_stops: ClassVar[bool] = True
    call_prefix: ClassVar[str] = "function-call-"
    call_length: ClassVar[int] = 16

    def index(self, call: int) -> int | None:
        del call
        return None

    def text_delta(self, delta: Json) -> Json:
        return {**delta, "role": "assistant"}

    def tool_delta(self, call: Json) -> Json:
        return {"role": "assistant", "tool_calls": [call]}

    def envelope(self, reply: Reply, choices: list[Json]) -> Json:
        return {
            "choices": choices,
            "created": reply.created,
            "id": self.id(reply),
            "model": reply.ask.model,
            "object": "chat.completion.chunk",
        }

    def id(self, reply: Reply) -> str:
        return reply.token("id", 22)


class Mistral(Ollama):
    """Mistral's platform.

    Source: recorded streams in the tests of vercel/ai (``packages/mistral``).
    A tool call comes whole, without ``index`` and ``type``, beside the finish
    reason and the usage, which is sent whether asked for or not.
    """

    name: ClassVar[str] = "mistral"
    reasoning_keys: ClassVar[tuple[str, ...]] = ()
    finish_beside: ClassVar[bool] = True
    call_prefix: ClassVar[str] = ""
    call_length: ClassVar[int] = 9

    def opening(self, reply: Reply, choice: int) -> Iterator[Json]:
        del reply, choice
        yield {"role": "assistant", "content": ""}

    def index(self, call: int) -> int | None:
        del call
        return None

    def opened_call(self, reply: Reply, call: int, text: str) -> Json:
        opened = super().opened_call(reply, call, text)
        del opened["type"]
        return opened

    def text_delta(self, delta: Json) -> Json:
        return delta

    def tool_delta(self, call: Json) -> Json:
        return {"content": None, "tool_calls": [call]}

    def pad(self, reply: Reply, data: Json, chunk: Chunk) -> Json:
        if chunk.finish is not None:
            data["usage"] = self.usage(reply)
        return data

    def epilogue(self, reply: Reply) -> Iterator[Event]:
        del reply
        yield from ()

    def envelope(self, reply: Reply, choices: list[Json]) -> Json:
        return {
            "id": self.id(reply),
            "object": "chat.completion.chunk",
            "created": reply.created,
            "model": reply.ask.model,
            "choices": choices,
        }

    def id(self, reply: Reply) -> str:
        return reply.token("id", 32)
