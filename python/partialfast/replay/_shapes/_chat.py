"""Gives an answer as a chat completion, in the shape of a server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from partialfast.replay._ask import RequestError
from partialfast.replay._reply import DONE, Json, ReplayedAnswer, ReplayEvent
from partialfast.replay._script import Delta, Kind, count_tokens
from partialfast.replay._shapes._shape import ServerShape

__all__ = ["ChatWriter", "server_error"]

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


class ChatWriter:
    """Writes answers in one shape.

    Args:
        shape: What tells the server from others.
    """

    def __init__(self, shape: ServerShape) -> None:
        self.shape = shape

    # The stream

    def stream(self, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
        """Give all events of a streamed answer."""
        comment = self.shape.comment
        if comment is not None:
            yield ReplayEvent(comment=comment)
        for number, event in enumerate(self._events(reply)):
            if comment is not None and number % _COMMENT_EVERY == 0:
                yield ReplayEvent(comment=comment, upto=event.upto)
            if self.shape.verdicts == "beside" and (
                event.data == DONE or (number and number % _VERDICT_EVERY == 0)
            ):
                yield ReplayEvent(_annotation(number), upto=event.upto)
            yield event

    def _events(self, reply: ReplayedAnswer) -> list[ReplayEvent]:
        shape, end = self.shape, len(reply.script.deltas)
        events: list[ReplayEvent] = []
        if shape.verdicts != "none":
            prompt = [{"prompt_index": 0, "content_filter_results": _VERDICT}]
            events.append(ReplayEvent(_NOBODY | {"choices": [], "prompt_filter_results": prompt}))
        for chunk in self._chunks(reply):
            data = self._around(reply, [self._choice(chunk)])
            if shape.obfuscates and reply.ask.obfuscation and chunk.finish is None:
                data["obfuscation"] = reply.token("pad", 1 + (chunk.upto + 7) % 16)
            if shape.usage == "beside" and chunk.finish is not None:
                data["usage"] = self.usage(reply)
            events.append(ReplayEvent(data, upto=chunk.upto, tokens=chunk.tokens))
        # Azure's filter ends the stream at once.
        blocked = shape.verdicts != "none" and reply.script.finish == "content_filter"
        choices: list[Json] | None = None
        if shape.usage == "with-choice":
            choices = [self._choice(_Chunk(0, {"role": "assistant", "content": ""}))]
        elif shape.usage == "asked" and reply.ask.include_usage and not blocked:
            choices = []
        if choices is not None:
            data = self._around(reply, choices) | {"usage": self.usage(reply)}
            events.append(ReplayEvent(data, upto=end))
        if shape.timings and isinstance(events[-1].data, dict):
            events[-1].data["timings"] = _timings(reply)
        if shape.done:
            events.append(ReplayEvent(DONE, upto=end))
        return events

    def _chunks(self, reply: ReplayedAnswer) -> list[_Chunk]:
        shape, script = self.shape, reply.script
        choices = range(reply.ask.choices)
        opening = self._opening(reply)
        chunks = [_Chunk(choice, dict(opening)) for choice in choices if opening is not None]
        chunks.extend(self._pieces(reply))
        last = {chunk.choice: chunk for chunk in chunks} if shape.finish_beside else {}
        for choice in choices:
            if choice not in last:
                closing = {**shape.closing, **(shape.around_calls if script.calls else {})}
                last[choice] = _Chunk(choice, closing, len(script.deltas))
                chunks.append(last[choice])
            last[choice].finish = self.finish(reply)
        return chunks

    def _opening(self, reply: ReplayedAnswer) -> Json | None:
        """Give the delta that announces the role."""
        opening = self.shape.opening
        if opening is None or not self.shape.opens_with_call:
            around = self.shape.around_calls if reply.script.calls else {}
            return None if opening is None else {**around, **opening}
        if self._opens_with_call(reply):
            call = self._call(reply, 0, "", opens=True)
            return dict(opening) | {"content": None, "tool_calls": [call]}
        return dict(opening) | {"content": None if reply.script.calls else ""}

    def _opens_with_call(self, reply: ReplayedAnswer) -> bool:
        """Say whether the first delta has the role and the call: so it is for a single one."""
        first = next((d for d in reply.script.deltas if d.kind is not Kind.REASONING), None)
        single = len(reply.script.calls) == 1 and first is not None and first.kind is Kind.TOOL
        return self.shape.opens_with_call and single

    def _pieces(self, reply: ReplayedAnswer) -> Iterator[_Chunk]:
        deltas = reply.script.deltas
        last = {(d.choice, d.call): n for n, d in enumerate(deltas) if d.kind is Kind.TOOL}
        for number, delta in enumerate(deltas):
            if delta.kind is not Kind.TOOL:
                parts = self._text(delta)
                if parts is not None:
                    yield _Chunk(delta.choice, parts, number, count_tokens(delta.text))
            elif not self.shape.whole_calls:
                for parts in self._parts_of_call(reply, delta):
                    yield _Chunk(delta.choice, parts, number, count_tokens(delta.text))
            elif last[delta.choice, delta.call] == number:
                text = reply.script.text(Kind.TOOL, choice=delta.choice, call=delta.call)
                call = self._delta_of_call(self._call(reply, delta.call, text, opens=True))
                yield _Chunk(delta.choice, call, number, count_tokens(text))

    def _text(self, delta: Delta) -> Json | None:
        key: str | None = "content"
        if delta.kind is Kind.REASONING:
            key = self.shape.reasoning
        elif delta.kind is Kind.REFUSAL:
            key = self.shape.refusal
        return None if key is None else {**self.shape.text, key: delta.text}

    def _parts_of_call(self, reply: ReplayedAnswer, delta: Delta) -> Iterator[Json]:
        opens = delta.opens
        if opens and not self.shape.first_arguments:
            if not self._opens_with_call(reply):
                yield self._delta_of_call(self._call(reply, delta.call, "", opens=True))
            opens = False
            if not delta.text:
                return
        if delta.text or self.shape.first_arguments:
            opens = opens or self.shape.repeats_call
            yield self._delta_of_call(self._call(reply, delta.call, delta.text, opens=opens))

    def _delta_of_call(self, call: Json) -> Json:
        delta: Json = {**self.shape.call, "tool_calls": [call]}
        return delta | {"function_call": call["function"]} if self.shape.legacy_call else delta

    def _call(self, reply: ReplayedAnswer, number: int, text: str, *, opens: bool) -> Json:
        call = reply.call(number)
        index = call.index if call.index is not None else number if self.shape.call_index else None
        value: Json = {} if index in {None, "omit"} else {"index": index}
        if not opens:
            return value | {"function": {"arguments": text}}
        value["id"] = reply.call_id(number, *self.shape.call_id)
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

    def _around(self, reply: ReplayedAnswer, choices: list[Json]) -> Json:
        """Give a chunk around its choices."""
        data: Json = {
            "id": _filled(reply, self.shape.id),
            "object": "chat.completion.chunk",
            "created": reply.created,
            "model": reply.ask.model,
            **self.shape.chunk,
            "choices": choices,
        }
        if self.shape.null_usage and reply.ask.include_usage:
            data["usage"] = None
        return data

    # Without streaming

    def completion(self, reply: ReplayedAnswer) -> Json:
        """Give the whole answer of a request that does not stream."""
        finish = self.finish(reply)
        whole: Json = {
            "id": _filled(reply, self.shape.id),
            "object": "chat.completion",
            "created": reply.created,
            "model": reply.ask.model,
            "choices": [
                {
                    "index": choice,
                    "message": self._message(reply, choice),
                    "logprobs": None,
                    "finish_reason": finish,
                }
                for choice in range(reply.ask.choices)
            ],
            "usage": self.usage(reply),
            "service_tier": "default",
            "system_fingerprint": "fp_replay",
        }
        return whole | {"timings": _timings(reply)} if self.shape.timings else whole

    def _message(self, reply: ReplayedAnswer, choice: int) -> Json:
        shape, script = self.shape, reply.script
        content = script.text(Kind.CONTENT, choice=choice)
        refusal = script.text(Kind.REFUSAL, choice=choice)
        nothing = (refusal or script.calls) and not content
        message: Json = {"role": "assistant", "content": None if nothing else content}
        if shape.refusal == "refusal":
            message["refusal"] = refusal or None
        else:
            message["content"] = message["content"] or refusal or None
        if shape.verdicts != "none":
            message["annotations"] = []
        if script.calls:
            message["tool_calls"] = [
                {
                    "id": reply.call_id(call, *shape.call_id),
                    "type": "function",
                    "function": {
                        "name": reply.call(call).name,
                        "arguments": script.text(Kind.TOOL, choice=choice, call=call),
                    },
                }
                for call in range(len(script.calls))
            ]
        reasoning = script.text(Kind.REASONING, choice=choice)
        if reasoning and shape.reasoning is not None:
            message[shape.reasoning] = reasoning
        return message

    # Shared by both

    def finish(self, reply: ReplayedAnswer) -> str:
        """Give the finish reason."""
        script = reply.script
        stops = self.shape.named_call_stops or reply.recording.finish_reason is not None
        if script.finish == "stop" and script.calls and not stops:
            return "tool_calls"
        return script.finish

    def usage(self, reply: ReplayedAnswer) -> Json:
        """Give the token usage."""
        script = reply.script
        if reply.recording.usage:
            return dict(reply.recording.usage)
        usage: Json = {
            "prompt_tokens": script.prompt_tokens,
            "completion_tokens": script.completion_tokens,
            "total_tokens": script.prompt_tokens + script.completion_tokens,
        }
        if self.shape.usage_details:
            usage["prompt_tokens_details"] = {"cached_tokens": 0, "audio_tokens": 0}
            usage["completion_tokens_details"] = {
                "reasoning_tokens": script.reasoning_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            }
        return usage

    def headers(self, reply: ReplayedAnswer) -> dict[str, str]:
        """Give the response headers beside the content type."""
        return {name: _filled(reply, text) for name, text in self.shape.headers.items()}

    def error(self, error: RequestError) -> Json:
        """Give the body of an error response."""
        shape = self.shape
        other = error.type if shape.error_type is None else shape.error_type
        known: Json = {
            "message": error.message,
            "type": shape.error_types.get(error.status, other),
            "param": error.param,
            "code": error.code,
        }
        if shape.error_code == "status":
            known["code"] = error.status
        elif shape.error_code == "null":
            known["code"] = known["param"] = None
        return {"error": {name: known[name] for name in shape.error}}

    def failure(self, reply: ReplayedAnswer, upto: int) -> Iterator[ReplayEvent]:
        """Give what comes instead of the rest when generation dies midway."""
        if self.shape.error_choice:
            choice = self._choice(_Chunk(0, {"content": ""}, finish="error"))
            error = {"code": "server_error", "message": "Provider disconnected unexpectedly"}
            yield ReplayEvent(self._around(reply, [choice]) | {"error": error}, upto=upto)
        else:
            yield ReplayEvent(self.error(server_error()), upto=upto)
        if self.shape.error_done:
            yield ReplayEvent(DONE, upto=upto)


_FIELD = re.compile(r"\{(?P<name>\w+)(?::(?P<length>\d+))?\}")


def _filled(reply: ReplayedAnswer, text: str) -> str:
    """Fill in what an id or a header has of the answer."""

    def value(found: re.Match[str]) -> str:
        if found["length"] is not None:
            return reply.token(found["name"], int(found["length"]))
        # Ollama counts its answers, and begins anew.
        return {"created": str(reply.created), "number": str(reply.number % 999)}[found["name"]]

    return _FIELD.sub(value, text)


def _timings(reply: ReplayedAnswer) -> Json:
    script = reply.script
    return {"prompt_n": script.prompt_tokens, "predicted_n": script.completion_tokens}


def _annotation(number: int) -> Json:
    offsets = {"check_offset": 140, "start_offset": 140, "end_offset": 140 + number}
    verdict = {"content_filter_offsets": offsets, "content_filter_results": _VERDICT}
    return _NOBODY | {"choices": [verdict | {"finish_reason": None, "index": 0}]}


def server_error() -> RequestError:
    """Make OpenAI's error for a failure of its own."""
    message = "The server had an error while processing your request. Sorry about that!"
    return RequestError(500, message, type="server_error")
