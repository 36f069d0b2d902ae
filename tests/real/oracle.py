"""What a server said, read without this package, and whether an outcome is right by that.

A success is right if pydantic reads the same value out of what the server wrote. An error is right
if pydantic reads none: then it must be the kind of error that fits, say what the server wrote, and
have its finish reason. So a value that was lost, one that was made up, and one that is half of what
it should be are all found.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from openai import APIStatusError
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

import partialfast as pf
from tests.real.tap import Heard

__all__ = ["Call", "Said", "problem_of", "read"]

#: What a server says of what a limit has cut off.
_LIMITS = {"length", "max_output_tokens"}


@dataclass
class Call:
    """A function call.

    Args:
        name: The function.
        arguments: What was written.
    """

    name: str = ""
    arguments: str = ""


@dataclass
class Said:
    """What a server said.

    Args:
        status: The status.
        content: The text.
        calls: The calls, in order.
        finish: Why it ended.
        failed: Whether it reported an error.
        whole: Whether its body came to its end.
    """

    status: int
    content: str = ""
    calls: list[Call] = field(default_factory=list)
    finish: str | None = None
    failed: bool = False
    whole: bool = False

    @property
    def text(self) -> str:
        """What it wrote: its first call, or its words."""
        return self.calls[0].arguments if self.calls else self.content


def read(heard: Heard) -> Said:
    """Read a response.

    Args:
        heard: The response.
    """
    said = Said(heard.status, whole=heard.whole)
    calls: dict[Any, Call] = {}
    for event in _events(heard.body):
        if event.get("error"):
            said.failed = True
        for choice in event.get("choices") or ():
            _read_choice(choice, said, calls)
        _read_responses(event, said, calls)
    said.calls = list(calls.values())
    return said


def _events(body: bytes) -> Iterator[dict[str, Any]]:
    text = body.decode(errors="replace")
    if text.lstrip().startswith("{"):
        yield json.loads(text)
        return
    for line in text.splitlines():
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data != "[DONE]":
            try:
                event = json.loads(data)
            except ValueError:
                # The client left in the middle of it.
                return
            if isinstance(event, dict):
                yield event


def _read_choice(choice: dict[str, Any], said: Said, calls: dict[Any, Call]) -> None:
    delta = choice.get("delta") or choice.get("message") or {}
    said.content += delta.get("content") or ""
    for number, each in enumerate(delta.get("tool_calls") or ()):
        call = calls.setdefault(each.get("index", number), Call())
        call.name += each["function"].get("name") or ""
        call.arguments += each["function"].get("arguments") or ""
    said.finish = choice.get("finish_reason") or said.finish


def _read_responses(event: dict[str, Any], said: Said, calls: dict[Any, Call]) -> None:
    match event.get("type"):
        case "response.output_text.delta":
            said.content += event["delta"]
        case "response.output_item.added" if event["item"]["type"] == "function_call":
            item = event["item"]
            key = item.get("id") or item["call_id"]
            calls[key] = Call(item["name"], item.get("arguments") or "")
        case "response.function_call_arguments.delta":
            key = event["item_id"] if event["item_id"] in calls else next(reversed(calls))
            calls[key].arguments += event["delta"]
        case "response.completed" | "response.incomplete" | "response.failed":
            said.finish = _finish(event["response"])
        case _:
            if event.get("object") == "response":
                _read_whole_response(event, said, calls)


def _read_whole_response(response: dict[str, Any], said: Said, calls: dict[Any, Call]) -> None:
    said.finish = _finish(response)
    for item in response["output"]:
        if item["type"] == "function_call":
            calls[len(calls)] = Call(item["name"], item["arguments"])
        for part in item.get("content") or ():
            said.content += part.get("text") or ""


def _finish(response: dict[str, Any]) -> str:
    details = response.get("incomplete_details") or {}
    return details.get("reason") or response.get("status") or ""


def _documents(said: Said) -> Iterator[str]:
    """Yield what pydantic is asked to read: calls, or the first JSON among words."""
    for call in said.calls:
        yield call.arguments if call.arguments.strip() else "{}"
    for start, character in enumerate(said.content):
        if character in "{[":
            try:
                _, end = json.JSONDecoder().raw_decode(said.content, start)
            except ValueError:
                continue
            yield said.content[start:end]
            return


def _values(said: Said, wanted: Any, key: str | None) -> list[Any]:
    """Return the values that pydantic reads out of what was said."""
    found: list[Any] = []
    adapter: TypeAdapter[Any] = TypeAdapter(wanted)
    for text in _documents(said):
        # Wrapped as it was asked for, or bare.
        for unwrap in {key, None}:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                inner = text if unwrap is None else json.dumps(json.loads(text)[unwrap])
                found.append(adapter.validate_json(inner))
    return found


def problem_of(said: Said, wanted: Any, key: str | None, value: Any, error: Any) -> str | None:
    """Return what is wrong with an outcome; ``None`` where it is right.

    Args:
        said: What the server said.
        wanted: The type that was asked for.
        key: The property that the model was asked to wrap the value in.
        value: The value that came out.
        error: The exception that came out instead.
    """
    found = _values(said, wanted, key)
    if error is None:
        return None if value in found else "the value is not what the server wrote"
    if said.status != 200:
        return None if isinstance(error, APIStatusError) else "a refused request, another error"
    if not isinstance(error, pf.PartialFastError):
        return f"no exception of this package: {type(error).__name__}"
    details: Any = error
    if found and said.whole:
        problem = f"the server wrote {found[0]!r}"
    elif not said.text.startswith(details.text) and not said.content.startswith(details.text):
        problem = "the text of the exception is not what the server wrote"
    elif details.finish_reason not in {None, said.finish}:
        problem = f"the finish reason is {said.finish!r}, not {details.finish_reason!r}"
    else:
        return _misnamed(error, said, wanted, key)
    return problem


def _misnamed(error: Any, said: Said, wanted: Any, key: str | None) -> str | None:
    """Tell whether it is the wrong kind of error."""
    match error:
        case pf.DroppedError():
            wrong = said.whole
        case pf.ServerError():
            wrong = not said.failed
        case pf.RefusalError():
            wrong = bool(said.calls) or not said.content.strip()
        case pf.TruncatedError():
            # Words that a limit has cut off may have led to a call.
            wrong = said.finish not in _LIMITS and _is_broken(said.text)
        case pf.JsonError():
            begins = said.text.lstrip()[:1] == "{"
            wrong = (bool(said.calls) or begins) and not _is_broken(said.text)
        case ValidationError():
            wrong = not _is_invalid(error, wanted, key)
        case _:
            wrong = True
    return f"a {type(error).__name__} does not fit" if wrong else None


def _is_broken(text: str) -> bool:
    """Tell whether no continuation of a text would make JSON of it."""
    start = text.find("{")
    if start < 0:
        return bool(text.strip())
    try:
        from_json(text[start:].rstrip().encode(), allow_partial="trailing-strings")
    except ValueError:
        return True
    return False


def _is_invalid(error: Any, wanted: Any, key: str | None) -> bool:
    """Tell whether pydantic finds the same fault in what was read until then."""
    text = error.text
    try:
        value = from_json(text[text.index("{") :].encode(), allow_partial="trailing-strings")
        if key is not None:
            value = value[key]
        TypeAdapter(wanted).validate_json(json.dumps(value))
    except ValidationError as fault:
        return error.errors()[0]["loc"] in [line["loc"] for line in fault.errors()]
    except (ValueError, KeyError, TypeError):
        return True
    return False
