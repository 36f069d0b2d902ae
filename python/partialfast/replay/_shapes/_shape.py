"""What tells one server from another, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["ServerShape"]

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ServerShape:
    """How a server gives a chat completion. The defaults are OpenAI's.

    An id or a header with ``{id:N}`` has N characters there that look random; ``{created}`` and
    ``{number}`` are the answer's time and number.

    Args:
        name: What it is called on the command line.
        source: How it differs, and where that is known from.
        id: The answer's id.
        call_id: What the id of a call begins with, and how many characters follow.
        chunk: What a chunk has beside id, time, model and choices.
        choice: What a choice has beside its index, delta and finish reason.
        text: What a delta of text has beside the text.
        call: What a delta of a tool call has beside the call.
        opening: The delta that announces the role; ``None`` for none.
        opens_with_call: Whether the role comes with the first call where there is only one.
        closing: The delta beside the finish reason.
        around_calls: What the first and the last delta have besides where there are calls.
        reasoning: The field of a delta that carries reasoning; ``None`` where it is never sent.
        refusal: The field of a delta that carries a refusal. Open models have none of their own.
        whole_calls: Whether a tool call comes in one chunk.
        call_index: Whether tool calls have an index.
        call_type: Whether tool calls have a type.
        first_arguments: Whether the piece that opens a call has arguments already.
        finish_beside: Whether the finish reason comes in the chunk of the last delta.
        open_finish: What the chunks before the last have as finish reason.
        named_call_stops: Whether a call of a function that the request names ends with ``stop``.
        done: Whether the stream ends with ``data: [DONE]``.
        usage: Where the usage comes: in a chunk without choices when it is asked for, in one with a
            choice, or beside the finish reason.
        null_usage: Whether chunks have a null usage where it is asked for.
        usage_details: Whether the usage has more than the three counts.
        obfuscates: Whether deltas are padded.
        token_ids: Whether choices have vLLM's token ids and stop reasons.
        timings: Whether the last chunk has llama.cpp's timings.
        comment: A comment that keeps the connection alive, at first and after every 25 chunks.
        verdicts: Whether Azure's content filter speaks, in the stream or beside it.
        headers: Response headers beside the content type.
        error: What an error has.
        error_types: The type of an error by its status, where the server has its own.
        error_type: The type of all other errors; ``None`` for OpenAI's.
        error_code: What an error's code is: OpenAI's, the status, or null (as its param).
        error_choice: Whether an error inside the stream comes beside a choice.
        error_done: Whether ``[DONE]`` follows an error inside the stream.
        bare_responses: Whether the Responses API leaves out indices and numbers, as llama.cpp does.
        reasoning_summary: Whether reasoning in the Responses API is a summary.
        repeats_call: Whether each piece of a call has its id and name.
        legacy_call: Whether a piece of a call is sent as ``function_call`` too.
        ignored_choices: Which forms of ``tool_choice`` are read as ``auto``.
    """

    name: str
    source: str
    id: str = "chatcmpl-{id:29}"
    call_id: tuple[str, int] = ("call_", 24)
    chunk: Mapping[str, Any] = field(
        default_factory=lambda: {"service_tier": "default", "system_fingerprint": "fp_replay"}
    )
    choice: Mapping[str, Any] = field(default_factory=lambda: {"logprobs": None})
    text: Mapping[str, Any] = field(default_factory=dict)
    call: Mapping[str, Any] = field(default_factory=dict)
    opening: Mapping[str, Any] | None = field(
        default_factory=lambda: {"role": "assistant", "content": "", "refusal": None}
    )
    opens_with_call: bool = True
    closing: Mapping[str, Any] = field(default_factory=dict)
    around_calls: Mapping[str, Any] = field(default_factory=dict)
    reasoning: str | None = None
    refusal: Literal["refusal", "content"] = "refusal"
    whole_calls: bool = False
    call_index: bool = True
    call_type: bool = True
    first_arguments: bool = False
    finish_beside: bool = False
    open_finish: str | None = None
    named_call_stops: bool = True
    done: bool = True
    usage: Literal["asked", "with-choice", "beside"] = "asked"
    null_usage: bool = True
    usage_details: bool = True
    obfuscates: bool = True
    token_ids: bool = False
    timings: bool = False
    comment: str | None = None
    verdicts: Literal["none", "inside", "beside"] = "none"
    headers: Mapping[str, str] = field(
        default_factory=lambda: {
            "x-request-id": "req_{request:32}",
            "openai-version": "2020-10-01",
        }
    )
    error: tuple[str, ...] = ("message", "type", "param", "code")
    error_types: Mapping[int, str] = field(default_factory=dict)
    error_type: str | None = None
    error_code: Literal["own", "status", "null"] = "own"
    error_choice: bool = False
    error_done: bool = False
    bare_responses: bool = False
    reasoning_summary: bool = True
    repeats_call: bool = False
    legacy_call: bool = False
    ignored_choices: tuple[str, ...] = ()
