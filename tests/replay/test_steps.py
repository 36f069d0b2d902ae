"""What the replay server would do: faults on the way, waits and writes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from partialfast.replay import SHAPES, Recording
from partialfast.replay._script import count_tokens, cut
from partialfast.replay._steps import CannedResponse, Options
from tests.replaying import (
    TEXT,
    Answer,
    canned,
    chat,
    choice,
    events,
    responses,
    tool_request,
)

# Faults of the transport, as plans


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_drop_leaves_half_an_event_and_no_end(shape: str, api: str) -> None:
    ask = tool_request(api)
    whole = canned(Recording(text=TEXT), ask, shape=shape, chunk=1).body
    made = canned(Recording(text=TEXT), ask, shape=shape, chunk=1, faults=["drop@17"])
    assert made.dropped
    assert not made.body.endswith(b"\n\n")
    # Up to the event with the dropped text everything is as it would have been.
    kept = made.body[: made.body.rindex(b"\n\n") + 2] if b"\n\n" in made.body else b""
    assert whole.startswith(kept)
    assert TEXT.encode()[17:].decode(errors="ignore")[:3] not in json.dumps(
        kept.decode(), ensure_ascii=False
    )


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_an_end_leaves_whole_events_and_no_finish(api: str) -> None:
    ask = tool_request(api)
    made = canned(Recording(text=TEXT), ask, faults=["end@17"])
    assert made.body.endswith(b"\n\n")
    assert not made.dropped
    text = "".join(
        event["delta"]
        if api == "responses"
        else choice(event)["delta"]["tool_calls"][0]["function"]["arguments"]
        for event in events(made)
        if (api == "chat" and choice(event)["delta"].get("tool_calls"))
        or event.get("type") == "response.function_call_arguments.delta"
    )
    assert text == TEXT[:17]
    assert b"[DONE]" not in made.body


def test_a_stall_waits_once_in_its_place() -> None:
    made = canned(Recording(text=TEXT), chat(), faults=["stall@10:2.5"])
    (place,) = [number for number, step in enumerate(made.steps) if step.wait]
    assert made.steps[place].wait == 2.5
    before = CannedResponse(200, made.steps[:place])
    assert Answer(events(before)).content == TEXT[:10]
    assert Answer(events(made)).content == TEXT


def test_faults_follow_each_other() -> None:
    made = canned(Recording(text=TEXT), chat(), faults=["drop@20", "stall@10:2.5"])
    assert [step.wait for step in made.steps if step.wait] == [2.5]
    assert made.dropped


@pytest.mark.parametrize(
    ("shape", "done"),
    [("openai", False), ("vllm", True), ("llama.cpp", False), ("openrouter", False)],
)
def test_an_error_comes_in_the_servers_form(shape: str, done: bool) -> None:  # noqa: FBT001
    made = events(canned(Recording(text=TEXT), chat(), shape=shape, faults=["error@9"]))
    assert ("[DONE]" in made) is done
    (error,) = [event for event in made if event != "[DONE]" and "error" in event]
    assert error["error"]["message"]
    if shape == "openrouter":
        assert choice(error)["finish_reason"] == "error"


def test_an_error_of_the_responses_api_is_announced_and_numbered_on() -> None:
    made = events(canned(Recording(text=TEXT), responses(), faults=["error@9"]))
    assert [event["type"] for event in made[-2:]] == ["error", "response.failed"]
    assert made[-2]["error"]["code"] == "server_error"
    assert made[-1]["response"]["error"]["code"] == "server_error"
    assert [event["sequence_number"] for event in made] == list(range(len(made)))
    made = events(canned(Recording(text=TEXT), responses(), faults=["fail@9"]))
    assert "error" not in {event["type"] for event in made}
    assert made[-1]["type"] == "response.failed"


def test_an_error_status_has_the_servers_error_body() -> None:
    made = canned(Recording(text=TEXT), chat(), faults=["status:429"])
    assert (made.status, made.headers["retry-after-ms"]) == (429, "20")
    assert json.loads(made.body)["error"]["code"] == "rate_limit_exceeded"
    made = canned(Recording(text=TEXT), chat(), faults=["status:418"], shape="llama.cpp")
    assert json.loads(made.body)["error"]["code"] == 418


def test_a_rejected_field_is_refused_only_when_it_is_there() -> None:
    fault = ["reject:stream_options"]
    assert canned(Recording(text=TEXT), chat(), faults=fault).status == 200
    ask = chat(stream_options={"include_usage": True})
    made = canned(Recording(text=TEXT), ask, faults=fault)
    assert (made.status, json.loads(made.body)["error"]["param"]) == (400, "stream_options")


def test_a_recordings_own_faults_and_shape_replace_the_servers() -> None:
    recording = Recording(text=TEXT, faults=(), shape="ollama")
    made = canned(recording, chat(), faults=["drop@3"], shape="openai")
    assert Answer(events(made)).content == TEXT
    assert events(made)[0]["system_fingerprint"] == "fp_ollama"


def test_a_whole_answer_can_be_cut_short_delayed_or_fail() -> None:
    ask = chat(stream=False)
    dropped = canned(Recording(text=TEXT), ask, faults=["drop@9"])
    assert dropped.dropped
    assert len(dropped.body) < (dropped.length or 0)
    stalled = canned(Recording(text=TEXT), ask, faults=["stall@9:2"])
    assert stalled.steps[0].wait == 2.0
    assert canned(Recording(text=TEXT), ask, faults=["error@9"]).status == 500
    cut_off = json.loads(canned(Recording(text=TEXT), ask, faults=["length@9"]).body)
    assert choice(cut_off)["message"]["content"] == TEXT[:9]
    assert choice(cut_off)["finish_reason"] == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(canned(Recording(text=TEXT), ask, faults=["corrupt@9"]).body)


# Writes


def test_the_rate_is_in_tokens_whatever_the_chunk() -> None:
    for chunk in (None, 1, 16, 1000):
        made = canned(Recording(text=TEXT), chat(), rate=10.0, chunk=chunk)
        waited = sum(step.wait for step in made.steps)
        pieces = len(cut(TEXT, chars=chunk))
        assert waited == pytest.approx(sum(map(count_tokens, cut(TEXT, chars=chunk))) / 10)
        assert sum(step.wait > 0 for step in made.steps) == pieces


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_splitting_changes_the_writes_only(size: int) -> None:
    # An answer that is made again is the same to the byte, its ids included.
    whole = canned(Recording(text=TEXT), chat())
    made = canned(Recording(text=TEXT), chat(), split=size)
    assert made.body == whole.body
    sizes = [len(step.data) for step in made.steps]
    assert set(sizes[:-1]) <= {size}
    # Byte 14 is where a token ends: a stall there cuts no delta in two.
    paused = canned(Recording(text=TEXT), chat(), split=size, faults=["stall@14:1"])
    assert paused.body == whole.body


def test_a_raw_recording_is_sent_as_it_is() -> None:
    recording = Recording(raw=": hello\r\n\r\ndata: {}\r\r")
    made = canned(recording, chat(), split=5)
    assert made.body == b": hello\r\n\r\ndata: {}\r\r"
    assert made.headers["content-type"].startswith("text/event-stream")


def test_a_lone_surrogate_travels_as_an_escape() -> None:
    made = canned(Recording(text='{"a":"\ud800"}'), chat(), chunk=1)
    assert b"\\ud800" in made.body
    assert Answer(events(made)).content == '{"a":"\ud800"}'


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"rate": 0}, "rate must be positive"),
        ({"chunk": -1}, "chunk must be positive"),
        ({"split": 0}, "split must be positive"),
        ({"shape": "acme"}, "unknown shape 'acme'; known are openai"),
    ],
)
def test_options_out_of_range_are_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Options(**fields)
