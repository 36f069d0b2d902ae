"""The Responses API: how a value is asked for, and how the answer is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partialfast.answer._mode import Mode
from partialfast.answer._target import Shape, Target
from partialfast.answer._words import explain, instructions, with_instructions
from partialfast.providers.openai._state import State

__all__ = ["ResponsesState", "prepare_responses"]


def prepare_responses(kwargs: Mapping[str, Any], target: Target, mode: Mode) -> dict[str, Any]:
    """Add to the arguments of ``responses.create`` what asks for the target.

    Args:
        kwargs: The caller's arguments.
        target: What is asked for.
        mode: How it is asked for.

    Returns:
        The arguments to send.

    Raises:
        TypeError: An argument of the caller's contradicts the mode.
    """
    sent = dict(kwargs)
    shape = target.shapes[0]
    if mode.is_tools:
        ours = [_function(each, mode) for each in target.shapes]
        sent["tools"] = [*(sent.get("tools") or ()), *ours]
        one = {"type": "function", "name": shape.name}
        # A caller who sets it knows a server that cannot be forced.
        sent.setdefault("tool_choice", one if len(ours) == 1 else "required")
        return sent
    text = dict(sent.get("text") or {})
    if "format" in text:
        raise TypeError(f"text['format'] is what {mode} sets: leave it out, or response_model")
    if mode is Mode.JSON_SCHEMA:
        schema = {"name": shape.name, "schema": shape.schema, "strict": True}
        sent["text"] = {**text, "format": {"type": "json_schema", **schema}}
        return sent
    asked = instructions(shape, mode)
    if mode is Mode.JSON:
        sent["text"] = {**text, "format": {"type": "json_object"}}
        # The API looks for the word JSON in the input; what "instructions" say does not count.
        sent["input"] = with_instructions(sent.get("input") or (), asked, part="input_text")
        return sent
    said = sent.get("instructions")
    sent["instructions"] = f"{said}\n\n{asked}" if said else asked
    return sent


def _function(shape: Shape, mode: Mode) -> dict[str, Any]:
    # Here the default of "strict" is true, unlike in chat completions.
    return {
        "type": "function",
        "name": shape.name,
        "description": shape.description,
        "parameters": shape.schema,
        "strict": mode.is_strict,
    }


class ResponsesState(State):
    """Reads a response, streamed or whole."""

    api = "openai_responses"

    def read_usage(self, usage: Any) -> Any:
        """Make of a decoded ``usage`` the object that the SDK makes of it."""
        from openai.types.responses import ResponseUsage  # noqa: PLC0415 - as there is a client

        return ResponseUsage.construct(**usage) if isinstance(usage, dict) else None

    def correction(self, error: Exception) -> list[dict[str, Any]]:
        """Return the model's answer and what is wrong with it, as input items."""
        call = self._newest_call()
        # Half of the arguments are not sent back as arguments: servers parse them.
        if call is not None and call.answer is not None and call.answer.is_whole and call.id:
            return [
                {
                    "type": "function_call",
                    "call_id": call.id,
                    # As we named it: OpenAI refuses what some servers make of the name.
                    "name": call.answer.shape.name,
                    "arguments": call.answer.text,
                },
                {"type": "function_call_output", "call_id": call.id, "output": explain(error)},
            ]
        said = self.text or "".join(self._content)
        answer = [{"role": "assistant", "content": said}] if said else []
        return [*answer, {"role": "user", "content": explain(error)}]
