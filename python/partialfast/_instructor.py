"""What this package has of instructor's, by instructor's names."""

from __future__ import annotations

from enum import Enum

from partialfast._errors import InvalidAnswerError, PartialFastError, TruncatedError
from partialfast.answer._aresource import AsyncResource
from partialfast.answer._resource import Resource
from partialfast.providers.openai import from_openai

__all__ = [
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
]

#: What a client is an instance of, whatever its provider.
Instructor = Resource
AsyncInstructor = AsyncResource
#: An answer was cut off.
IncompleteOutputException = TruncatedError
#: An answer was invalid, and no attempt was left.
InstructorRetryException = InvalidAnswerError
InstructorError = PartialFastError


# These take an SDK's client that works like OpenAI's, or OpenAI's own for another server.
from_anyscale = from_openai
from_cerebras = from_openai
from_databricks = from_openai
from_deepseek = from_openai
from_fireworks = from_openai
from_groq = from_openai
from_openrouter = from_openai
from_perplexity = from_openai
from_together = from_openai


class HookName(Enum):
    """The events of a client's `on`, by instructor's names; the strings will do as well."""

    COMPLETION_KWARGS = "completion:kwargs"
    COMPLETION_RESPONSE = "completion:response"
    COMPLETION_ERROR = "completion:error"
    COMPLETION_LAST_ATTEMPT = "completion:last_attempt"
    COMPLETION_USAGE = "completion:usage"
    PARSE_ERROR = "parse:error"


class PartialLiteralMixin:
    """Does nothing: literals and enums are never shown before they are complete."""
