"""The servers that can be imitated, each with how it differs and where that is known from.

A shape is derived from another where its server is: only the differences are written down. What no
client can see is left out. All sources were read in 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

__all__ = ["SHAPES", "ServerShape", "shape_named"]


_Fields = Mapping[str, Any]
_ERROR: dict[str, str | None] = {name: name for name in ("message", "type", "param", "code")}


@dataclass(frozen=True, kw_only=True)
class ServerShape:
    """How a server gives a chat completion.

    Ids and headers are as `ReplayedAnswer.fill` and `call_id` take them.
    """

    source: str  # how it differs, and where that is known from
    id: str = "chatcmpl-{id:.29}"  # the answer's id
    call_id: str = "call_{:.24}"  # the id of a call
    # what they have besides:
    chunk: _Fields = field(default_factory=dict)  # a chunk
    choice: _Fields = field(default_factory=dict)  # a choice
    text: _Fields = field(default_factory=dict)  # a delta of text
    call: _Fields = field(default_factory=dict)  # a delta of a tool call
    around_calls: _Fields = field(default_factory=dict)  # the first and last delta with calls
    opening: _Fields | None = None  # the delta that announces the role; `None` for none
    closing: _Fields = field(default_factory=dict)  # the delta beside the finish reason
    # it does what only OpenAI's own does: it pads deltas, announces a single call together with the
    # role, and gives chunks a null usage where it is asked for
    openai_extras: bool = True
    # the field of a delta that carries reasoning; `None` where it is never sent
    reasoning: str | None = None
    # the field of a delta that carries a refusal. Open models have none of their own
    refusal: Literal["refusal", "content"] = "refusal"
    whole_calls: bool = False  # a tool call comes in one chunk
    call_index: bool = True  # tool calls have an index
    call_type: bool = True  # tool calls have a type
    first_arguments: bool = False  # the piece that opens a call has arguments already
    # each piece of a call has its id and name, and is sent as `function_call` too
    legacy_call: bool = False
    finish_beside: bool = False  # the finish reason comes in the chunk of the last delta
    open_finish: str | None = None  # what the chunks before the last have as finish reason
    named_call_stops: bool = True  # a call of a function that the request names ends with `stop`
    done: bool = True  # the stream ends with `data: [DONE]`
    # where the usage comes: in a chunk without choices when it is asked for, in one with a choice,
    # or beside the finish reason
    usage: Literal["asked", "with-choice", "beside"] = "asked"
    usage_details: bool = True  # the usage has more than the three counts
    token_ids: bool = False  # choices have vLLM's token ids and stop reasons
    # it is llama.cpp: the last chunk has timings, and the Responses API leaves out indices and
    # numbers
    llama_cpp: bool = False
    # a comment that keeps the connection alive, at first and after every 25 chunks
    comment: str | None = None
    # Azure's content filter speaks, in the stream or beside it
    verdicts: Literal["none", "inside", "beside"] = "none"
    headers: Mapping[str, str] = field(default_factory=dict)  # beside the content type
    # what an error has, and which field of the `RequestError` each of it is; `None` for null
    error: Mapping[str, str | None] = field(default_factory=lambda: dict(_ERROR))
    # the type of an error by its status, where the server has its own
    error_types: Mapping[int, str] = field(default_factory=dict)
    error_type: str | None = None  # the type of all other errors; `None` for OpenAI's
    error_bare: bool = False  # an error response is nothing else, not a field of something
    error_choice: bool = False  # an error inside the stream comes beside a choice
    error_done: bool = False  # `[DONE]` follows an error inside the stream
    reasoning_summary: bool = True  # reasoning in the Responses API is a summary
    ignored_choices: tuple[str, ...] = ()  # which forms of `tool_choice` are read as `auto`


_ROLE = {"role": "assistant", "content": ""}

OPENAI = ServerShape(
    source="""The API reference ("Chat completion chunk object"), the types of openai-python
    3.54, and streams recorded by others (aaif-goose/goose, ``providers/formats/openai.rs``). A
    forced function ends with ``stop`` (vllm-project/vllm pull request 25054 lists OpenAI's
    finish reasons). Reasoning is never sent, only counted.""",
    chunk={"service_tier": "default", "system_fingerprint": "fp_replay"},
    choice={"logprobs": None},
    opening={"role": "assistant", "content": "", "refusal": None},
    headers={"x-request-id": "req_{request:.32}", "openai-version": "2020-10-01"},
)

AZURE = replace(
    OPENAI,
    source="""Microsoft's "Content streaming" and "Content filtering" pages, and recorded
    streams (AbanteAI/archive-old-cli-mentat issue 429, microsoft/autogen issue 6465). A first
    chunk has no choices, an empty id and model, and the filter's verdict on the prompt; every
    choice carries a verdict. A block is a chunk with an empty delta and finish reason
    ``content_filter``; ``[DONE]`` follows at once, without usage.""",
    verdicts="inside",
    headers={
        "apim-request-id": "{request:.32}",
        "x-request-id": "{request:.32}",
        "x-ms-region": "Replay",
    },
)

VLLM = replace(
    OPENAI,
    source="""vllm-project/vllm, ``entrypoints/openai/chat_completion/serving.py``. The role
    always comes with empty content; the first piece of a call carries arguments; the last delta
    comes beside the finish reason; an error inside the stream is still followed by ``[DONE]``.
    Reasoning is ``reasoning`` (older versions: ``reasoning_content``).""",
    id="chatcmpl-{id:.32}",
    call_id="chatcmpl-tool-{:.32}",
    chunk={},
    opening=_ROLE,
    reasoning="reasoning",
    refusal="content",
    first_arguments=True,
    finish_beside=True,
    usage_details=False,
    openai_extras=False,
    token_ids=True,
    headers={},
    error_types={400: "BadRequestError", 404: "NotFoundError", 500: "InternalServerError"},
    error=_ERROR | {"code": "status"},
    error_done=True,
    reasoning_summary=False,
)

LLAMA_CPP = replace(
    VLLM,
    source="""ggml-org/llama.cpp, ``tools/server/server-task.cpp`` (``to_json_oaicompat_chat``,
    ``..._chat_stream``, ``..._resp_stream``) and ``common/chat.cpp``
    (``common_chat_msg_diff_to_json_oaicompat``). The role comes with content ``null``; any call
    ends with ``tool_calls``; the last chunk has ``timings``. Its Responses API sends no
    indices.""",
    call_id="{:.32}",
    chunk={"system_fingerprint": "b0000-replay"},
    choice={},
    opening={"role": "assistant", "content": None},
    reasoning="reasoning_content",
    finish_beside=False,
    named_call_stops=False,
    token_ids=False,
    error={"code": "status", "message": "message", "type": "type"},
    error_types={400: "invalid_request_error", 404: "not_found_error", 500: "server_error"},
    error_done=False,
    llama_cpp=True,
    ignored_choices=("named",),
)

_NO_CALL = {"role": None, "content": None, "function_call": None, "tool_calls": None}

OLLAMA = replace(
    VLLM,
    source="""ollama/ollama, ``openai/openai.go`` (``ToChunk``, ``ToToolCalls``) and
    ``middleware/openai.go``. Every delta has the role and a content, empty or not; a tool call
    comes whole in one chunk; any call ends with ``tool_calls``, in a chunk of its own.""",
    id="chatcmpl-{number}",
    call_id="call_{:.8}",
    chunk={"system_fingerprint": "fp_ollama"},
    choice={},
    text=_ROLE,
    call=_ROLE,
    opening=None,
    closing=_ROLE,
    whole_calls=True,
    finish_beside=False,
    named_call_stops=False,
    token_ids=False,
    error_types={400: "invalid_request_error", 404: "not_found_error"},
    error_type="api_error",
    error=_ERROR | {"param": None, "code": None},
    error_done=False,
)

_OPENROUTER_TEXT: dict[str, Any] = _ROLE | {"reasoning": None, "reasoning_details": []}

#: The servers that can be imitated, by name.
SHAPES: dict[str, ServerShape] = {
    "openai": OPENAI,
    "azure": AZURE,
    "azure-async": replace(
        AZURE,
        source="""With the asynchronous content filter: annotations come between the chunks and
    after the finish, as choices without a ``delta``, in chunks with an empty id.""",
        verdicts="beside",
    ),
    "vllm": VLLM,
    "llama.cpp": LLAMA_CPP,
    "ik_llama.cpp": replace(
        LLAMA_CPP,
        source="ikawrakow/ik_llama.cpp issue 467, before its fix: without ``[DONE]``.",
        done=False,
    ),
    "llama-cpp-python": replace(
        OPENAI,
        source="""abetlen/llama-cpp-python, ``llama_cpp/llama_chat_format.py``
    (``_convert_completion_to_chat_function_chunks``), and streams of version 0.3.36. Each piece of
    a call has its id and name, and comes as ``function_call`` as well; a ``tool_choice`` is taken
    only if it names a function.""",
        id="chatcmpl-{id:.36}",
        call_id="call__0_{:.36}",
        chunk={},
        call={"role": None, "content": None},
        opening={"role": "assistant"},
        around_calls=_NO_CALL,
        refusal="content",
        first_arguments=True,
        legacy_call=True,
        ignored_choices=("required",),
        named_call_stops=False,
        usage_details=False,
        openai_extras=False,
        headers={},
    ),
    "ollama": OLLAMA,
    "ollama-0.1": replace(
        OLLAMA,
        source="ollama/ollama issue 4357: the finish reason is empty until the last chunk.",
        open_finish="",
    ),
    "openrouter": replace(
        OPENAI,
        source="""Its documentation ("Streaming", "Errors") and recorded streams (aaif-goose/goose,
    ``providers/formats/openai.rs``). Comments keep the connection alive while the upstream
    works; every delta has the role; the usage comes in a chunk that has a choice, asked for or
    not; an error inside the stream comes beside a choice with finish reason ``error``.""",
        id="gen-{created}-{id:.20}",
        chunk={"provider": "Replay"},
        choice={"logprobs": None, "native_finish_reason": None},
        text=_OPENROUTER_TEXT,
        call={"role": "assistant", "content": None},
        opening=_OPENROUTER_TEXT,
        closing=_OPENROUTER_TEXT,
        reasoning="reasoning",
        named_call_stops=False,
        usage="with-choice",
        openai_extras=False,
        comment="OPENROUTER PROCESSING",
        headers={"x-generation-id": "gen-{created}-{id:.20}"},
        error={"code": "status", "message": "message"},
        error_choice=True,
        reasoning_summary=False,
    ),
    "gemini": replace(
        OLLAMA,
        source="""Google's OpenAI-compatible endpoint for Gemini: recorded chunks in open-
    webui/computer issue 224. A tool call comes whole, without ``index``; the finish reason
    comes beside the last delta.""",
        id="{id:.22}",
        call_id="function-call-{:.16}",
        chunk={},
        text={"role": "assistant"},
        call={"role": "assistant"},
        reasoning=None,
        call_index=False,
        finish_beside=True,
        named_call_stops=True,
    ),
    "mistral": replace(
        OLLAMA,
        source="""Mistral's platform: recorded streams in the tests of vercel/ai
    (``packages/mistral``). A tool call comes whole, without ``index`` and ``type``, beside the
    finish reason and the usage, which is sent whether asked for or not.""",
        headers={"mistral-correlation-id": "{request:.32}"},
        id="{id:.32}",
        call_id="{:.9}",
        chunk={},
        text={},
        call={"content": None},
        opening=_ROLE,
        reasoning=None,
        call_index=False,
        call_type=False,
        finish_beside=True,
        usage="beside",
        error={"object": "object"} | _ERROR,
        error_types={},
        error_type=None,
        error_bare=True,
    ),
}


def shape_named(name: str) -> ServerShape:
    """Find one of `SHAPES`, or say in a `ValueError` which there are."""
    if name not in SHAPES:
        raise ValueError(f"unknown shape {name!r}; known are {', '.join(SHAPES)}")
    return SHAPES[name]
