"""`on`, `on_progress` and `delta`: what is told of a stream while it goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Any

import pytest
from pydantic import AliasChoices, BaseModel, Field
from pydantic.dataclasses import dataclass

import partialfast as pf
from tests.chunkings import chunkings


class Address(BaseModel):
    city: str


@dataclass
class Pet:
    name: str


class User(BaseModel):
    full_name: str = Field(alias="fullName")
    address: Address
    tags: list[str] = []


class Team(BaseModel):
    users: list[User]
    by_name: dict[str, Address]
    pets: Annotated[list[Pet], pf.Whole]
    note: str = Field(validation_alias=AliasChoices("note", "remark"))


VALUE = {
    "users": [
        {"fullName": "Ada", "address": {"city": "London"}, "tags": ["a", "b"]},
        {"fullName": "Al", "address": {"city": "Wilmslow"}},
    ],
    "by_name": {"x": {"city": "Oslo"}, "y.z": {"city": "Rome"}},
    "pets": [{"name": "Rex"}, {"name": "Tom"}],
    "remark": "the quick brown fox",
}
TEXT = json.dumps(VALUE)
CHUNKINGS = list(chunkings(TEXT))
FINAL = Team.model_validate(VALUE)

#: Each pattern, and what is called with, in order.
EXPECTED: dict[str, list[Any]] = {
    "": [FINAL],
    "users": [FINAL.users],
    "users.*": FINAL.users,
    "users.1": [FINAL.users[1]],
    "users.*.fullName": ["Ada", "Al"],
    "users.*.full_name": ["Ada", "Al"],
    "users.*.address.city": ["London", "Wilmslow"],
    "*.*.tags.*": ["a", "b"],
    "by_name.*": [FINAL.by_name["x"], FINAL.by_name["y.z"]],
    "pets.*": FINAL.pets,
    "pets.*.name": ["Rex", "Tom"],
    "note": ["the quick brown fox"],
    "nothing.*": [],
}


def test_each_value_is_told_once_however_the_text_is_cut() -> None:
    for chunks in CHUNKINGS:
        called: dict[str, list[Any]] = {path: [] for path in EXPECTED}
        on = {path: called[path].append for path in EXPECTED}
        list(pf.stream(Team, chunks, on=on))
        assert called == EXPECTED


@pytest.mark.parametrize("chunks", [CHUNKINGS[0], *CHUNKINGS[1::40]], ids=len)
def test_async_functions_are_awaited_in_turn(chunks: list[str]) -> None:
    called: list[Any] = []

    async def slowly(value: Any) -> None:
        await asyncio.sleep(0)
        called.append(value)

    async def source() -> AsyncIterator[str]:
        for chunk in chunks:
            yield chunk

    async def main() -> None:
        stream = pf.astream(Team, source(), on={"users.*": slowly, "note": called.append})
        async for snapshot in stream:
            shown = snapshot.users or []
            assert [value for value in called if isinstance(value, User)] == [
                user for user in shown if not pf.is_partial(user)
            ]

    asyncio.run(main())
    assert called == [*FINAL.users, FINAL.note]


def test_a_value_is_told_before_the_snapshot_that_shows_it() -> None:
    order: list[str] = []
    stream = pf.stream(Address, ['{"city": "Os', 'lo"', "}"], on={"city": order.append})
    order.extend(f"seen {snapshot.city}" for snapshot in stream)
    assert order == ["seen Os", "Oslo", "seen Oslo", "seen Oslo"]


def test_what_a_function_raises_ends_the_loop() -> None:
    def fail(value: str) -> None:
        raise KeyError(value)

    with pytest.raises(KeyError, match="Oslo"):
        list(pf.stream(Address, ['{"city": "Oslo"}'], on={"city": fail}))


@pytest.mark.parametrize(
    ("on", "message"),
    [
        ({1: print}, "a path is a string such as"),
        ({"a": 1}, "what is called at 'a' must be callable: 1"),
    ],
)
def test_what_cannot_be_called_is_refused(on: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        pf.stream(Address, [], on=on)


def test_a_coroutine_function_is_for_asynchronous_streams() -> None:
    async def wait(_: Any) -> None: ...

    with pytest.raises(TypeError, match="'city' is a coroutine function, which only an async"):
        pf.stream(Address, [], on={"city": wait})
    with pytest.raises(TypeError, match="on_progress is a coroutine function"):
        pf.stream(Address, [], on_progress=wait)


def test_progress_grows_to_the_number_of_values() -> None:
    for chunks in CHUNKINGS:
        told: list[pf.Progress] = []
        snapshots = list(pf.stream(Team, chunks, on_progress=told.append))
        assert len(told) == len(snapshots)
        assert [each.values for each in told] == sorted(each.values for each in told)
        assert [each.pieces for each in told] == sorted({each.pieces for each in told})
        assert told[-1].values == len(_paths(VALUE))


def _paths(value: Any) -> list[Any]:
    inner: Iterable[Any] = ()
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list):
        inner = value
    return [value, *(path for each in inner for path in _paths(each))]


# What is added to texts


def _replay(deltas: Iterable[dict[tuple[str | int, ...], pf.TextDelta]]) -> dict[Any, str]:
    texts: dict[Any, str] = {}
    for added in deltas:
        for path, delta in added.items():
            assert delta or delta.replaced is not None
            texts[path] = texts.get(path, "") + delta if delta.replaced is None else delta.replaced
    return texts


def _texts(value: Any, path: tuple[str | int, ...] = ()) -> dict[Any, str]:
    if isinstance(value, str):
        return {path: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {k: v for key, each in items for k, v in _texts(each, (*path, key)).items()}


@pytest.mark.parametrize("every", [1, 2, 5])
def test_what_is_added_makes_up_all_texts(every: int) -> None:
    for chunks in CHUNKINGS:
        stream = pf.stream(Team, chunks)
        deltas = [stream.delta for number, _ in enumerate(stream, 1) if number % every == 0]
        last = stream.delta
        if not deltas or last is not deltas[-1]:
            deltas.append(last)
        assert _replay(deltas) == _texts(FINAL.model_dump())


def test_delta_is_the_same_until_the_next_snapshot() -> None:
    stream = pf.stream(Address, ['{"city": "Os', 'lo"', "}"])
    for _, expected in zip(stream, [{("city",): "Os"}, {("city",): "lo"}, {}], strict=True):
        assert stream.delta == stream.delta == expected
