"""What is said to the model in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from partialfast._errors import TruncatedError
from partialfast.answer._mode import Mode
from partialfast.answer._target import Shape

__all__ = ["explain", "instructions", "with_instructions"]


def instructions(shape: Shape, mode: Mode) -> str:
    """Return what asks a model for an object of this shape.

    Args:
        shape: The object.
        mode: `Mode.JSON` or `Mode.MD_JSON`.
    """
    # OpenAI refuses {"type": "json_object"} unless the word JSON stands in the messages, or in the
    # input of a response.
    form = "inside one ```json code block" if mode is Mode.MD_JSON else "and nothing else"
    schema = json.dumps(shape.schema, ensure_ascii=False)
    return (
        f"Answer with one JSON object {form}. It must follow this JSON schema; do not repeat "
        f"the schema itself.\n\n{schema}"
    )


def with_instructions(messages: Sequence[Any], text: str, *, part: str) -> list[Any]:
    """Put instructions into the system message: many servers take only one.

    Args:
        messages: The conversation, with or without a system message.
        text: The instructions.
        part: The type that the API has for a text among the parts of a message.

    Returns:
        The conversation to send.
    """
    first = messages[0] if messages else None
    if not isinstance(first, Mapping) or first.get("role") not in {"system", "developer"}:
        return [{"role": "system", "content": text}, *messages]
    content: Any = first.get("content") or ""
    if isinstance(content, str):
        content = f"{content}\n\n{text}".lstrip()
    else:
        content = [*content, {"type": part, "text": text}]
    return [{**first, "content": content}, *messages[1:]]


def explain(error: Exception) -> str:
    """Return what tells a model that its answer was wrong, and where."""
    if isinstance(error, ValidationError):
        lines = [
            f"- {'.'.join(map(str, line['loc'])) or 'the whole answer'}: {line['msg']}"
            for line in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        return "\n".join(["Your answer is not valid:", *lines, "Give the whole answer again."])
    if isinstance(error, TruncatedError):
        return "Your answer ended before it was complete. Give the whole answer again."
    return f"Your answer could not be read: {error}\nGive the whole answer again."
