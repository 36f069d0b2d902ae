"""User classes whose instances are more than a `__dict__`, and containers that a user changes."""

from __future__ import annotations

import builtins
import collections
import dataclasses
import datetime as dt
import decimal
import gc
import io
import json
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, PydanticUserError, TypeAdapter

import partialfast as pf
from tests.chunkings import bytewise
from tests.generation import generic, picture


def c_types() -> Iterator[type[Any]]:
    """Yield every class of some modules in C that a class can inherit from."""
    for module in (builtins, collections, dt, decimal, io, threading):
        for value in vars(module).values():
            # Private ones are not made to be inherited from: one has a finalizer that fails.
            if isinstance(value, type) and not value.__name__.startswith("_"):
                try:
                    type("Heir", (value,), {})
                except TypeError:
                    continue
                yield value


def heirs() -> dict[str, type[Any]]:
    """Return a dataclass over each such class that pydantic can make an instance of."""
    found: dict[str, type[Any]] = {}
    for base in c_types():
        namespace = {"__annotations__": {"word": str, "number": int}, "word": "", "number": 0}
        try:
            heir: type[Any] = dataclasses.dataclass(
                type(f"Heir{base.__name__}", (base,), namespace)
            )
            TypeAdapter(heir).validate_json(TEXT)
        except (TypeError, AttributeError, ValueError, PydanticUserError):
            continue
        found[base.__name__] = heir
    return found


TEXT = '{"word": "hello", "number": 12}'
HEIRS = heirs()


def test_enough_classes_were_found() -> None:
    assert {"OrderedDict", "dict", "deque", "set", "Exception", "object"} <= HEIRS.keys()


@pytest.mark.parametrize("name", HEIRS)
@pytest.mark.parametrize("template", ["{}", "[{0}, {0}]"])
def test_a_dataclass_over_a_class_in_c_is_what_pydantic_makes(name: str, template: str) -> None:
    heir = HEIRS[name]
    type_: Any = heir if template == "{}" else generic(list, heir)
    text = template.replace("{}", TEXT).replace("{0}", TEXT)
    expected = TypeAdapter(type_).validate_json(text)
    stream = pf.stream(type_, bytewise(text))
    for snapshot in stream:
        assert isinstance(repr(snapshot), str)
    assert described(stream.final()) == described(expected)


def described(value: Any) -> Any:
    """Return what tells an heir, or a list of them, from others."""
    if type(value) is list:
        return [described(item) for item in value]
    return type(value), value.word, value.number


class SlottedModel(BaseModel):
    __slots__ = ("_total",)
    items: list[int] = []

    def total(self) -> int:
        return total_of(self)


class PlainBase:
    __slots__ = ("_total",)


@dataclasses.dataclass
class SlottedBase(PlainBase):
    items: list[int] = dataclasses.field(default_factory=list)

    def total(self) -> int:
        return total_of(self)


def total_of(instance: Any) -> int:
    """Return the sum of the items, kept in a slot beside the fields."""
    kept = getattr(type(instance), "_total", None)
    assert kept is not None
    try:
        return int(kept.__get__(instance))
    except AttributeError:
        kept.__set__(instance, sum(instance.items))
        return int(kept.__get__(instance))


@pytest.mark.parametrize("type_", [SlottedModel, SlottedBase])
@pytest.mark.parametrize("holder", ["{}", "[{}]"])
def test_what_a_slot_keeps_is_of_no_earlier_snapshot(type_: Any, holder: str) -> None:
    text = holder.replace("{}", json.dumps({"items": list(range(20))}))
    holding = type_ if holder == "{}" else generic(list, type_)
    for snapshot in pf.stream(holding, bytewise(text)):
        for item in [snapshot] if holding is type_ else snapshot:
            assert item.total() == sum(item.items or ())


#: What a user may do to the containers of a snapshot, against the advice.
CHANGES: list[Callable[[Any], Any]] = [
    lambda shown: shown.clear(),
    lambda shown: shown.pop() if isinstance(shown, list) and shown else None,
    lambda shown: shown.extend([9, 9, 9]) if isinstance(shown, list) else shown.update(zz=9),
    lambda shown: shown.insert(0, 9) if isinstance(shown, list) else shown.update(b=1, c=2),
]


LONG: st.SearchStrategy[Any] = st.sampled_from(
    [{f"k{n}": [n, {"x": n}] for n in range(9)}, [[n] for n in range(20)]]
)


class Held(BaseModel):
    items: list[Any] | dict[str, Any]


@given(st.lists(st.sampled_from([None, *CHANGES]), min_size=1, max_size=9), LONG)
def test_containers_that_a_user_lengthens_or_shortens_are_not_shown_again(
    changes: list[Callable[[Any], Any] | None], value: Any
) -> None:
    text = json.dumps({"items": value})
    changed: pf.StreamState[Held] = pf.StreamState(Held)
    untouched: pf.StreamState[Held] = pf.StreamState(Held)
    for index, chunk in enumerate(bytewise(text)):
        shown, expected = changed.feed(chunk), untouched.feed(chunk)
        # What is complete is shared by all snapshots: only the open container is changed.
        assert shown == expected
        change = changes[index % len(changes)]
        if change is not None and shown is not None and changed.path[:1] == ("items",):
            change(shown.items)
        del shown, expected
    assert changed.finish() == Held(items=value)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str = ""


@dataclasses.dataclass
class PlainData:
    items: list[int] = dataclasses.field(default_factory=list)


NUMBERS = json.dumps(list(range(200)))
LETTERS = json.dumps({f"key{n}": n for n in range(200)})

#: Types of containers that grow, each with a long text of one.
GROWING: list[tuple[Any, str]] = [
    (list[int], NUMBERS),
    (tuple[int, ...], NUMBERS),
    (set[int], NUMBERS),
    (frozenset[int], NUMBERS),
    (collections.deque[int], NUMBERS),
    (dict[str, int], LETTERS),
    (collections.OrderedDict[str, int], LETTERS),
    (Open, LETTERS),
    (Held, '{"items": ' + NUMBERS + "}"),
    (PlainData, '{"items": ' + NUMBERS + "}"),
]


@pytest.mark.parametrize(("type_", "text"), GROWING, ids=lambda part: str(part)[:40])
@pytest.mark.parametrize("holder", ["{}", "[{}]", '{"k": {}}'])
def test_containers_that_nobody_sees_are_handed_out_again(
    type_: Any, text: str, holder: str
) -> None:
    """Else each snapshot would be a copy of all that is open, which is quadratic."""
    type_ = {"{}": type_, "[{}]": list[type_]}.get(holder, dict[str, type_])
    state: pf.StreamState[Any] = pf.StreamState(type_)
    for chunk in bytewise(holder.replace("{}", text)):
        state.feed(chunk)
    # Two of each take turns; a short tuple is copied.
    assert state.copies <= 6 + 32 * ("tuple" in str(type_))


@pytest.mark.parametrize(("type_", "text"), GROWING, ids=lambda part: str(part)[:40])
@pytest.mark.parametrize("keep", [1, 2, 3, 1000])
def test_what_is_kept_stays_as_it_was_however_it_grows(type_: Any, text: str, keep: int) -> None:
    kept: list[tuple[Any, Any]] = []
    for snapshot in pf.stream(type_, bytewise(text)):
        kept.append((snapshot, picture(snapshot)))
        del kept[:-keep]
        for then, was in kept[:2]:
            assert picture(then) == was
    assert picture(kept[-1][0]) == picture(TypeAdapter(type_).validate_json(text))


@pytest.mark.parametrize("type_", [frozenset[int], tuple[int, ...]])
def test_a_container_that_grew_has_the_hash_of_its_items(type_: Any) -> None:
    for snapshot in pf.stream(type_, bytewise(NUMBERS)):
        assert hash(snapshot) == hash(type(snapshot)(list(snapshot)))


def test_a_tuple_with_room_is_collected() -> None:
    state: pf.StreamState[Any] = pf.StreamState(tuple[list[Any], ...])
    for chunk in bytewise(json.dumps([[n] for n in range(100)])[:-1]):
        state.feed(chunk)
    shown: Any = state.snapshot
    assert type(shown) is tuple
    marker = Marker()
    gone = weakref.ref(marker)
    shown[3].extend([shown, marker])
    del state, shown, marker
    gc.collect()
    assert gone() is None


class Marker:
    """Something that can be seen to go."""


@pytest.mark.parametrize("size", [1, 3, 7])
def test_what_a_user_replaces_stays_and_raises_nothing(size: int) -> None:
    """The number of items tells nothing of it; the page on semantics says that it stays."""

    class Holder(BaseModel):
        rows: list[list[int]]
        table: dict[str, int] = {}

    text = '{"rows": [[1, 2], [3, 4]], "table": {"x": 1, "y": 2}}'
    state: pf.StreamState[Any] = pf.StreamState(Holder)
    for start in range(0, len(text), size):
        shown = state.feed(text[start : start + size])
        if shown is not None and len(shown.rows or ()) > 1:
            shown.rows[0][0] = 99
        del shown
    final = state.finish()
    assert final.rows == [[99, 2], [3, 4]]
    assert final.table == {"x": 1, "y": 2}
