"""The Responses API: how a value is asked for, and how a mistake is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from partialfast.answer._mode import Mode
from partialfast.answer._seam import Mistake, Question, Tokens
from partialfast.answer._target import Shape
from partialfast.answer._words import instructions, with_instructions
from partialfast.providers.openai._provider import OpenAI, tokens

__all__ = ["Responses"]


class Responses(OpenAI):
    """``client.responses``."""

    name = "responses"
    dialect: ClassVar[str | None] = "openai_responses"
    has_instructions = True

    def ask(self, question: Question) -> dict[str, Any]:
        """Add to the arguments of ``responses.create`` what asks for the target."""
        sent = dict(question.arguments)
        mode, shapes = question.mode, question.target.shapes
        if "messages" in sent:
            # What programs for instructor call it, whatever the API.
            sent.setdefault("input", sent.pop("messages"))
        given = sent.get("input")
        if isinstance(given, str):
            sent["input"] = [{"role": "user", "content": given}]
        elif given is not None:
            sent["input"] = list(given)
        if mode.is_tools:
            ours = [_function(each) for each in shapes]
            sent["tools"] = [*(sent.get("tools") or ()), *ours]
            one = {"type": "function", "name": shapes[0].name}
            # A caller who sets it knows a server that cannot be forced.
            sent.setdefault("tool_choice", one if len(ours) == 1 else "required")
            return sent
        text = dict(sent.get("text") or {})
        if "format" in text:
            raise TypeError(f"text['format'] is what {mode} sets: leave it out, or response_model")
        if mode is Mode.JSON_SCHEMA:
            schema = {
                "name": shapes[0].name,
                "schema": shapes[0].schema,
                "strict": shapes[0].strict,
            }
            sent["text"] = {**text, "format": {"type": "json_schema", **schema}}
            return sent
        asked = instructions(shapes[0], mode)
        if mode is Mode.JSON:
            sent["text"] = {**text, "format": {"type": "json_object"}}
            # The API looks for the word JSON in the input; what "instructions" say does not count.
            sent["input"] = with_instructions(sent.get("input") or (), asked, part="input_text")
            return sent
        said = sent.get("instructions")
        sent["instructions"] = f"{said}\n\n{asked}" if said else asked
        return sent

    def correct(self, arguments: Mapping[str, Any], mistake: Mistake) -> dict[str, Any]:
        """Show the model its mistake, as the output of its call or as what the user says."""
        items: list[dict[str, Any]] = []
        if mistake.call_id is not None:
            call = {"type": "function_call", "call_id": mistake.call_id, "name": mistake.name}
            output = {"type": "function_call_output", "call_id": mistake.call_id}
            items.append({**call, "arguments": mistake.text})
            items.append({**output, "output": mistake.explanation})
        else:
            if mistake.text:
                items.append({"role": "assistant", "content": mistake.text})
            items.append({"role": "user", "content": mistake.explanation})
        return {**arguments, "input": [*(arguments.get("input") or ()), *items]}

    def usage(self, reported: Any) -> Any:
        """Make of decoded usage the object that the SDK makes of it."""
        from openai.types.responses import ResponseUsage  # noqa: PLC0415 - as there is a client

        return ResponseUsage.construct(**reported) if isinstance(reported, dict) else None

    def tokens(self, reported: Any) -> Tokens:
        """Read the neutral numbers out of decoded usage."""
        return tokens(reported, input_="input_tokens", output="output_tokens")


def _function(shape: Shape) -> dict[str, Any]:
    # Here the default of "strict" is true, unlike in chat completions.
    return {
        "type": "function",
        "name": shape.name,
        "description": shape.description,
        "parameters": shape.schema,
        "strict": shape.strict,
    }
