"""Ops of what is read leniently: of the value as ever, of the document as it was meant."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

import partialfast as pf
from partialfast._core import TextReader
from partialfast.typed._ops import OpsOptions
from partialfast.typed._state import StreamOptions
from tests.chunkings import bytewise, chunkings
from tests.generation import Case, Feature, cases, check_growth, picture
from tests.sloppy import written

seeds = st.integers(0, 2**32)


class Item(BaseModel):
    name: str
    sizes: list[float] = []


class Order(BaseModel):
    first: Item
    rest: list[Item] = []
    note: str = ""


items = st.fixed_dictionaries(
    {"name": st.text(max_size=6)},
    optional={"sizes": st.lists(st.floats(allow_nan=False) | st.integers(-9, 9), max_size=3)},
)
orders = st.fixed_dictionaries(
    {"first": items}, optional={"rest": st.lists(items, max_size=3), "note": st.text(max_size=6)}
)


def documents(
    type_: Any,
    chunks: list[bytes],
    *,
    of: Literal["value", "document"] = "document",
    **options: Any,
) -> list[Any]:
    """Give what the ops have made after each chunk."""
    made: list[Any] = []
    document: Any = None
    for ops in pf.stream_ops(type_, chunks, of=of, lenient=True, **options):
        document = pf.apply_ops(document, ops)
        made.append(json.loads(json.dumps(document)))
    return made


@given(cases(Feature.NONE), seeds)
def test_the_document_is_what_was_meant(case: Case, seed: int) -> None:
    if case.options:
        return
    text = written(case.document, seed).encode()
    for chunks in case.cuts(text, seed):
        assert picture(documents(case.type, chunks)[-1]) == picture(case.document)
    for before, after in pairwise(documents(case.type, bytewise(text))):
        check_growth(before, after)


@given(orders, seeds, st.sets(st.sampled_from(["inner", "outer"])))
def test_text_inside_text_is_read_in_the_document_too(
    document: dict[str, Any], seed: int, inside_text: set[str]
) -> None:
    def text_of(value: Any) -> str:
        return written(value, seed)

    def member(name: str, value: Any, *, inside: bool) -> str:
        text = text_of(value)
        return f'"{name}": {json.dumps(text) if inside else text}'

    first = ", ".join(
        member(name, value, inside="inner" in inside_text and name == "sizes")
        for name, value in document["first"].items()
    )
    first = f"{{{first}}}"
    others = {name: value for name, value in document.items() if name != "first"}
    whole = f'{{"first": {json.dumps(first) if "outer" in inside_text else first}'
    for name, value in others.items():
        whole += ", " + member(name, value, inside="outer" in inside_text and name == "rest")
    text = (whole + "}").encode()
    for chunks in chunkings(text, random_count=2):
        assert documents(Order, chunks)[-1] == document
    for before, after in pairwise(documents(Order, bytewise(text))):
        check_growth(before, after)


@given(orders, seeds)
def test_of_the_value_they_are_what_its_snapshots_dump(document: dict[str, Any], seed: int) -> None:
    text = written(document, seed).encode()
    final = TypeAdapter(Order).validate_json(json.dumps(document))
    [*_, made] = documents(Order, bytewise(text), of="value")
    assert made == final.model_dump(mode="json", exclude_unset=True)


def test_help_by_the_type_shows_in_the_document() -> None:
    text = b'{"first": {"name": "a"}, "rest": {"name": "b"}}'
    for chunks in chunkings(text):
        made = documents(Order, chunks, coerce=True)
        assert made[-1] == {"first": {"name": "a"}, "rest": [{"name": "b"}]}


def test_floats_that_json_has_not_are_in_the_document() -> None:
    text = b'{"first": "{\\"name\\": \\"a\\", \\"sizes\\": [NaN, -Infinity]}"}'
    for chunks in chunkings(text):
        nan, infinity = documents(Order, chunks)[-1]["first"]["sizes"]
        assert math.isnan(nan)
        assert infinity == -math.inf


@pytest.mark.parametrize("of", ["value", "document"])
def test_an_envelope_is_no_part_of_what_is_told(of: Literal["value", "document"]) -> None:
    text = "<think>{'name': 'no'}</think>\nHere:\n```json\n{'name': 'yes', sizes: '[.5,]'}\n```"
    for chunks in chunkings(text.encode()):
        made = documents(Item, chunks, of=of, envelope=True)
        assert made[-1] == {"name": "yes", "sizes": [0.5]}


def test_ops_take_every_option_of_the_state() -> None:
    """All but the one that ops have a meaning of their own for."""
    assert {*OpsOptions.__annotations__, "by_alias"} == set(StreamOptions.__annotations__)


def test_what_was_no_answer_is_in_no_document() -> None:
    text = 'Perhaps {"name": "no"}? </think>{"name": "yes"}'
    for lenient in (False, True):
        state = pf.StreamState(Item, lenient=lenient)
        state.keep_ops(of="document")
        reader = TextReader(state, noise=True, key=None, bare_array=False, items=False)
        document: Any = None
        for character in text:
            reader.feed(character)
            document = pf.apply_ops(document, state.take_ops())
        assert document == {"name": "yes"}
