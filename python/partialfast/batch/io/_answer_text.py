"""Reads the text of one answer that was recorded: the same reading as of one that is streamed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from partialfast._core import TextReader
from partialfast._errors import JsonError, TruncatedError
from partialfast._repairs import Repair
from partialfast.typed._state import StreamState

__all__ = ["read_answer", "read_answer_into"]


def read_answer(
    model: Any, text: str, *, key: str | None, reading: Mapping[str, Any] | None = None
) -> tuple[Any, list[Repair]]:
    """Read the text of a whole answer.

    Args:
        model: The type of the value.
        text: What the model wrote.
        key: The property that it was asked to wrap the value in, if any.
        reading: How it is read: arguments of `partialfast.StreamState`.

    Returns:
        The value, and what was repaired.

    Raises:
        TruncatedError: The text is not whole.
        JsonError: It is not JSON.
        pydantic.ValidationError: The value is invalid.
    """
    state: StreamState[Any] = StreamState(model, **(reading or {}))
    why, repairs = read_answer_into(state, text, key=key, finish_reason=None)
    if why:
        raise TruncatedError(why, text=text, snapshot=state.snapshot)
    return state.finish(), repairs


def read_answer_into(
    state: StreamState[Any], text: str, *, key: str | None, finish_reason: str | None
) -> tuple[str, list[Repair]]:
    """Read the text of an answer.

    Args:
        state: What reads the value.
        text: What the model wrote; prose and code fences around the JSON are taken off.
        key: The property that it was asked to wrap the value in, if any.
        finish_reason: Why it stopped, if that is known and the model may have had more to write.

    Returns:
        Why it is not whole, if that does not show in the value's text; else nothing. And what was
        repaired, if the state reads leniently.

    Raises:
        JsonError: It is not JSON.
        pydantic.ValidationError: The value is invalid.
    """
    reader = TextReader(state, noise=True, key=key, bare_array=key == "items", items=False)
    reader.feed(text)
    reader.end()
    if reader.error is not None:
        raise reader.error
    if not reader.begun:
        raise JsonError(
            "there is no JSON in the text", kind="expected_value", offset=0, line=1, column=1
        )
    if reader.done and not reader.found:
        missing = InitErrorDetails(type="missing", loc=(key or "",), input=text)
        raise ValidationError.from_exception_data("answer", [missing], input_type="json")
    if not reader.done and key is not None:
        return "the object around the value is not closed", reader.repairs
    # A number at the end of a text that a limit has cut may have had more digits.
    if finish_reason and text.rstrip()[-1:].isdigit():
        return f"finish reason {finish_reason}", reader.repairs
    return "", reader.repairs
