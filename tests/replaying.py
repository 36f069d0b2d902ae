"""Requests to the replay server's logic, and answers put together again, for its tests."""

from __future__ import annotations

import json
from typing import Any

from partialfast.replay import Recording, parse_faults
from partialfast.replay._ask import Ask, Given
from partialfast.replay._protocols import PROTOCOLS
from partialfast.replay._recording import RecordingSet
from partialfast.replay._steps import CannedResponse, Options, respond

__all__ = [
    "FORCED",
    "MESSAGES",
    "SIZE",
    "TEXT",
    "TOOLS",
    "Answer",
    "body",
    "canned",
    "chat",
    "choice",
    "events",
    "only",
    "responses",
    "tool_request",
]

TEXT = '{"name":"Ada","city":"Zürich 日本","age":36}'
SIZE = len(TEXT.encode())
TOOLS = [
    {"type": "function", "function": {"name": "Person", "parameters": {"type": "object"}}},
    {"type": "function", "function": {"name": "Place", "parameters": {"type": "object"}}},
]
FORCED = {"type": "function", "function": {"name": "Person"}}
MESSAGES = [
    {"role": "system", "content": "Extract."},
    {"role": "user", "content": "Ada of Zürich is 36."},
]


def chat(**fields: Any) -> Ask:
    body = {"model": "gpt-4", "messages": MESSAGES, "stream": True} | fields
    return PROTOCOLS["chat"].ask(Given(body), {})


def responses(**fields: Any) -> Ask:
    body = {"model": "gpt-4", "input": "Ada of Zürich is 36.", "stream": True} | fields
    return PROTOCOLS["responses"].ask(Given(body), {})


def tool_request(api: str, **fields: Any) -> Ask:
    if api == "chat":
        return chat(tools=TOOLS, tool_choice=FORCED, **fields)
    flat = [{"type": "function", **tool["function"]} for tool in TOOLS]  # type: ignore[dict-item]
    return responses(tools=flat, tool_choice={"type": "function", "name": "Person"}, **fields)


def canned(recording: Recording, ask: Ask, **options: Any) -> CannedResponse:
    faults = parse_faults(options.pop("faults", ()))
    return respond(
        RecordingSet([recording]),
        ask,
        Options(faults=faults, **options),
        number=0,
        created=1_700_000_000,
    )


def body(made: CannedResponse) -> bytes:
    return made.body


def events(made: CannedResponse) -> list[Any]:
    """Read a stream the plain way: whole events, comments left out, JSON decoded."""
    found: list[Any] = []
    for block in body(made).decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        if data:
            text = "\n".join(data)
            found.append(text if text == "[DONE]" else json.loads(text))
    return found


class Answer:
    """A chat stream put together again, with nothing taken for granted."""

    def __init__(self, chunks: list[Any]) -> None:
        self.content = self.refusal = self.reasoning = ""
        self.calls: dict[Any, dict[str, str]] = {}
        self.finish: list[str] = []
        self.usage: list[Any] = []
        self.done = "[DONE]" in chunks
        last: Any = None
        for chunk in chunks:
            if chunk == "[DONE]":
                continue
            if chunk.get("usage"):
                self.usage.append(chunk["usage"])
            for choice in chunk["choices"]:
                if choice["finish_reason"]:
                    self.finish.append(choice["finish_reason"])
                delta = choice.get("delta") or {}
                self.content += delta.get("content") or ""
                self.refusal += delta.get("refusal") or ""
                self.reasoning += delta.get("reasoning") or delta.get("reasoning_content") or ""
                for call in delta.get("tool_calls") or []:
                    # Without an index, a new id is a new call.
                    key = call.get("index", call.get("id", last))
                    last = key
                    made = self.calls.setdefault(key, {"name": "", "arguments": ""})
                    # Some servers repeat it with each piece.
                    made["name"] = call["function"].get("name") or made["name"]
                    made["arguments"] += call["function"]["arguments"]


def only(shape: str, ask: Ask, **fields: Any) -> list[Any]:
    return events(canned(Recording(text=TEXT, **fields), ask, shape=shape))


def choice(chunk: Any) -> Any:
    return chunk["choices"][0]
