"""`StreamState` and the loops over it: when validators run, how streams end, what stays."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import enum
import json
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from types import FrameType
from typing import Annotated, Any, Literal, cast

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    computed_field,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import to_json

import partialfast as pf
from tests.chunkings import bytewise, chunkings
from tests.generation import generic

calls: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    calls.clear()


class Item(BaseModel):
    sku: str
    count: int

    @field_validator("sku")
    @classmethod
    def _seen(cls, sku: str) -> str:
        calls["item"] += 1
        return sku.upper()


class Order(BaseModel):
    items: list[Item]
    note: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Order:
        calls["order"] += 1
        assert all(type(item) is Item for item in self.items)
        return self


class Orders(BaseModel):
    orders: list[Order]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def total(self) -> int:
        calls["total"] += 1
        return sum(item.count for order in self.orders for item in order.items)


TEXT = (
    '{"orders": [{"items": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}], "note": "x"},'
    ' {"items": [{"sku": "c", "count": 3}]}]}'
)


def test_validators_run_once_for_each_enclosing_model_that_closes() -> None:
    state = pf.StreamState(Orders)
    seen = []
    for character in TEXT:
        before = copy.copy(calls)
        state.feed(character)
        if calls != before:
            seen.append((character, dict(calls - before)))
    assert state.finish() == TypeAdapter(Orders).validate_json(TEXT)
    # A string at its closing quote; its item, its order and the whole at their closing braces.
    assert seen[0] == ('"', {"item": 1})
    closings = [change for character, change in seen if character == "}"]
    assert closings == [
        {"item": 1},
        {"item": 1},
        {"item": 2, "order": 1},
        {"item": 1},
        {"item": 1, "order": 1},
        {"item": 3, "order": 2},
    ]
    assert len(seen) == len(closings) + 3
    assert "total" not in calls


def test_nothing_of_the_users_runs_when_snapshots_are_looked_at() -> None:
    for snapshot in pf.stream(Orders, TEXT[:-1] + " "):
        before = copy.copy(calls)
        snapshot.model_dump()
        snapshot.model_dump_json()
        repr(snapshot)
        copy.deepcopy(snapshot)
        assert snapshot == snapshot.model_copy()
        assert calls - before <= Counter()
        if len(snapshot.orders or []) == 2:
            break


class Interruption(BaseException):
    """What a handler of a signal raises, wherever Python happens to be."""


def is_interrupted(work: Callable[[], object]) -> bool:
    """Do `work`, interrupted at the first Python function that it calls; tell whether it was."""

    def interrupt(_frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            raise Interruption

    previous = sys.getprofile()
    sys.setprofile(interrupt)
    try:
        work()
    except Interruption:
        return True
    finally:
        sys.setprofile(previous)
    return False


def test_an_interrupt_is_not_lost_where_pydantic_looks_for_a_serializer() -> None:
    class Inner(BaseModel):
        name: str

    class Outer(BaseModel):
        inner: Inner
        inners: list[Inner]

    snapshot = pf.StreamState(Outer).feed('{"inner": {"name": "a"}, "inners": [{"na')
    assert isinstance(snapshot, Outer)
    assert not is_interrupted(partial(to_json, snapshot))
    assert is_interrupted(snapshot.model_dump_json)  # itself a function of Python's


def test_a_closed_value_is_shown_validated() -> None:
    skus = [
        [item.sku for order in snapshot.orders or [] for item in order.items or []]
        for snapshot in pf.stream(Orders, bytewise(TEXT))
    ]
    assert ["a"] in skus
    assert ["A"] in skus
    assert skus[-1] == ["A", "B", "C"]


class Trimmed(BaseModel):
    text: Annotated[str, AfterValidator(str.strip)]
    same: Annotated[str, AfterValidator(str)]
    items: Annotated[list[int], AfterValidator(sorted)]
    pair: Annotated[list[int], AfterValidator(tuple)]


def test_functions_of_the_standard_library_are_validators_like_any_other() -> None:
    """Text is shown while open, and what becomes another type only when that is made."""
    chunks = ['{"text": " a', 'b ", "same": "x', 'y", "items": [2', ', 1], "pair": [1, 2', "]}"]
    shown = [
        {name: getattr(snapshot, name) for name in snapshot.model_fields_set}
        for snapshot in pf.stream(Trimmed, chunks)
    ]
    assert shown == [
        {"text": " a"},
        {"text": "ab", "same": "x"},
        {"text": "ab", "same": "xy", "items": []},
        {"text": "ab", "same": "xy", "items": [1, 2]},
        {"text": "ab", "same": "xy", "items": [1, 2], "pair": (1, 2)},
    ]


class Copied(BaseModel):
    count: Annotated[int, Field(gt=5)] = 7

    # It comes before the fields, like any other function: they are not validated until it ran.
    _copy = model_validator(mode="before")(staticmethod(copy.copy))


def test_a_model_behind_a_function_of_the_standard_library_is_validated_when_it_closes() -> None:
    assert pf.stream(list[Copied], bytewise('[{"count": 9}]')).final() == [Copied(count=9)]
    with pytest.raises(ValidationError, match="greater than 5"):
        pf.stream(list[Copied], bytewise('[{"count": 1}]')).final()


class Plain(BaseModel):
    name: str
    tags: list[str] = []


class Group(BaseModel):
    title: str
    members: list[Plain]


GROUP = '{"title": "t", "members": [{"name": "a", "tags": ["x"]}, {"name": "b"}, {"name": "c"}]}'


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, Field(le=9)]


class Dog(BaseModel):
    kind: Literal["dog"]
    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(alias="n")]


class Zoo(BaseModel):
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]] = []
    by_name: dict[str, Cat] = {}
    limit: Annotated[int, Field(gt=0)] = 1
    pair: tuple[int, str] = (1, "")


class Number(enum.IntEnum):
    ONE = 1
    TWO = 2


class Word(str, enum.Enum):
    ONE = "one"
    TWO = "two"


class Shade(enum.Enum):
    ONE = "one"
    TWO = "two"


@pytest.mark.parametrize("tags", [("1", "2"), (1, 2), Number, Word, Shade], ids=repr)
def test_a_tag_is_named_in_errors_as_pydantic_names_it(tags: Any) -> None:
    one, two = tags
    first = create_model("First", kind=(generic(Literal, one), ...), value=(int, ...))
    second = create_model("Second", kind=(generic(Literal, two), ...))
    union = generic(list, Annotated[first | second, Field(discriminator="kind")])
    plain = one.value if isinstance(one, enum.Enum) else one
    text = json.dumps([{"kind": plain, "value": "x"}])
    with pytest.raises(ValidationError) as expected:
        TypeAdapter(union).validate_json(text)
    for chunks in chunkings(text, random_count=1):
        with pytest.raises(ValidationError) as caught:
            pf.stream(union, chunks).final()
        found, wanted = (e.value.errors(include_url=False) for e in (caught, expected))
        assert [(e["type"], e["loc"]) for e in found] == [(e["type"], e["loc"]) for e in wanted]


INVALID = {
    '{"limit": 0}': ("limit",),
    '{"limit": "x", "pair": [1, "a"]}': ("limit",),
    '{"pets": [{"kind": "cat", "lives": 10}]}': ("pets", 0, "cat", "lives"),
    '{"pets": [{"kind": "dog", "n": 1}]}': ("pets", 0, "dog", "n"),
    '{"pets": [{"kind": "dog", "n": "x", "age": 3}]}': ("pets", 0, "dog", "age"),
    '{"pets": [{"kind": "dog"}]}': ("pets", 0, "dog", "n"),
    '{"pets": [{"kind": "cow"}]}': ("pets", 0),
    '{"by_name": {"tom": {"kind": "cat"}}}': ("by_name", "tom", "lives"),
    '{"pair": [1]}': ("pair", 1),
    '{"pair": [1, "a", 2]}': ("pair",),
    "[1]": (),
}


@pytest.mark.parametrize("text", INVALID)
def test_an_invalid_value_is_located_as_pydantic_locates_it(text: str) -> None:
    with pytest.raises(ValidationError) as expected:
        Zoo.model_validate_json(text)
    (error,) = expected.value.errors(include_url=False)
    assert error["loc"] == INVALID[text]
    for chunks in chunkings(text):
        for on_invalid in ("raise", "defer"):
            with pytest.raises(ValidationError) as caught:
                pf.stream(Zoo, chunks, on_invalid=on_invalid).final()
            (found,) = caught.value.errors(include_url=False)
            assert caught.value.title == expected.value.title
            assert (found["type"], found["loc"]) == (error["type"], error["loc"])
            assert found["msg"] == error["msg"]


class Early(BaseModel):
    kind: Literal["early"]
    ids: list[str]


class Late(BaseModel):
    kind: Literal["late"]
    ids: list[uuid.UUID]


def test_what_was_completed_is_told_alike_where_a_union_is_decided_for_an_invalid_member() -> None:
    """What was skipped until then is read again, and found invalid in the middle."""
    text = '{"ids": ["x"], "note": [1], "kind": "late"}'
    for chunks in chunkings(text):
        state: pf.StreamState[Early | Late] = pf.StreamState(Early | Late)
        completed: list[Any] = []
        with pytest.raises(ValidationError, match="valid UUID"):  # noqa: PT012 - where is told below
            for chunk in chunks:
                try:
                    state.feed(chunk)
                finally:
                    completed += state.completed
        assert completed == [("ids", 0), ("ids",), ("note", 0), ("note",), ("kind",)]


@dataclasses.dataclass(slots=True)
class Slotted:
    name: str


class Around(BaseModel):
    model_config = ConfigDict(extra="allow")
    inner: Slotted
    count: int


def test_what_a_config_allows_has_no_place_in_a_dataclass_with_slots() -> None:
    state = pf.StreamState(Around)
    state.feed('{"inner": {"name": "a", "more": 1, "name": "bc')
    assert state.snapshot is not None
    assert state.snapshot.inner.name == "bc"
    with pytest.raises(AttributeError, match="more"):
        Around.model_validate_json('{"inner": {"name": "a", "more": 1}, "count": 1}')
    with pytest.raises(AttributeError, match="more"):
        state.feed('"}')


def test_with_defer_all_errors_come_at_the_end() -> None:
    text = '{"limit": 0, "pets": [{"kind": "cat", "lives": 10}, {"kind": "cat", "lives": 2}]}'
    with pytest.raises(ValidationError) as expected:
        Zoo.model_validate_json(text)
    stream = pf.stream(Zoo, bytewise(text), on_invalid="defer")
    snapshots: list[Zoo] = []
    with pytest.raises(ValidationError) as caught:
        snapshots.extend(stream)
    assert caught.value.errors() == expected.value.errors()
    last = stream.snapshot
    assert last is not None
    assert type(last.pets[1]) is Cat
    assert isinstance(last.pets[0], Cat)
    assert type(last.pets[0]) is not Cat


def test_what_is_no_validation_error_comes_through() -> None:
    def explode(value: int) -> int:
        raise RuntimeError(str(value))

    class Fragile(BaseModel):
        first: str
        second: Annotated[int, AfterValidator(explode)]

    state = pf.StreamState(Fragile)
    state.feed('{"first": "ok"')
    with pytest.raises(RuntimeError, match="7"):
        state.feed(', "second": 7}')
    assert state.snapshot is not None
    assert state.snapshot.first == "ok"


def test_text_after_the_value_is_an_error_and_loses_nothing() -> None:
    stream = pf.stream(Plain, ['{"name": "a"}', " ", "!"])
    with pytest.raises(pf.JsonError, match="after the value"):
        stream.final()
    assert stream.snapshot == Plain(name="a")


ITEMS = '[{"name": "a"}, {"name": 1}, {"name": "c", "tags": [2]}, {"name": "d"}]'


def test_items_come_as_they_close() -> None:
    seen = []

    def chunks() -> Iterable[str]:
        objects = ",".join(f'{{"name": "{n}"}}' for n in range(3))
        for character in f"[{objects}]":
            seen.append(character)
            yield character

    for index, item in enumerate(pf.stream_items(Plain, chunks())):
        assert item == Plain(name=str(index))
        assert "".join(seen).count("}") == index + 1
    assert seen[-1] == "]"


@pytest.mark.parametrize("type_", [Plain, list[Plain], Iterable[Plain], tuple[Plain, ...]])
def test_invalid_items_are_put_off_without_losing_the_others(type_: Any) -> None:
    for chunks in chunkings(ITEMS, random_count=4):
        items: list[Plain] = []
        with pytest.raises(ValidationError) as caught:
            items.extend(pf.stream_items(type_, chunks, on_invalid="defer"))
        assert items == [Plain(name="a"), Plain(name="d")]
        locations = [error["loc"] for error in caught.value.errors()]
        assert locations == [(1, "name"), (2, "tags", 0)]


def test_an_invalid_item_raises_after_the_valid_ones_before_it() -> None:
    for chunks in chunkings(ITEMS, random_count=4):
        items: list[Plain] = []
        with pytest.raises(ValidationError) as caught:
            items.extend(pf.stream_items(Plain, chunks))
        assert items == [Plain(name="a")]
        assert caught.value.errors()[0]["loc"] == (1, "name")


def test_items_need_a_list() -> None:
    with pytest.raises(ValidationError, match="list"):
        list(pf.stream_items(Plain, ['{"name": "a"}']))
    with pytest.raises(pf.TruncatedError):
        list(pf.stream_items(Plain, ['[{"name": "a"}']))


def test_the_asynchronous_twins_give_the_same() -> None:
    async def source(chunks: Iterable[str]) -> AsyncIterator[str]:
        for chunk in chunks:
            await asyncio.sleep(0)
            yield chunk

    async def run() -> None:
        stream = pf.astream(Group, source(bytewise(GROUP)))
        dumps = [snapshot.model_dump() async for snapshot in stream]
        assert dumps == [snapshot.model_dump() for snapshot in pf.stream(Group, bytewise(GROUP))]
        assert await stream.final() == Group.model_validate_json(GROUP)
        good = '[{"name": "a"}, {"name": "b"}]'
        items = [item async for item in pf.astream_items(Plain, source(good))]
        assert items == [Plain(name="a"), Plain(name="b")]
        async with pf.astream(Group, source(GROUP)) as early:
            async for snapshot in early:
                if snapshot.title:
                    break
        with pytest.raises(StopAsyncIteration):
            await anext(early)

    asyncio.run(run())


def test_a_stream_tells_what_was_completed_since_the_last_snapshot() -> None:
    stream = pf.stream(Group, bytewise(GROUP))
    completed = [path for _ in stream for path in stream.completed]
    assert len(completed) == len(set(completed))
    assert completed == [
        ("title",),
        ("members", 0, "name"),
        ("members", 0, "tags", 0),
        ("members", 0, "tags"),
        ("members", 0),
        ("members", 1, "name"),
        ("members", 1),
        ("members", 2, "name"),
        ("members", 2),
        ("members",),
        (),
    ]


def test_arguments_reach_validation() -> None:
    text = '{"name": "a", "tags": ["b"]}'

    class Strict(BaseModel):
        count: int
        name: Annotated[str, Field(alias="n")] = ""

        @field_validator("count")
        @classmethod
        def _context(cls, count: int, info: Any) -> int:
            return count + int((info.context or {}).get("add", 0))

    assert pf.stream(Strict, ['{"count": "1"}']).final().count == 1
    assert pf.stream(Strict, ['{"count": 1}'], context={"add": 4}).final().count == 5
    with pytest.raises(ValidationError):
        pf.stream(Strict, ['{"count": "1"}'], strict=True).final()
    by_name = pf.stream(Strict, ['{"count": 1, "name": "x"}'], by_name=True, by_alias=False)
    assert by_name.final().name == "x"
    assert pf.stream(Plain, [text]).final() == Plain(name="a", tags=["b"])


def test_wrong_arguments_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r'on_invalid must be "raise" or "defer", not .*skip'):
        pf.StreamState(Plain, on_invalid="skip")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="pydantic cannot validate"):
        pf.stream(cast("Any", object()), [])
    with pytest.raises(TypeError, match=r"Partial\[\.\.\.\] takes a pydantic model"):
        pf.Partial[int]
    with pytest.raises(TypeError, match="must be str or bytes-like"):
        pf.stream(Plain, cast("Any", [1])).final()
