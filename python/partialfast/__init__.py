"""Typed, validated snapshots of JSON while it is being written."""

from __future__ import annotations

from ._instructor_modules import MODULES, install

# Type checkers take the name for true. What `typing` and `importlib` take to load would come before
# the command ``partialfast`` can say what Ctrl-C does to it.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from ._core import JsonParser, Op, __version__, loads
    from ._errors import (
        ContentFilterError,
        CorruptStreamError,
        DroppedError,
        InvalidAnswerError,
        InvalidJsonError,
        JsonError,
        OtherCallError,
        PartialFastError,
        RefusalError,
        ServerError,
        StreamError,
        StreamTimeoutError,
        TruncatedError,
    )
    from ._instructor import (
        AsyncInstructor,
        HookName,
        IncompleteOutputException,
        Instructor,
        InstructorError,
        InstructorRetryException,
        PartialLiteralMixin,
        from_anyscale,
        from_cerebras,
        from_databricks,
        from_deepseek,
        from_fireworks,
        from_groq,
        from_openrouter,
        from_perplexity,
        from_together,
    )
    from ._repairs import Repair
    from .answer._hooks import Hooks
    from .providers._names import from_provider
    from .providers.anthropic import from_anthropic
    from .providers.bedrock import from_bedrock
    from .providers.cohere import from_cohere
    from .providers.google import from_genai
    from .providers.huggingface import from_huggingface
    from .providers.litellm import from_litellm
    from .providers.mistral import from_mistral
    from .providers.ollama import from_ollama
    from .providers.openai import Mode, from_openai
    from .providers.xai import from_xai
    from .typed._calling import Progress
    from .typed._loops import astream, astream_items, stream, stream_items
    from .typed._ops import apply_ops, astream_ops, stream_ops
    from .typed._partial import Partial
    from .typed._presence import Complete, Whole, is_partial, is_set
    from .typed._state import StreamState
    from .typed._text_deltas import TextDelta, atext_deltas, text_deltas

__all__ = [
    "AsyncInstructor",
    "Complete",
    "ContentFilterError",
    "CorruptStreamError",
    "DroppedError",
    "HookName",
    "Hooks",
    "IncompleteOutputException",
    "Instructor",
    "InstructorError",
    "InstructorRetryException",
    "InvalidAnswerError",
    "InvalidJsonError",
    "JsonError",
    "JsonParser",
    "Mode",
    "Op",
    "OtherCallError",
    "Partial",
    "PartialFastError",
    "PartialLiteralMixin",
    "Progress",
    "RefusalError",
    "Repair",
    "ServerError",
    "StreamError",
    "StreamState",
    "StreamTimeoutError",
    "TextDelta",
    "TruncatedError",
    "Whole",
    "__version__",
    "apply_ops",
    "astream",
    "astream_items",
    "astream_ops",
    "atext_deltas",
    "from_anthropic",
    "from_anyscale",
    "from_bedrock",
    "from_cerebras",
    "from_cohere",
    "from_databricks",
    "from_deepseek",
    "from_fireworks",
    "from_genai",
    "from_groq",
    "from_huggingface",
    "from_litellm",
    "from_mistral",
    "from_ollama",
    "from_openai",
    "from_openrouter",
    "from_perplexity",
    "from_provider",
    "from_together",
    "from_xai",
    "is_partial",
    "is_set",
    "loads",
    "stream",
    "stream_items",
    "stream_ops",
    "text_deltas",
]

#: The module of each name. A name is imported when it is first used: a program that streams text
#: does not load the client, a command can be interrupted before anything is loaded.
_HOMES = {
    name: module
    for module, names in {
        "_core": ("JsonParser", "Op", "__version__", "loads"),
        "_errors": (
            "ContentFilterError",
            "CorruptStreamError",
            "DroppedError",
            "InvalidAnswerError",
            "InvalidJsonError",
            "JsonError",
            "OtherCallError",
            "PartialFastError",
            "RefusalError",
            "ServerError",
            "StreamError",
            "StreamTimeoutError",
            "TruncatedError",
        ),
        "_instructor": (
            "AsyncInstructor",
            "HookName",
            "IncompleteOutputException",
            "Instructor",
            "InstructorError",
            "InstructorRetryException",
            "PartialLiteralMixin",
            "from_anyscale",
            "from_cerebras",
            "from_databricks",
            "from_deepseek",
            "from_fireworks",
            "from_groq",
            "from_openrouter",
            "from_perplexity",
            "from_together",
        ),
        "_repairs": ("Repair",),
        "answer._hooks": ("Hooks",),
        "providers._names": ("from_provider",),
        "providers.anthropic": ("from_anthropic",),
        "providers.bedrock": ("from_bedrock",),
        "providers.cohere": ("from_cohere",),
        "providers.google": ("from_genai",),
        "providers.huggingface": ("from_huggingface",),
        "providers.litellm": ("from_litellm",),
        "providers.mistral": ("from_mistral",),
        "providers.ollama": ("from_ollama",),
        "providers.openai": ("Mode", "from_openai"),
        "providers.xai": ("from_xai",),
        "typed._calling": ("Progress",),
        "typed._loops": ("astream", "astream_items", "stream", "stream_items"),
        "typed._ops": ("apply_ops", "astream_ops", "stream_ops"),
        "typed._partial": ("Partial",),
        "typed._presence": ("Complete", "Whole", "is_partial", "is_set"),
        "typed._state": ("StreamState",),
        "typed._text_deltas": ("TextDelta", "atext_deltas", "text_deltas"),
    }.items()
    for name in names
}


install()

if not TYPE_CHECKING:
    # Hidden from type checkers, which would take any misspelt name for one that exists.
    def __getattr__(name: str) -> Any:
        import importlib  # noqa: PLC0415 - see above

        home = _HOMES.get(name)
        if home is None:
            from ._hints import HINTS, missing_name  # noqa: PLC0415 - for a name that is not there

            if name in MODULES and name not in HINTS:
                return importlib.import_module(f"{__name__}.{name}")
            raise missing_name(__name__, name)
        value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
