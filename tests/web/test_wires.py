"""Every wire against a receiver that nobody here wrote, or, for ours, that knows only its page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from partialfast.web import Outcome, UnfinishedError, events, wire_names
from partialfast.web.wires import ag_ui, ai_ui, json_patch, snapshots
from tests.generation import check_growth
from tests.web.driver import Op, apply, events_of, later, ops_lines, splits, values_of

KINDS = [
    "complete", "truncated", "dropped", "refused", "filtered", "invalid", "failed", "closed",
]  # fmt: skip
SECRET = "sk-secret"
WORDS = [Op("set", (), {}), Op("set", ("name",), "Ad"), Op("append", ("name",), "a")]
FORBIDDEN = {"__proto__", "constructor", "prototype"}


async def _collect(source: Any, wire: Any, **options: Any) -> tuple[bytes, bool]:
    sent: list[bytes] = []
    try:
        async for event in events(source, wire, every=0, **options):
            sent.append(bytes(event))  # noqa: PERF401 - kept when it breaks
    except UnfinishedError:
        return b"".join(sent), True
    return b"".join(sent), False


def collect(source: Any, wire: Any, **options: Any) -> bytes:
    """Send all of a source; give what was sent."""
    sent, broken = asyncio.run(_collect(source, wire, **options))
    assert not broken
    return sent


def ended(kind: str, wire: Any, **options: Any) -> tuple[str, bool]:
    """End an answer; give what was sent, and whether the connection breaks."""
    outcome = Outcome(kind, f"it said {SECRET}", None)  # type: ignore[arg-type]
    sent, broken = asyncio.run(_collect(later([WORDS, outcome]), wire, **options))
    return sent.decode(), broken


def keys_of(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys_of(item)


def test_wires_are_found_by_their_names() -> None:
    assert wire_names() == [
        "ag-ui", "ai-text", "ai-ui", "assistant-stream", "json-patch", "ops", "snapshots",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="wire must be one of ag-ui"):
        events([], "carrier-pigeon")
    with pytest.raises(TypeError, match="a name or a Wire"):
        events([], 7)  # type: ignore[arg-type]


@given(splits())
def test_ops_give_the_value_at_every_step(drawn: tuple[Any, list[list[Op]]]) -> None:
    value, steps = drawn
    sent = events_of(collect(later(steps), "ops"))
    so_far: Any = None
    seen: list[Any] = []
    for ops, _ in ops_lines(sent):
        so_far = apply(ops, so_far)
        seen.append(so_far)
    assert seen == values_of(steps)
    assert seen[-1] == value
    assert [event.id for event in sent[:-1]] == [str(n + 1) for n in range(len(steps))]
    assert json.loads(sent[-1].data or "")["outcome"] == "complete"


@given(splits())
def test_ops_say_where_the_model_is(drawn: tuple[Any, list[list[Op]]]) -> None:
    _, steps = drawn
    sent = events_of(collect(later(steps), "ops"))
    # The last place that was touched, and in what is set there the last part of it.
    expected: list[Any] = []
    for ops in steps:
        path, value = ops[-1].path, ops[-1].value
        while value and isinstance(value, dict | list):
            key = list(value)[-1] if isinstance(value, dict) else len(value) - 1
            path, value = (*path, key), value[key]
        expected.append(path)
    assert [at for _, at in ops_lines(sent)] == expected


def test_ops_say_what_closed_around_the_newest_value() -> None:
    class Client:
        """As much of a client's stream as is read."""

        completed: list[Any] = []  # noqa: RUF012 - replaced, never changed

        def __aiter__(self) -> Any:
            raise AssertionError("its ops are wanted, not its snapshots")

        async def ops(self, **_: Any) -> Any:
            opened = [Op("set", (), {}), Op("set", ("a",), []), Op("set", ("a", 0), "x")]
            closed: list[Any] = [[], [("a", 0), ("a",)], [("b",), ()]]
            steps = [opened, [Op("append", ("a", 0), "y")], [Op("set", ("b",), 1)]]
            async for number, ops in later(enumerate(steps)):
                self.completed = closed[number]
                yield ops

        async def final(self) -> None:
            pass

    sent = events_of(collect(Client(), "ops"))
    assert [event.data for event in sent[:-1]] == [
        '[0,{"a":[]}]\n[0,"a",0,"x"]',
        '"y"\n{"at":0}',
        # A number is complete as it is.
        '[0,"b",1]',
    ]


@given(splits())
def test_assistant_stream_as_its_own_package_reads_it(drawn: tuple[Any, list[list[Op]]]) -> None:
    state = pytest.importorskip("assistant_stream.state")
    value, steps = drawn
    sent, broken = asyncio.run(_collect(later(steps), "assistant-stream"))
    if FORBIDDEN & set(keys_of(value)):
        assert broken
        assert not FORBIDDEN & set(
            keys_of([json.loads(each.data or "") for each in events_of(sent)])
        )
        return
    reader = state.AssistantState()
    seen: list[Any] = []
    for event in events_of(sent):
        assert event.event is None
        operations = json.loads(event.data or "")
        if not seen:
            assert operations[0]["type"] == "set"
            assert operations[0]["path"] == []
        assert all(isinstance(step, str) for each in operations for step in each["path"])
        reader.apply(operations)
        seen.append(reader.state)
    assert not broken
    assert seen == values_of(steps)


@given(splits())
def test_json_patch_as_jsonpatch_applies_it(drawn: tuple[Any, list[list[Op]]]) -> None:
    jsonpatch = pytest.importorskip("jsonpatch")
    _, steps = drawn
    value: Any = None
    seen: list[Any] = []
    for event in events_of(collect(later(steps), "json-patch"))[:-1]:
        value = jsonpatch.JsonPatch.from_string(event.data).apply(value)
        seen.append(json.loads(json.dumps(value)))
    assert seen == values_of(steps)


@given(splits(), st.sampled_from([0.01, 0.5, 10.0]))
def test_json_patch_may_hold_text_back_until_it_has_grown(
    drawn: tuple[Any, list[list[Op]]], growth: float
) -> None:
    jsonpatch = pytest.importorskip("jsonpatch")
    _, steps = drawn
    sent = events_of(collect(later(steps), json_patch.Wire(growth=growth)))
    expected = values_of(steps)
    value: Any = None
    for event in sent[:-1]:
        value = jsonpatch.JsonPatch.from_string(event.data).apply(value)
        if event.id is not None:
            check_growth(value, expected[int(event.id) - 1])
    assert value == expected[-1]


@pytest.mark.parametrize("kind", ["complete", "dropped"])
@pytest.mark.parametrize("wire", [json_patch.Wire, ag_ui.Wire])
def test_with_a_growth_text_costs_what_it_has(wire: Any, kind: Any) -> None:
    size, pieces = 50, 400
    grow = [[Op("append", ("text",), "x" * size)] for _ in range(pieces)]
    ops = [[Op("set", (), {"text": "", "next": ""})], *grow, Outcome(kind)]
    length = size * pieces

    def sent(growth: float) -> bytes:
        return collect(later(ops), wire(growth=growth))

    assert len(sent(0.0)) > 100 * length
    held = sent(0.1)
    assert 2 * length < len(held) < 12 * length
    # All of it is there at the end, whatever the end is.
    assert b'"' + b"x" * length + b'"' in held


def test_held_back_text_is_sent_before_the_model_goes_on() -> None:
    ops = [
        [Op("set", (), {"a": "12345678", "b": ""})],
        [Op("append", ("a",), "9" * 8)],
        [Op("append", ("a",), "0")],
        [Op("append", ("b",), "x")],
        [Op("append", ("b",), "y")],
        [Op("set", (), {"a": "anew"})],
    ]
    sent = events_of(collect(later(ops), json_patch.Wire(growth=0.5)))
    assert [json.loads(event.data or "") for event in sent[1:-1]] == [
        [{"op": "replace", "path": "/a", "value": "12345678" + "9" * 8}],
        [
            {"op": "replace", "path": "/a", "value": "12345678" + "9" * 8 + "0"},
            {"op": "replace", "path": "/b", "value": "x"},
        ],
        [{"op": "replace", "path": "/b", "value": "xy"}],
        [{"op": "replace", "path": "", "value": {"a": "anew"}}],
    ]


@pytest.mark.parametrize("growth", [-0.1, float("nan"), float("inf")])
def test_a_growth_that_makes_no_sense_is_refused(growth: float) -> None:
    for wire in (json_patch.Wire, ag_ui.Wire):
        with pytest.raises(ValueError, match="growth must be a finite number"):
            wire(growth=growth)


@given(splits())
def test_ag_ui_state_as_its_own_package_reads_it(drawn: tuple[Any, list[list[Op]]]) -> None:
    core = pytest.importorskip("ag_ui.core")
    jsonpatch = pytest.importorskip("jsonpatch")
    _, steps = drawn
    sent = events_of(collect(later(steps), "ag-ui"))
    read = [TypeAdapter(core.Event).validate_json(event.data or "") for event in sent]
    assert not any(each.model_extra for each in read)
    assert read[0].type == core.EventType.RUN_STARTED
    assert read[-1].type == core.EventType.RUN_FINISHED
    assert (read[0].thread_id, read[0].run_id) == (read[-1].thread_id, read[-1].run_id)
    state: Any = {}
    seen: list[Any] = []
    for each in read[1:-1]:
        if each.type == core.EventType.STATE_SNAPSHOT:
            state = each.snapshot
        else:
            assert each.type == core.EventType.STATE_DELTA
            delta = [operation.model_dump(mode="json") for operation in each.delta]
            state = jsonpatch.JsonPatch(delta).apply(state)
        seen.append(json.loads(json.dumps(state)))
    assert seen == values_of(steps)


@given(splits())
def test_ag_ui_tool_call_gives_the_json(drawn: tuple[Any, list[list[Op]]]) -> None:
    core = pytest.importorskip("ag_ui.core")
    value, steps = drawn
    wire = ag_ui.Wire(tool="answer", thread_id="t", run_id="r")
    sent = events_of(collect(later(steps), wire))
    read = [TypeAdapter(core.Event).validate_json(event.data or "") for event in sent]
    start, *args, end = read[1:-1]
    assert (start.type, end.type) == ("TOOL_CALL_START", "TOOL_CALL_END")
    assert start.tool_call_name == "answer"
    assert {each.tool_call_id for each in read[1:-1]} == {start.tool_call_id}
    assert {each.type for each in args} == {"TOOL_CALL_ARGS"}
    assert json.loads("".join(each.delta for each in args)) == value


def ui_chunks(sent: bytes) -> list[Any]:
    """Read a UI message stream strictly: with the types of pydantic-ai, and no extra member."""
    types = pytest.importorskip("pydantic_ai.ui.vercel_ai.response_types")
    known: list[Any] = [each for each in vars(types).values() if isinstance(each, type)]
    chunks: list[Any] = []
    *body, done = events_of(sent)
    assert done.data == "[DONE]"
    for event in body:
        said = json.loads(event.data or "")
        [type_] = [
            each
            for each in known
            if getattr(each, "model_fields", {}).get("type") is not None
            and (
                each.model_fields["type"].default == said["type"]
                or (each is types.DataChunk and said["type"].startswith("data-"))
            )
        ]
        chunk = type_.model_validate(said)
        assert chunk.model_dump(by_alias=True, exclude_unset=True) == said
        chunks.append(chunk)
    return chunks


@given(splits())
def test_ai_ui_tool_input_gives_the_json(drawn: tuple[Any, list[list[Op]]]) -> None:
    value, steps = drawn
    chunks = ui_chunks(collect(later(steps), "ai-ui"))
    types = [chunk.type for chunk in chunks]
    assert types[:3] == ["start", "start-step", "tool-input-start"]
    assert types[-3:] == ["tool-input-available", "finish-step", "finish"]
    assert set(types[3:-3]) == {"tool-input-delta"}
    text = "".join(each.input_text_delta for each in chunks if each.type == "tool-input-delta")
    assert json.loads(text) == value
    assert chunks[-3].input == value
    assert len({each.tool_call_id for each in chunks[2:-2]}) == 1
    assert chunks[-1].finish_reason == "stop"
    assert chunks[-1].message_metadata == {"outcome": "complete"}


@given(splits())
def test_ai_ui_part_gives_the_value_at_every_step(drawn: tuple[Any, list[list[Op]]]) -> None:
    _, steps = drawn
    chunks = ui_chunks(collect(later(steps), ai_ui.Wire(part="meeting")))
    parts = [chunk for chunk in chunks if chunk.type == "data-meeting"]
    assert [part.data for part in parts] == values_of(steps)
    assert len({part.id for part in parts}) == 1


@given(splits())
def test_ai_text_is_the_json_and_nothing_else(drawn: tuple[Any, list[list[Op]]]) -> None:
    value, steps = drawn
    assert json.loads(collect(later(steps), "ai-text")) == value


@given(splits())
def test_ai_text_so_far_is_the_value_so_far(drawn: tuple[Any, list[list[Op]]]) -> None:
    """Whatever has been sent, a reader that completes it sees the value of that step."""
    _, steps = drawn
    for count, expected in enumerate(values_of(steps), start=1):
        source = [*steps[:count], Outcome("truncated")]
        sent, broken = asyncio.run(_collect(later(source), "ai-text"))
        assert broken
        assert json.loads(completed(sent.decode())) == expected


def completed(text: str) -> str:
    """Close what is open in a JSON text."""
    closings: list[str] = []
    escaped = False
    for char in text:
        if closings[-1:] == ['"']:
            if char == '"' and not escaped:
                closings.pop()
            escaped = char == "\\" and not escaped
        elif char in '"[{':
            closings.append({'"': '"', "[": "]", "{": "}"}[char])
        elif char in "]}":
            closings.pop()
    return text + "".join(reversed(closings))


@given(splits())
def test_snapshots_are_whole(drawn: tuple[Any, list[list[Op]]]) -> None:
    _, steps = drawn
    *sent, end = events_of(collect(later(steps), "snapshots"))
    assert [json.loads(event.data or "") for event in sent] == values_of(steps)
    assert end.event == "end"


def test_snapshots_can_be_html_of_many_lines() -> None:
    wire = snapshots.Wire(render=lambda value: f"<p>\n{value}\r\n</p>", event="form")
    first, *_ = events_of(collect(later([WORDS]), wire))
    assert first.event == "form"
    assert first.data == "<p>\n{'name': 'Ada'}\n</p>"


@pytest.mark.parametrize("kind", KINDS)
def test_endings_of_ours(kind: str) -> None:
    for wire in ("ops", "json-patch", "snapshots"):
        sent, broken = ended(kind, wire)
        last = events_of(sent.encode())[-1]
        assert (last.event, broken) == ("end", False)
        said = json.loads(last.data or "")
        assert said["outcome"] == kind
        assert said["message"]
        assert SECRET not in sent
        assert SECRET in ended(kind, wire, expose_errors=True)[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wire", ["ai-text", "assistant-stream"])
def test_endings_of_wires_without_words(kind: str, wire: str) -> None:
    sent, broken = ended(kind, wire, expose_errors=True)
    assert broken == (kind != "complete")
    assert SECRET not in sent
    if wire == "ai-text":
        assert sent.endswith('"}' if kind == "complete" else "Ada")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wire", ["ag-ui", ag_ui.Wire(tool="answer")])
def test_endings_of_ag_ui(kind: str, wire: Any) -> None:
    core = pytest.importorskip("ag_ui.core")
    sent, broken = ended(kind, wire)
    last = TypeAdapter(core.Event).validate_json(events_of(sent.encode())[-1].data or "")
    assert not broken
    assert SECRET not in sent
    if kind == "complete":
        assert last.type == core.EventType.RUN_FINISHED
    else:
        assert (last.type, last.code) == (core.EventType.RUN_ERROR, kind)
        assert SECRET in ended(kind, wire, expose_errors=True)[0]


REASONS = {"complete": "stop", "truncated": "length", "filtered": "content-filter"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wire", ["ai-ui", ai_ui.Wire(part="meeting")])
def test_endings_of_ai_ui(kind: str, wire: Any) -> None:
    sent, broken = ended(kind, wire)
    chunks = ui_chunks(sent.encode())
    types = [chunk.type for chunk in chunks]
    assert not broken
    assert types[-1] == "finish"
    assert chunks[-1].message_metadata == {"outcome": kind}
    assert ("error" in types) == (kind not in {"complete", "closed"})
    assert ("abort" in types) == (kind == "closed")
    assert ("tool-input-error" in types) == (kind != "complete" and wire == "ai-ui")
    expected = REASONS.get(kind, "other" if kind in {"refused", "closed"} else "error")
    assert chunks[-1].finish_reason == expected
    assert SECRET not in sent
    exposed = ended(kind, wire, expose_errors=True)[0]
    assert SECRET in exposed
    ui_chunks(exposed.encode())


ANEW = [WORDS, [Op("set", (), {"name": "Bo"})], [Op("append", ("name",), "b")]]


def test_a_new_attempt_begins_anew_where_the_wire_can_say_so() -> None:
    for wire in ("json-patch", "snapshots", "ops"):
        assert b"Bo" in collect(later(ANEW), wire)
    chunks = ui_chunks(collect(later(ANEW), "ai-ui"))
    assert [chunk.type for chunk in chunks if chunk.type.startswith("tool-input-")] == [
        "tool-input-start", "tool-input-delta", "tool-input-error",
        "tool-input-start", "tool-input-delta", "tool-input-delta", "tool-input-delta",
        "tool-input-available",
    ]  # fmt: skip
    assert chunks[-3].input == {"name": "Bob"}
    sent = events_of(collect(later(ANEW), ag_ui.Wire(tool="answer")))
    types = [json.loads(event.data or "")["type"] for event in sent]
    assert types.count("TOOL_CALL_START") == types.count("TOOL_CALL_END") == 2


def test_a_new_attempt_breaks_plain_text() -> None:
    sent, broken = asyncio.run(_collect(later(ANEW), "ai-text"))
    assert (sent, broken) == (b'{"name":"Ada', True)


def test_a_value_that_a_validator_changed() -> None:
    steps = [WORDS, [Op("set", ("name",), "ADA")], [Op("set", ("age",), 36)]]
    assert json.loads(collect(later(steps), "ai-text")) == {"name": "ADA", "age": 36}
    in_list = [[Op("set", (), []), Op("set", (0,), "a")], [Op("set", (0,), "A")]]
    sent, broken = asyncio.run(_collect(later(in_list), "ai-text"))
    assert (sent, broken) == (b'["a', True)
    assert events_of(collect(later(in_list), "json-patch"))[1].data == (
        '[{"op":"replace","path":"/0","value":"A"}]'
    )


def test_numbers_that_json_has_not_are_null() -> None:
    steps = [[Op("set", (), {"x": [float("nan"), float("inf")], "y": 1})]]
    for wire in wire_names():
        assert b'"x":[null,null]' in collect(later(steps), wire).replace(b"\\", b"")
