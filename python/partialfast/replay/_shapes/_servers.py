"""The servers that can be imitated, each with how it differs and where that is known from.

A shape is derived from another where its server is: only the differences are written down. What no
client can see is left out. All sources were read in 2026.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from partialfast.replay._shapes._shape import ServerShape

__all__ = ["SERVERS"]

_ROLE = {"role": "assistant", "content": ""}

OPENAI = ServerShape(
    name="openai",
    source="""The API reference ("Chat completion chunk object"), the types of openai-python
    3.54, and streams recorded by others (aaif-goose/goose, ``providers/formats/openai.rs``). A
    forced function ends with ``stop`` (vllm-project/vllm pull request 25054 lists OpenAI's
    finish reasons). Reasoning is never sent, only counted.""",
)

AZURE = replace(
    OPENAI,
    name="azure",
    source="""Microsoft's "Content streaming" and "Content filtering" pages, and recorded
    streams (AbanteAI/archive-old-cli-mentat issue 429, microsoft/autogen issue 6465). A first
    chunk has no choices, an empty id and model, and the filter's verdict on the prompt; every
    choice carries a verdict. A block is a chunk with an empty delta and finish reason
    ``content_filter``; ``[DONE]`` follows at once, without usage.""",
    verdicts="inside",
    headers={
        "apim-request-id": "{request:32}",
        "x-request-id": "{request:32}",
        "x-ms-region": "Replay",
    },
)

AZURE_ASYNC = replace(
    AZURE,
    name="azure-async",
    source="""With the asynchronous content filter: annotations come between the chunks and
    after the finish, as choices without a ``delta``, in chunks with an empty id.""",
    verdicts="beside",
)

VLLM = replace(
    OPENAI,
    name="vllm",
    source="""vllm-project/vllm, ``entrypoints/openai/chat_completion/serving.py``. The role
    always comes with empty content; the first piece of a call carries arguments; the last delta
    comes beside the finish reason; an error inside the stream is still followed by ``[DONE]``.
    Reasoning is ``reasoning`` (older versions: ``reasoning_content``).""",
    id="chatcmpl-{id:32}",
    call_id=("chatcmpl-tool-", 32),
    chunk={},
    opening=_ROLE,
    opens_with_call=False,
    reasoning="reasoning",
    refusal="content",
    first_arguments=True,
    finish_beside=True,
    null_usage=False,
    usage_details=False,
    obfuscates=False,
    token_ids=True,
    headers={},
    error_types={400: "BadRequestError", 404: "NotFoundError", 500: "InternalServerError"},
    error_code="status",
    error_done=True,
    reasoning_summary=False,
)

LLAMA_CPP = replace(
    VLLM,
    name="llama.cpp",
    source="""ggml-org/llama.cpp, ``tools/server/server-task.cpp`` (``to_json_oaicompat_chat``,
    ``..._chat_stream``, ``..._resp_stream``) and ``common/chat.cpp``
    (``common_chat_msg_diff_to_json_oaicompat``). The role comes with content ``null``; any call
    ends with ``tool_calls``; the last chunk has ``timings``. Its Responses API sends no
    indices.""",
    call_id=("", 32),
    chunk={"system_fingerprint": "b0000-replay"},
    choice={},
    opening={"role": "assistant", "content": None},
    reasoning="reasoning_content",
    finish_beside=False,
    named_call_stops=False,
    token_ids=False,
    timings=True,
    error=("code", "message", "type"),
    error_types={400: "invalid_request_error", 404: "not_found_error", 500: "server_error"},
    error_done=False,
    bare_responses=True,
    ignored_choices=("named",),
)

IK_LLAMA_CPP = replace(
    LLAMA_CPP,
    name="ik_llama.cpp",
    source="ikawrakow/ik_llama.cpp issue 467, before its fix: without ``[DONE]``.",
    done=False,
)

_NO_CALL = {"role": None, "content": None, "function_call": None, "tool_calls": None}

LLAMA_CPP_PYTHON = replace(
    OPENAI,
    name="llama-cpp-python",
    source="""abetlen/llama-cpp-python, ``llama_cpp/llama_chat_format.py``
    (``_convert_completion_to_chat_function_chunks``), and streams of version 0.3.36. Each piece of
    a call has its id and name, and comes as ``function_call`` as well; a ``tool_choice`` is taken
    only if it names a function.""",
    id="chatcmpl-{id:36}",
    call_id=("call__0_", 36),
    chunk={},
    call={"role": None, "content": None},
    opening={"role": "assistant"},
    opens_with_call=False,
    around_calls=_NO_CALL,
    refusal="content",
    first_arguments=True,
    repeats_call=True,
    legacy_call=True,
    ignored_choices=("required",),
    named_call_stops=False,
    null_usage=False,
    usage_details=False,
    obfuscates=False,
    headers={},
)

OLLAMA = replace(
    VLLM,
    name="ollama",
    source="""ollama/ollama, ``openai/openai.go`` (``ToChunk``, ``ToToolCalls``) and
    ``middleware/openai.go``. Every delta has the role and a content, empty or not; a tool call
    comes whole in one chunk; any call ends with ``tool_calls``, in a chunk of its own.""",
    id="chatcmpl-{number}",
    call_id=("call_", 8),
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
    error_code="null",
    error_done=False,
)

OLLAMA_2024 = replace(
    OLLAMA,
    name="ollama-0.1",
    source="ollama/ollama issue 4357: the finish reason of an unfinished chunk is an empty string.",
    open_finish="",
)

_OPENROUTER_TEXT: dict[str, Any] = _ROLE | {"reasoning": None, "reasoning_details": []}

OPENROUTER = replace(
    OPENAI,
    name="openrouter",
    source="""Its documentation ("Streaming", "Errors") and recorded streams (aaif-goose/goose,
    ``providers/formats/openai.rs``). Comments keep the connection alive while the upstream
    works; every delta has the role; the usage comes in a chunk that has a choice, asked for or
    not; an error inside the stream comes beside a choice with finish reason ``error``.""",
    id="gen-{created}-{id:20}",
    chunk={"provider": "Replay"},
    choice={"logprobs": None, "native_finish_reason": None},
    text=_OPENROUTER_TEXT,
    call={"role": "assistant", "content": None},
    opening=_OPENROUTER_TEXT,
    opens_with_call=False,
    closing=_OPENROUTER_TEXT,
    reasoning="reasoning",
    named_call_stops=False,
    usage="with-choice",
    null_usage=False,
    obfuscates=False,
    comment="OPENROUTER PROCESSING",
    headers={"x-generation-id": "gen-{created}-{id:20}"},
    error=("code", "message"),
    error_code="status",
    error_choice=True,
    reasoning_summary=False,
)

GEMINI = replace(
    OLLAMA,
    name="gemini",
    source="""Google's OpenAI-compatible endpoint for Gemini: recorded chunks in open-
    webui/computer issue 224. A tool call comes whole, without ``index``; the finish reason
    comes beside the last delta.""",
    id="{id:22}",
    call_id=("function-call-", 16),
    chunk={},
    text={"role": "assistant"},
    call={"role": "assistant"},
    reasoning=None,
    call_index=False,
    finish_beside=True,
    named_call_stops=True,
)

MISTRAL = replace(
    OLLAMA,
    name="mistral",
    source="""Mistral's platform: recorded streams in the tests of vercel/ai
    (``packages/mistral``). A tool call comes whole, without ``index`` and ``type``, beside the
    finish reason and the usage, which is sent whether asked for or not.""",
    headers={"mistral-correlation-id": "{request:32}"},
    id="{id:32}",
    call_id=("", 9),
    chunk={},
    text={},
    call={"content": None},
    opening=_ROLE,
    reasoning=None,
    call_index=False,
    call_type=False,
    finish_beside=True,
    usage="beside",
)

#: In the order in which they are listed.
SERVERS = (
    OPENAI,
    AZURE,
    AZURE_ASYNC,
    VLLM,
    LLAMA_CPP,
    IK_LLAMA_CPP,
    LLAMA_CPP_PYTHON,
    OLLAMA,
    OLLAMA_2024,
    OPENROUTER,
    GEMINI,
    MISTRAL,
)
