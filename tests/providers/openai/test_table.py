"""Recorded streams of real servers, whole and gone wrong, read in every way and at every cut.

One row is one stream: a server's form, a mode, and what goes wrong. Each is read sync and async, as
bytes and as the SDK's objects, written in pieces of 1, 7 and 4096 bytes: the same snapshots, the
same completions and the same ending every time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import openai
import pytest
from pydantic import BaseModel, ValidationError

import partialfast as pf
from partialfast import replay
from partialfast.providers.openai import Mode
from partialfast.providers.openai._provider import OpenAI as OpenAIProvider
from tests.openai_driver import WAYS, Api, Way, ask, open_sync

pytestmark = pytest.mark.network

SPLITS = (1, 7, 4096)


class Person(BaseModel):
    name: str
    born: int = 0


class User(BaseModel):
    """What the recordings of servers are about."""

    name: str
    email: str
    twitter: str
    city: str
    born: int


class Place(BaseModel):
    city: str
    country: str = ""


class Now(BaseModel):
    pass


TEXT = '{"name":"Zoë 日本","born":1815}'
FENCED = f"<think>{{}}</think>Well:\n```json\n{TEXT}\n```\nBye"


@dataclass(frozen=True)
class Row:
    """A stream.

    Args:
        name: For the test's id.
        recording: What the server says.
        mode: How it is asked.
        api: On which API.
        shape: Whose form the stream has.
        fault: What goes wrong.
        response_model: What is asked for.
        method: How it is asked for.
        ending: What is raised; ``None`` for a value.
    """

    name: str
    recording: Any
    mode: Mode
    api: Api = "chat"
    shape: str = "openai"
    fault: str = ""
    response_model: Any = Person
    method: str = "create_partial"
    ending: type[Exception] | None = None


# What goes wrong, and what it has to look like.
FAULTS: dict[str, type[Exception] | None] = {
    "length@12": pf.TruncatedError,
    "filter@12": pf.ContentFilterError,
    "refuse": pf.RefusalError,
    "drop@12": pf.DroppedError,
    "end@12": pf.TruncatedError,
    "garbage@12": pf.JsonError,
    "error@12": openai.APIError,
    "corrupt@12": pf.JsonError,
}
# These have no channel of their own for a refusal: it comes as text.
_REFUSES_IN_WORDS = {"vllm", "llama.cpp", "ik_llama.cpp", "ollama", "ollama-0.1", "gemini"}


def _rows() -> list[Row]:
    rows = [
        Row(f"{shape}-{mode.name}", {"text": text}, mode, shape=shape)
        for shape in replay.SHAPES
        for mode, text in (
            (Mode.TOOLS, TEXT),
            (Mode.JSON_SCHEMA, TEXT),
            (Mode.MD_JSON, FENCED),
        )
    ]
    rows += [
        Row(
            f"{shape}-{mode.name}-{fault}",
            {"text": TEXT},
            mode,
            shape=shape,
            fault=fault,
            ending=ending,
        )
        for shape, mode in (
            ("openai", Mode.TOOLS),
            ("azure", Mode.JSON_SCHEMA),
            ("vllm", Mode.JSON_SCHEMA),
            ("llama.cpp", Mode.TOOLS),
            ("openrouter", Mode.TOOLS),
        )
        for fault, ending in FAULTS.items()
        if not (fault == "refuse" and shape in _REFUSES_IN_WORDS)
    ]
    rows += [
        Row(
            f"responses-{mode.name}-{fault or 'whole'}",
            {"text": TEXT},
            mode,
            api="responses",
            fault=fault,
            ending=ending,
        )
        for mode in (Mode.TOOLS_STRICT, Mode.JSON)
        for fault, ending in {"": None, **FAULTS, "fail@12": openai.APIError}.items()
    ]
    rows += [
        Row(
            f"{shape}-items-{fault or 'whole'}",
            {"text": f'{{"items":[{TEXT},{{"name":"B"}},{TEXT}]}}'},
            Mode.TOOLS,
            shape=shape,
            fault=fault,
            method="create_iterable",
            ending=ending,
        )
        for shape, fault, ending in (
            ("openai", "", None),
            ("ollama", "", None),
            ("vllm", "length@70", pf.TruncatedError),
            ("openai", "drop@70", pf.DroppedError),
        )
    ]
    rows += [
        Row("invalid", {"text": '{"name":"A","born":"soon"}'}, Mode.TOOLS, ending=ValidationError),
        Row("words", {"text": "Who?", "via": "content"}, Mode.JSON, ending=pf.JsonError),
    ]
    return [*rows, *_recorded()]


def _recorded() -> list[Row]:
    """Make rows of the recordings that come with the replay server."""
    rows: list[Row] = []
    for recording in replay.builtin("servers"):
        asked: Any = User
        mode, method = Mode.TOOLS, "create_partial"
        if recording.via == "content":
            mode = Mode.MD_JSON
        if recording.tool_calls:
            asked = User | Place
            method = "create_iterable"
            if recording.model == "no-arguments":
                asked, method = Now, "create_partial"
        rows.append(
            Row(
                f"recorded-{recording.model}",
                recording,
                mode,
                response_model=asked,
                method=method,
            )
        )
    return rows


ROWS = _rows()


def read(row: Row, way: Way, url: str, split: int | None) -> dict[str, Any]:
    """Read the stream and return all that must not depend on how."""
    recorded = isinstance(row.recording, replay.Recording)
    outcome = ask(
        way,
        url,
        api=row.api,
        mode=row.mode,
        method=row.method,
        response_model=row.response_model,
        extra_headers={"x-replay-split": str(split)} if split else {},
        **({"model": row.recording.model} if recorded else {}),
    )
    stream, error = outcome.stream, outcome.error
    usage = stream.usage
    return {
        "handed": outcome.dumps(),
        "classes": [type(each).__name__ for each in outcome.handed],
        "completed": outcome.completed,
        "paths": outcome.paths,
        "ending": type(error),
        # Two parsers have two ways to say what is wrong with an event.
        "said": str(error).partition("cannot be read")[0],
        "text": stream.text,
        "trailing": stream.trailing_text,
        "finish_reason": stream.finish_reason,
        "usage": usage.to_dict() if usage is not None else None,
        "model": stream.model,
        "snapshot": stream.snapshot,
        "error": {
            name: getattr(error, name, None)
            for name in ("snapshot", "text", "kind", "offset", "path", "code", "message", "body")
        },
        "cause": type(error.__cause__) if error is not None else None,
    }


def test_there_are_enough_rows() -> None:
    assert len(ROWS) >= 60
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert {row.mode for row in ROWS} == set(OpenAIProvider.modes)
    assert {row.shape for row in ROWS} == set(replay.SHAPES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_way_reads_the_same(row: Row) -> None:
    with replay.serve(
        row.recording, shape=row.shape, chunk=6, faults=[row.fault] if row.fault else []
    ) as url:
        expected = read(row, Way(asynchronous=False, transport="sdk"), url, None)
        for way in WAYS:
            for split in SPLITS:
                assert read(row, way, url, split) == expected, (way, split)
    assert issubclass(expected["ending"], row.ending or type(None)), expected["said"]
    assert row.ending is None or issubclass(expected["ending"], pf.StreamError)
    if row.ending is None:
        right(row, expected)
    elif row.fault not in {"refuse", ""}:
        assert expected["handed"] or row.shape == "ollama"
        assert expected["snapshot"] is not None


def right(row: Row, read: dict[str, Any]) -> None:
    """Check a value against the text that the server was given."""
    assert read["finish_reason"]
    if isinstance(row.recording, replay.Recording):
        if row.recording.tool_calls:
            texts = [call.arguments or "{}" for call in row.recording.tool_calls]
            last = [json.loads(text) for text in texts]
            found = read["handed"] if row.method == "create_iterable" else read["handed"][-1:]
            assert sorted(map(str, map(without_defaults, found))) == sorted(map(str, last))
            return
        assert read["handed"][-1]["name"] == "Ada Lovelace"
        assert read["handed"][-1]["city"] == "Zürich 日本"
        return
    person = {"name": "Zoë 日本", "born": 1815}
    if row.method == "create_iterable":
        assert read["handed"] == [person, {"name": "B", "born": 0}, person]
    else:
        assert read["handed"][-1] == person
        assert read["text"] == row.recording["text"]
    if row.mode is Mode.MD_JSON:
        assert read["trailing"] == "\nBye"


def without_defaults(value: dict[str, Any]) -> dict[str, Any]:
    return {key: each for key, each in value.items() if each != ""}


@pytest.mark.parametrize("row", [row for row in ROWS if row.name == "openai-TOOLS"])
def test_the_sdk_reads_the_same_stream(row: Row) -> None:
    """Hold the table itself to something outside the package: the SDK's own reading."""
    messages: Any = [{"role": "user", "content": "hello"}]
    tool: Any = {"type": "function", "function": {"name": "Person", "parameters": {}}}
    with replay.serve(row.recording, chunk=6, split=7) as url, open_sync(url) as sdk:
        chunks = sdk.chat.completions.create(
            model="m", messages=messages, tools=[tool], stream=True
        )
        pieces = [
            call.function.arguments
            for chunk in chunks
            for choice in chunk.choices
            for call in choice.delta.tool_calls or ()
            if call.function and call.function.arguments
        ]
        expected = [each.model_dump() for each in pf.stream(Person, pieces)]
        outcome = ask(Way(asynchronous=True, transport="raw"), url, response_model=Person)
    assert "".join(pieces) == TEXT
    assert outcome.dumps() == expected
