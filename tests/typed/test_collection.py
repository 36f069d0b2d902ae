"""Nothing is left behind: cycles are collected, references dropped, memory given back."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import sys
import weakref
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    RootModel,
    ValidationError,
    field_validator,
)

import partialfast as pf
from partialfast import JsonError, JsonParser, StreamState, TruncatedError
from tests.generation import generic

T = TypeVar("T")


class Marker:
    """Something that a weak reference can be made to."""


@pytest.fixture(autouse=True)
def _settled() -> Iterator[None]:
    gc.collect()
    yield
    gc.collect()


def _is_collected(reference: weakref.ref[Any]) -> bool:
    for _ in range(3):
        gc.collect()
        if reference() is None:
            return True
    return False


@pytest.fixture(scope="module", autouse=True)
def _only_what_is_made_here() -> Generator[None]:
    """Keep what other tests have left out of the collections, each of which would walk it all."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def _model() -> tuple[Any, bytes]:
    class Model(BaseModel):
        a: int
        b: list[str] = Field(default_factory=list)

    return Model, b'{"a":1,"b":["x'


def _dataclass() -> tuple[Any, bytes]:
    @dataclass
    class Plain:
        a: int
        b: str = ""

    return Plain, b'{"a":1,"b":"x'


def _root() -> tuple[Any, bytes]:
    class Inner(BaseModel):
        a: int

    class Root(RootModel[list[Inner]]):
        pass

    return Root, b'[{"a":1},{"a":'


def _union() -> tuple[Any, bytes]:
    class Cat(BaseModel):
        kind: Literal["cat"]
        name: str

    class Dog(BaseModel):
        kind: Literal["dog"]
        name: str

    class Owner(BaseModel):
        pet: Annotated[Cat | Dog, Field(discriminator="kind")]
        others: list[Cat | Dog] = Field(default_factory=list)

    return Owner, b'{"pet":{"kind":"dog","name":"x"},"others":[{"kind":"cat","name":"'


def _generic() -> tuple[Any, bytes]:
    class Box(BaseModel, Generic[T]):
        item: T

    return Box[int], b'{"item":12'


def _validated() -> tuple[Any, bytes]:
    def check(value: Any) -> Any:
        return value

    class Checked(BaseModel):
        keys: dict[Annotated[str, AfterValidator(check)], int]
        before: Annotated[str, BeforeValidator(check)]

    return Checked, b'{"keys":{"a":1},"before":"x'


def _recursive() -> tuple[Any, bytes]:
    class Node(BaseModel):
        name: str
        next: Node | None = None
        below: list[Node] = []

    return Node, b'{"name":"a","next":{"name":"b"},"below":[{"name":"c","below":['


KINDS = [_model, _dataclass, _root, _union, _generic, _validated, _recursive]


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_made_at_run_time_is_collected(kind: Callable[[], tuple[Any, bytes]]) -> None:
    def use() -> weakref.ref[Any]:
        class_, text = kind()
        state: StreamState[Any] = StreamState(class_)
        for at in range(len(text)):
            state.feed(text[at : at + 1])
        assert state.snapshot is not None
        if isinstance(state.snapshot, BaseModel):
            state.snapshot.model_dump()
        return weakref.ref(class_)

    def alone() -> weakref.ref[Any]:
        return weakref.ref(kind()[0])

    if not _is_collected(alone()):
        pytest.skip("pydantic itself keeps such a class alive on this interpreter")
    assert _is_collected(use())


def _through_context() -> weakref.ref[Any]:
    context: dict[str, Any] = {"marker": Marker()}
    context["state"] = state = StreamState(list[int], context=context)
    state.feed(b"[1,")
    return weakref.ref(context["marker"])


def _through_an_attribute() -> weakref.ref[Any]:
    state: Any = StreamState(list[int])
    state.marker = Marker()
    state.itself = state
    return weakref.ref(state.marker)


def _through_a_validator() -> weakref.ref[Any]:
    holder: dict[str, Any] = {}

    def check(value: int) -> int:
        return value + len(holder) - 2

    # No `Annotated[...]` here: typing keeps those in a cache of its own.
    class Model(BaseModel):
        a: int
        _check = field_validator("a")(check)

    holder["marker"] = Marker()
    holder["state"] = StreamState(Model)
    holder["state"].feed(b'{"a":1,')
    return weakref.ref(holder["marker"])


def _through_a_snapshot() -> weakref.ref[Any]:
    parser = JsonParser()
    parser.feed("[[1],")
    snapshot: Any = parser.snapshot()
    marker = Marker()
    snapshot.append((parser, marker))
    return weakref.ref(marker)


def _model_of(holder: Any) -> Any:
    """Return a model whose field is `holder`, whatever is received."""

    def put(_: Any) -> Any:
        return holder

    class Model(BaseModel):
        a: Any
        _put = field_validator("a")(put)

    return Model


def _through_a_value() -> weakref.ref[Any]:
    holder: dict[str, Any] = {"marker": Marker()}
    holder["state"] = StreamState(_model_of(holder))
    holder["state"].feed(b'{"a":1,')
    return weakref.ref(holder["marker"])


def _through_untaken_items() -> weakref.ref[Any]:
    holder: dict[str, Any] = {"marker": Marker()}
    items = pf.stream_items(generic(list, _model_of(holder)), [b'[{"a":1},{"a":2},{"a":3},'])
    holder["items"] = items
    next(items)
    return weakref.ref(holder["marker"])


@pytest.mark.parametrize(
    "cycle",
    [
        _through_context,
        _through_an_attribute,
        _through_a_validator,
        _through_a_snapshot,
        _through_a_value,
        _through_untaken_items,
    ],
)
def test_a_stream_in_a_cycle_is_collected(cycle: Callable[[], weakref.ref[Any]]) -> None:
    assert _is_collected(cycle())


@pytest.mark.parametrize("defer", [False, True])
def test_a_stream_that_failed_is_collected(*, defer: bool) -> None:
    """The exception's traceback leads to this frame, and the frame to the stream."""

    def fail() -> weakref.ref[Any]:
        marker = Marker()
        state = StreamState(list[int], on_invalid="defer" if defer else "raise")
        failing = state.finish if defer else functools.partial(state.feed, b" ")
        with pytest.raises(ValidationError) if not defer else contextlib.nullcontext():
            state.feed(b'["x"]')
        with pytest.raises(ValidationError):
            failing()
        parser = JsonParser()
        with pytest.raises(JsonError):
            parser.feed(b"[}")
        unfinished = StreamState(list[int])
        unfinished.feed(b"[")
        with pytest.raises(TruncatedError):
            unfinished.finish()
        return weakref.ref(marker)

    assert _is_collected(fail())


class Bomb:
    """A validator that raises at its `at`-th call."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, value: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise KeyError("boom")
        return value


def test_nothing_is_left_when_a_validator_raises_at_any_point() -> None:
    text = (
        b'{"a":1,"s":"text","items":[1,2],"keys":{"k":[1]},"pick":{"kind":"y","n":2},'
        b'"sub":{"v":[3]},"set":[5]}'
    )

    def run(at: int, context: Marker) -> tuple[bool, weakref.ref[Any]]:
        bomb = Bomb(at)

        class X(BaseModel):
            kind: Literal["x"]

        class Y(BaseModel):
            kind: Literal["y"]
            n: Annotated[int, AfterValidator(bomb)]

        class Sub(BaseModel):
            v: list[Annotated[int, AfterValidator(bomb)]]

        class Model(BaseModel):
            a: Annotated[int, AfterValidator(bomb)]
            s: Annotated[str, AfterValidator(bomb)]
            items: Annotated[list[Annotated[int, AfterValidator(bomb)]], AfterValidator(bomb)]
            keys: dict[
                Annotated[str, AfterValidator(bomb)], list[Annotated[int, AfterValidator(bomb)]]
            ]
            pick: Annotated[X | Y, Field(discriminator="kind")]
            sub: Annotated[Sub, AfterValidator(bomb)]
            set: Annotated[set[Annotated[int, AfterValidator(bomb)]], BeforeValidator(bomb)]

        state = StreamState(Model, context=context)
        try:
            for place in range(len(text)):
                state.feed(text[place : place + 1])
            state.finish()
        except KeyError:
            with pytest.raises(KeyError):
                state.feed(b" ")
            return True, weakref.ref(Model)
        return False, weakref.ref(Model)

    context = Marker()
    run(1, context)
    gc.collect()
    before = sys.getrefcount(context)
    at = 0
    raised = True
    while raised:
        at += 1
        raised, model = run(at, context)
        assert _is_collected(model), at
    assert at > 20
    assert sys.getrefcount(context) == before


def test_a_sticky_error_does_not_grow() -> None:
    parser = JsonParser()
    entries = set[int]()
    for _ in range(50):
        with pytest.raises(JsonError) as caught:
            parser.feed(b"[}")
        entries.add(len(caught.traceback))
        del caught
    assert len(entries) == 1


def test_nothing_is_kept_after_a_failure() -> None:
    state = StreamState(list[int], max_bytes=100)
    for _ in range(10):
        with pytest.raises(JsonError, match="max_bytes"):
            state.feed(b"[" + b" " * 199)
    assert len(state.text) == 200


# ------------------------------------------------------------------------------------------------
# Memory, over many streams


class Item(BaseModel):
    name: str
    sizes: list[int]


class Order(BaseModel):
    number: Annotated[int, Field(gt=0)]
    items: list[Item]
    note: str = ""


VALID = b'{"number":7,"items":[{"name":"n","sizes":[1,2]},{"name":"m","sizes":[]}],"note":"x"}'
#: How a stream ends: all of it, an early exit, invalid values, broken text.
ENDS = {
    "complete": VALID,
    "early": VALID[:50],
    "invalid": VALID.replace(b"7", b"-7"),
    "invalid-inside": VALID.replace(b"[1,2]", b'[1,"two"]'),
    "broken": VALID.replace(b'"note":', b'"note"'),
    "not-utf8": VALID.replace(b'"x"', b'"\xff"'),
}


def _one(text: bytes, number: int) -> None:
    options: dict[str, Any] = {"on_invalid": "defer"} if number % 2 else {}
    state = StreamState(Order, **options)
    parser = JsonParser()
    try:
        for at in range(0, len(text), 16):
            state.feed(text[at : at + 16])
            parser.feed(text[at : at + 16])
            parser.snapshot()
        state.finish()
    except (ValueError, pf.PartialFastError):
        pass


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _growth(streams: int) -> int:
    """Return by how many bytes the process grows over that many streams of each end."""
    for number in range(200):
        for text in ENDS.values():
            _one(text, number)
    gc.collect()
    objects = len(gc.get_objects())
    before = _resident()
    for number in range(streams):
        for text in ENDS.values():
            _one(text, number)
    gc.collect()
    grown = _resident() - before
    assert len(gc.get_objects()) - objects < 50
    return grown


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_memory_does_not_grow_with_the_number_of_streams() -> None:
    # Less than 250 bytes a stream: no stream can leave one of its own objects behind. A leak shows
    # each time; what the allocator has not given back yet, once.
    assert any(_growth(700) < 1 << 20 for _ in range(3))


@pytest.mark.deep
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_memory_does_not_grow_over_a_hundred_thousand_streams() -> None:
    assert _growth(100_000 // len(ENDS)) < 1 << 20
