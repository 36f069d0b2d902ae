"""Recordings of other providers, each decoded whole, byte by byte and in random cuts.

The text and the calls are those of a plain accumulation, which knows nothing of the reader; the
endings are as recorded.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from partialfast._core import Delta, EventReader

Event = dict[str, Any]


@dataclass
class Told:
    """What an answer says."""

    text: str = ""
    reasoning: str = ""
    #: Names and arguments of the calls, for each choice.
    calls: dict[int, list[list[Any]]] = field(default_factory=dict)
    endings: list[str] = field(default_factory=list)

    def begin(self, choice: int, name: str | None) -> list[Any]:
        call = [name, ""]
        self.calls.setdefault(choice, []).append(call)
        return call


# The plain accumulations.


def anthropic(events: Iterable[Event]) -> Told:
    told, blocks, inputs = Told(), dict[int, Any](), dict[int, Any]()
    for event in events:
        kind = event["type"]
        if kind == "message_start":
            _anthropic_message(told, event["message"])
        elif kind == "content_block_start":
            block = event["content_block"]
            begun = block["type"] == "tool_use"
            blocks[event["index"]] = told.begin(0, block["name"]) if begun else block["type"]
            inputs[event["index"]] = block.get("input")
            told.text += block["text"] if block["type"] == "text" else ""
        elif kind == "content_block_delta":
            _anthropic_delta(told, event["delta"], blocks[event["index"]])
        elif kind == "content_block_stop":
            block, given = blocks[event["index"]], inputs[event["index"]]
            # What nothing was streamed of stands in the beginning.
            if isinstance(block, list) and not block[1] and given:
                block[1] = json.dumps(given)
        elif kind == "message_delta":
            told.endings.append(event["delta"]["stop_reason"])
    return told


def _anthropic_message(told: Told, message: Event) -> None:
    for block in message["content"]:
        if block["type"] == "tool_use":
            told.begin(0, block["name"])[1] = json.dumps(block["input"])
    if message.get("stop_reason"):
        told.endings.append(message["stop_reason"])


def _anthropic_delta(told: Told, delta: Event, block: Any) -> None:
    if delta["type"] == "text_delta":
        told.text += delta["text"]
    elif delta["type"] == "thinking_delta":
        told.reasoning += delta["thinking"]
    elif delta["type"] == "input_json_delta" and isinstance(block, list):
        block[1] += delta["partial_json"]


def google(events: Iterable[Event]) -> Told:
    told, open_call = Told(), cast("list[Any] | None", None)
    for event in events:
        for candidate in event.get("candidates", ()):
            for part in candidate.get("content", {}).get("parts", ()):
                if "text" in part and part.get("thought"):
                    told.reasoning += part["text"]
                elif "text" in part:
                    told.text += part["text"]
                if "functionCall" in part:
                    open_call = _google_call(told, part["functionCall"], open_call)
            if "finishReason" in candidate:
                told.endings.append(candidate["finishReason"])
    return told


def _google_call(told: Told, call: Event, open_call: list[Any] | None) -> list[Any] | None:
    if "name" in call:
        open_call = told.begin(0, call["name"])
        open_call[1] = call.get("args", {})
    assert open_call is not None
    for partial in call.get("partialArgs", ()):
        # One level is enough for what was recorded.
        key = partial["jsonPath"].removeprefix("$.")
        open_call[1][key] = open_call[1].get(key, "") + partial["stringValue"]
    if call.get("willContinue"):
        return open_call
    open_call[1] = json.dumps(open_call[1])
    return None


def google_interactions(events: Iterable[Event]) -> Told:
    told, steps = Told(), dict[int, Any]()
    for event in events:
        kind = event["event_type"]
        if kind == "step.start":
            step = event["step"]
            begun = step["type"] == "function_call"
            steps[event["index"]] = told.begin(0, step["name"]) if begun else step["type"]
        elif kind == "step.delta":
            delta, step = event["delta"], steps[event["index"]]
            if isinstance(step, list):
                step[1] += delta["arguments"]
            elif step == "model_output":
                # Annotations have none.
                told.text += delta.get("text", "")
        elif kind == "interaction.completed":
            told.endings.append(event["interaction"]["status"])
    return told


def bedrock(events: Iterable[Event]) -> Told:
    told, blocks = Told(), dict[int, Any]()
    for event in events:
        ((kind, value),) = event.items()
        if kind == "contentBlockStart":
            use = value["start"].get("toolUse")
            if use is not None:
                own = use.get("type") == "server_tool_use"
                blocks[value["contentBlockIndex"]] = None if own else told.begin(0, use["name"])
        elif kind == "contentBlockDelta":
            delta = value["delta"]
            told.text += delta.get("text", "")
            told.reasoning += delta.get("reasoningContent", {}).get("text", "")
            block = blocks.get(value["contentBlockIndex"])
            if block is not None:
                block[1] += delta["toolUse"]["input"]
        elif kind == "messageStop":
            told.endings.append(value["stopReason"])
    return told


def cohere(events: Iterable[Event]) -> Told:
    told = Told()
    for event in events:
        message = event.get("delta", {}).get("message", {})
        if event["type"] == "content-delta":
            told.text += message["content"]["text"]
        elif event["type"] == "tool-plan-delta":
            told.reasoning += message["tool_plan"]
        elif event["type"] == "tool-call-start":
            told.begin(0, message["tool_calls"]["function"]["name"])
        elif event["type"] == "tool-call-delta":
            told.calls[0][event["index"]][1] += message["tool_calls"]["function"]["arguments"]
        elif event["type"] == "message-end":
            told.endings.append(event["delta"]["finish_reason"])
    return told


def openai_chat(events: Iterable[Event]) -> Told:
    told = Told()
    for event in events:
        for choice in event.get("choices", ()):
            _chat_delta(told, choice["index"], choice["delta"])
            if choice.get("finish_reason"):
                told.endings.append(choice["finish_reason"])
    return told


def _chat_delta(told: Told, choice: int, delta: Event) -> None:
    content = delta.get("content") or ""
    parts: list[Any]
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    for part in parts:
        if part["type"] == "thinking":
            told.reasoning += "".join(each["text"] for each in part["thinking"])
        elif part["type"] == "text":
            told.text += part["text"]
    told.reasoning += delta.get("reasoning_content") or delta.get("reasoning") or ""
    for call in delta.get("tool_calls") or ():
        function = call["function"]
        calls = told.calls.get(choice, [])
        known = calls[call["index"]] if call.get("index", len(calls)) < len(calls) else None
        if known is None:
            known = told.begin(choice, function["name"])
        known[1] += function.get("arguments") or ""


# How events travel.


def sse(body: bytes) -> Iterator[Event]:
    for line in body.decode().splitlines():
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data != "[DONE]":
            yield json.loads(data)


def messages(body: bytes) -> Iterator[Event]:
    while body:
        length, headers = struct.unpack(">II", body[:8])
        head, payload = body[12 : 12 + headers], body[12 + headers : length - 4]
        name = head.partition(b":event-type\x07")[2]
        size = int.from_bytes(name[:2], "big")
        yield {name[2 : 2 + size].decode(): json.loads(payload)}
        body = body[length:]


DIALECTS: dict[str, Callable[[Iterable[Event]], Told]] = {
    "anthropic": anthropic,
    "bedrock": bedrock,
    "cohere": cohere,
    "google": google,
    "google_interactions": google_interactions,
    "openai_chat": openai_chat,
}
FOLDERS = {
    "amazon-bedrock": "bedrock",
    "bedrock": "bedrock",
    "anthropic": "anthropic",
    "cohere": "cohere",
    "google": "google",
    "alibaba": "openai_chat",
    "deepseek": "openai_chat",
    "groq": "openai_chat",
    "huggingface": "openai_chat",
    "mistral": "openai_chat",
    "openrouter": "openai_chat",
    "perplexity": "openai_chat",
    "xai": "openai_chat",
}


@dataclass
class Recording:
    """A recorded answer."""

    name: str
    dialect: str
    #: The body, where it was recorded.
    body: bytes | None
    events: list[Event]


def recordings(folder: Path) -> Iterator[Recording]:
    """Give all recordings of the dialects that are read here."""
    for line in (folder / "streams" / "index.jsonl").read_text().splitlines():
        name = json.loads(line)["file"]
        dialect = FOLDERS.get(name.partition("/")[0].removeprefix("ai-sdk-"))
        if dialect is None:
            continue
        data = (folder / "streams" / name).read_bytes()
        if name.endswith(".jsonl"):
            events = [json.loads(each) for each in data.splitlines() if each.strip()]
            body = None
        else:
            events = list(messages(data) if name.endswith(".bin") else sse(data))
            body = data
        if "event_type" in events[0]:
            dialect = "google_interactions"
        if str(events[0].get("type", "")).startswith("response."):
            # The Responses API, of which other tests are.
            continue
        yield Recording(name, dialect, body, events)


def heard(reader: EventReader, told: Told) -> None:
    """Note what the reader says."""
    while (delta := reader.pull()) is not None:
        match delta:
            case Delta.Piece(_, "text", _, text):
                told.text += text
            case Delta.Piece(_, "reasoning", _, text):
                told.reasoning += text
            case Delta.Piece(choice, "call", call, text):
                told.calls[choice][cast("int", call)][1] += text
            case Delta.Whole(choice, "call", call, text):
                told.calls[choice][cast("int", call)][1] = text
            case Delta.CallBegins(choice, call, _, name):
                calls = told.calls.setdefault(choice, [])
                if call == len(calls):
                    calls.append([name, ""])
                calls[call][0] = name
            case Delta.Finish(_, reason, _):
                told.endings.append(reason)
            case Delta.Corrupt(why):
                pytest.fail(why)
            case _:
                pass


def of_blocks(dialect: str, blocks: Iterable[bytes]) -> Told:
    reader, told = EventReader(dialect), Told()
    for block in blocks:
        reader.put(block)
        heard(reader, told)
    reader.put_end()
    heard(reader, told)
    return told


def of_events(dialect: str, events: Iterable[Event]) -> Told:
    reader, told = EventReader(dialect), Told()
    for event in events:
        reader.put_event("", json.dumps(event))
        heard(reader, told)
    return told


def comparable(told: Told) -> tuple[Any, ...]:
    """Compare arguments as values, where they are whole."""

    def value(arguments: str) -> Any:
        try:
            return json.loads(arguments)
        except ValueError:
            return arguments

    calls: Mapping[int, Any] = {
        choice: [(name, value(arguments)) for name, arguments in calls]
        for choice, calls in told.calls.items()
    }
    # Some servers repeat the ending in what comes after it.
    return told.text, told.reasoning, calls, told.endings[-1:]


def cut(body: bytes, places: Iterable[int]) -> Iterator[bytes]:
    start = 0
    for place in sorted(places):
        yield body[start:place]
        start = place
    yield body[start:]


def test_each_recording_says_what_it_says(shared_data: Path) -> None:
    count = 0
    chance = random.Random(14)  # noqa: S311 - cuts, not keys
    for recording in recordings(shared_data):
        count += 1
        plain = DIALECTS[recording.dialect](recording.events)
        expected = comparable(plain)
        said = of_events(recording.dialect, recording.events)
        assert comparable(said) == expected, recording.name
        body = recording.body
        if body is None:
            continue
        for blocks in (
            [body],
            [body[at : at + 1] for at in range(len(body))],
            *(list(cut(body, chance.choices(range(len(body)), k=k))) for k in (1, 5, 50, 500)),
        ):
            assert comparable(of_blocks(recording.dialect, blocks)) == expected, recording.name
    assert count > 60  # that many there were


def test_errors_in_the_middle_are_told(shared_data: Path) -> None:
    folder = shared_data / "streams" / "groq"
    for path in sorted(folder.glob("*.sse")):
        reader = EventReader("openai_chat")
        reader.put(path.read_bytes())
        said = []
        while (delta := reader.pull()) is not None:
            said.append(delta)
        errors = [each for each in said if isinstance(each, Delta.ServerError)]
        if b"event: error" in path.read_bytes():
            assert json.loads(errors[0].said)["code"] == "tool_use_failed"
            assert said[-1] == errors[0]
