"""Names of instructor 1.17 that this package has under another name, or has not: what to use."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["HINTS", "OF_CLIENTS", "hint"]

_ANY_SERVER = "from_openai(OpenAI(base_url=..., api_key=...)), or from_provider({!r})"
_MULTIMODAL = (
    "pass the provider's own content part in the message, such as "
    '{"type": "image_url", "image_url": {"url": ...}}'
)
_SCHEMA = "M.model_json_schema(); the client makes what each mode sends by itself"
_BATCH = "partialfast.batch.extract, or `partialfast extract --batch-api`"

#: What to use instead, by instructor's name.
HINTS = {
    "Audio": _MULTIMODAL,
    "BatchJob": _BATCH,
    "BatchProcessor": _BATCH,
    "BatchRequest": _BATCH,
    "CitationMixin": "a validator that looks the quote up in `info.context`",
    "FinetuneFormat": "a list of messages of your own: nothing here writes fine-tuning files",
    "Image": _MULTIMODAL,
    "Instructions": "a list of messages of your own: nothing here writes fine-tuning files",
    "IterableModel": "create_iterable(response_model=M), or response_model=list[M]",
    "Maybe": "M | None, or a model with a field for what is wrong",
    "OpenAISchema": "pydantic's BaseModel: any model can be a response_model",
    "PDF": _MULTIMODAL,
    "Provider": "partialfast.providers.Provider, if a provider is to be added",
    "ResponseSchema": "pydantic's BaseModel: any model can be a response_model",
    "apatch": "from_openai(client), which leaves the client as it is",
    "from_anyscale": _ANY_SERVER.format("openai/NAME"),
    "from_databricks": _ANY_SERVER.format("databricks/NAME"),
    "from_deepseek": _ANY_SERVER.format("deepseek/NAME"),
    "from_openrouter": _ANY_SERVER.format("openrouter/NAME"),
    "from_perplexity": _ANY_SERVER.format("perplexity/NAME"),
    "from_together": _ANY_SERVER.format("together/NAME"),
    "generate_anthropic_schema": _SCHEMA,
    "generate_gemini_schema": _SCHEMA,
    "generate_openai_schema": _SCHEMA,
    "handle_response_model": "a client's create(response_model=M)",
    "hooks": "client.on(event, handler)",
    "llm_validator": "an AfterValidator that calls a client, once the value is complete",
    "openai_moderation": "an AfterValidator that calls client.moderations.create",
    "openai_schema": "pydantic's BaseModel: any model can be a response_model",
    "patch": "from_openai(client), which leaves the client as it is",
    "process_response": "StreamState, or TypeAdapter(T).validate_json",
    "response_schema": "pydantic's BaseModel: any model can be a response_model",
    "v2": "partialfast.providers",
    # Its exceptions.
    "AsyncValidationError": "pydantic's ValidationError",
    "ClientError": "the SDK's own exceptions, which pass through unchanged",
    "ConfigurationError": "TypeError or ValueError, which a wrong argument raises",
    "FailedAttempt": "Attempt, in `error.attempts`",
    "ModeError": "ValueError, which a mode that the provider does not know raises",
    "MultimodalError": "the SDK's own exceptions, which pass through unchanged",
    "ProviderError": "ServerError",
    "ResponseParsingError": "InvalidAnswerError",
    "TokenBudgetError": "`partialfast extract --budget`, or `stream.tokens`",
    "TokenBudgetExceeded": "`partialfast extract --budget`, or `stream.tokens`",
    "TokenUsageUnavailableError": "`stream.tokens`, whose numbers are None where unknown",
}

#: The same for what a client of instructor's has.
OF_CLIENTS = {
    "create_partial_with_completion": "create_partial, whose stream has `usage` and `response_id`",
    "default_model": "from_openai(client, model=...)",
    "handle_kwargs": "arguments of from_openai, which are those of every call",
    "hooks": "client.on(event, handler)",
    "mode": "the mode that was given to from_openai",
    "provider": "the class of the client",
}


def hint(message: str, name: str, hints: Mapping[str, str] = HINTS) -> str:
    """Say what to use instead of a name.

    Args:
        message: That there is no such name.
        name: The name.
        hints: What to use instead, by name.

    Returns:
        The text of the `AttributeError`.
    """
    return f"{message}; instead of instructor's, use {hints[name]}" if name in hints else message
