"""The forms in which servers give an answer, without any server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from partialfast.replay import SHAPES, Recording, ToolCall, builtin
from partialfast.replay._ask import Ask
from partialfast.replay._recording import RecordingSet
from partialfast.replay._script import count_tokens
from partialfast.replay._steps import Options, respond
from tests.replaying import (
    FORCED,
    TEXT,
    TOOLS,
    Answer,
    canned,
    chat,
    choice,
    events,
    only,
    responses,
    tool_request,
)

# Shapes


def modes() -> Iterator[Any]:
    for shape in SHAPES:
        yield pytest.param(shape, "tool", id=f"{shape}-tool")
        yield pytest.param(shape, "content", id=f"{shape}-content")


@pytest.mark.parametrize(("shape", "mode"), list(modes()))
@pytest.mark.parametrize("chunk", [None, 1, 1000])
def test_every_shape_says_the_text(shape: str, mode: str, chunk: int | None) -> None:
    fields = {"stream_options": {"include_usage": True}}
    ask = tool_request("chat", **fields) if mode == "tool" else chat(**fields)
    answer = Answer(events(canned(Recording(text=TEXT), ask, shape=shape, chunk=chunk)))
    if mode == "tool":
        assert list(answer.calls.values()) == [{"name": "Person", "arguments": TEXT}]
        assert not answer.content
    else:
        assert answer.content == TEXT
        assert not answer.calls
    assert len(answer.finish) == 1
    (usage,) = answer.usage
    assert usage["completion_tokens"] == count_tokens(TEXT)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert answer.done is (shape != "ik_llama.cpp")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("interleave", [False, True])
def test_every_shape_keeps_several_calls_apart(shape: str, interleave: bool) -> None:  # noqa: FBT001
    calls = (ToolCall("Person", TEXT), ToolCall("Place", '{"b":22}'), ToolCall("Place", ""))
    recording = Recording(tool_calls=calls, interleave=interleave, content="Two of them.")
    answer = Answer(events(canned(recording, chat(tools=TOOLS), shape=shape)))
    made = [(call["name"], call["arguments"]) for call in answer.calls.values()]
    assert sorted(made) == sorted((call.name, call.arguments) for call in calls)
    assert answer.content == "Two of them."
    assert answer.finish == ["tool_calls"]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_each_choice_its_answer(shape: str) -> None:
    found = ["", ""]
    finishes = [0, 0]
    for chunk in events(canned(Recording(text=TEXT), chat(n=2), shape=shape)):
        for one in [] if chunk == "[DONE]" else chunk["choices"]:
            found[one["index"]] += (one.get("delta") or {}).get("content") or ""
            finishes[one["index"]] += bool(one["finish_reason"])
    assert found == [TEXT, TEXT]
    assert finishes == [1, 1]


def test_openai_opens_with_role_and_call_and_ends_a_forced_call_with_stop() -> None:
    first, second, *_, last, done = only("openai", tool_request("chat"))
    assert choice(first)["delta"]["role"] == "assistant"
    (call,) = choice(first)["delta"]["tool_calls"]
    assert call["function"] == {"name": "Person", "arguments": ""}
    assert set(choice(second)["delta"]["tool_calls"][0]) == {"index", "function"}
    assert (choice(last)["delta"], choice(last)["finish_reason"]) == ({}, "stop")
    assert done == "[DONE]"
    *_, last, _ = only("openai", chat(tools=TOOLS, tool_choice="required"))
    assert choice(last)["finish_reason"] == "tool_calls"


def test_openai_pads_its_deltas_unless_told_not_to() -> None:
    assert "obfuscation" in only("openai", chat())[3]
    ask = chat(stream_options={"include_obfuscation": False})
    assert not any("obfuscation" in chunk for chunk in only("openai", ask) if chunk != "[DONE]")


def test_openai_says_null_usage_until_the_last_chunk() -> None:
    *chunks, last, done = only("openai", chat(stream_options={"include_usage": True}))
    assert all(chunk["usage"] is None for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0
    assert done == "[DONE]"
    assert not any("usage" in chunk for chunk in only("openai", chat()) if chunk != "[DONE]")


def test_azure_begins_with_a_verdict_and_blocks_without_usage() -> None:
    ask = chat(stream_options={"include_usage": True})
    first, *_ = only("azure", ask)
    assert (first["choices"], first["id"], first["model"]) == ([], "", "")
    assert first["prompt_filter_results"][0]["prompt_index"] == 0
    *_, blocked, done = events(
        canned(Recording(text=TEXT), ask, shape="azure", faults=["filter@9"])
    )
    assert choice(blocked)["finish_reason"] == "content_filter"
    assert choice(blocked)["content_filter_results"]["violence"]["filtered"] is True
    assert done == "[DONE]"


def test_azure_async_annotates_in_choices_without_a_delta() -> None:
    chunks = only("azure-async", chat())
    notes = [
        chunk
        for chunk in chunks
        if chunk != "[DONE]" and chunk["choices"] and "delta" not in choice(chunk)
    ]
    assert notes
    assert chunks[-2] is notes[-1]
    assert {note["id"] for note in notes} == {""}


def test_vllm_finishes_beside_the_last_delta() -> None:
    first, second, *_, last, _ = only("vllm", tool_request("chat"))
    assert choice(first)["delta"] == {"role": "assistant", "content": ""}
    assert choice(second)["delta"]["tool_calls"][0]["function"]["arguments"]
    assert choice(last)["finish_reason"] == "stop"
    assert choice(last)["delta"]["tool_calls"][0]["function"]["arguments"] == "}"


def test_llama_cpp_opens_with_null_and_times_the_last_chunk() -> None:
    first, *_, last, _ = only("llama.cpp", tool_request("chat"))
    assert choice(first)["delta"] == {"role": "assistant", "content": None}
    assert choice(last)["finish_reason"] == "tool_calls"
    assert last["timings"]["predicted_n"] == count_tokens(TEXT)


def test_ollama_sends_a_call_whole_and_says_the_role_every_time() -> None:
    call, last, done = only("ollama", tool_request("chat"))
    assert choice(call)["delta"]["tool_calls"][0]["function"]["arguments"] == TEXT
    assert choice(last)["delta"] == {"role": "assistant", "content": ""}
    assert done == "[DONE]"
    chunks = only("ollama", chat())[:-1]
    assert {choice(chunk)["delta"]["role"] for chunk in chunks} == {"assistant"}
    old = only("ollama-0.1", chat())[:-1]
    assert [choice(chunk)["finish_reason"] for chunk in old] == [*[""] * (len(old) - 1), "stop"]


def test_openrouter_comments_and_reports_usage_in_a_chunk_with_a_choice() -> None:
    made = canned(Recording(text=TEXT), chat(), shape="openrouter")
    assert made.body.startswith(b": OPENROUTER PROCESSING\n\n")
    assert made.body.count(b": OPENROUTER PROCESSING\n\n") > 1
    *_, usage, _ = events(made)
    assert usage["choices"]
    assert usage["usage"]


def test_gemini_and_mistral_send_a_call_whole_without_index_beside_the_finish() -> None:
    (call, done) = only("gemini", tool_request("chat"))
    assert set(choice(call)["delta"]["tool_calls"][0]) == {"id", "type", "function"}
    assert (choice(call)["finish_reason"], done) == ("stop", "[DONE]")
    (_, call, done) = only("mistral", tool_request("chat"))
    assert set(choice(call)["delta"]["tool_calls"][0]) == {"id", "function"}
    assert (choice(call)["finish_reason"], done) == ("tool_calls", "[DONE]")
    assert call["usage"]


@pytest.mark.parametrize(
    ("shape", "key"),
    [
        ("openai", None),
        ("azure", None),
        ("vllm", "reasoning"),
        ("llama.cpp", "reasoning_content"),
        ("ollama", "reasoning"),
        ("openrouter", "reasoning"),
    ],
)
def test_reasoning_goes_where_the_server_has_it(shape: str, key: str | None) -> None:
    chunks = only(shape, chat(), reasoning="Let me see.")
    found = {
        name
        for chunk in chunks
        if chunk != "[DONE]" and chunk["choices"]
        for name, value in (choice(chunk).get("delta") or {}).items()
        if name.startswith("reasoning") and value
    }
    assert found == ({key} if key else set())
    answer = Answer(chunks)
    assert answer.reasoning == ("Let me see." if key else "")
    assert answer.content == TEXT


def test_a_recorded_index_overrides_the_habit() -> None:
    calls = (ToolCall("Person", "{}", index=3), ToolCall("Place", "{}", index="omit"))
    chunks = events(canned(Recording(tool_calls=calls), chat(tools=TOOLS)))
    made = [
        call.get("index", "none")
        for chunk in chunks
        if chunk != "[DONE]"
        for call in choice(chunk)["delta"].get("tool_calls") or []
    ]
    assert set(made) == {3, "none"}


# The recordings that name their servers


def test_there_is_a_recording_for_every_server() -> None:
    shapes = [recording.shape for recording in builtin("servers") if recording.shape]
    assert set(shapes) == set(SHAPES)
    assert all(recording.name and recording.model for recording in builtin("servers"))


@pytest.mark.parametrize("recording", builtin("servers"), ids=lambda recording: recording.model)
def test_a_recording_is_asked_for_by_its_model_and_says_what_it_holds(
    recording: Recording,
) -> None:
    deck = RecordingSet(builtin("servers"))
    ask = chat(model=recording.model, tools=TOOLS, tool_choice=FORCED)
    answer = Answer(events(respond(deck, ask, Options(), number=0, created=0)))
    if recording.model == "index-0":
        # Two calls under one index cannot be told apart by it: that is what the recording is for.
        assert len(answer.calls) == 1
    elif recording.via == "content":
        assert answer.content == recording.text
    else:
        expected = [(call.name, call.arguments) for call in recording.tool_calls]
        made = [(call["name"], call["arguments"]) for call in answer.calls.values()]
        assert made == (expected or [("Person", recording.text)])


# The SDK's own models are the judges of the reference shape.


@pytest.mark.parametrize("ask", [chat(), tool_request("chat"), chat(tools=TOOLS, n=2)])
def test_openais_chunks_are_what_the_sdk_declares(ask: Ask) -> None:
    recording = Recording(text=TEXT, content="So:", usage=None)
    for chunk in events(canned(recording, ask)):
        if chunk != "[DONE]":
            ChatCompletionChunk.model_validate(chunk, strict=True)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("tool", [True, False])
@pytest.mark.parametrize("fault", [None, "length@9", "filter@9", "refuse", "fail@9"])
def test_openais_responses_are_what_the_sdk_declares(
    *, stream: bool, tool: bool, fault: str | None
) -> None:
    ask = tool_request("responses", stream=stream) if tool else responses(stream=stream)
    made = canned(
        Recording(text=TEXT, reasoning="Let me see."), ask, faults=[fault] if fault else []
    )
    if not stream:
        if made.status == 200:
            Response.model_validate(json.loads(made.body))
        return
    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    for event in events(made):
        adapter.validate_python(event)


@pytest.mark.parametrize("shape", ["openai", "azure", "openrouter"])
@pytest.mark.parametrize("ask", [chat(stream=False), tool_request("chat", stream=False)])
def test_a_whole_answer_is_what_the_sdk_declares(shape: str, ask: Ask) -> None:
    made = canned(Recording(text=TEXT), ask, shape=shape)
    ChatCompletion.model_validate(json.loads(made.body))
    assert made.length == len(made.body)


# The Responses API


def test_a_response_is_announced_written_and_completed() -> None:
    made = events(canned(Recording(text=TEXT), responses(), chunk=20))
    assert [event["type"].removeprefix("response.") for event in made] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in made] == list(range(len(made)))
    (message,) = made[-1]["response"]["output"]
    assert message["content"][0]["text"] == TEXT


def test_a_function_call_has_its_own_events_and_a_call_id_apart_from_its_id() -> None:
    made = events(canned(Recording(text=TEXT), tool_request("responses")))
    added = next(event for event in made if event["type"] == "response.output_item.added")
    assert (added["item"]["name"], added["item"]["arguments"]) == ("Person", "")
    assert added["item"]["id"] != added["item"]["call_id"]
    deltas = [e for e in made if e["type"] == "response.function_call_arguments.delta"]
    assert "".join(event["delta"] for event in deltas) == TEXT
    assert {event["item_id"] for event in deltas} == {added["item"]["id"]}
    done = next(e for e in made if e["type"] == "response.function_call_arguments.done")
    assert (done["name"], done["arguments"]) == ("Person", TEXT)


def test_interleaved_calls_keep_their_output_index() -> None:
    calls = (ToolCall("Person", TEXT), ToolCall("Place", '{"b":22}'))
    recording = Recording(tool_calls=calls, interleave=True)
    found = ["", ""]
    for event in events(canned(recording, tool_request("responses"))):
        if event["type"] == "response.function_call_arguments.delta":
            found[event["output_index"]] += event["delta"]
    assert found == [call.arguments for call in calls]


@pytest.mark.parametrize(
    ("fault", "ending", "reason"),
    [
        ("length@9", "response.incomplete", "max_output_tokens"),
        ("filter@9", "response.incomplete", "content_filter"),
        ("refuse", "response.completed", None),
    ],
)
def test_a_response_says_why_it_ended(fault: str, ending: str, reason: str | None) -> None:
    made = events(canned(Recording(text=TEXT), responses(), faults=[fault]))
    assert made[-1]["type"] == ending
    details = made[-1]["response"]["incomplete_details"]
    assert (details or {}).get("reason") == reason
    status = "incomplete" if reason else "completed"
    assert made[-1]["response"]["status"] == status
    assert made[-1]["response"]["output"][0]["status"] == status


def test_llama_cpp_leaves_the_indices_out_and_completes_whatever_happened() -> None:
    recording = Recording(text=TEXT, reasoning="Let me see.")
    made = events(canned(recording, responses(), shape="llama.cpp", faults=["length@9"]))
    assert not any({"sequence_number", "output_index", "content_index"} & set(e) for e in made)
    assert made[-1]["type"] == "response.completed"
    assert "response.reasoning_text.delta" in {event["type"] for event in made}


# What real servers sent, as far as it was recorded


def outline(value: Any) -> Any:
    """Return which names a JSON value has, and where, without what they stand for."""
    if isinstance(value, dict):
        return {name: outline(each) for name, each in value.items()}
    if isinstance(value, list):
        return [outline(each) for each in value[:1]]
    return type(value).__name__


def kinds(events_: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the outline of each kind of event."""
    found: dict[str, Any] = {}
    for event in events_:
        delta = (event.get("choices") or [{}])[0].get("delta", {})
        called = (delta.get("tool_calls") or [{}])[0].keys()
        kind = event.get("type") or f"{sorted(delta)} {sorted(called)} {'usage' in event}"
        shown = outline(event)
        # Figures of the machine's, and what was cached, are not imitated.
        for name in ("timings", "usage"):
            shown.pop(name, None)
            shown.get("response", {}).pop(name, None)
        if shown.get("choices"):
            shown["choices"][0].pop("finish_reason", None)
        found.setdefault(kind, shown)
    return found


def recorded(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    data = [line[5:].strip() for line in lines if line.startswith("data:")]
    return [json.loads(each) for each in data if each != "[DONE]"]


@pytest.mark.parametrize(
    ("name", "api"),
    [
        ("llamacpp-oss-user-chat-tools-items-s3", "chat"),
        ("llamacpp-oss-meeting-responses-tools-partial-s5", "responses"),
    ],
)
def test_llama_cpp_has_the_form_of_the_real_one(shared_data: Path, name: str, api: str) -> None:
    real = recorded(shared_data / "real" / f"{name}.sse")
    ask = tool_request(api, stream_options={"include_usage": True} if api == "chat" else None)
    made = events(canned(Recording(text=TEXT), ask, shape="llama.cpp"))
    played = [event for event in made if event != "[DONE]"]
    assert kinds(played) == kinds(real)


@pytest.mark.parametrize("kind", ["call", "text"])
def test_llama_cpp_python_has_the_form_of_the_real_one(kind: str) -> None:
    real = recorded(Path(__file__).parents[1] / "data" / "servers" / f"llama-cpp-python-{kind}.sse")
    ask = tool_request("chat") if kind == "call" else chat()
    made = events(canned(Recording(text=TEXT), ask, shape="llama-cpp-python"))
    assert kinds([event for event in made if event != "[DONE]"]) == kinds(real)


@pytest.mark.parametrize(
    ("shape", "honoured"), [("openai", True), ("llama.cpp", False), ("llama-cpp-python", True)]
)
def test_a_named_function_is_honoured_as_by_the_real_one(
    shape: str,
    honoured: bool,  # noqa: FBT001
) -> None:
    """What is not honoured is read as "auto", which leaves the choice to the model."""
    recording = Recording(text=TEXT)
    place = {"type": "function", "function": {"name": "Place"}}
    asked = [chat(tools=TOOLS, tool_choice=choice_) for choice_ in (place, "auto")]
    named, auto = (events(canned(recording, ask, shape=shape)) for ask in asked)
    names = [name for name in ("Person", "Place") if f"'{name}'" in str(named)]
    assert names == (["Place"] if honoured else ["Person"])
    if not honoured:
        assert named == auto
