"""The State of an answer by itself: no server, no client, bytes in and snapshots out."""

from __future__ import annotations

import gc
import itertools
import json
import weakref
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from openai import APIError, OpenAI
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel, field_validator

import partialfast as pf
from partialfast import replay
from partialfast._core import Delta, EventReader
from partialfast.answer._asked import END, NOTHING, Asked, Lost
from partialfast.answer._pace import Pace
from partialfast.answer._reader import AnswerReader
from partialfast.answer._target import read_target
from partialfast.answer._text import DEFAULTS
from partialfast.providers import Provider
from partialfast.providers._observed import as_json
from partialfast.providers.openai._chat import Chat
from partialfast.providers.openai._responses import Responses
from tests.chunkings import chunkings
from tests.openai_driver import TEXT, Meeting, User


class Settings(BaseModel):
    size: int = 12


def events(text: str, *, size: int = 3) -> list[bytes]:
    """Return the stream of an answer that calls a function with this text."""

    def event(delta: Any, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return b"data: " + json.dumps({"id": "1", "choices": [choice]}).encode() + b"\n\n"

    begin = {"index": 0, "id": "c", "function": {"name": "Meeting", "arguments": ""}}
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return [
        event({"tool_calls": [begin]}),
        *(event({"tool_calls": [{"index": 0, "function": {"arguments": p}}]}) for p in pieces),
        event({}, "stop"),
        b"data: [DONE]\n\n",
    ]


def new_state(
    response_model: Any = Meeting,
    *,
    items: bool = False,
    every: Any = "event",
    choices: int = 1,
    provider: type[Provider] = Chat,
) -> AnswerReader:
    kind: Any = provider
    asked = Asked(
        provider=kind(None),
        target=read_target(response_model, items=items, tools=True, strict=None),
        tools=True,
        exact_names=False,
        choices=choices,
        options=DEFAULTS,
    )
    return AnswerReader(asked, Pace(every, clock=itertools.count().__next__))


def read(state: AnswerReader, blocks: Sequence[Any], *, quick: bool = True) -> list[Any]:
    """Feed the blocks and return what was handed out, with its completions, per block."""
    handed: list[list[Any]] = []
    for block in [*blocks, END]:
        handed.append([])
        one: Any = state.feed(block)
        while one is not NOTHING:
            handed[-1].append((one.model_dump(), state.completed))
            one = next(state.quick, NOTHING) if quick else NOTHING
            if one is NOTHING:
                one = state.pull()
    return handed


def flat(handed: list[Any]) -> list[Any]:
    return list(itertools.chain(*handed))


def test_cuts_of_the_stream_do_not_matter() -> None:
    stream = b"".join(events(TEXT, size=40))
    expected = flat(read(new_state(), [stream]))
    assert len(expected) > 3
    assert expected[-1][0] == Meeting.model_validate_json(TEXT).model_dump()
    for blocks in chunkings(stream):
        assert flat(read(new_state(), blocks)) == expected
        assert flat(read(new_state(), blocks, quick=False)) == expected


@pytest.mark.parametrize("together", [1, 2, 5, 1000])
def test_one_snapshot_per_read(together: int) -> None:
    stream = events(TEXT)
    blocks = [b"".join(stream[at : at + together]) for at in range(0, len(stream), together)]
    each = read(new_state(), blocks)
    newest = read(new_state(every="read"), blocks)
    assert flat(newest) == flat(read(new_state(every="read"), blocks, quick=False))
    assert sum(map(len, each)) > len(TEXT) / 10
    assert [len(handed) for handed in newest] == [min(len(handed), 1) for handed in each]
    for of_each, of_newest in zip(each, newest, strict=True):
        if of_each:
            assert of_newest[-1][0] == of_each[-1][0]
    completed = [path for _, paths in flat(each) for path in paths]
    assert [path for _, paths in flat(newest) for path in paths] == completed
    assert len(completed) == 10


def test_one_snapshot_per_value() -> None:
    handed = flat(read(new_state(every="value"), events(TEXT, size=1)))
    assert [paths for _, paths in handed[1:]] == [
        [("users", 0, "name")],
        [("users", 0, "email")],
        [("users", 0)],
        [("users", 1, "name")],
        [("users", 1, "email")],
        [("users", 1)],
        [("users",)],
        [("location",)],
        [("budget",), ()],
    ]


def test_at_most_one_snapshot_in_so_many_seconds() -> None:
    # The clock moves by one whenever it is looked at.
    every = flat(read(new_state(every=0.5), events(TEXT)))
    few = flat(read(new_state(every=10.0), events(TEXT)))
    full = flat(read(new_state(), events(TEXT)))
    assert [one for one, _ in every] == [one for one, _ in full]
    assert 2 < len(few) < len(full) / 3
    assert few[0][0] == full[0][0]
    assert few[-1][0] == full[-1][0]
    paths = [path for _, completed in few for path in completed]
    assert paths == [path for _, completed in full for path in completed]


def test_a_validator_must_not_use_the_stream_that_calls_it() -> None:
    class Looks(BaseModel):
        users: list[User]
        budget: int

        @field_validator("budget")
        @classmethod
        def look(cls, value: int) -> int:
            return len(state.received.text) + value

    state = new_state(Looks)
    with pytest.raises(RuntimeError, match="in the middle of another call"):
        read(state, events(TEXT))


def test_the_same_answer_read_whole() -> None:
    message = SimpleNamespace(content=None, tool_calls=None)
    choice = SimpleNamespace(index=0, message=message, finish_reason="stop")
    completion = SimpleNamespace(id="1", model="m", usage=None, choices=(choice,))

    with pytest.raises(pf.TruncatedError):
        new_state().feed_whole(iter([as_json(completion)]))


def chunk(choice: dict[str, Any]) -> bytes:
    return (
        b"data: " + json.dumps({"id": "1", "choices": [{"index": 0, **choice}]}).encode() + b"\n\n"
    )


@pytest.mark.parametrize(
    ("said", "reason", "error"),
    [
        ({}, "content_filter", pf.ContentFilterError),
        ({"refusal": "No."}, "stop", pf.RefusalError),
        ({}, "length", pf.TruncatedError),
        ({}, "stop", pf.TruncatedError),
    ],
)
def test_what_the_server_said_counts_though_the_connection_is_lost_after_it(
    said: dict[str, str], reason: str, error: type[Exception]
) -> None:
    *begin, _, _ = events(TEXT[:20])
    end = chunk({"delta": said, "finish_reason": reason})
    with pytest.raises(error):
        read(new_state(), [*begin, end, Lost(ConnectionResetError())])
    with pytest.raises(pf.DroppedError):
        read(new_state(), [*begin, Lost(ConnectionResetError())])


SIZES = '{"items": [{"size": 9}]}'


def of_choice(number: int, text: str, reason: str | None) -> list[bytes]:
    function = {"name": "IterableSettings", "arguments": text}
    delta = {"tool_calls": [{"index": 0, "id": f"c{number}", "function": function}]} if text else {}
    return [chunk({"index": number, "delta": delta, "finish_reason": reason})]


@pytest.mark.parametrize(
    ("first", "second", "end", "error"),
    [
        ((SIZES, "stop"), (SIZES, "length"), END, None),
        ((SIZES, "stop"), None, END, None),
        ((SIZES, "stop"), None, Lost(ConnectionResetError()), pf.DroppedError),
        (("", "content_filter"), (SIZES, "stop"), END, pf.ContentFilterError),
        ((SIZES, "stop"), ("", "stop"), END, pf.TruncatedError),
        (("", "length"), (SIZES, "stop"), END, pf.TruncatedError),
        ((SIZES[:-1], "length"), (SIZES, "stop"), END, pf.TruncatedError),
    ],
)
def test_no_choice_makes_good_what_another_lacks(
    first: tuple[str, str], second: tuple[str, str] | None, end: Any, error: Any
) -> None:
    blocks = of_choice(0, *first) + (of_choice(1, *second) if second else [])
    state = new_state(Settings, items=True, choices=2)
    if error is None:
        read(state, [*blocks, end])
        assert state.final == [Settings(size=9)] * len(blocks)
        return
    with pytest.raises(error) as caught:
        read(state, [*blocks, end])
    if first[1] != "stop":
        assert caught.value.finish_reason == first[1]


@pytest.mark.parametrize("status", ["incomplete", "cancelled", None])
def test_a_response_that_is_not_completed_may_have_lacked_arguments(status: str | None) -> None:
    item = {"type": "function_call", "call_id": "c", "name": "Settings", "arguments": ""}
    added = {"type": "response.output_item.added", "output_index": 0, "item": item}
    end = {"type": f"response.{status or 'completed'}", "response": {"status": status}}
    blocks = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in (added, end)]
    state = new_state(Settings, provider=Responses)
    if status is None:
        assert flat(read(state, blocks)) == [({"size": 12}, [])]
        return
    with pytest.raises(pf.TruncatedError):
        read(state, blocks)


@pytest.mark.parametrize(
    ("provider", "answer"),
    [(Chat, ChatCompletion), (Responses, Response)],
    ids=["chat", "responses"],
)
def test_an_error_in_place_of_an_answer(provider: type[Provider], answer: Any) -> None:
    state = new_state(provider=provider)
    said = as_json(answer.construct(None, error={"message": "No such model."}))
    with pytest.raises(APIError, match="No such model"):
        state.feed_whole(iter([said]))


def test_an_event_reader_wants_its_blocks_one_by_one() -> None:
    reader = EventReader("openai_chat")
    reader.put(b"data: [DONE]\n\n")
    with pytest.raises(RuntimeError, match="not read to its end"):
        reader.put(b"more")
    assert reader.pull() == Delta.Done()
    assert reader.pull() is None
    reader.put(b"data: {}\n\n")
    assert reader.pull() is None
    with pytest.raises(ValueError, match="openai_chat, openai_responses"):
        EventReader("telegraph")


def test_an_endless_event_is_an_error() -> None:
    reader: Any = EventReader("openai_chat")
    block = b"data: " + b"x" * (1 << 20)
    found: list[Any] = []
    for _ in range(16):
        reader.put(block)
        found.append(reader.pull())
        block = b"x" * (1 << 20)
    *before, last = found
    assert before == [None] * 15
    assert isinstance(last, Delta.Corrupt)
    assert "longer than the limit" in last.why


SIZE = '{"size": 12}'


def call(number: int, name: str = "Settings", arguments: str = SIZE) -> bytes:
    function = {"name": name, "arguments": arguments}
    return chunk(
        {"delta": {"tool_calls": [{"index": number, "id": f"c{number}", "function": function}]}}
    )


def take(state: AnswerReader, block: bytes) -> list[Any]:
    """Feed one block; return what it brought."""
    found, due = [], state.feed(block)
    while due is not NOTHING:
        found.append(due)
        due = state.pull()
    return found


OTHER = {"index": 1, "id": "o", "function": {"name": "other", "arguments": "more and more"}}


@pytest.mark.parametrize(
    "said",
    [
        chunk({"delta": {"content": "more and more"}}),
        chunk({"delta": {"refusal": "more and more"}}),
        chunk({"delta": {"reasoning": "more and more"}}),
        # Of functions that are none of ours.
        chunk({"delta": {"tool_calls": [OTHER]}}),
    ],
)
def test_what_is_written_beside_the_answer_is_bounded(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partialfast.answer._beside.MOST", 1_000)
    state = new_state(Settings | User, items=True)
    assert take(state, call(0)) == [Settings()]
    with pytest.raises(pf.JsonError, match="more than 1,000 bytes of text beside") as raised:
        take(state, said * 20)
    assert raised.value.kind == "size_limit"
    assert state.received.text == SIZE


def test_the_number_of_calls_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partialfast.answer._route.MOST_CALLS", 3)
    state = new_state(Settings | User, items=True)
    assert take(state, call(0)) == [Settings()]
    # Calls of functions that were not offered count: they are remembered as well.
    assert take(state, call(1, name="other")) == []
    assert take(state, call(2)) == [Settings()]
    with pytest.raises(pf.JsonError, match="more than 3 function calls") as raised:
        take(state, call(3))
    assert raised.value.kind == "size_limit"
    assert state.received.text == SIZE + SIZE


@pytest.mark.network
def test_streams_leave_nothing_behind() -> None:
    """Hold that a stream goes with its last reference, whether the collector runs or not."""
    message: Any = {"role": "user", "content": "hello"}
    arguments: dict[str, Any] = {"model": "m", "messages": [message], "response_model": Meeting}
    with (
        replay.serve({"text": TEXT}) as url,
        OpenAI(base_url=url, api_key="k") as sdk,
    ):
        client = pf.from_openai(sdk)
        gc.collect()
        gc.disable()
        try:
            whole = client.create_partial(**arguments)
            for _ in whole:
                pass
            early = client.create_partial(**arguments)
            for _ in early:
                break
            references: list[Any] = [weakref.ref(whole), weakref.ref(early)]
            states: list[Any] = [weakref.ref(whole._reader), weakref.ref(early._reader)]
            del whole, early
            assert [found() for found in (*references, *states)] == [None] * 4
        finally:
            gc.enable()
