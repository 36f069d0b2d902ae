"""The servers that can be imitated, as ``shapes.json`` says: each with its source, read in 2026.

What is said there of a server is how it differs from a plain one, whose fields have the defaults
below, or from the one that it is ``like``. What no client can see is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, with_config

__all__ = ["SHAPES", "ServerShape", "shape_named"]

_Fields = Mapping[str, Any]
_ERROR = ("message", "type", "param", "code")


@with_config(extra="forbid")
@dataclass(frozen=True, kw_only=True)
class ServerShape:
    """How a server gives a chat completion.

    Ids and headers are as `ReplayedAnswer.fill` and `call_id` take them.
    """

    source: list[str]  # how it differs, and where that is known from
    id: str = "chatcmpl-{id:.29}"  # the answer's id
    call_id: str = "call_{:.24}"  # the id of a call
    # what they have besides:
    chunk: _Fields = field(default_factory=dict)  # a chunk
    choice: _Fields = field(default_factory=lambda: {"logprobs": None})  # a choice
    text: _Fields = field(default_factory=dict)  # a delta of text
    call: _Fields = field(default_factory=dict)  # a delta of a tool call
    choice_with_text: _Fields = field(default_factory=dict)
    choice_with_finish: _Fields = field(default_factory=dict)
    opening: _Fields | None = None  # the delta that announces the role; `None` for none
    opening_with_calls: _Fields | None = None  # where it is another one
    closing: _Fields = field(default_factory=dict)  # the delta beside the finish reason
    closing_with_calls: _Fields | None = None
    # it does what only OpenAI's own does: it pads deltas, announces a single call together with the
    # role, and gives chunks a null usage where it is asked for
    openai_extras: bool = False
    reasoning: str | None = None  # the field of a delta with reasoning; `None`: it is never sent
    # the field of a delta that carries a refusal. Open models have none of their own
    refusal: Literal["refusal", "content"] = "content"
    # how a tool call comes: announced without arguments, together with the first of them, with its
    # id and name in each piece (and as `function_call` too), or in one chunk
    calls: Literal["announced", "at-once", "named-again", "whole"] = "announced"
    call_index: bool = True  # tool calls have an index
    call_type: bool = True  # tool calls have a type
    finish_beside: bool = False  # the finish reason comes in the chunk of the last delta
    open_finish: str | None = None  # what the chunks before the last have as finish reason
    named_call_stops: bool = True  # a call of a function that the request names ends with `stop`
    done: bool = True  # the stream ends with `data: [DONE]`
    # where the usage comes: in a chunk without choices when it is asked for, in one with a choice,
    # or beside the finish reason
    usage: Literal["asked", "with-choice", "beside"] = "asked"
    usage_details: bool = False  # the usage has more than the three counts
    # it is llama.cpp: the last chunk has timings, and the Responses API leaves out indices and
    # numbers
    llama_cpp: bool = False
    comment: str | None = None  # it keeps the connection alive, at first and after every 25 chunks
    verdicts: Literal["none", "inside", "beside"] = (
        "none"  # of Azure's filter: in its chunks or apart
    )
    headers: Mapping[str, str] = field(default_factory=dict)  # besides the content type
    # what an error has, and which field of the `RequestError` each of it is; `None` for null
    error: Mapping[str, str | None] = field(default_factory=lambda: {name: name for name in _ERROR})
    # the type of an error by its status, or "else", where the server has its own
    error_types: Mapping[str, str] = field(default_factory=dict)
    error_bare: bool = False  # an error response is nothing else, not a field of something
    error_choice: bool = False  # an error inside the stream comes beside a choice
    error_done: bool = False  # `[DONE]` follows an error inside the stream
    reasoning_summary: bool = False  # reasoning in the Responses API is a summary
    ignored_choices: tuple[str, ...] = ()  # which forms of `tool_choice` are read as `auto`


def _read() -> dict[str, ServerShape]:
    """Read the shapes: what is said of a server, and else of the one that it is like."""
    said = json.loads((Path(__file__).parent / "shapes.json").read_text(encoding="utf-8"))
    for name, fields in said.items():
        said[name] = said.get(fields.pop("like", None), {}) | fields
    return TypeAdapter(dict[str, ServerShape]).validate_python(said)


#: The servers that can be imitated, by name.
SHAPES: dict[str, ServerShape] = _read()


def shape_named(name: str) -> ServerShape:
    """Find one of `SHAPES`, or say in a `ValueError` which there are."""
    if name not in SHAPES:
        raise ValueError(f"unknown shape {name!r}; known are {', '.join(SHAPES)}")
    return SHAPES[name]
