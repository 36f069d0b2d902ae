"""OpenAI's chat completions, in the shape of any server that speaks them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import Self

from partialfast.replay._ask import SERVER_ERROR, Api, Ask, RequestError, read_request
from partialfast.replay._events import DONE, Json, ReplayEvent, error_body
from partialfast.replay._protocols._base import Protocol
from partialfast.replay._script import Delta, Kind, ReplayedAnswer, count_tokens
from partialfast.replay._shapes import ServerShape, shape_named

__all__ = ["Chat", "OpenAIProtocol"]


class OpenAIProtocol(Protocol):
    """What OpenAI's two APIs share: they are spoken by many servers, each in its own shape."""

    api: ClassVar[Api]
    corrupt = b'data: {"choices":[{\n\n'

    def __init__(self, shape: str = "openai") -> None:
        self.shape = shape_named(shape)
        self.ignored_choices = self.shape.ignored_choices

    def shaped(self, shape: str) -> Self:
        return type(self)(shape)

    def ask(self, body: Json, path: Mapping[str, str]) -> Ask:
        return read_request(self.api, body, model=path.get("model"))

    def error(self, error: RequestError) -> Json:
        shape, known = self.shape, error_body(error)["error"]
        other = error.type if shape.error_type is None else shape.error_type
        known["type"] = shape.error_types.get(error.status, other)
        if shape.error_code == "status":
            known["code"] = error.status
        elif shape.error_code == "null":
            known["code"] = known["param"] = None
        return {"error": {name: known[name] for name in shape.error}}

    def headers(self, reply: ReplayedAnswer) -> dict[str, str]:
        return {name: _filled(reply, text) for name, text in self.shape.headers.items()}


class Chat(OpenAIProtocol):
    """Chat completions."""

    name = api = "chat"
    paths = (
        "/v1/chat/completions",
        "/openai/v1/chat/completions",
        "/openai/deployments/{model}/chat/completions",
    )

    def stream(self, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
        return _Writer(self.shape, reply).stream()

    def whole(self, reply: ReplayedAnswer) -> Json:
        return _Writer(self.shape, reply).completion()

    def failure(self, reply: ReplayedAnswer, upto: int, *, quiet: bool) -> Iterator[ReplayEvent]:
        del quiet
        failed = self.error(SERVER_ERROR)
        if self.shape.error_choice:
            failed = _Writer(self.shape, reply).failed()
        yield ReplayEvent(failed, upto=upto)
        if self.shape.error_done:
            yield ReplayEvent(DONE, upto=upto)


#: How often a server that comments or annotates does so, in chunks.
_COMMENT_EVERY = 25
_VERDICT_EVERY = 20

_SAFE: Json = {"filtered": False, "severity": "safe"}
_VERDICT: Json = dict.fromkeys(("hate", "self_harm", "sexual", "violence"), _SAFE)
_BLOCKED: Json = _VERDICT | {"violence": {"filtered": True, "severity": "high"}}
#: What Azure's chunks have in place of an identity where they carry a verdict only.
_NOBODY: Json = {"created": 0, "id": "", "model": "", "object": ""}


@dataclass
class _Chunk:
    """One choice's part of a stream."""

    choice: int
    delta: Json
    upto: int = -1
    tokens: int = 0
    finish: str | None = None


class _Writer:
    """Writes an answer in the shape of a server."""

    def __init__(self, shape: ServerShape, reply: ReplayedAnswer) -> None:
        self.shape = shape
        self.reply = reply
        self.around_calls = shape.around_calls if self.reply.calls else {}
        first = next((d for d in self.reply.deltas if d.kind is not Kind.REASONING), None)
        single = len(self.reply.calls) == 1 and first is not None and first.kind is Kind.TOOL
        # OpenAI announces a single call together with the role.
        self.opens_with_call = shape.openai_extras and single

    # The stream

    def stream(self) -> Iterator[ReplayEvent]:
        """Give all events of a streamed answer."""
        comment = self.shape.comment
        if comment is not None:
            yield ReplayEvent(comment=comment)
        for number, event in enumerate(self._events()):
            if comment is not None and number % _COMMENT_EVERY == 0:
                yield ReplayEvent(comment=comment, upto=event.upto)
            if self.shape.verdicts == "beside" and (
                event.data == DONE or (number and number % _VERDICT_EVERY == 0)
            ):
                yield ReplayEvent(_annotation(number), upto=event.upto)
            yield event

    def _events(self) -> list[ReplayEvent]:
        shape, ask, end = self.shape, self.reply.ask, len(self.reply.deltas)
        filters = shape.verdicts != "none"
        events: list[ReplayEvent] = []
        if filters:
            prompt = [{"prompt_index": 0, "content_filter_results": _VERDICT}]
            events.append(ReplayEvent(_NOBODY | {"choices": [], "prompt_filter_results": prompt}))
        for chunk in self._chunks():
            data = self._around([self._choice(chunk)])
            if shape.openai_extras and ask.obfuscation and chunk.finish is None:
                data["obfuscation"] = self.reply.token("pad", 1 + (chunk.upto + 7) % 16)
            if shape.usage == "beside" and chunk.finish is not None:
                data["usage"] = self._usage()
            events.append(ReplayEvent(data, upto=chunk.upto, tokens=chunk.tokens))
        # Azure's filter ends the stream at once.
        blocked = filters and self.reply.finish == "content_filter"
        with_choice = shape.usage == "with-choice"
        if with_choice or (shape.usage == "asked" and ask.include_usage and not blocked):
            silent = _Chunk(0, {"role": "assistant", "content": ""})
            choices = [self._choice(silent)] if with_choice else []
            events.append(ReplayEvent(self._around(choices) | {"usage": self._usage()}, upto=end))
        if shape.llama_cpp and isinstance(events[-1].data, dict):
            events[-1].data["timings"] = self._timings()
        if shape.done:
            events.append(ReplayEvent(DONE, upto=end))
        return events

    def _chunks(self) -> list[_Chunk]:
        shape, choices = self.shape, range(self.reply.ask.choices)
        opening = self._opening()
        chunks = [_Chunk(choice, dict(opening)) for choice in choices if opening is not None]
        chunks.extend(self._pieces())
        last = {chunk.choice: chunk for chunk in chunks} if shape.finish_beside else {}
        for choice in choices:
            if choice not in last:
                closing = {**shape.closing, **self.around_calls}
                last[choice] = _Chunk(choice, closing, len(self.reply.deltas))
                chunks.append(last[choice])
            last[choice].finish = self._finish()
        return chunks

    def _opening(self) -> Json | None:
        """Give the delta that announces the role."""
        opening = self.shape.opening
        if opening is None or not self.shape.openai_extras:
            return None if opening is None else {**self.around_calls, **opening}
        content: Json = {"content": None if self.reply.calls else ""}
        if self.opens_with_call:
            content["tool_calls"] = [self._call(0, "", opens=True)]
        return {**opening, **content}

    def _pieces(self) -> Iterator[_Chunk]:
        whole = self.shape.whole_calls
        for number, delta in (
            self.reply.with_whole_calls() if whole else enumerate(self.reply.deltas)
        ):
            for part in self._parts(delta):
                yield _Chunk(delta.choice, part, number, count_tokens(delta.text))

    def _parts(self, delta: Delta) -> Iterator[Json]:
        """Give the deltas that the server makes of one."""
        if delta.kind is not Kind.TOOL:
            own = {Kind.REASONING: self.shape.reasoning, Kind.REFUSAL: self.shape.refusal}
            key = own.get(delta.kind, "content")
            if key is not None:
                yield {**self.shape.text, key: delta.text}
            return
        opens = delta.opens
        if opens and not self.shape.first_arguments:
            if not self.opens_with_call:
                yield self._call_delta(delta.call, "", opens=True)
            opens = False
        if delta.text or self.shape.first_arguments:
            yield self._call_delta(delta.call, delta.text, opens=opens or self.shape.legacy_call)

    def _call_delta(self, number: int, text: str, *, opens: bool) -> Json:
        call = self._call(number, text, opens=opens)
        legacy = {"function_call": call["function"]} if self.shape.legacy_call else {}
        return {**self.shape.call, "tool_calls": [call], **legacy}

    def _call(self, number: int, text: str, *, opens: bool) -> Json:
        call = self.reply.calls[number]
        index = call.index if call.index is not None else number if self.shape.call_index else None
        value: Json = {} if index in {None, "omit"} else {"index": index}
        if not opens:
            return value | {"function": {"arguments": text}}
        value["id"] = self.reply.call_id(number, *self.shape.call_id)
        if self.shape.call_type:
            value["type"] = "function"
        return value | {"function": {"name": call.name, "arguments": text}}

    def _choice(self, chunk: _Chunk) -> Json:
        shape, finish = self.shape, chunk.finish
        choice = {
            "index": chunk.choice,
            "delta": chunk.delta,
            **shape.choice,
            "finish_reason": shape.open_finish if finish is None else finish,
        }
        if "native_finish_reason" in choice:
            choice["native_finish_reason"] = finish
        if shape.token_ids and chunk.upto >= 0:
            choice["token_ids"] = None
        if shape.token_ids and finish is not None:
            choice["stop_reason"] = None
        if shape.verdicts != "none":
            verdict = _BLOCKED if finish == "content_filter" else _VERDICT
            speaks = finish == "content_filter" or chunk.delta.get("content")
            choice["content_filter_results"] = verdict if speaks else {}
        return choice

    def _around(self, choices: list[Json]) -> Json:
        """Give a chunk around its choices."""
        data = self._identity("chat.completion.chunk") | {**self.shape.chunk, "choices": choices}
        if self.shape.openai_extras and self.reply.ask.include_usage:
            data["usage"] = None
        return data

    def failed(self) -> Json:
        """Give the chunk of a server that says beside a choice that generation died."""
        choice = self._choice(_Chunk(0, {"content": ""}, finish="error"))
        error = {"code": "server_error", "message": "Provider disconnected unexpectedly"}
        return self._around([choice]) | {"error": error}

    # Without streaming

    def completion(self) -> Json:
        """Give the whole answer of a request that does not stream."""
        whole = self._identity("chat.completion") | {
            "choices": [
                {
                    "index": choice,
                    "message": self._message(choice),
                    "logprobs": None,
                    "finish_reason": self._finish(),
                }
                for choice in range(self.reply.ask.choices)
            ],
            "usage": self._usage(),
            "service_tier": "default",
            "system_fingerprint": "fp_replay",
        }
        return whole | ({"timings": self._timings()} if self.shape.llama_cpp else {})

    def _message(self, choice: int) -> Json:
        shape, reply = self.shape, self.reply
        content, refusal, reasoning = (
            reply.text(kind, choice=choice) for kind in (Kind.CONTENT, Kind.REFUSAL, Kind.REASONING)
        )
        nothing = (refusal or reply.calls) and not content
        message: Json = {"role": "assistant", "content": None if nothing else content}
        if shape.refusal == "refusal":
            message["refusal"] = refusal or None
        else:
            message["content"] = message["content"] or refusal or None
        if shape.verdicts != "none":
            message["annotations"] = []
        if reply.calls:
            message["tool_calls"] = [
                {
                    "id": reply.call_id(number, *shape.call_id),
                    "type": "function",
                    "function": {
                        "name": call.name,
                        "arguments": reply.text(Kind.TOOL, choice=choice, call=number),
                    },
                }
                for number, call in enumerate(reply.calls)
            ]
        if reasoning and shape.reasoning is not None:
            message[shape.reasoning] = reasoning
        return message

    # Shared by both

    def _identity(self, kind: str) -> Json:
        return {
            "id": _filled(self.reply, self.shape.id),
            "object": kind,
            "created": self.reply.created,
            "model": self.reply.ask.model,
        }

    def _finish(self) -> str:
        finish = self.reply.finish
        stops = self.shape.named_call_stops or self.reply.recording.finish_reason is not None
        return "tool_calls" if finish == "stop" and self.reply.calls and not stops else finish

    def _usage(self) -> Json:
        usage: Json = {
            "prompt_tokens": self.reply.prompt_tokens,
            "completion_tokens": self.reply.completion_tokens,
            "total_tokens": self.reply.total_tokens,
        }
        if self.shape.usage_details:
            usage["prompt_tokens_details"] = {"cached_tokens": 0, "audio_tokens": 0}
            usage["completion_tokens_details"] = {
                "reasoning_tokens": self.reply.reasoning_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            }
        return self.reply.usage(usage)

    def _timings(self) -> Json:
        return {"prompt_n": self.reply.prompt_tokens, "predicted_n": self.reply.completion_tokens}


_FIELD = re.compile(r"\{(?P<name>\w+)(?::(?P<length>\d+))?\}")


def _filled(reply: ReplayedAnswer, text: str) -> str:
    """Fill in what an id or a header has of the answer."""

    def value(found: re.Match[str]) -> str:
        if found["length"] is not None:
            return reply.token(found["name"], int(found["length"]))
        # Ollama counts its answers, and begins anew.
        return {"created": str(reply.created), "number": str(reply.number % 999)}[found["name"]]

    return _FIELD.sub(value, text)


def _annotation(number: int) -> Json:
    offsets = {"check_offset": 140, "start_offset": 140, "end_offset": 140 + number}
    verdict = {"content_filter_offsets": offsets, "content_filter_results": _VERDICT}
    return _NOBODY | {"choices": [verdict | {"finish_reason": None, "index": 0}]}
