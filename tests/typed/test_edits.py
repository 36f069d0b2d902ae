"""Users who change what they were shown: later snapshots are those of a stream left alone.

The open containers of a snapshot are changed at random and the snapshot is dropped, so that they
are handed out again where they can be. Complete parts are not changed: they are the very objects of
later snapshots, and a change stays in them.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import dataclasses
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

import partialfast as pf
from tests.chunkings import bytewise
from tests.generation import Case, Feature, cases, members, picture

Place = tuple[Any, ...]


def places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield what stands in `value`, with its place, and `value` itself."""
    yield place, value
    for key, item in (members(value) or {}).items():
        yield from places(item, (*place, key))


def open_places(shown: list[Any]) -> list[set[Place]]:
    """Return, for each snapshot, where in it there are objects that the next one has others for."""
    found: list[set[Place]] = []
    for before, after in zip(shown, [*shown[1:], None], strict=True):
        now = dict(places(after))
        found.append({place for place, item in places(before) if now.get(place) is not item})
    return found


def edit_list(items: Any, pick: random.Random) -> None:
    """Change a list, or a deque as far as it has the same methods."""
    edits: list[Callable[[], Any]] = [
        lambda: items.append("edited"),
        items.clear,
        items.reverse,
        lambda: items.insert(0, "edited"),
        lambda: items.extend(list(items)),
    ]
    if items:
        at = pick.randrange(len(items))
        edits += [
            items.pop,
            lambda: items.__setitem__(at, "edited"),
            lambda: items.__setitem__(at, copy.deepcopy(items[0])),
            lambda: items.__delitem__(at),
        ]
    if isinstance(items, list):
        edits += [
            lambda: items.sort(key=repr),
            lambda: items.sort(key=repr, reverse=True),
            lambda: items.__setitem__(slice(0, 1), ["edited"]),
            lambda: items.__setitem__(slice(None), list(items)[::-1]),
        ]
    pick.choice(edits)()


def edit_dict(held: dict[Any, Any], pick: random.Random) -> None:
    edits: list[Callable[[], Any]] = [
        lambda: held.update(edited=1),
        held.clear,
        lambda: held.setdefault("edited", 2),
    ]
    if held:
        key = pick.choice(list(held))
        edits += [
            held.popitem,
            lambda: held.__setitem__(key, "edited"),
            lambda: held.pop(key),
            lambda: held.update({"edited": held.pop(key)}),
            lambda: held.update({key: held.pop(key)}),
        ]
    pick.choice(edits)()


def edit_set(held: set[Any], pick: random.Random) -> None:
    edits: list[Callable[[], Any]] = [lambda: held.add("edited"), held.clear]
    if held:
        edits.append(held.pop)
    if held and all(type(item) in (str, int) for item in held):
        # Of other items a set would have to call their code to tell that one was exchanged.
        edits.append(lambda: held.symmetric_difference_update({next(iter(held)), "edited"}))
    pick.choice(edits)()


def edit_instance(held: Any, pick: random.Random) -> None:
    """Set an attribute, or delete one, where the class allows it."""
    if isinstance(held, BaseModel):
        names = [*type(held).model_fields, *(held.__pydantic_extra__ or ())]
    else:
        names = [field.name for field in dataclasses.fields(held)]
    if not names:
        return
    name = pick.choice(names)
    with contextlib.suppress(ValidationError, AttributeError, TypeError):
        if pick.randrange(4):
            setattr(held, name, "edited")
        else:
            delattr(held, name)


def edit(held: Any, pick: random.Random) -> None:
    """Change `held`, if it is something that can be changed."""
    if isinstance(held, (list, collections.deque)):
        edit_list(held, pick)
    elif isinstance(held, dict):
        edit_dict(held, pick)
    elif isinstance(held, set):
        edit_set(held, pick)
    elif isinstance(held, BaseModel) or (
        dataclasses.is_dataclass(held) and not isinstance(held, type)
    ):
        edit_instance(held, pick)


def check_edits(case: Case, seed: int, *, often: int = 2) -> None:
    """Hold a stream whose snapshots are changed to one that is left alone."""
    pick = random.Random(seed)  # noqa: S311 - no secret
    chunks = bytewise(case.text.encode())
    # All are kept, so that each has containers of its own, but for what is complete.
    shown = list(case.stream(chunks))
    left_alone = [picture(snapshot) for snapshot in shown]
    where = open_places(shown)
    kept: list[tuple[Any, Any]] = []
    for at, snapshot in enumerate(case.stream(chunks)):
        assert picture(snapshot) == left_alone[at]
        for then, was in kept:
            assert picture(then) == was
        if pick.randrange(often) == 0 and at < len(shown) - 1:
            for place, held in list(places(snapshot)):
                if place in where[at] and pick.randrange(2):
                    edit(held, pick)
        # Sometimes a snapshot is kept, changed as it is: then it stays so.
        kept = [(snapshot, picture(snapshot))] if pick.randrange(8) == 0 else []
        del snapshot
    assert picture(case.stream(chunks).final()) == left_alone[-1]


@given(cases(Feature.NONE), st.integers(0, 2**32))
def test_changes_to_what_is_open_are_not_shown_again(case: Case, seed: int) -> None:
    check_edits(case, seed)


class Row(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str
    tags: set[str] = set()
    sizes: list[int] = []
    prices: dict[str, float] = {}


class Table(BaseModel):
    rows: list[Row]
    notes: collections.deque[str] = collections.deque()
    title: str = ""


@dataclasses.dataclass
class Plain:
    words: list[str]
    word: str = ""


@dataclasses.dataclass(slots=True)
class Slotted:
    words: list[str]
    word: str = ""


ROW = {"name": "ada", "tags": ["a", "b", "c"], "sizes": [3, 1, 2], "prices": {"x": 1, "y": 2}}
EXAMPLES: list[tuple[Any, Any]] = [
    (Table, {"rows": [ROW, {"name": "b", "more": [1, 2]}], "notes": ["n", "o"], "title": "end"}),
    (Plain, {"words": ["a", "b", "c"], "word": "long"}),
    (Slotted, {"words": ["a", "b", "c"], "word": "long"}),
    (list[list[int]], [[3, 1, 2], [], [1, 1]]),
    (dict[str, dict[str, int]], {"a": {"b": 1, "c": 2}, "d": {"e": 3}}),
    (collections.OrderedDict[str, int], {"b": 1, "c": 2, "a": 3}),
    (Any, {"rows": [ROW], "title": "end"}),
]


@pytest.mark.parametrize(("type_", "document"), EXAMPLES)
@given(seed=st.integers(0, 2**32))
def test_changes_to_containers_of_each_kind_are_not_shown_again(
    type_: Any, document: Any, seed: int
) -> None:
    check_edits(Case(type_, json.dumps(document)), seed, often=1)


@pytest.mark.parametrize("length", [1, 64, 65, 128])
def test_one_exchange_anywhere_in_a_list_is_not_shown_again(length: int) -> None:
    words = [str(number) for number in range(length)]
    text = json.dumps(words)[:-1] + ', "'
    for at in range(length + 1):
        state: pf.StreamState[list[str]] = pf.StreamState(list[str])
        shown = state.feed(text)
        for more in ("x", "xx", "xxx"):
            assert shown is not None
            shown[at] = "edited"
            del shown
            shown = state.feed("x")
            assert shown == [*words, more]


def test_an_exchange_far_from_the_end_of_a_long_list_is_soon_not_shown_any_more() -> None:
    """Of a long list a part is looked at for each snapshot, another one each time."""
    numbers = list(range(10_000))
    state: pf.StreamState[list[str]] = pf.StreamState(list[str])
    state.feed(json.dumps(list(map(str, numbers)))[:-1] + ', "')
    shown = state.snapshot
    assert shown is not None
    shown[5000] = "edited"
    del shown
    wrong = 0
    for _ in range(1000):
        wrong += "edited" in (state.feed("x") or [])
    assert wrong <= 10_000 // 64
    assert state.feed('"]') == [*map(str, numbers), "x" * 1000]


def test_setting_an_attribute_of_one_snapshot_leaves_others_alone() -> None:
    """Snapshots that are kept share what they say was received."""
    state: pf.StreamState[Row] = pf.StreamState(Row)
    first = state.feed('{"name": "a')
    second = state.feed("d")
    third = state.feed("a")
    assert first is not None
    assert second is not None
    assert third is not None
    second.sizes = [9]
    assert not pf.is_set(first, "sizes")
    assert not pf.is_set(third, "sizes")
    assert pf.is_set(second, "sizes")
    assert (first.sizes, third.sizes) == ([], [])
