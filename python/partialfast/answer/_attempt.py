"""What is kept, and told, of an attempt that gave no value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from partialfast.answer._seam import Tokens

__all__ = ["Attempt"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that gave no value, so that the model, or another one, could be asked again.

    Args:
        number: Counted from 1.
        error: What was wrong with it.
        text: The raw text as far as it was read.
        usage: Token usage, if the server had reported it by then.
        finish_reason: The provider's finish reason, if it had come by then.
        request_id: The server's name for the request.
        model: The model, as the server named it; as it was asked for before.
        tokens: The same usage as numbers that mean the same with every provider.
    """

    number: int
    error: Exception
    text: str
    usage: Any
    finish_reason: str | None
    request_id: str | None
    model: str | None = None
    tokens: Tokens = field(default_factory=Tokens)
