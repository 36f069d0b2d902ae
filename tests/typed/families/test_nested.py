"""Nested models that are empty rather than absent before they begin, for those who ask for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import OpenAI
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

import partialfast as pf
from partialfast import replay
from partialfast.typed._ops import apply_ops
from tests.chunkings import two_way
from tests.generation._look import check_growth


class Point(BaseModel):
    model_config = ConfigDict(extra="allow")
    x: int
    tags: list[str] = Field(default_factory=list)
    _note: str = PrivateAttr("n")


@dataclass
class Place:
    name: str
    point: Point


class Inner(BaseModel):
    text: str
    place: Place
    note: str = "?"


class Outer(BaseModel):
    title: str
    inner: Inner
    other: Inner | None = None
    maybe: Inner | None
    many: list[Inner]


class Endless(BaseModel):
    text: str
    next: Endless


NESTED: Any = pf.Partial[Outer, Literal["nested"]]
WORDS = st.text('ab"\\é ', max_size=3)
PLACES = st.fixed_dictionaries(
    {
        "name": WORDS,
        "point": st.fixed_dictionaries(
            {"x": st.integers(0, 99)}, optional={"tags": st.lists(WORDS)}
        ),
    }
)
INNERS = st.fixed_dictionaries({"text": WORDS, "place": PLACES}, optional={"note": WORDS})
OUTERS = st.fixed_dictionaries(
    {
        "title": WORDS,
        "inner": INNERS,
        "maybe": st.none() | INNERS,
        "many": st.lists(INNERS, max_size=2),
    },
    optional={"other": st.none() | INNERS},
).flatmap(lambda made: st.permutations(list(made.items())).map(dict))


def check(plain: Any, nested: Any, type_: Any) -> None:
    """Walk both: they differ only where a required model has not begun."""
    for name, annotation in type_.items():
        one, other = getattr(plain, name), getattr(nested, name)
        below = BELOW.get(annotation)
        if below is None:
            assert one == other or isinstance(one, (list, BaseModel))
        elif one is None:
            assert isinstance(other, annotation)
            assert type(other).__name__ == f"Partial{annotation.__name__}"
            check_empty(other, below)
        else:
            check(one, other, below)


def check_empty(nested: Any, type_: Any) -> None:
    for name, annotation in type_.items():
        value = getattr(nested, name)
        below = BELOW.get(annotation)
        if below is None:
            assert value == {"note": "?", "tags": []}.get(name)
        else:
            check_empty(value, below)


BELOW: dict[Any, Any] = {
    Point: {"x": int, "tags": list},
    Place: {"name": str, "point": Point},
    Inner: {"text": str, "place": Place, "note": str},
}
OUTER = {"title": str, "inner": Inner, "other": None, "maybe": None, "many": None}


@settings(max_examples=10)
@given(OUTERS)
def test_it_is_the_plain_snapshot_but_for_what_has_not_begun(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for chunks in two_way(text):
        plain, nested = pf.StreamState(Outer), pf.StreamState(NESTED)
        for chunk in chunks:
            one: Any
            other: Any
            one, other = plain.feed(chunk), nested.feed(chunk)
            assert (one is None) == (other is None)
            if one is not None:
                check(one, other, OUTER)
                assert one.model_fields_set == other.model_fields_set
        assert plain.completed == nested.completed
        assert plain.finish() == nested.finish()


@settings(max_examples=10)
@given(OUTERS)
def test_what_is_shown_only_grows(document: dict[str, Any]) -> None:
    state = pf.StreamState(NESTED)
    shown: list[Any] = [state.feed(character) for character in json.dumps(document)]
    shown = [each for each in [*shown, state.finish()] if each is not None]
    for before, after in pairwise(shown):
        check_growth(before, after)
        # Neither does what has not begun turn into nothing again.
        assert isinstance(after.inner, Inner)
        assert isinstance(after.inner.place, Place)
        assert isinstance(after.inner.place.point, Point)


@settings(max_examples=10)
@given(OUTERS)
def test_the_ops_lead_to_the_dump_of_the_snapshot(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for chunks in [list(text), *two_way(text)]:
        state = pf.StreamState(NESTED)
        state.keep_ops()
        built: Any = None
        for chunk in chunks:
            shown = state.feed(chunk)
            built = apply_ops(built, state.take_ops())
            shown = state.snapshot if shown is None else shown
            if shown is not None:
                assert built == shown.model_dump(mode="json", exclude_unset=True, warnings=False)


def test_a_missing_one_is_missing_all_the_same() -> None:
    with pytest.raises(ValidationError, match="inner"):
        pf.stream(NESTED, ['{"title": "a", "maybe": null, "many": []}']).final()


def test_no_two_streams_share_one() -> None:
    first: Any
    second: Any
    first, second = (pf.StreamState(NESTED).feed("{") for _ in range(2))
    assert first.inner is not second.inner
    assert first.inner.place.point.tags is not second.inner.place.point.tags
    assert first.inner.place.point._note == "n"


def test_a_class_that_contains_itself_ends() -> None:
    made: Any = pf.StreamState(pf.Partial[Endless, Literal["nested"]]).feed("{")
    assert made.next is None


def test_it_is_asked_for_of_the_items_of_a_list() -> None:
    a_list: Any = list
    shown: Any = pf.StreamState(a_list[NESTED]).feed('[{"title": "x')
    assert shown[0].inner.place.point.tags == []


def test_the_client_takes_it_too() -> None:
    answer = {"text": '{"text": "x", "place": {"name": "n", "point": {"x": 1}}}'}
    with replay.serve(answer) as url, OpenAI(base_url=str(url), api_key="k") as sdk:
        client = pf.from_openai(sdk, model="m")
        with client.create_partial(
            response_model=pf.Partial[Inner, Literal["nested"]], messages="x"
        ) as stream:
            assert all(snapshot.place.point.tags == [] for snapshot in stream)
            assert stream.final().place.point.x == 1


def test_the_client_is_told_the_class_of_its_snapshots() -> None:
    """``as_`` is that class; that they are nested is said by ``response_model``."""
    answer = {"text": '{"text": "x", "place": {"name": "n", "point": {"x": 1}}}'}
    nested: Any = pf.Partial[Inner, Literal["nested"]]
    with replay.serve(answer) as url, OpenAI(base_url=str(url), api_key="k") as sdk:
        client = pf.from_openai(sdk, model="m")
        with client.create_partial(
            response_model=nested, as_=pf.Partial[Inner], messages="x"
        ) as stream:
            shown: list[Any] = list(stream)
            assert all(snapshot.place.point.tags == [] for snapshot in shown)
            assert all(isinstance(snapshot, Inner) for snapshot in shown)
            assert stream.final() == shown[-1]
        for as_ in (nested, pf.Partial[Outer]):
            for asked in (Inner, nested):
                with pytest.raises(TypeError, match="not the snapshot type"):
                    client.create_partial(response_model=asked, as_=as_, messages="x")


def test_the_literal_may_be_left_out() -> None:
    spelled: Any = pf.Partial.__class_getitem__((Outer, "nested"))
    assert spelled == NESTED


def test_any_other_word_is_refused() -> None:
    wrong: Any = "deep"
    with pytest.raises(TypeError, match=r"'deep'"):
        pf.Partial[Inner, wrong]
