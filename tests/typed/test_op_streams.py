"""`Op`, `apply_ops` and the loops of ops: what they take, how they end."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import pickle
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError, computed_field, field_validator

import partialfast as pf
from tests.chunkings import bytewise


class Person(BaseModel):
    name: str
    age: int = Field(serialization_alias="years", default=0)
    tags: list[str] = []

    @field_validator("name")
    @classmethod
    def titled(cls, name: str) -> str:
        return name.title()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def size(self) -> int:
        return len(self.name)


TEXT = '{"name": "ada k", "age": 36, "tags": ["ma", "ths"]}'
FINAL = {"name": "Ada K", "age": 36, "tags": ["ma", "ths"], "size": 5}


async def later(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def collected(chunks: list[bytes], **options: Any) -> list[list[pf.Op]]:
    """Return the batches of both loops, which are the same."""

    async def run() -> list[list[pf.Op]]:
        return [ops async for ops in pf.astream_ops(Person, later(chunks), **options)]

    found = list(pf.stream_ops(Person, chunks, **options))
    assert asyncio.run(run()) == found
    return found


def test_batches_lead_to_the_final_dump() -> None:
    for chunks in ([TEXT.encode()], bytewise(TEXT.encode())):
        batches = collected(chunks)
        assert all(batches)
        assert pf.apply_ops(None, [op for ops in batches for op in ops]) == FINAL


def test_what_opens_and_closes_in_one_batch_is_one_op() -> None:
    assert collected([TEXT.encode()]) == [[pf.Op("set", (), FINAL)]]


def test_a_validator_that_changes_text_sets_it_again() -> None:
    batches = collected([b'{"name": "ada', b' k"', b"}"])
    assert batches == [
        [pf.Op("set", (), {"name": "ada"})],
        [pf.Op("set", ("name",), "Ada K")],
        [pf.Op("set", ("size",), 5)],
    ]


def test_names_are_aliases_where_asked_for() -> None:
    [[op]] = collected([TEXT.encode()], by_alias=True)
    assert op.value == {"name": "Ada K", "years": 36, "tags": ["ma", "ths"], "size": 5}


def test_ops_of_the_document_are_what_is_written() -> None:
    [[op]] = collected([b'{"name": "ada k", "other": [1]}'], of="document")
    assert op.value == {"name": "ada k", "other": [1]}


def test_with_a_pace_all_is_told_at_the_end() -> None:
    batches = collected(bytewise(TEXT.encode()), every=3600)
    # The first is due at once; it may be empty.
    assert len(batches) <= 2
    assert pf.apply_ops(None, [op for ops in batches for op in ops]) == FINAL


@pytest.mark.parametrize(
    ("chunks", "error", "shown"),
    [
        ([b'{"name": "ad'], pf.TruncatedError, {"name": "ad"}),
        ([b'{"name": "ad', b'a", ]'], pf.JsonError, {"name": "Ada"}),
        ([b'{"name": "ad', b'a", "age": "x"}'], ValidationError, {"name": "Ada"}),
    ],
)
def test_the_ops_before_an_error_are_told(
    chunks: list[bytes], error: type[Exception], shown: Any
) -> None:
    told: list[pf.Op] = []

    async def run() -> None:
        async for ops in pf.astream_ops(Person, later(chunks)):
            told.extend(ops)

    def loop() -> None:
        for ops in pf.stream_ops(Person, chunks):
            told.extend(ops)

    for read in (loop, lambda: asyncio.run(run())):
        told.clear()
        with pytest.raises(error):
            read()
        assert pf.apply_ops(None, told) == shown


@pytest.mark.parametrize("options", [{"every": -1}, {"of": "snapshot"}])
def test_what_is_no_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        pf.stream_ops(Person, [], **options)


def test_a_batch_that_was_taken_is_the_callers() -> None:
    state: pf.StreamState[Any] = pf.StreamState(list[list[int]])
    state.keep_ops()
    state.feed("[[1")
    [first] = state.take_ops()
    was = copy.deepcopy(first)
    for chunk in bytewise(",2],[3"):
        state.feed(chunk)
        for op in state.take_ops():
            if isinstance(op.value, list):
                op.value.append("changed by the caller")
    assert first == was
    state.feed("]]")
    assert state.finish() == [[1, 2], [3]]


def test_a_parser_tells_another_text_from_its_root() -> None:
    parser = pf.JsonParser()
    parser.feed('{"a": 1')
    assert parser.take_ops() == [pf.Op("set", (), {})]
    parser.reset()
    parser.feed("[2, 3")
    assert parser.take_ops() == [pf.Op("set", (), [2])]


def test_without_snapshots_one_is_made_when_asked_for() -> None:
    state: pf.StreamState[Any] = pf.StreamState(Person)
    state.keep_ops(snapshots=False)
    assert state.feed('{"name": "a') is None
    assert state.copies == 0
    shown: Any = state.snapshot
    assert shown.name == "a"
    assert state.take_ops() == [pf.Op("set", (), {"name": "a"})]


def test_a_value_that_cannot_be_dumped_is_no_silence() -> None:
    class Odd(BaseModel):
        name: str

        @computed_field  # type: ignore[prop-decorator]
        @property
        def other(self) -> int:
            raise RuntimeError("no other")

    text = '{"name": "a"}'
    state: pf.StreamState[Any] = pf.StreamState(Odd)
    state.keep_ops()
    state.feed(text)
    # What was told before it closed.
    assert state.take_ops() == [pf.Op("set", (), {"name": "a"})]
    with pytest.raises(RuntimeError, match="no other"):
        state.take_ops()
    assert state.finish() == Odd(name="a")
    assert state.take_ops() == []

    taken = pf.stream_ops(Odd, [text], every=1000)
    assert next(taken) == [pf.Op("set", (), {"name": "a"})]
    with pytest.raises(RuntimeError, match="no other"):
        next(taken)


class TestOp:
    """`Op` by itself."""

    def test_it_is_a_value(self) -> None:
        op = pf.Op("append", ("a", 0), "text")
        assert op == pf.Op("append", ("a", 0), "text")
        assert op != pf.Op("set", ("a", 0), "text")
        other: Any = ("append", ("a", 0), "text")
        assert op != other
        assert hash(op) == hash(pf.Op("append", ("a", 0), "text"))
        assert repr(op) == "Op(op='append', path=('a', 0), value='text')"
        assert pickle.loads(pickle.dumps(op)) == op  # noqa: S301 - its own
        assert copy.deepcopy(op) == op

    def test_it_is_frozen_and_has_no_dict(self) -> None:
        op = pf.Op("set", (), [1])
        with pytest.raises(AttributeError):
            op.value = 2  # type: ignore[misc]
        assert not hasattr(op, "__dict__")
        with pytest.raises(TypeError, match="unhashable"):
            hash(op)

    def test_it_can_be_matched(self) -> None:
        match pf.Op("set", ("a",), 1):
            case pf.Op("set", ("a",), value):
                assert value == 1
            case _:
                pytest.fail("it does not match")

    def test_other_verbs_are_refused(self) -> None:
        with pytest.raises(ValueError, match="must be"):
            pf.Op("delete", (), None)  # type: ignore[arg-type]


def test_ops_are_applied_to_a_copy_of_their_values() -> None:
    value: dict[str, Any] = {"a": []}
    document = pf.apply_ops(None, [pf.Op("set", (), value), pf.Op("set", ("a", 0), 1)])
    assert document == {"a": [1]}
    assert value == {"a": []}


@pytest.mark.parametrize("op", [pf.Op("append", ("b",), "x"), pf.Op("set", ("b", "c"), 1)])
def test_ops_of_another_document_are_an_error(op: pf.Op) -> None:
    with pytest.raises(KeyError):
        pf.apply_ops({"a": ""}, [op])


@dataclasses.dataclass
class Point:
    x: int
    y: int = 2


def test_a_dataclass_has_all_its_fields_from_the_start() -> None:
    [[opened], [x], [y]] = pf.stream_ops(Point, ["{", '"x": 1,', '"y": 3}'])
    assert opened == pf.Op("set", (), {"x": None, "y": 2})
    assert (x, y) == (pf.Op("set", ("x",), 1), pf.Op("set", ("y",), 3))
