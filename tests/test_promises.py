"""Promises 1 to 8, each by a property of its own, over models of models, lists and scalars."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from types import GenericAlias
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, create_model

import partialfast as pf
from tests.chunkings import bytewise, random_splits

SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=8) | st.sampled_from(["é", "日本", "𝄞", '"\\', "\n"]),
    int: st.integers() | st.integers(min_value=10**20, max_value=10**25),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
}


@dataclass
class Case:
    """A model and a document of it."""

    model: type[BaseModel]
    text: str

    def splits(self, seed: int) -> list[list[bytes]]:
        data = self.text.encode()
        return [[data], bytewise(data), *random_splits(data, count=2, seed=seed)]


@st.composite
def typed_values(draw: st.DrawFn, depth: int) -> tuple[Any, st.SearchStrategy[Any]]:
    """Draw a type and a strategy of what JSON may have for it."""
    kind = draw(st.sampled_from(["scalar", "scalar", "list", "optional", "model"]))
    if kind == "scalar" or depth == 0:
        type_ = draw(st.sampled_from(list(SCALARS)))
        return type_, SCALARS[type_]
    if kind == "model":
        model, documents = draw(models(depth - 1))
        return model, documents
    inner: Any
    inner, values = draw(typed_values(depth - 1))
    if kind == "list":
        return GenericAlias(list, (inner,)), st.lists(values, max_size=3)
    return inner | None, st.none() | values


@st.composite
def models(draw: st.DrawFn, depth: int) -> tuple[type[BaseModel], st.SearchStrategy[Any]]:
    """Draw a model class and a strategy of its documents."""
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    fields: dict[str, Any] = {}
    for index in range(draw(st.integers(1, 4))):
        name = f"field_{index}"
        type_, values = draw(typed_values(depth))
        if draw(st.booleans()):
            fields[name] = (type_ | None, None)
            optional[name] = values
        else:
            fields[name] = (type_, ...)
            required[name] = values
    made: type[BaseModel] = create_model("Drawn", **fields)
    return made, st.fixed_dictionaries(required, optional=optional)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a model, and a document with its keys in some order."""
    model, documents = draw(models(2))
    document = draw(documents)
    keys = draw(st.permutations(list(document)))
    ordered = {key: document[key] for key in keys}
    return Case(model, json.dumps(ordered, ensure_ascii=draw(st.booleans())))


seeds = st.integers(0, 2**32)


@given(cases(), seeds)
def test_1_the_last_snapshot_is_what_pydantic_makes_of_the_text(case: Case, seed: int) -> None:
    expected = TypeAdapter(case.model).validate_json(case.text)
    for chunks in case.splits(seed):
        last = list(pf.stream(case.model, chunks))[-1]
        assert type(last) is case.model
        assert last == expected
        assert last.model_dump_json() == expected.model_dump_json()
        assert last.model_fields_set == expected.model_fields_set


@given(cases())
def test_2_no_prefix_of_a_valid_text_raises_and_every_snapshot_can_be_used(case: Case) -> None:
    state = pf.StreamState(case.model)
    for character in case.text:
        snapshot = state.feed(character)
        if snapshot is not None:
            snapshot.model_dump()
            json.loads(snapshot.model_dump_json())
            assert isinstance(snapshot, case.model)
            assert repr(snapshot)
            assert snapshot == copy.deepcopy(snapshot) == snapshot.model_copy()


def leaves(value: Any, path: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    """Return what was received of a snapshot: every value that is neither a model nor a list."""
    if isinstance(value, BaseModel):
        received: list[tuple[Any, Any]] = [
            (name, getattr(value, name)) for name in value.model_fields_set
        ]
    elif isinstance(value, list):
        received = list(enumerate(value))
    else:
        return {path: value}
    found: dict[tuple[Any, ...], Any] = {}
    for key, item in received:
        found.update(leaves(item, (*path, key)))
    return found


def steps(case: Case) -> list[BaseModel]:
    return list(pf.stream(case.model, bytewise(case.text)))


@given(cases())
def test_3_scalars_appear_whole(case: Case) -> None:
    shown = [leaves(snapshot) for snapshot in steps(case)]
    final = shown[-1]
    for snapshot in shown:
        for path, value in snapshot.items():
            if not isinstance(value, str):
                assert type(value) is type(final[path])
                assert repr(value) == repr(final[path])


@given(cases())
def test_4_text_grows_at_its_end_and_nothing_vanishes(case: Case) -> None:
    before: dict[tuple[Any, ...], Any] = {}
    for snapshot in steps(case):
        now = leaves(snapshot)
        for path, value in before.items():
            assert now[path].startswith(value) if isinstance(value, str) else path in now
        before = now


@given(cases())
def test_5_absent_reads_as_its_default_and_is_not_received(case: Case) -> None:
    for snapshot in steps(case):
        for name, field in case.model.model_fields.items():
            if name not in snapshot.model_fields_set:
                default = None if field.is_required() else field.default
                assert getattr(snapshot, name) is default


@given(cases(), seeds, st.sampled_from([1, 2, 3, 1000]))
def test_6_a_snapshot_never_changes(case: Case, seed: int, keep: int) -> None:
    for chunks in case.splits(seed):
        kept: list[tuple[BaseModel, Any]] = []
        for snapshot in pf.stream(case.model, chunks):
            kept.append((snapshot, (snapshot.model_dump(), set(snapshot.model_fields_set))))
            del kept[:-keep]
            for then, was in kept:
                assert (then.model_dump(), then.model_fields_set) == was


@given(cases(), seeds, st.sampled_from(["", "x", "]", '{"', "\x00", "\ud800"]))
def test_7_chunks_do_not_matter(case: Case, seed: int, noise: str) -> None:
    """A valid text, and one that is broken somewhere."""
    at = seed % (len(case.text) + 1)
    data = (case.text[:at] + noise + case.text[at:]).encode("utf-8", "surrogatepass")
    outcomes = []
    for chunks in ([data], bytewise(data), *random_splits(data, count=2, seed=seed)):
        completed: list[Any] = []
        state = pf.StreamState(case.model)
        end: Any
        try:
            for chunk in chunks:
                try:
                    state.feed(chunk)
                finally:
                    completed += state.completed
            end = state.finish().model_dump_json()
        except pf.JsonError as error:
            end = (error.kind, error.offset, error.line, error.column)
        except (pf.TruncatedError, ValueError) as error:
            end = (type(error), str(error))
        outcomes.append((end, completed))
    assert all(outcome == outcomes[0] for outcome in outcomes)


@given(cases())
def test_8_each_path_is_completed_once_after_what_is_in_it(case: Case) -> None:
    stream = pf.stream(case.model, bytewise(case.text))
    completed = [path for _ in stream for path in stream.completed]

    def expected(value: Any, path: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        inner: list[tuple[Any, ...]] = []
        if isinstance(value, dict):
            for key, item in value.items():
                inner += expected(item, (*path, key))
        if isinstance(value, list):
            for index, item in enumerate(value):
                inner += expected(item, (*path, index))
        return [*inner, path]

    assert completed == expected(json.loads(case.text), ())
