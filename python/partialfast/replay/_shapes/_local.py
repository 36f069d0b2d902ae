"""Servers that people run themselves: vLLM, llama.cpp, Ollama."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from partialfast.replay._reply import DONE, Event, Json, Reply
from partialfast.replay._request import RequestError
from partialfast.replay._script import Delta, Kind
from partialfast.replay._shapes._openai import Chunk, OpenAI

__all__ = ["VLLM", "IkLlamaCpp", "LlamaCpp", "Ollama", "Ollama2024"]


class VLLM(OpenAI):
    """vLLM.

    Source: vllm-project/vllm, ``entrypoints/openai/chat_completion/serving.py``.
    The role always comes with empty content; the first piece of a call carries
    arguments; the last delta comes beside the finish reason; an error inside
    the stream is still followed by ``[DONE]``. Reasoning is ``reasoning`` (older
    versions: ``reasoning_content``).
    """

    name: ClassVar[str] = "vllm"
    reasoning_keys: ClassVar[tuple[str, ...]] = ("reasoning",)
    finish_beside: ClassVar[bool] = True
    reasoning_summary: ClassVar[bool] = False
    call_prefix: ClassVar[str] = "chatcmpl-tool-"
    call_length: ClassVar[int] = 32

    def opening(self, reply: Reply, choice: int) -> Iterator[Json]:
        del reply, choice
        yield {"role": "assistant", "content": ""}

    def parts(self, reply: Reply, delta: Delta) -> Iterator[Json]:
        if delta.kind is Kind.TOOL:
            piece = self.opened_call if delta.opens else self.continued_call
            yield self.tool_delta(piece(reply, delta.call, delta.text))
        elif delta.kind is Kind.REFUSAL:
            # Open models have no refusal of their own: it is content like any other.
            yield self.text_delta({"content": delta.text})
        else:
            yield from super().parts(reply, delta)

    def choice(self, chunk: Chunk) -> Json:
        choice = super().choice(chunk)
        if chunk.upto >= 0:
            choice["token_ids"] = None
        if chunk.finish is not None:
            choice["stop_reason"] = None
        return choice

    def envelope(self, reply: Reply, choices: list[Json]) -> Json:
        return {
            "id": self.id(reply),
            "object": "chat.completion.chunk",
            "created": reply.created,
            "model": reply.ask.model,
            "choices": choices,
        }

    def pad(self, reply: Reply, data: Json, chunk: Chunk) -> Json:
        del reply, chunk
        return data

    def message(self, reply: Reply, choice: int) -> Json:
        message = super().message(reply, choice)
        refusal = message.pop("refusal")
        message["content"] = message["content"] or refusal
        return message

    def id(self, reply: Reply) -> str:
        return "chatcmpl-" + reply.token("id", 32)

    def usage_details(self, reply: Reply) -> Json:
        del reply
        return {}

    def headers(self, reply: Reply) -> dict[str, str]:
        del reply
        return {}

    def error(self, error: RequestError) -> Json:
        kinds = {400: "BadRequestError", 404: "NotFoundError", 500: "InternalServerError"}
        kind = kinds.get(error.status, error.type)
        details = {"message": error.message, "type": kind, "param": error.param}
        return {"error": {**details, "code": error.status}}

    def failure(self, reply: Reply, upto: int) -> Iterator[Event]:
        yield from super().failure(reply, upto)
        yield Event(DONE, upto=upto)


class LlamaCpp(VLLM):
    """llama.cpp's llama-server.

    Source: ggml-org/llama.cpp, ``tools/server/server-task.cpp``
    (``to_json_oaicompat_chat``, ``..._chat_stream``, ``..._resp_stream``) and
    ``common/chat.cpp`` (``common_chat_msg_diff_to_json_oaicompat``). The role
    comes with content ``null``; any call ends with ``tool_calls``; the last
    chunk has ``timings``. Its Responses API sends no indices.
    """

    name: ClassVar[str] = "llama.cpp"
    reasoning_keys: ClassVar[tuple[str, ...]] = ("reasoning_content",)
    finish_beside: ClassVar[bool] = False
    named_call_stops: ClassVar[bool] = False
    bare_responses: ClassVar[bool] = True
    call_prefix: ClassVar[str] = ""

    def opening(self, reply: Reply, choice: int) -> Iterator[Json]:
        del reply, choice
        yield {"role": "assistant", "content": None}

    def choice(self, chunk: Chunk) -> Json:
        return {"finish_reason": chunk.finish, "index": chunk.choice, "delta": chunk.delta}

    def envelope(self, reply: Reply, choices: list[Json]) -> Json:
        return {
            "choices": choices,
            "created": reply.created,
            "id": self.id(reply),
            "model": reply.ask.model,
            "system_fingerprint": "b0000-replay",
            "object": "chat.completion.chunk",
        }

    def stream(self, reply: Reply) -> Iterator[Event]:
        events = list(super().stream(reply))
        last = [event for event in events if isinstance(event.data, dict)][-1]
        if isinstance(last.data, dict):
            last.data["timings"] = self._timings(reply)
        yield from events

    def completion(self, reply: Reply) -> Json:
        return super().completion(reply) | {"timings": self._timings(reply)}

    def _timings(self, reply: Reply) -> Json:
        script = reply.script
        return {"prompt_n": script.prompt_tokens, "predicted_n": script.completion_tokens}

    def error(self, error: RequestError) -> Json:
        kinds = {400: "invalid_request_error", 404: "not_found_error", 500: "server_error"}
        kind = kinds.get(error.status, error.type)
        return {"error": {"code": error.status, "message": error.message, "type": kind}}

    def failure(self, reply: Reply, upto: int) -> Iterator[Event]:
        yield from OpenAI.failure(self, reply, upto)


class IkLlamaCpp(LlamaCpp):
    """ik_llama.cpp before its fix: as llama.cpp, but without ``[DONE]``.

    Source: ikawrakow/ik_llama.cpp issue 467.
    """

    name: ClassVar[str] = "ik_llama.cpp"
    done: ClassVar[bool] = False


class Ollama(VLLM):
    """Ollama's OpenAI-compatible endpoint.

    Source: ollama/ollama, ``openai/openai.go`` (``ToChunk``, ``ToToolCalls``)
    and ``middleware/openai.go``. Every delta has the role and a content, empty
    or not; a tool call comes whole in one chunk; any call ends with
    ``tool_calls``, in a chunk of its own.
    """

    name: ClassVar[str] = "ollama"
    whole_calls: ClassVar[bool] = True
    finish_beside: ClassVar[bool] = False
    named_call_stops: ClassVar[bool] = False
    call_prefix: ClassVar[str] = "call_"
    call_length: ClassVar[int] = 8

    def opening(self, reply: Reply, choice: int) -> Iterator[Json]:
        del reply, choice
        yield from ()

    def text_delta(self, delta: Json) -> Json:
        return {"role": "assistant", "content": "", **delta}

    def tool_delta(self, call: Json) -> Json:
        return {"role": "assistant", "content": "", "tool_calls": [call]}

    def closing(self) -> Json:
        return {"role": "assistant", "content": ""}

    def choice(self, chunk: Chunk) -> Json:
        finish = self.open_finish if chunk.finish is None else chunk.finish
        return {"index": chunk.choice, "delta": chunk.delta, "finish_reason": finish}

    def envelope(self, reply: Reply, choices: list[Json]) -> Json:
        return {
            "id": self.id(reply),
            "object": "chat.completion.chunk",
            "created": reply.created,
            "model": reply.ask.model,
            "system_fingerprint": "fp_ollama",
            "choices": choices,
        }

    def id(self, reply: Reply) -> str:
        return f"chatcmpl-{reply.number % 999}"

    def error(self, error: RequestError) -> Json:
        kinds = {400: "invalid_request_error", 404: "not_found_error"}
        kind = kinds.get(error.status, "api_error")
        return {"error": {"message": error.message, "type": kind, "param": None, "code": None}}

    def failure(self, reply: Reply, upto: int) -> Iterator[Event]:
        yield from OpenAI.failure(self, reply, upto)


class Ollama2024(Ollama):
    """Ollama 0.1: the finish reason of an unfinished chunk is an empty string.

    Source: ollama/ollama issue 4357.
    """

    name: ClassVar[str] = "ollama-0.1"
    open_finish: ClassVar[str | None] = ""
