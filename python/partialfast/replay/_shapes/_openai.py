"""The reference form of a chat completion, OpenAI's own, which all others vary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from partialfast.replay._reply import DONE, Event, Json, Reply, error_body
from partialfast.replay._request import RequestError
from partialfast.replay._script import Delta, Kind, count_tokens

__all__ = ["Chunk", "OpenAI", "server_error"]


@dataclass
class Chunk:
    """One choice's part of a stream, before it is given the server's envelope."""

    choice: int
    delta: Json
    upto: int = -1
    tokens: int = 0
    finish: str | None = None


class OpenAI:
    """api.openai.com.

    Source: the API reference ("Chat completion chunk object"), the types of
    openai-python 3.54, and streams recorded by others (aaif-goose/goose,
    ``providers/formats/openai.rs``). A forced function ends with ``stop``
    (vllm-project/vllm pull request 25054 lists OpenAI's finish reasons).
    Reasoning is never sent, only counted.
    """

    name: ClassVar[str] = "openai"
    #: Delta fields that carry reasoning.
    reasoning_keys: ClassVar[tuple[str, ...]] = ()
    #: Tool calls come whole, in one chunk each.
    whole_calls: ClassVar[bool] = False
    #: The finish reason comes in the chunk of the last delta, not in one of its own.
    finish_beside: ClassVar[bool] = False
    #: The stream ends with ``data: [DONE]``.
    done: ClassVar[bool] = True
    #: A call of a named function ends with ``stop`` as OpenAI does it.
    named_call_stops: ClassVar[bool] = True
    #: What the chunks before the last have as finish reason.
    open_finish: ClassVar[str | None] = None
    #: The Responses API as llama.cpp has it, see `partialfast.replay._responses`.
    bare_responses: ClassVar[bool] = False
    #: Reasoning in the Responses API is a summary (OpenAI), else plain reasoning text.
    reasoning_summary: ClassVar[bool] = True
    call_prefix: ClassVar[str] = "call_"
    call_length: ClassVar[int] = 24

    # The stream

    def stream(self, reply: Reply) -> Iterator[Event]:
        """Give all events of a streamed answer."""
        yield from self.prologue(reply)
        for chunk in self._chunks(reply):
            data = self.envelope(reply, [self.choice(chunk)])
            yield Event(self.pad(reply, data, chunk), upto=chunk.upto, tokens=chunk.tokens)
        end = len(reply.script.deltas)
        for event in self.epilogue(reply):
            yield Event(event.data, comment=event.comment, upto=end)
        if self.done:
            yield Event(DONE, upto=end)

    def prologue(self, reply: Reply) -> Iterator[Event]:
        """Give what comes before the first chunk."""
        del reply
        yield from ()

    def epilogue(self, reply: Reply) -> Iterator[Event]:
        """Give what comes after the chunk with the finish reason."""
        if reply.ask.include_usage:
            yield Event(self.envelope(reply, []) | {"usage": self.usage(reply)})

    def _chunks(self, reply: Reply) -> Iterator[Chunk]:
        script = reply.script
        choices = range(reply.ask.choices)
        chunks = [
            Chunk(choice, delta) for choice in choices for delta in self.opening(reply, choice)
        ]
        chunks.extend(self._whole(reply) if self.whole_calls else self._pieces(reply))
        finish = self.finish(reply)
        last = {chunk.choice: chunk for chunk in chunks} if self.finish_beside else {}
        for choice in choices:
            if choice in last:
                last[choice].finish = finish
            else:
                chunks.append(Chunk(choice, self.closing(), len(script.deltas), finish=finish))
        return iter(chunks)

    def _pieces(self, reply: Reply) -> Iterator[Chunk]:
        for number, delta in enumerate(reply.script.deltas):
            tokens = count_tokens(delta.text)
            for parts in self.parts(reply, delta):
                yield Chunk(delta.choice, parts, number, tokens)

    def _whole(self, reply: Reply) -> Iterator[Chunk]:
        """Give the pieces of text as they come, but a tool call only with its last piece."""
        deltas = reply.script.deltas
        last = {
            (delta.choice, delta.call): number
            for number, delta in enumerate(deltas)
            if delta.kind is Kind.TOOL
        }
        for number, delta in enumerate(deltas):
            if delta.kind is not Kind.TOOL:
                for parts in self.parts(reply, delta):
                    yield Chunk(delta.choice, parts, number, count_tokens(delta.text))
            elif last[delta.choice, delta.call] == number:
                text = reply.script.text(Kind.TOOL, choice=delta.choice, call=delta.call)
                call = self.opened_call(reply, delta.call, text)
                yield Chunk(delta.choice, self.tool_delta(call), number, count_tokens(text))

    def opening(self, reply: Reply, choice: int) -> Iterator[Json]:
        """Give the deltas that announce the role."""
        del choice
        if self._opens_with_call(reply):
            call = self.opened_call(reply, 0, "")
            yield {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None}
        else:
            content = None if reply.script.calls else ""
            yield {"role": "assistant", "content": content, "refusal": None}

    def _opens_with_call(self, reply: Reply) -> bool:
        """Say whether the first delta has the role and the call: so it is for a single one."""
        first = next((d for d in reply.script.deltas if d.kind is not Kind.REASONING), None)
        return len(reply.script.calls) == 1 and first is not None and first.kind is Kind.TOOL

    def parts(self, reply: Reply, delta: Delta) -> Iterator[Json]:
        """Give the deltas that carry a piece of the answer."""
        if delta.kind is Kind.REASONING:
            if self.reasoning_keys:
                yield self.text_delta(dict.fromkeys(self.reasoning_keys, delta.text))
        elif delta.kind is Kind.CONTENT:
            yield self.text_delta({"content": delta.text})
        elif delta.kind is Kind.REFUSAL:
            yield self.text_delta({"refusal": delta.text})
        else:
            if delta.opens and not self._opens_with_call(reply):
                yield self.tool_delta(self.opened_call(reply, delta.call, ""))
            if delta.text:
                yield self.tool_delta(self.continued_call(reply, delta.call, delta.text))

    def text_delta(self, delta: Json) -> Json:
        """Give a delta of text."""
        return delta

    def tool_delta(self, call: Json) -> Json:
        """Give a delta of a tool call."""
        return {"tool_calls": [call]}

    def closing(self) -> Json:
        """Give the delta beside the finish reason."""
        return {}

    def opened_call(self, reply: Reply, call: int, text: str) -> Json:
        """Give the first piece of a tool call."""
        return self._indexed(
            reply,
            call,
            {
                "id": reply.call_id(call, self.call_prefix, self.call_length),
                "type": "function",
                "function": {"name": reply.call(call).name, "arguments": text},
            },
        )

    def continued_call(self, reply: Reply, call: int, text: str) -> Json:
        """Give a later piece of a tool call."""
        return self._indexed(reply, call, {"function": {"arguments": text}})

    def index(self, call: int) -> int | None:
        """Give the index of a tool call, or ``None`` to leave it out."""
        return call

    def _indexed(self, reply: Reply, call: int, value: Json) -> Json:
        recorded = reply.call(call).index
        if recorded == "omit":
            return value
        index = self.index(call) if recorded is None else recorded
        return value if index is None else {"index": index, **value}

    def finish(self, reply: Reply) -> str:
        """Give the finish reason."""
        script = reply.script
        recorded = reply.recording.finish_reason
        if (
            recorded is None
            and script.finish == "stop"
            and script.calls
            and not self.named_call_stops
        ):
            return "tool_calls"
        return script.finish

    def choice(self, chunk: Chunk) -> Json:
        """Give a chunk's choice."""
        return {
            "index": chunk.choice,
            "delta": chunk.delta,
            "logprobs": None,
            "finish_reason": self.open_finish if chunk.finish is None else chunk.finish,
        }

    def envelope(self, reply: Reply, choices: list[Json]) -> Json:
        """Give a chunk around its choices."""
        data: Json = {
            "id": self.id(reply),
            "object": "chat.completion.chunk",
            "created": reply.created,
            "model": reply.ask.model,
            "service_tier": "default",
            "system_fingerprint": "fp_replay",
            "choices": choices,
        }
        if reply.ask.include_usage:
            data["usage"] = None
        return data

    def pad(self, reply: Reply, data: Json, chunk: Chunk) -> Json:
        """Add the padding that hides the length of a delta."""
        if reply.ask.obfuscation and chunk.finish is None:
            length = 1 + (chunk.upto + 7) % 16
            data["obfuscation"] = reply.token("pad", length)
        return data

    # Without streaming

    def completion(self, reply: Reply) -> Json:
        """Give the whole answer of a request that does not stream."""
        return {
            "id": self.id(reply),
            "object": "chat.completion",
            "created": reply.created,
            "model": reply.ask.model,
            "choices": [
                {
                    "index": choice,
                    "message": self.message(reply, choice),
                    "logprobs": None,
                    "finish_reason": self.finish(reply),
                }
                for choice in range(reply.ask.choices)
            ],
            "usage": self.usage(reply),
            "service_tier": "default",
            "system_fingerprint": "fp_replay",
        }

    def message(self, reply: Reply, choice: int) -> Json:
        """Give the message of a whole answer."""
        script = reply.script
        content = script.text(Kind.CONTENT, choice=choice)
        refusal = script.text(Kind.REFUSAL, choice=choice)
        message: Json = {
            "role": "assistant",
            "content": None if (refusal or script.calls) and not content else content,
            "refusal": refusal or None,
        }
        if script.calls:
            message["tool_calls"] = [
                {
                    "id": reply.call_id(call, self.call_prefix, self.call_length),
                    "type": "function",
                    "function": {
                        "name": reply.call(call).name,
                        "arguments": script.text(Kind.TOOL, choice=choice, call=call),
                    },
                }
                for call in range(len(script.calls))
            ]
        reasoning = script.text(Kind.REASONING, choice=choice)
        if reasoning:
            message.update(dict.fromkeys(self.reasoning_keys, reasoning))
        return message

    # Shared by both

    def id(self, reply: Reply) -> str:
        """Give the answer's id."""
        return "chatcmpl-" + reply.token("id", 29)

    def usage(self, reply: Reply) -> Json:
        """Give the token usage."""
        script = reply.script
        return dict(reply.recording.usage or {}) or {
            "prompt_tokens": script.prompt_tokens,
            "completion_tokens": script.completion_tokens,
            "total_tokens": script.prompt_tokens + script.completion_tokens,
            **self.usage_details(reply),
        }

    def usage_details(self, reply: Reply) -> Json:
        """Give what the usage has beside the three counts."""
        return {
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": reply.script.reasoning_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    def headers(self, reply: Reply) -> dict[str, str]:
        """Give the response headers beside the content type."""
        return {
            "x-request-id": "req_" + reply.token("request", 32),
            "openai-version": "2020-10-01",
        }

    def error(self, error: RequestError) -> Json:
        """Give the body of an error response."""
        return error_body(error)

    def failure(self, reply: Reply, upto: int) -> Iterator[Event]:
        """Give what comes instead of the rest when generation dies midway."""
        del reply
        yield Event(self.error(server_error()), upto=upto)


def server_error() -> RequestError:
    """Make OpenAI's error for a failure of its own."""
    message = "The server had an error while processing your request. Sorry about that!"
    return RequestError(500, message, type="server_error")
