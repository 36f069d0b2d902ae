"""OpenAI's chat completions, in the shape of any server that speaks them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from typing_extensions import Self

from partialfast.replay._ask import SERVER_ERROR, Ask, RequestError, read_request
from partialfast.replay._events import DONE, Json, ReplayEvent
from partialfast.replay._protocols._base import Protocol
from partialfast.replay._script import Delta, Kind, ReplayedAnswer, count_tokens
from partialfast.replay._shapes import ServerShape, shape_named

__all__ = ["Chat", "OpenAIProtocol"]


class OpenAIProtocol(Protocol):
    """What OpenAI's two APIs share: they are spoken by many servers, each in its own shape."""

    corrupt = b'data: {"choices":[{\n\n'

    def __init__(self, shape: str = "openai") -> None:
        self.shape = shape_named(shape)
        self.ignored_choices = self.shape.ignored_choices
        self.answer_headers = tuple(self.shape.headers.items())

    def shaped(self, shape: str) -> Self:
        return type(self)(shape)

    def ask(self, body: Json, path: Mapping[str, str]) -> Ask:
        return read_request(self.name, body, model=path.get("model"))

    def error(self, error: RequestError) -> Json:
        kind = self.shape.error_types.get(error.status, self.shape.error_type or error.type)
        known = asdict(error) | {"type": kind, None: None}
        return {"error": {name: known[source] for name, source in self.shape.error.items()}}


class Chat(OpenAIProtocol):
    """Chat completions."""

    name = "chat"
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

_NOT_USED = ("audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens")
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
                data["obfuscation"] = self.reply.pad(chunk.upto)
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
        shape, reply, choices = self.shape, self.reply, range(self.reply.ask.choices)
        openings = choices if shape.opening is not None else ()
        chunks = [_Chunk(choice, self._opening()) for choice in openings]
        for number, delta in (
            reply.with_whole_calls() if shape.whole_calls else enumerate(reply.deltas)
        ):
            tokens = count_tokens(delta.text)
            chunks += [_Chunk(delta.choice, part, number, tokens) for part in self._parts(delta)]
        last = {chunk.choice: chunk for chunk in chunks} if shape.finish_beside else {}
        for choice in choices:
            if choice not in last:
                closing = {**shape.closing, **self.around_calls}
                last[choice] = _Chunk(choice, closing, len(reply.deltas))
                chunks.append(last[choice])
            last[choice].finish = self._finish()
        return chunks

    def _opening(self) -> Json:
        """Give the delta that announces the role."""
        opening = {**self.around_calls, **(self.shape.opening or {})}
        if self.shape.openai_extras:
            opening["content"] = None if self.reply.calls else ""
        if self.opens_with_call:
            opening |= self._call(0, "", opens=True)
        return opening

    def _parts(self, delta: Delta) -> Iterator[Json]:
        """Give the deltas that the server makes of one."""
        shape, opens = self.shape, delta.opens
        if delta.kind is not Kind.TOOL:
            own = {Kind.REASONING: shape.reasoning, Kind.REFUSAL: shape.refusal}
            key = own.get(delta.kind, "content")
            if key is not None:
                yield {**shape.text, key: delta.text}
            return
        if opens and not shape.first_arguments:
            if not self.opens_with_call:
                yield {**shape.call, **self._call(delta.call, "", opens=True)}
            opens = False
        if delta.text or shape.first_arguments:
            call = self._call(delta.call, delta.text, opens=opens or shape.legacy_call)
            yield {**shape.call, **call}

    def _call(self, number: int, text: str, *, opens: bool) -> Json:
        """Give what a delta has of a call."""
        shape, index = self.shape, self.reply.calls[number].index
        index = number if index is None and shape.call_index else index
        value: Json = {} if index in {None, "omit"} else {"index": index}
        value |= self._function(number, text) if opens else {"function": {"arguments": text}}
        if not shape.call_type:
            value.pop("type", None)
        legacy = {"function_call": value["function"]} if shape.legacy_call else {}
        return {"tool_calls": [value], **legacy}

    def _function(self, number: int, text: str) -> Json:
        """Give a call with its arguments, or the first piece of them."""
        made = {"id": self.reply.call_id(number, self.shape.call_id), "type": "function"}
        return made | {"function": {"name": self.reply.calls[number].name, "arguments": text}}

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
        end = {"logprobs": None, "finish_reason": self._finish()}
        choices = [
            {"index": choice, "message": self._message(choice), **end}
            for choice in range(self.reply.ask.choices)
        ]
        whole = self._identity("chat.completion") | {"choices": choices, "usage": self._usage()}
        whole |= {"service_tier": "default", "system_fingerprint": "fp_replay"}
        return whole | ({"timings": self._timings()} if self.shape.llama_cpp else {})

    def _message(self, choice: int) -> Json:
        shape, reply = self.shape, self.reply
        content, refusal, reasoning = (
            reply.text(kind, choice=choice) for kind in (Kind.CONTENT, Kind.REFUSAL, Kind.REASONING)
        )
        blank = None if refusal or reply.calls else ""
        message: Json = {"role": "assistant", "content": content or blank}
        if shape.refusal == "refusal":
            message["refusal"] = refusal or None
        else:
            message["content"] = content or refusal or None
        if shape.verdicts != "none":
            message["annotations"] = []
        if reply.calls:
            message["tool_calls"] = [
                self._function(call, reply.text(Kind.TOOL, choice=choice, call=call))
                for call in range(len(reply.calls))
            ]
        if reasoning and shape.reasoning is not None:
            message[shape.reasoning] = reasoning
        return message

    # Shared by both

    def _identity(self, kind: str) -> Json:
        of = {"created": self.reply.created, "model": self.reply.ask.model}
        return {"id": self.reply.fill(self.shape.id), "object": kind, **of}

    def _finish(self) -> str:
        finish = self.reply.finish
        stops = self.shape.named_call_stops or self.reply.recording.finish_reason is not None
        return "tool_calls" if finish == "stop" and self.reply.calls and not stops else finish

    def _usage(self) -> Json:
        usage = self.reply.counts("prompt_tokens", "completion_tokens", "total_tokens")
        if self.shape.usage_details:
            usage["prompt_tokens_details"] = {"cached_tokens": 0, "audio_tokens": 0}
            reasoning = {"reasoning_tokens": self.reply.reasoning_tokens}
            usage["completion_tokens_details"] = reasoning | dict.fromkeys(_NOT_USED, 0)
        return self.reply.usage(usage)

    def _timings(self) -> Json:
        return {"prompt_n": self.reply.prompt_tokens, "predicted_n": self.reply.completion_tokens}


def _annotation(number: int) -> Json:
    offsets = {"check_offset": 140, "start_offset": 140, "end_offset": 140 + number}
    verdict = {"content_filter_offsets": offsets, "content_filter_results": _VERDICT}
    return _NOBODY | {"choices": [verdict | {"finish_reason": None, "index": 0}]}
