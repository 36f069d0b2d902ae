"""The SDK's arguments of a call, so that type checkers refuse a misspelt one.

Where the program runs, the list is open: what is not ours goes to the SDK, which judges it. What
only a server knows goes into ``extra_body``, as with the SDK.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from typing_extensions import TypedDict

from partialfast.answer._arguments import SnapshotArguments, StreamArguments, ValueArguments
from partialfast.answer._resources import NotSent

if TYPE_CHECKING:
    from httpx import Timeout
    from openai._types import SequenceNotStr
    from openai.types.chat import (
        ChatCompletionAudioParam,
        ChatCompletionMessageParam,
        ChatCompletionPredictionContentParam,
        ChatCompletionStreamOptionsParam,
        ChatCompletionToolChoiceOptionParam,
        ChatCompletionToolUnionParam,
    )
    from openai.types.chat import completion_create_params as chat_params
    from openai.types.responses import (
        ResponseIncludable,
        ResponseInputParam,
        ResponsePromptParam,
        ResponseTextConfigParam,
        ToolParam,
    )
    from openai.types.responses import response_create_params as response_params
    from openai.types.shared_params import Metadata, Reasoning, ReasoningEffort

__all__ = ["SnapshotCall", "StreamCall", "ValueCall"]


class _Arguments(TypedDict, total=False):
    """Of ``chat.completions.create`` and ``responses.create``, but for ``stream``.

    A client's own methods call one or the other, as its mode says.
    """

    messages: Iterable[ChatCompletionMessageParam] | str
    model: str
    access_programs: response_params.AccessPrograms | NotSent
    audio: ChatCompletionAudioParam | NotSent | None
    background: bool | NotSent | None
    background_options: response_params.BackgroundOptions | NotSent
    context_management: Iterable[response_params.ContextManagement] | NotSent | None
    conversation: response_params.Conversation | NotSent | None
    frequency_penalty: float | NotSent | None
    function_call: chat_params.FunctionCall | NotSent
    functions: Iterable[chat_params.Function] | NotSent
    image: response_params.Image | NotSent
    include: list[ResponseIncludable] | NotSent | None
    input: str | ResponseInputParam | NotSent
    instructions: str | NotSent | None
    logit_bias: dict[str, int] | NotSent | None
    logprobs: bool | NotSent | None
    max_completion_tokens: int | NotSent | None
    max_output_tokens: int | NotSent | None
    max_tokens: int | NotSent | None
    max_tool_calls: int | NotSent | None
    metadata: Metadata | NotSent | None
    modalities: list[Literal["text", "audio"]] | NotSent | None
    moderation: chat_params.Moderation | response_params.Moderation | NotSent | None
    n: int | NotSent | None
    parallel_tool_calls: bool | NotSent | None
    prediction: ChatCompletionPredictionContentParam | NotSent | None
    presence_penalty: float | NotSent | None
    previous_response_id: str | NotSent | None
    prompt: ResponsePromptParam | NotSent | None
    prompt_cache_key: str | NotSent | None
    prompt_cache_options: (
        chat_params.PromptCacheOptions | response_params.PromptCacheOptions | NotSent
    )
    prompt_cache_retention: Literal["in_memory", "24h"] | NotSent | None
    reasoning: Reasoning | NotSent | None
    reasoning_effort: ReasoningEffort | NotSent | None
    response_format: chat_params.ResponseFormat | NotSent
    safety_identifier: str | NotSent | None
    seed: int | NotSent | None
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | NotSent | None
    stop: str | SequenceNotStr[str] | NotSent | None
    store: bool | NotSent | None
    stream_options: (
        ChatCompletionStreamOptionsParam | response_params.StreamOptions | NotSent | None
    )
    temperature: float | NotSent | None
    text: ResponseTextConfigParam | NotSent
    tool_choice: ChatCompletionToolChoiceOptionParam | response_params.ToolChoice | NotSent
    tools: Iterable[ChatCompletionToolUnionParam | ToolParam] | NotSent
    top_logprobs: int | NotSent | None
    top_p: float | NotSent | None
    truncation: Literal["auto", "disabled"] | NotSent | None
    user: str | NotSent
    verbosity: Literal["low", "medium", "high"] | NotSent | None
    web_search_options: chat_params.WebSearchOptions | NotSent
    extra_headers: Mapping[str, str | NotSent] | None
    extra_query: Mapping[str, object] | None
    extra_body: object
    timeout: float | Timeout | NotSent | None


class ValueCall(_Arguments, ValueArguments, total=False):
    """Of a call that gives the value."""


class StreamCall(_Arguments, StreamArguments, total=False):
    """Of a call that streams."""


class SnapshotCall(_Arguments, SnapshotArguments, total=False):
    """Of a call that streams snapshots."""
