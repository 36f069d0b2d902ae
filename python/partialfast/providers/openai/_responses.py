"""The Responses API: how a value is asked for, and how the answer is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from partialfast.answer._mode import Mode
from partialfast.answer._target import Shape, Target
from partialfast.answer._words import explain, instructions, with_instructions
from partialfast.providers.openai._state import Delta, State

__all__ = ["ResponsesState", "prepare_responses"]

# Events that say again what deltas have brought already, unless the server sends none.
_WHOLE = frozenset(
    {
        "response.output_text.done",
        "response.refusal.done",
        "response.function_call_arguments.done",
        "response.output_item.done",
    }
)

# Text that is not the answer.
_BESIDE = {
    "response.refusal.delta": "refusal",
    # A server sends one or the other.
    "response.reasoning_text.delta": "reasoning",
    "response.reasoning_summary_text.delta": "reasoning",
}

# What a model says between its calls ("phase" of a message) is not its answer.
_COMMENTARY = "commentary"


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

    api = "responses"

    def __init__(self, target: Target, **options: Any) -> None:
        super().__init__(target, **options)
        self._commentary: set[int] = set()

    def deltas(self, block: Any) -> Sequence[Delta]:
        """Turn an event of the stream into deltas."""
        kind: str = getattr(block, "type", "") or ""
        if kind == "response.output_text.delta":
            if block.output_index in self._commentary or not block.delta:
                return ()
            return [("text", 0, block.delta)]
        if kind == "response.function_call_arguments.delta":
            return [("call", 0, block.output_index, None, None, block.delta or "")]
        if kind == "response.output_item.added":
            return self._item_added(block)
        if kind == "response.output_text.done" and block.output_index in self._commentary:
            return ()
        return _other_deltas(kind, block)

    def _item_added(self, event: Any) -> Sequence[Delta]:
        item, index = event.item, event.output_index
        kind = getattr(item, "type", None)
        if kind == "message" and getattr(item, "phase", None) == _COMMENTARY:
            self._commentary.add(index)
        if kind != "function_call":
            return ()
        name = getattr(item, "name", None)
        return [("call", 0, index, getattr(item, "call_id", None), name, "")]

    def deltas_of_answer(self, answer: Any) -> Sequence[Delta]:
        """Turn a ``Response`` into deltas."""
        if getattr(answer, "status", None) is None and (error := getattr(answer, "error", None)):
            # What a proxy writes when it fails, with a status that says it did not.
            return [("error", error.to_dict() if hasattr(error, "to_dict") else error)]
        found: list[Delta] = [*_head(answer)]
        items: Sequence[Any] = getattr(answer, "output", None) or ()
        for index, item in enumerate(items):
            kind = getattr(item, "type", None)
            if kind == "function_call":
                found.append(("call", 0, index, item.call_id, item.name, item.arguments or ""))
            elif kind == "message" and getattr(item, "phase", None) != _COMMENTARY:
                for part in item.content or ():
                    if getattr(part, "type", None) == "output_text" and part.text:
                        found.append(("text", 0, part.text))
                    elif getattr(part, "type", None) == "refusal":
                        found.append(("refusal", 0, part.refusal))
        return [*found, *_ending(answer)]

    def read_usage(self, usage: Any) -> Any:
        """Make of a decoded ``usage`` the object that the SDK makes of it."""
        from openai.types.responses import ResponseUsage  # noqa: PLC0415 - as there is a client

        return ResponseUsage.construct(**usage) if isinstance(usage, dict) else None

    @property
    def _is_cut_off(self) -> bool:
        # A response can be incomplete for any reason, or for none that is named.
        return super()._is_cut_off or self.finish_reason not in {None, "completed"}

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


def _other_deltas(kind: str, event: Any) -> Sequence[Delta]:
    if kind in _BESIDE:
        return [(_BESIDE[kind], 0, event.delta)] if event.delta else ()
    if kind in _WHOLE:
        return _whole(kind, event)
    if kind == "response.created":
        return _head(event.response)
    if kind in {"response.completed", "response.incomplete", "response.failed"}:
        return [*_ending(event.response), ("done",)]
    if kind == "error":
        return [("error", event.to_dict())]
    return ()


def _whole(kind: str, event: Any) -> Sequence[Delta]:
    if kind == "response.output_text.done":
        return [("whole_text", 0, event.text)] if event.text else ()
    if kind == "response.refusal.done":
        return [("whole_refusal", 0, event.refusal)] if event.refusal else ()
    if kind == "response.function_call_arguments.done":
        return [("whole_call", 0, event.output_index, None, None, event.arguments or "")]
    item = event.item
    if getattr(item, "type", None) != "function_call":
        return ()
    name = getattr(item, "name", None)
    id_, arguments = getattr(item, "call_id", None), getattr(item, "arguments", None)
    return [("whole_call", 0, event.output_index, id_, name, arguments or "")]


def _head(response: Any) -> list[Delta]:
    return [("head", getattr(response, "id", None), getattr(response, "model", None))]


def _ending(response: Any) -> list[Delta]:
    """Report the terminal state of a response, the same in a stream and without one."""
    found: list[Delta] = []
    usage = getattr(response, "usage", None)
    if usage is not None:
        found.append(("usage", usage))
    status = getattr(response, "status", None)
    details = getattr(response, "incomplete_details", None)
    reason = getattr(details, "reason", None) if status == "incomplete" else None
    found.append(("finish", 0, reason or status))
    if status == "failed":
        error: Any = getattr(response, "error", None)
        found.append(("error", error.to_dict() if hasattr(error, "to_dict") else error))
    return found
