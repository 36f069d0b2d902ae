"""Names of instructor 1.17 that this package has under another name, or not at all: what to use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

__all__ = ["HINTS", "OF_ARGUMENTS", "OF_CLIENTS", "OF_COMMANDS", "hint", "missing_name", "refusing"]

_MULTIMODAL = (
    "pass the provider's own content part in the message, such as "
    '{"type": "image_url", "image_url": {"url": ...}}'
)
_BATCH = "partialfast.batch.extract, or `partialfast extract --batch-api`"
_CACHE = "`partialfast extract --cache`, or functools.cache around a function of your own"
_PROVIDER = "partialfast.providers.Provider, if a provider is to be added"
_MODEL = "pydantic's BaseModel: any model can be a response_model"
_LISTS = "create_iterable(response_model=M), or response_model=list[M]"
_TOKENS = "`partialfast extract --budget`, or `stream.tokens`"

#: What to use instead, and which of instructor's names that holds for.
_INSTEAD: Final = {
    _BATCH: """BatchErrorInfo BatchFiles BatchJob BatchJobInfo BatchModel BatchProcessor
        BatchProvider BatchRequest BatchRequestCounts BatchStatus BatchTimestamps RequestBody Tool
        Function AnthropicProvider OpenAIProvider get_results_by_custom_id""",
    "partialfast.batch.Result, whose `ok` tells whether there is a value": """BatchResult
        BatchSuccess extract_results filter_errors filter_successful""",
    "partialfast.batch.Failure, in `result.error`": "BatchError",
    _MULTIMODAL: """Audio Image ImageParams ImageParamsBase ImageWithCacheControl PDF
        PDFWithCacheControl PDFWithGenaiFile audio_to_anthropic audio_to_genai audio_to_openai
        autodetect_media convert_contents extract_genai_multimodal_content
        extract_multimodal_content image_to_anthropic image_to_genai image_to_openai
        image_with_cache_control_to_anthropic load_existing_pdf_file pdf_to_anthropic pdf_to_genai
        pdf_to_mistral pdf_to_openai pdf_with_cache_control_to_anthropic upload_new_pdf_file
        uploaded_pdf_to_genai RemoteContent fetch_remote_content probe_remote_content_type""",
    _CACHE: "AutoCache BaseCache DiskCache make_cache_key",
    _PROVIDER: """Provider ProviderSpec RequestHandler ResponseParser ReaskHandler ModeHandler
        ModeHandlers ModeRegistry TemplateHandler MessageConverter StreamExtractor
        AsyncStreamExtractor mode_registry normalize_mode normalize_mode_for_provider
        provider_from_mode get_provider register_mode_handler RegistryValidationMixin
        AnthropicJSONHandler AnthropicParallelToolsHandler AnthropicStructuredOutputsHandler
        AnthropicToolsHandler BedrockJSONSchemaHandler BedrockMDJSONHandler BedrockToolsHandler
        BedrockToolsStrictHandler CohereJSONSchemaHandler CohereMDJSONHandler CohereToolsHandler
        GeminiJSONHandler GeminiToolsHandler GenAIHandlerBase GenAIStructuredOutputsHandler
        GenAIToolsHandler MistralJSONSchemaHandler MistralMDJSONHandler MistralToolsHandler
        OpenAIJSONSchemaHandler OpenAIMDJSONHandler OpenAIParallelToolsHandler
        OpenAIResponsesToolsHandler OpenAIToolsHandler OpenRouterJSONSchemaHandler
        PerplexityMDJSONHandler VertexAIJSONHandler VertexAIParallelToolsHandler
        VertexAIToolsHandler WriterJSONSchemaHandler WriterMDJSONHandler WriterToolsHandler
        XAIJSONSchemaHandler XAIMDJSONHandler XAIParallelToolsHandler XAIToolsHandler
        handle_gemini_json handle_gemini_tools handle_genai_message_conversion
        handle_genai_structured_outputs handle_genai_tools handle_openrouter_structured_outputs
        handle_reask_kwargs handle_vertexai_json handle_vertexai_parallel_tools
        handle_vertexai_tools handle_xai_json handle_xai_tools parse_genai_structured_outputs
        parse_genai_tools reask_default reask_genai_structured_outputs reask_genai_tools
        reask_md_json reask_responses_tools reask_tools reask_xai_json reask_xai_tools
        vertexai_function_response_parser vertexai_message_list_parser vertexai_message_parser
        vertexai_process_json_response vertexai_process_response make_getattr
        map_chat_completion_to_response async_map_chat_completion_to_response
        map_to_gemini_function_schema map_to_genai_schema extract_gemini_chunk_text
        verify_no_unions update_gemini_kwargs update_genai_kwargs isolate_retry_kwargs""",
    "a validator that looks the quote up in `info.context`": "CitationMixin",
    "a list of messages of your own: nothing here writes fine-tuning files": """FinetuneFormat
        FuneTuningParams Instructions OpenAIChatKwargs format_function get_signature_from_fn
        is_return_type_base_model_or_instance""",
    _LISTS: "IterableBase IterableModel ListResponse ResponseList",
    "M | None, or a model with a field for what is wrong": "Maybe MaybeBase",
    "response_model=Iterable[A | B], which lets the model call one function for each": """
        AnthropicParallelBase AnthropicParallelModel ParallelBase ParallelModel VertexAIParallelBase
        VertexAIParallelModel get_types_array handle_anthropic_parallel_model
        handle_parallel_model""",
    _MODEL: """OpenAISchema ResponseSchema openai_schema response_schema Model""",
    "any type that pydantic can validate as the response_model, simple ones included": """
        AdapterBase ModelAdapter is_simple_type is_typed_dict is_union_type prepare_response_model
        validateIsSubClass""",
    "Partial[M]": "MakeFieldsOptional PartialBase",
    "StreamState, or `stream`, which tell what is complete": """JsonCompleteness is_json_complete
        process_potential_object remove_control_chars""",
    "stream(T, chunks, envelope=True), which skips what stands around the JSON": """
        extract_json_from_codeblock extract_json_from_stream extract_json_from_stream_async""",
    "StreamState, or TypeAdapter(T).validate_json": "process_response process_response_async",
    "a client's create(response_model=M)": """handle_response_model
        InstructorChatCompletionCreate AsyncInstructorChatCompletionCreate""",
    "max_retries, an int or tenacity's Retrying": """retry_async retry_async_v2 retry_sync
        retry_sync_v2""",
    "a client of from_openai(...), whose `responses` has create and its variants": """Response
        AsyncResponse""",
    "client.on(event, handler)": """CompletionErrorHandler CompletionKwargsHandler
        CompletionResponseHandler CompletionUsageHandler ParseErrorHandler""",
    "M.model_json_schema(); the client makes what each mode sends by itself": """
        generate_anthropic_schema generate_gemini_schema generate_openai_schema""",
    "an AfterValidator that calls a client, once the value is complete": """Validator
        llm_validator""",
    "an AfterValidator that calls client.moderations.create": "openai_moderation",
    "pydantic's validators; await what needs it after the final value came": """
        ASYNC_MODEL_VALIDATOR_KEY ASYNC_VALIDATOR_KEY AsyncValidationContext async_field_validator
        async_model_validator model_declares_async_validators reject_async_validators
        run_async_validators""",
    "from_openai(client), which leaves the client as it is": "apatch patch patch_v2",
    "a str: any model's name is taken": "KnownModelName",
    "messages in the provider's own form, which go to the SDK as they are": """SystemMessage
        combine_system_messages convert_messages convert_to_genai_messages
        copy_messages_for_mutation dump_message extract_genai_system_message extract_messages
        extract_system_messages get_message_content merge_consecutive_messages
        transform_to_gemini_prompt""",
    "`context`, which fills Jinja templates in messages": """apply_template handle_templating
        process_message""",
    "`stream.tokens`, or the usage of each answer at the event completion:usage": """
        has_compatible_usage initialize_usage update_total_usage""",
    "inspect.iscoroutinefunction": "is_async",
    "functools, or a descriptor of your own": "classproperty",
    "an environment variable of pydantic's, PYDANTIC_ERRORS_INCLUDE_URL=0": """
        disable_pydantic_error_url""",
    "nothing: no mode warns here": "reset_deprecated_mode_warnings",
    # Makers of clients.
    "from_openai(OpenAI(base_url=..., api_key=...)), as its server is like OpenAI's": "from_writer",
    "from_genai(google.genai.Client()), as Google's older SDKs have ended": "from_gemini",
    "from_genai(google.genai.Client(vertexai=True, ...))": "from_vertexai",
    # Exceptions.
    "pydantic's ValidationError": "AsyncValidationError ValidationContextError",
    "pydantic's ValidationError, which InvalidAnswerError is as well": "ValidationError",
    "the SDK's own exceptions, which pass through unchanged": "ClientError MultimodalError "
    "RemoteFetchError",
    "TypeError or ValueError, which a wrong argument raises": "ConfigurationError RegistryError",
    "Attempt, in `error.attempts`": "FailedAttempt",
    "ValueError, which a mode that the provider does not know raises": "ModeError",
    "ServerError": "ProviderError",
    "InvalidAnswerError": "ResponseParsingError",
    _TOKENS: "TokenBudgetError TokenBudgetExceeded",
    "`stream.tokens`, whose numbers are None where unknown": "TokenUsageUnavailableError",
}

#: What to use instead, by instructor's name.
HINTS: Final = {name: instead for instead, names in _INSTEAD.items() for name in names.split()}

#: The same for what a client of instructor's has.
OF_CLIENTS: Final = {
    "client": "the SDK's client, which was given to from_openai",
    "create_fn": "the SDK's client, which was given to from_openai",
    "create_partial_with_completion": "create_partial, whose stream has `usage` and `response_id`",
    "default_model": "from_openai(client, model=...)",
    "handle_kwargs": "arguments of from_openai, which are those of every call",
    "hooks": "client.on(event, handler)",
    "kwargs": "arguments of from_openai, which are those of every call",
    "mode": "the mode that was given to from_openai",
    "provider": "the class of the client",
}

#: The same for arguments of its calls.
OF_ARGUMENTS: Final = {"token_budget": "`stream.tokens`, or `partialfast extract --budget`"}

#: What to use instead of a subcommand of instructor's.
OF_COMMANDS: Final = {
    "batch": "partialfast extract --batch-api",
    "docs": "the pages under docs/",
    "files": "the SDK's client.files",
    "hub": "the programs in examples/",
    "jobs": "the SDK's client.fine_tuning.jobs",
    "usage": "the provider's own page of usage",
}


def hint(message: str, name: str, hints: Mapping[str, str] = HINTS) -> str:
    """Say what to use instead of a name.

    Args:
        message: That there is no such name.
        name: The name.
        hints: What to use instead, by name.

    Returns:
        The text of the error.
    """
    return f"{message}; instead of instructor's, use {hints[name]}" if name in hints else message


def missing_name(module: str, name: str) -> Exception:
    """Make the error for a name that a module does not have.

    Args:
        module: The module.
        name: The name.

    Returns:
        An `AttributeError`. While ``from module import name`` runs, and there is a hint, an
        `ImportError`: Python would replace an `AttributeError` by one without the hint.
    """
    message = hint(f"module {module!r} has no attribute {name!r}", name)
    # The caller's caller: it asks for the attribute.
    asking = sys._getframe(2).f_globals.get("__name__")  # noqa: SLF001 - there is no other way
    if name in HINTS and asking == "importlib._bootstrap":
        return ImportError(message, name=module)
    return AttributeError(message)


def refusing(module: str) -> Callable[[str], NoReturn]:
    """Make the ``__getattr__`` of a module that has no names but those in it.

    Args:
        module: The module.

    Returns:
        The function, which raises what `missing_name` makes.
    """

    def getattr_(name: str) -> NoReturn:
        raise missing_name(module, name)

    return getattr_
