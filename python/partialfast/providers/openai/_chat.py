"""Chat completions: how a value is asked for, and how the answer is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partialfast.answer._mode import Mode
from partialfast.answer._target import Shape, Target
from partialfast.answer._words import explain, instructions, with_instructions
from partialfast.providers.openai._state import State

__all__ = ["ChatState", "prepare_chat"]


def prepare_chat(kwargs: Mapping[str, Any], target: Target, mode: Mode) -> dict[str, Any]:
    """Add to the arguments of ``chat.completions.create`` what asks for the target.

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
        _add_tools(sent, target, mode)
        return sent
    if "response_format" in sent:
        raise TypeError(f"response_format is what {mode} sets: leave it out, or response_model")
    if mode is Mode.JSON_SCHEMA:
        sent["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": shape.name, "schema": shape.schema, "strict": True},
        }
        return sent
    if mode is Mode.JSON:
        sent["response_format"] = {"type": "json_object"}
    asked = instructions(shape, mode)
    sent["messages"] = with_instructions(sent.get("messages", ()), asked, part="text")
    return sent


def _add_tools(sent: dict[str, Any], target: Target, mode: Mode) -> None:
    ours = [{"type": "function", "function": _function(each, mode)} for each in target.shapes]
    sent["tools"] = [*(sent.get("tools") or ()), *ours]
    one = {"type": "function", "function": {"name": target.shapes[0].name}}
    # A caller who sets it knows a server that cannot be forced.
    sent.setdefault("tool_choice", one if len(ours) == 1 else "required")


def _function(shape: Shape, mode: Mode) -> dict[str, Any]:
    function = {
        "name": shape.name,
        "description": shape.description,
        "parameters": shape.schema,
    }
    return {**function, "strict": True} if mode.is_strict else function


class ChatState(State):
    """Reads a chat completion, streamed or whole."""

    api = "openai_chat"

    def read_usage(self, usage: Any) -> Any:
        """Make of a decoded ``usage`` the object that the SDK makes of it."""
        from openai.types import CompletionUsage  # noqa: PLC0415 - loaded, as there is a client

        return CompletionUsage.construct(**usage) if isinstance(usage, dict) else None

    def correction(self, error: Exception) -> list[dict[str, Any]]:
        """Return the assistant's answer and what is wrong with it, as messages."""
        call = self._newest_call()
        # Chat templates parse the arguments of earlier calls: half of them must not be among
        # them. Text is understood by every server.
        if call is not None and call.answer is not None and call.answer.is_whole and call.id:
            # As we named it: OpenAI refuses what some servers make of the name.
            function = {"name": call.answer.shape.name, "arguments": call.answer.text}
            tool_call = {"id": call.id, "type": "function", "function": function}
            return [
                {"role": "assistant", "tool_calls": [tool_call]},
                {"role": "tool", "tool_call_id": call.id, "content": explain(error)},
            ]
        said = self.text or "".join(self._content)
        answer = [{"role": "assistant", "content": said}] if said else []
        return [*answer, {"role": "user", "content": explain(error)}]
