"""The replay server's logic: recordings, faults, requests and the answers made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partialfast.replay import (
    SHAPES,
    Fault,
    FaultKind,
    Recording,
    RecordingError,
    ToolCall,
    builtin,
    load,
    parse_fault,
    parse_faults,
    read_all,
)
from partialfast.replay._ask import RequestError
from partialfast.replay._faults import GARBAGE, REFUSAL
from partialfast.replay._recording import _FIELDS, RecordingSet
from partialfast.replay._script import Kind, count_tokens, cut, write_script
from tests.replaying import (
    FORCED,
    SIZE,
    TEXT,
    TOOLS,
    canned,
    chat,
    responses,
    tool_request,
)

# Recordings


def test_a_recording_is_read_with_all_its_fields() -> None:
    value = {
        "match": "Ada",
        "text": "ab",
        "chunks": ["a", "b"],
        "model": "m",
        "name": "n",
        "via": "tool",
        "tool": "Person",
        "tool_calls": [{"name": "P", "arguments": "{}", "id": "c1", "index": "omit"}],
        "interleave": True,
        "content": "c",
        "reasoning": "r",
        "refusal": "no",
        "finish_reason": "length",
        "usage": {"total_tokens": 1},
        "fault": ["drop@3", "stall@1:2"],
        "shape": "vllm",
        "times": 2,
        "raw": "data: x\n\n",
    }
    recording = Recording.from_mapping(value)
    assert recording.tool_calls == (ToolCall("P", "{}", id="c1", index="omit"),)
    assert recording.faults == (
        Fault(FaultKind.DROP, at=3),
        Fault(FaultKind.STALL, at=1, seconds=2.0),
    )
    same = {name: value[name] for name in ("match", "text", "model", "via", "times", "raw")}
    assert {name: getattr(recording, name) for name in same} == same
    assert recording.chunks == ("a", "b")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "x.jsonl:2: not JSON"),
        ("[]", "x.jsonl:2: a recording is an object, not list"),
        ("{}", 'x.jsonl:2: no answer: one of "text"'),
        ('{"text":1}', 'x.jsonl:2: "text": Input should be an instance of str, not 1'),
        (
            '{"text":"","times":true}',
            'x.jsonl:2: "times": Input should be a valid integer',
        ),
        ('{"text":"","matches":"a"}', 'x.jsonl:2: unknown field "matches"; known are text, match'),
        ('{"text":"","via":"mail"}', """x.jsonl:2: "via": Input should be 'tool' or 'content'"""),
        (
            '{"text":"","fault":"drop"}',
            """x.jsonl:2: "fault": Value error, fault 'drop' is not written like drop@120""",
        ),
        ('{"text":"ab","chunks":["a"]}', 'x.jsonl:2: "chunks" joined is not "text"'),
        ('{"chunks":[1],"text":"1"}', 'x.jsonl:2: "chunks.0": Input should be an instance of str'),
        ('{"tool_calls":["a"]}', 'x.jsonl:2: "tool_calls.0": Input should be a dictionary'),
        ('{"tool_calls":[{"name":"a"}]}', 'x.jsonl:2: "tool_calls.0.arguments": Field required'),
        (
            '{"tool_calls":[{"name":"a","arguments":"","index":"x"}]}',
            'x.jsonl:2: "tool_calls.0.index": Input should be a valid integer',
        ),
    ],
)
def test_a_bad_recording_is_named_with_its_place(tmp_path: Path, line: str, problem: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"text":"fine"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(RecordingError) as caught:
        load(file)
    assert problem in str(caught.value)


def test_line_separators_inside_strings_do_not_end_a_recording(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"text":"a\u2028b\x85c"}\n\n{"text":"d"}', encoding="utf-8")
    assert [recording.text for recording in load(file)] == ["a\u2028b\x85c", "d"]


def test_recordings_are_gathered_from_what_they_are_given_as(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"text":"from a file"}', encoding="utf-8")
    made = Recording(text="made")
    assert read_all(made) == [made]
    assert read_all({"text": "mapped"}) == [Recording(text="mapped")]
    gathered = [
        recording.text for recording in read_all([made, {"text": "mapped"}, file, str(file)])
    ]
    assert gathered == ["made", "mapped", "from a file", "from a file"]
    with pytest.raises(RecordingError, match="no recordings"):
        read_all([])


def test_a_built_in_recording_is_found_by_name() -> None:
    (recording, *_) = builtin("meeting")
    assert json.loads(recording.text)["budget"] == 50000
    with pytest.raises(
        RecordingError, match=r"no built-in recording 'nothing'; there are .*meeting"
    ):
        builtin("nothing")


def test_the_first_recording_that_fits_and_is_not_used_up_is_taken() -> None:
    deck = RecordingSet(
        [
            Recording(text="other model", model="m2"),
            Recording(text="once", match="Ada", times=1),
            Recording(text="Ada", match="Ada"),
            Recording(text="any", times=1),
        ]
    )
    said = [deck.pick(model="m1", message=message) for message in ("Ada?", "Ada?", "Bob", "Bob")]
    assert [recording and recording.text for recording in said] == ["once", "Ada", "any", None]
    assert deck.knows("m1")
    assert not RecordingSet([Recording(model="m2")]).knows("m1")


# Faults


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop@120", Fault(FaultKind.DROP, at=120)),
        ("stall@0:1.5", Fault(FaultKind.STALL, at=0, seconds=1.5)),
        ("garbage@7", Fault(FaultKind.GARBAGE, at=7)),
        ("length@7", Fault(FaultKind.LENGTH, at=7)),
        ("filter", Fault(FaultKind.FILTER)),
        ("filter@9", Fault(FaultKind.FILTER, at=9)),
        ("refuse", Fault(FaultKind.REFUSE)),
        ("end@3", Fault(FaultKind.END, at=3)),
        ("error@3", Fault(FaultKind.ERROR, at=3)),
        ("fail@3", Fault(FaultKind.FAIL, at=3)),
        ("corrupt@3", Fault(FaultKind.CORRUPT, at=3)),
        ("status:429", Fault(FaultKind.STATUS, status=429)),
        ("reject:stream_options", Fault(FaultKind.REJECT, field="stream_options")),
    ],
)
def test_a_fault_is_read(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "unknown fault ''; known are drop, stall"),
        ("explode@3", "unknown fault 'explode@3'"),
        ("Drop@3", "unknown fault 'Drop@3'"),
        ("drop@", "fault 'drop@' is not written like drop@120"),
        ("drop@-1", "not written like drop@120"),
        ("drop", "not written like drop@120"),
        ("drop@3:4", "not written like drop@120"),
        ("stall@3", "not written like stall@120:1.5"),
        ("stall@3:soon", "not written like stall@120:1.5"),
        ("stall@3:inf", "not written like stall@120:1.5"),
        ("filter:3", "not written like filter"),
        ("refuse@3", "not written like refuse"),
        ("status:200", "not written like status:429"),
        ("status", "not written like status:429"),
        ("reject:", "not written like reject:stream_options"),
    ],
)
def test_a_bad_fault_is_explained(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is checked below
        parse_fault(text)
    assert problem in str(caught.value)


# Requests


def test_what_a_chat_request_asks_for() -> None:
    ask = chat(
        tools=TOOLS,
        tool_choice=FORCED,
        n=2,
        stream_options={"include_usage": True, "include_obfuscation": False},
    )
    assert (ask.model, ask.stream, ask.choices) == ("gpt-4", True, 2)
    assert (ask.tools, ask.tool_choice, ask.forced) == (("Person", "Place"), "named", "Person")
    assert ask.last_user == "Ada of Zürich is 36."
    assert ask.prompt == "Extract.\nAda of Zürich is 36."
    assert (ask.include_usage, ask.obfuscation) == (True, False)


def test_the_last_user_message_is_found_in_every_form() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "image_url", "image_url": {}}]
    messages = [{"role": "user", "content": parts}, {"role": "assistant", "content": None}]
    assert chat(messages=messages).last_user == "one"
    again = [*messages, {"role": "user", "content": "again"}]
    assert chat(messages=again).last_user == "again"
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "two"}]},
        {"type": "function_call_output", "call_id": "c", "output": "three"},
    ]
    ask = responses(input=items, instructions="zero")
    assert (ask.last_user, ask.prompt) == ("two", "zero\ntwo\nthree")


@pytest.mark.parametrize(
    ("fields", "status", "param", "code", "problem"),
    [
        ({"model": None}, 400, None, None, "you must provide a model parameter"),
        ({"model": 4}, 400, "model", "invalid_type", "expected a string"),
        ({"messages": None}, 400, "messages", "missing_required_parameter", "'messages'"),
        ({"messages": []}, 400, "messages", "empty_array", "empty array"),
        ({"messages": "hi"}, 400, "messages", "invalid_type", "expected an array"),
        ({"messages": ["hi"]}, 400, "messages[0]", "invalid_type", "expected an object"),
        ({"stream": "yes"}, 400, "stream", "invalid_type", "expected a boolean"),
        ({"stream": False, "stream_options": {"include_usage": True}}, 400, "stream_options", None,
         "only allowed when 'stream' is enabled"),
        ({"tool_choice": "required"}, 400, "tool_choice", None, "only allowed when 'tools'"),
        ({"tools": TOOLS, "tool_choice": "maybe"}, 400, "tool_choice", "invalid_value", "maybe"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "X"}}}, 400,
         "tool_choice", None, "'X' is not one of"),
        ({"n": 9}, 400, "n", "integer_out_of_range", "from 1 to 8"),
    ],
)  # fmt: skip
def test_a_bad_request_gets_openais_error(
    fields: dict[str, Any], status: int, param: str | None, code: str | None, problem: str
) -> None:
    with pytest.raises(RequestError) as caught:
        chat(**fields)
    error = caught.value
    assert (error.status, error.param, error.code) == (status, param, code)
    assert error.type == "invalid_request_error"
    assert problem in error.message


def test_a_model_that_no_recording_is_for_is_not_found() -> None:
    with pytest.raises(RequestError) as caught:
        canned(Recording(text="{}", model="other"), chat())
    assert (caught.value.status, caught.value.code) == (404, "model_not_found")


# Scripts


@given(st.text(), st.none() | st.integers(1, 7))
def test_cutting_loses_nothing(text: str, chars: int | None) -> None:
    pieces = cut(text, chars=chars)
    assert "".join(pieces) == text
    assert all(pieces)


def test_json_is_cut_about_as_a_model_cuts_it() -> None:
    sizes = [len(piece) for piece in cut(TEXT * 20)]
    assert 2 <= sum(sizes) / len(sizes) <= 3.5
    assert count_tokens(TEXT * 20) == len(sizes)


def texts(script: Any) -> str:
    return "".join(delta.text for delta in script.deltas)


@given(st.integers(0, SIZE + 3), st.none() | st.integers(1, 7), st.booleans())
def test_length_cuts_at_the_byte_or_the_character_before_it(
    size: int,
    chars: int | None,
    tool: bool,  # noqa: FBT001 - drawn
) -> None:
    ask = tool_request("chat") if tool else chat()
    faults = [Fault(FaultKind.LENGTH, at=size)]
    script = write_script(Recording(text=TEXT), ask, chars=chars, faults=faults)
    assert texts(script) == TEXT.encode()[:size].decode(errors="ignore")
    assert script.finish == "length"


@given(st.integers(0, SIZE + 3), st.none() | st.integers(1, 7))
def test_garbage_goes_in_at_its_byte_and_nothing_is_lost(size: int, chars: int | None) -> None:
    faults = [Fault(FaultKind.GARBAGE, at=size)]
    script = write_script(Recording(text=TEXT), tool_request("chat"), chars=chars, faults=faults)
    before, after = texts(script).split(GARBAGE)
    assert before + after == TEXT
    assert before == TEXT.encode()[:size].decode(errors="ignore")
    assert {(delta.kind, delta.call) for delta in script.deltas} == {(Kind.TOOL, 0)}


@given(st.lists(st.integers(0, SIZE + 3), max_size=3), st.none() | st.integers(1, 7))
def test_a_mark_stands_before_the_delta_that_its_byte_begins(
    places: list[int], chars: int | None
) -> None:
    faults = [Fault(FaultKind.STALL, at=place, seconds=1.0) for place in places]
    recording = Recording(text=TEXT, reasoning="let me think")
    script = write_script(recording, chat(), chars=chars, faults=faults)
    answer = [delta for delta in script.deltas if delta.kind is Kind.CONTENT]
    skipped = len(script.deltas) - len(answer)
    for mark in script.marks:
        before = "".join(delta.text for delta in answer[: mark.before - skipped])
        assert before == TEXT.encode()[: mark.fault.at].decode(errors="ignore")
    assert [mark.fault.at for mark in script.marks] == sorted(places)


def test_the_filter_cuts_at_half_unless_told_where() -> None:
    halved = write_script(Recording(text=TEXT), chat(), chars=None, faults=parse_faults(["filter"]))
    assert (texts(halved), halved.finish) == (
        TEXT.encode()[: SIZE // 2].decode(errors="ignore"),
        "content_filter",
    )
    early = write_script(
        Recording(text=TEXT), chat(), chars=None, faults=parse_faults(["filter@2"])
    )
    assert texts(early) == TEXT[:2]


def test_a_refusal_replaces_the_answer() -> None:
    ask = tool_request("chat")
    asked = write_script(Recording(text=TEXT), ask, chars=None, faults=parse_faults(["refuse"]))
    assert (asked.calls, texts(asked)) == ((), REFUSAL)
    own = write_script(Recording(refusal="No."), ask, chars=None, faults=())
    assert texts(own) == "No."


def test_several_calls_come_one_after_the_other_or_in_turns() -> None:
    calls = (ToolCall("Person", '{"a":1}'), ToolCall("Place", '{"b":22}'))
    ask = chat(tools=TOOLS)
    plain = write_script(Recording(tool_calls=calls), ask, chars=2, faults=())
    assert [delta.call for delta in plain.deltas] == [0, 0, 0, 0, 1, 1, 1, 1]
    turns = write_script(Recording(tool_calls=calls, interleave=True), ask, chars=2, faults=())
    assert [delta.call for delta in turns.deltas] == [0, 1, 0, 1, 0, 1, 0, 1]
    assert [turns.text(Kind.TOOL, call=call) for call in (0, 1)] == ['{"a":1}', '{"b":22}']
    assert plain.finish == "tool_calls"


@pytest.mark.parametrize(
    ("fields", "recording", "tool"),
    [
        ({"tools": TOOLS, "tool_choice": FORCED}, {}, "Person"),
        ({"tools": TOOLS, "tool_choice": "required"}, {"tool": "Place"}, "Place"),
        ({"tools": TOOLS}, {}, "Person"),
        ({"tools": TOOLS, "tool_choice": "none"}, {}, None),
        ({"tools": TOOLS}, {"via": "content"}, None),
        ({"response_format": {"type": "json_object"}}, {}, None),
        ({}, {}, None),
    ],
)
def test_the_request_decides_between_call_and_content(
    fields: dict[str, Any], recording: dict[str, Any], tool: str | None
) -> None:
    script = write_script(Recording(text=TEXT, **recording), chat(**fields), chars=None, faults=())
    assert [call.name for call in script.calls] == ([] if tool is None else [tool])
    assert texts(script) == TEXT


def test_the_documentation_names_every_field_fault_and_shape() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "replay.md").read_text(encoding="utf-8")
    table_rows = [line for line in page.splitlines() if line.startswith("| `")]
    named = " ".join(line.split("|")[1] for line in table_rows)
    for field in _FIELDS:
        assert f"`{field}`" in named
    for kind in FaultKind:
        assert f"`{kind.value}" in named
    for shape in SHAPES:
        assert f"`{shape}`" in named
