"""OpenAI's chat completions, in the shape of any server that speaks them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, cast, get_args

from typing_extensions import Self

from partialfast.replay._ask import MISSING, SERVER_ERROR, Ask, Given, RequestError, ToolChoice
from partialfast.replay._events import DONE, Json, ReplayEvent
from partialfast.replay._protocols._base import Block, Protocol, Told
from partialfast.replay._script import Kind, ReplayedAnswer
from partialfast.replay._shapes import shape_named

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

    @abstractmethod
    def conversation(self, body: Given) -> Mapping[str, Any]:
        """Find what the two call by different names, as `read` takes it."""

    def ask(self, body: Given, path: Mapping[str, str]) -> Ask:
        """Read a request; Azure's path names the model."""
        body.value.setdefault("model", path.get("model"))
        stream, options = body["stream"].of(bool), body["stream_options"]
        if options.of(dict) and not stream:
            said = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
            raise options.invalid(said)
        names = [_function(t)["name"] for t in body["tools"] if t["type"].value == "function"]
        choice, forced = _tool_choice(body["tool_choice"], any_tools=bool(names))
        return self.read(
            body,
            **self.conversation(body),
            model=body["model"],
            stream=stream,
            tools=names,
            choice=choice,
            forced=forced,
            include_usage=bool(options["include_usage"].of(bool)),
            obfuscation=options["include_obfuscation"].of(bool) is not False,
        )

    def error(self, error: RequestError) -> Json:
        fields = self.error_fields(error)
        return fields if self.shape.error_bare else {"error": fields}

    def error_fields(self, error: RequestError) -> Json:
        """Give what the server says of an error."""
        kinds = self.shape.error_types
        kind = kinds.get(str(error.status), kinds.get("else", error.type))
        known = asdict(error) | {"type": kind, "object": "error", None: None}
        return {name: known[source] for name, source in self.shape.error.items()}


def _function(given: Given) -> Given:
    """Find the function in a tool: the chat API nests it, the Responses API does not."""
    return given["function"] if "function" in given.value else given


def _tool_choice(choice: Given, *, any_tools: bool) -> tuple[ToolChoice, Given]:
    """Read how free the model is to call a tool, and the name of the one it must call."""
    kind: Any = choice.of(str, dict) or "auto"
    name = MISSING
    if isinstance(kind, dict) and choice["type"].value == "function":
        kind, name = "named", _function(choice)["name"]
    if kind not in get_args(ToolChoice):
        said = f"Invalid value for 'tool_choice': {choice.value!r}."
        raise choice.invalid(said, "invalid_value")
    if kind in {"required", "named"} and not any_tools:
        raise choice.invalid("'tool_choice' is only allowed when 'tools' are specified.")
    return cast("ToolChoice", kind), name


#: More choices are refused, so that every answer has a bound. OpenAI's own limit is 128.
_MAX_CHOICES = 8

#: How often a server that comments or annotates does so, in chunks.
_COMMENT_EVERY = 25
_VERDICT_EVERY = 20

_NOT_USED = ("audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens")
_SAFE: Json = {"filtered": False, "severity": "safe"}
_VERDICT: Json = dict.fromkeys(("hate", "self_harm", "sexual", "violence"), _SAFE)
_BLOCKED: Json = _VERDICT | {"violence": {"filtered": True, "severity": "high"}}
#: What Azure's chunks have in place of an identity where they carry a verdict only.
_NOBODY: Json = {"created": 0, "id": "", "model": "", "object": ""}


class Chat(OpenAIProtocol):
    """Chat completions."""

    name = "chat"
    paths = (
        "/v1/chat/completions",
        "/openai/v1/chat/completions",
        "/openai/deployments/{model}/chat/completions",
    )
    empty_pieces = True

    def __init__(self, shape: str = "openai") -> None:
        super().__init__(shape)
        self.whole_calls = self.shape.calls == "whole"

    def conversation(self, body: Given) -> Mapping[str, Any]:
        count = body["n"].of(int)
        if count is not None and not 1 <= count <= _MAX_CHOICES:
            wanted = f"expected a value from 1 to {_MAX_CHOICES}, but got {count} instead"
            raise body["n"].invalid(f"Invalid 'n': {wanted}.", "integer_out_of_range")
        return {"messages": body["messages"], "choices": 1 if count is None else count}

    # The stream

    def stream(self, reply: ReplayedAnswer) -> Iterator[ReplayEvent]:
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
        shape, ask, end = self.shape, reply.ask, len(reply.deltas)
        filters = shape.verdicts != "none"
        events: list[ReplayEvent] = []
        if filters:
            prompt = [{"prompt_index": 0, "content_filter_results": _VERDICT}]
            events.append(ReplayEvent(_NOBODY | {"choices": [], "prompt_filter_results": prompt}))
        told = list(self.told(reply))
        # The finish reason comes beside the last delta, or in one of its own.
        begun = {said["index"] for (_, said), _, _ in told} if shape.finish_beside else set()
        closing = (shape.closing_with_calls if reply.calls else None) or shape.closing
        rest = [choice for choice in range(ask.choices) if choice not in begun]
        told += [(("", {"index": choice, "delta": closing}), end, 0) for choice in rest]
        last = {said["index"]: place for place, ((_, said), _, _) in enumerate(told)}.values()
        for place, ((_, said), upto, tokens) in enumerate(told):
            finish = self._finish(reply) if place in last else None
            data = self._around(reply, [self._choice(said, upto, finish)])
            if shape.openai_extras and ask.obfuscation and finish is None:
                data["obfuscation"] = reply.pad(upto)
            if shape.usage == "beside" and finish is not None:
                data["usage"] = self._usage(reply)
            events.append(ReplayEvent(data, upto=upto, tokens=tokens))
        # Azure's filter ends the stream at once.
        blocked = filters and reply.finish == "content_filter"
        with_choice = shape.usage == "with-choice"
        if with_choice or (shape.usage == "asked" and ask.include_usage and not blocked):
            silent = {"index": 0, "delta": {"role": "assistant", "content": ""}}
            choices = [self._choice(silent, -1, None)] if with_choice else []
            data = self._around(reply, choices) | {"usage": self._usage(reply)}
            events.append(ReplayEvent(data, upto=end))
        if shape.llama_cpp and isinstance(events[-1].data, dict):
            events[-1].data["timings"] = _timings(reply)
        if shape.done:
            events.append(ReplayEvent(DONE, upto=end))
        return events

    def begun(self, reply: ReplayedAnswer) -> Iterable[Told]:
        """Announce the role."""
        shape = self.shape
        opening = (shape.opening_with_calls if reply.calls else None) or shape.opening
        if opening is not None:
            call = self._call(reply, 0, "", opens=True) if self._opens_with_call(reply) else {}
            for choice in range(reply.ask.choices):
                yield "", {"index": choice, "delta": {**opening, **call}}

    def _opens_with_call(self, reply: ReplayedAnswer) -> bool:
        """Say whether a single call is announced together with the role, as OpenAI does it."""
        kinds = (delta.kind for delta in reply.deltas if delta.kind is not Kind.REASONING)
        return self.shape.openai_extras and len(reply.calls) == 1 and next(kinds, None) is Kind.TOOL

    def opened(self, block: Block) -> Iterable[Told]:
        announced = self.shape.calls == "announced" and not self._opens_with_call(block.reply)
        if block.kind is Kind.TOOL and announced:
            call = self._call(block.reply, block.call, "", opens=True)
            yield "", {"index": block.choice, "delta": call}

    def piece(self, block: Block) -> Iterable[Told]:
        shape = self.shape
        own = {Kind.REASONING: shape.reasoning, Kind.REFUSAL: shape.refusal}
        key = own.get(block.kind, "content")
        if block.kind is Kind.TOOL:
            unannounced = shape.calls != "announced"
            opens = shape.calls == "named-again" or (unannounced and block.begins)
            delta = self._call(block.reply, block.call, block.text, opens=opens)
            shown = block.text or unannounced
        else:
            delta, shown = {**shape.text, str(key): block.text}, key is not None
        if shown:
            yield "", {"index": block.choice, "delta": delta}

    def failure(self, reply: ReplayedAnswer, upto: int, *, quiet: bool) -> Iterator[ReplayEvent]:
        del quiet
        failed = {"error": self.error_fields(SERVER_ERROR)}
        if self.shape.error_choice:
            choice = self._choice({"index": 0, "delta": {"content": ""}}, -1, "error")
            error = {"code": "server_error", "message": "Provider disconnected unexpectedly"}
            failed = self._around(reply, [choice]) | {"error": error}
        yield ReplayEvent(failed, upto=upto)
        if self.shape.error_done:
            yield ReplayEvent(DONE, upto=upto)

    def _call(self, reply: ReplayedAnswer, number: int, text: str, *, opens: bool) -> Json:
        """Give what a delta has of a call."""
        shape, index = self.shape, reply.calls[number].index
        index = number if index is None and shape.call_index else index
        value: Json = {} if index in {None, "omit"} else {"index": index}
        value |= self._function(reply, number, text) if opens else {"function": {"arguments": text}}
        if not shape.call_type:
            value.pop("type", None)
        legacy = {"function_call": value["function"]} if shape.calls == "named-again" else {}
        return {**shape.call, "tool_calls": [value], **legacy}

    def _function(self, reply: ReplayedAnswer, number: int, text: str) -> Json:
        """Give a call with its arguments, or the first piece of them."""
        made = {"id": reply.call_id(number, self.shape.call_id), "type": "function"}
        return made | {"function": {"name": reply.calls[number].name, "arguments": text}}

    def _choice(self, said: Json, upto: int, finish: str | None) -> Json:
        """Give a choice of a chunk, said up to a delta."""
        shape = self.shape
        last = shape.open_finish if finish is None else finish
        choice = {**said, **shape.choice, "finish_reason": last}
        if "native_finish_reason" in choice:
            choice["native_finish_reason"] = finish
        choice |= {**shape.choice_with_text} if upto >= 0 else {}
        choice |= {**shape.choice_with_finish} if finish is not None else {}
        if shape.verdicts != "none":
            verdict = _BLOCKED if finish == "content_filter" else _VERDICT
            speaks = finish == "content_filter" or said["delta"].get("content")
            choice["content_filter_results"] = verdict if speaks else {}
        return choice

    def _around(self, reply: ReplayedAnswer, choices: list[Json]) -> Json:
        """Give a chunk around its choices."""
        data = self._identity(reply, "chat.completion.chunk") | {**self.shape.chunk}
        asked = self.shape.openai_extras and reply.ask.include_usage
        return data | {"choices": choices} | ({"usage": None} if asked else {})

    # Without streaming

    def whole(self, reply: ReplayedAnswer) -> Json:
        end = {"logprobs": None, "finish_reason": self._finish(reply)}
        choices = [
            {"index": choice, "message": self._message(reply, choice), **end}
            for choice in range(reply.ask.choices)
        ]
        said = {"choices": choices, "usage": self._usage(reply)}
        said |= {"service_tier": "default", "system_fingerprint": "fp_replay"}
        said |= {"timings": _timings(reply)} if self.shape.llama_cpp else {}
        return self._identity(reply, "chat.completion") | said

    def _message(self, reply: ReplayedAnswer, choice: int) -> Json:
        shape = self.shape
        said = {kind: reply.text(kind, choice=choice) for kind in Kind}
        content, refusal = said[Kind.CONTENT], said[Kind.REFUSAL]
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
                self._function(reply, call, reply.text(Kind.TOOL, choice=choice, call=call))
                for call in range(len(reply.calls))
            ]
        if said[Kind.REASONING] and shape.reasoning is not None:
            message[shape.reasoning] = said[Kind.REASONING]
        return message

    # Shared by both

    def _identity(self, reply: ReplayedAnswer, kind: str) -> Json:
        of = {"created": reply.created, "model": reply.ask.model}
        return {"id": reply.fill(self.shape.id), "object": kind, **of}

    def _finish(self, reply: ReplayedAnswer) -> str:
        finish = reply.finish
        stops = self.shape.named_call_stops or reply.recording.finish_reason is not None
        return "tool_calls" if finish == "stop" and reply.calls and not stops else finish

    def _usage(self, reply: ReplayedAnswer) -> Json:
        usage = reply.counts("prompt_tokens", "completion_tokens", "total_tokens")
        if self.shape.usage_details:
            usage["prompt_tokens_details"] = {"cached_tokens": 0, "audio_tokens": 0}
            reasoning = {"reasoning_tokens": reply.reasoning_tokens}
            usage["completion_tokens_details"] = reasoning | dict.fromkeys(_NOT_USED, 0)
        return reply.usage(usage)


def _timings(reply: ReplayedAnswer) -> Json:
    return {"prompt_n": reply.prompt_tokens, "predicted_n": reply.completion_tokens}


def _annotation(number: int) -> Json:
    offsets = {"check_offset": 140, "start_offset": 140, "end_offset": 140 + number}
    verdict = {"content_filter_offsets": offsets, "content_filter_results": _VERDICT}
    return _NOBODY | {"choices": [verdict | {"finish_reason": None, "index": 0}]}
