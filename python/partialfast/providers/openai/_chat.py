"""Chat completions: how a value is asked for, and how a mistake is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from partialfast.answer._mode import Mode
from partialfast.answer._seam import Mistake, Question, Tokens
from partialfast.answer._target import Shape, Target
from partialfast.answer._words import instructions, with_instructions
from partialfast.providers.openai._provider import OpenAI, tokens

__all__ = ["Chat"]


class Chat(OpenAI):
    """``client.chat.completions``."""

    name = "chat.completions"
    dialect: ClassVar[str | None] = "openai_chat"
    has_usage_option = True

    def ask(self, question: Question) -> dict[str, Any]:
        """Add to the arguments of ``chat.completions.create`` what asks for the target."""
        sent = dict(question.arguments)
        mode, shape = question.mode, question.target.shapes[0]
        messages = sent.get("messages")
        if isinstance(messages, str):
            sent["messages"] = [{"role": "user", "content": messages}]
        elif messages is not None:
            sent["messages"] = list(messages)
        if mode.is_tools:
            _add_tools(sent, question.target)
            return sent
        if "response_format" in sent:
            raise TypeError(f"response_format is what {mode} sets: leave it out, or response_model")
        if mode is Mode.JSON_SCHEMA:
            sent["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": shape.name, "schema": shape.schema, "strict": shape.strict},
            }
            return sent
        if mode is Mode.JSON:
            sent["response_format"] = {"type": "json_object"}
        asked = instructions(shape, mode)
        sent["messages"] = with_instructions(sent.get("messages", ()), asked, part="text")
        return sent

    def correct(self, arguments: Mapping[str, Any], mistake: Mistake) -> dict[str, Any]:
        """Show the model its mistake, as the result of its call or as what the user says."""
        answer: list[dict[str, Any]] = []
        if mistake.call_id is not None:
            function = {"name": mistake.name, "arguments": mistake.text}
            call = {"id": mistake.call_id, "type": "function", "function": function}
            answer.append({"role": "assistant", "tool_calls": [call]})
            said = {"role": "tool", "tool_call_id": mistake.call_id}
        else:
            # Text is understood by every server.
            if mistake.text:
                answer.append({"role": "assistant", "content": mistake.text})
            said = {"role": "user"}
        said["content"] = mistake.explanation
        return {**arguments, "messages": [*(arguments.get("messages") or ()), *answer, said]}

    def usage(self, reported: Any) -> Any:
        """Make of decoded usage the object that the SDK makes of it."""
        from openai.types import CompletionUsage  # noqa: PLC0415 - loaded, as there is a client

        return CompletionUsage.construct(**reported) if isinstance(reported, dict) else None

    def tokens(self, reported: Any) -> Tokens:
        """Read the neutral numbers out of decoded usage."""
        return tokens(reported, input_="prompt_tokens", output="completion_tokens")


def _add_tools(sent: dict[str, Any], target: Target) -> None:
    ours = [{"type": "function", "function": _function(each)} for each in target.shapes]
    sent["tools"] = [*(sent.get("tools") or ()), *ours]
    one = {"type": "function", "function": {"name": target.shapes[0].name}}
    # A caller who sets it knows a server that cannot be forced.
    sent.setdefault("tool_choice", one if len(ours) == 1 else "required")


def _function(shape: Shape) -> dict[str, Any]:
    function = {
        "name": shape.name,
        "description": shape.description,
        "parameters": shape.schema,
    }
    return {**function, "strict": True} if shape.strict else function
