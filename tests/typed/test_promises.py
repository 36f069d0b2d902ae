"""The promises of the README, each by a property of its own, over types of every kind.

What is drawn stands in `tests.generation`. `make test` runs few examples of each property,
`make test-deep` 2,000.
"""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Optional, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel, TypeAdapter, ValidationError, create_model
from pydantic_core import PydanticSerializationError, PydanticUndefined

import partialfast as pf
from partialfast.typed._partial import partial_origin
from tests.chunkings import bytewise
from tests.generation import (
    Case,
    Feature,
    Spec,
    annotated,
    calls,
    cases,
    check_growth,
    check_shown,
    generic,
    instances,
    members,
    picture,
    shown_types,
    watching,
)
from tests.generation.scalars import SCALARS

seeds = st.integers(0, 2**32)

#: Cases that are valid, with keys that are there twice and without. What is there twice may be
#: replaced, and no longer be valid when its first value comes.
repeated = cases(Feature.ALL & ~Feature.INVALID)
valid = cases(Feature.CODE | Feature.REWRITES)
#: Cases whose text is not changed by validation, so that it only grows.
growing = cases(Feature.CODE)
plain = cases(Feature.NONE)


def snapshots(case: Case) -> Iterator[Any]:
    """Yield the snapshots after each byte, while user code is watched."""
    with watching(case.text):
        yield from case.stream(bytewise(case.text.encode()))


@given(repeated, seeds)
def test_1_the_last_snapshot_is_what_pydantic_makes_of_the_text(case: Case, seed: int) -> None:
    expected = picture(case.expected())
    for chunks in case.splits(seed):
        with watching(case.text):
            shown = list(case.stream(chunks))
            assert picture(shown[-1]) == expected
            assert picture(case.stream(chunks).final()) == expected


#: What is a list of a type.
LISTS: list[Any] = [
    lambda type_: generic(list, type_),
    lambda type_: annotated(generic(list, type_), Field(min_length=1, max_length=2)),
    lambda type_: generic(Optional, generic(list, type_)),
    lambda type_: generic(RootModel, generic(list, type_)),
    lambda type_: generic(Optional, generic(RootModel, generic(list, type_))),
    lambda type_: annotated(generic(list, type_), "a note"),
    lambda type_: generic(list, annotated(type_, ["a note that has no hash"])),
]


@given(valid, st.sampled_from(LISTS), st.integers(1, 2), seeds)
def test_1_items_are_what_pydantic_makes_of_a_list_of_them(
    case: Case, listed: Any, count: int, seed: int
) -> None:
    several = Case(generic(list, case.type), f"[{', '.join([case.text] * count)}]", case.options)
    expected = picture(several.expected())
    try:
        type_ = listed(case.type)
    except TypeError:
        # `typing` has no `Optional` of what cannot be hashed.
        assume(condition=False)
    for chunks in several.splits(seed):
        with watching(case.text):
            items = pf.stream_items(type_, chunks, **case.options)
            assert picture(list(items)) == expected


#: What users write after `model_dump` and `model_dump_json`.
DUMPS: list[dict[str, Any]] = [
    {},
    {"by_alias": True},
    {"exclude_unset": True},
    {"exclude_none": True},
    {"exclude_defaults": True},
    {"round_trip": True},
]


@given(valid, st.sampled_from(DUMPS))
def test_2_no_prefix_raises_or_warns_and_every_snapshot_can_be_used(
    case: Case, dump: dict[str, Any]
) -> None:
    whole = case.expected()
    try:
        dump_all(whole, dump)
    except (UserWarning, PydanticSerializationError):
        # A validator of its own made something else of it than its type says.
        assume(condition=False)
    for snapshot in snapshots(case):
        dump_all(snapshot, dump)
        assert isinstance(repr(snapshot), str)
        assert isinstance(str(snapshot), str)
        assert picture(copy.copy(snapshot)) == picture(snapshot)
        assert picture(copy.deepcopy(snapshot)) == picture(snapshot)
        assert snapshot == copy.copy(snapshot)
        with contextlib.suppress(UnpicklableError):
            assert picture(pickled(snapshot, whole)) == picture(snapshot)


def dump_all(value: Any, dump: dict[str, Any]) -> None:
    """Dump every model in `value`, in all ways."""
    for item in instances(value):
        if isinstance(item, BaseModel):
            item.model_dump(**dump)
            item.model_dump(mode="json", **dump)
            json.loads(item.model_dump_json(**dump))
            assert item == item.model_copy()


class UnpicklableError(Exception):
    """The complete value cannot be pickled either."""


def pickled(value: Any, whole: Any) -> Any:
    try:
        pickle.dumps(whole)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise UnpicklableError from error
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - its own


HOLDERS: dict[str, Any] = {
    "root": lambda type_: (type_, "{}"),
    "field": lambda type_: (create_model("Holder", value=(type_, ...)), '{{"value": {} }}'),
    "item": lambda type_: (generic(list, type_), "[{}]"),
    "second item": lambda type_: (generic(list, type_), "[{0}, {0}]"),
    "dict value": lambda type_: (generic(dict, str, type_), '{{"a": {} }}'),
    "tuple item": lambda type_: (generic(tuple, type_, int), "[{}, 1]"),
    "optional": lambda type_: (
        create_model("Holder", value=(generic(Optional, type_), None)),
        '{{"value":{}}}',
    ),
}


@given(st.sampled_from(SCALARS), st.sampled_from(sorted(HOLDERS)), st.data())
def test_3_scalars_appear_whole(spec: Spec, holder: str, data: st.DataObject) -> None:
    document = data.draw(spec.documents)
    type_, template = HOLDERS[holder](spec.type)
    text = template.format(json.dumps(document))
    final = TypeAdapter(type_).validate_json(text)
    # Every value that may be seen on the way: those that the final value has.
    allowed = {repr(picture(item)) for item in instances(final)}
    for snapshot in pf.stream(type_, bytewise(text)):
        for item in instances(snapshot):
            if members(item) is None and not (item is None and holder in ("field", "optional")):
                is_text = type(item) is str and spec.text
                assert is_text or repr(picture(item)) in allowed, item


@given(shown_types(), st.data())
def test_what_the_table_says_is_shown_is_shown(spec: Spec, data: st.DataObject) -> None:
    """Held to the untyped snapshot of the same prefix: text and containers are there while open."""
    text = json.dumps(data.draw(spec.documents))
    state: pf.StreamState[Any] = pf.StreamState(spec.type)
    parser = pf.JsonParser()
    for chunk in bytewise(text.encode()):
        state.feed(chunk)
        parser.feed(chunk)
        if parser.snapshot() is not None:
            check_shown(state.snapshot, parser.snapshot())


@given(plain)
def test_4_what_is_shown_only_grows_at_its_end(case: Case) -> None:
    for before, after in pairwise(snapshots(case)):
        check_growth(before, after)


@given(growing)
def test_4_with_code_of_the_users_nothing_shown_vanishes(case: Case) -> None:
    for before, after in pairwise(snapshots(case)):
        check_growth(before, after, at_end=False)


@given(valid)
def test_5_absent_reads_as_its_default_and_is_not_received(case: Case) -> None:
    for snapshot in snapshots(case):
        for item in instances(snapshot):
            origin = partial_origin(type(item))
            if origin is None or not issubclass(origin, BaseModel):
                continue
            for name, field in origin.model_fields.items():
                if name in item.model_fields_set:
                    continue
                expected: Any = None
                if field.default_factory in (list, dict):
                    expected = cast("Any", field.default_factory)()
                elif field.default is not PydanticUndefined:
                    expected = field.default
                assert picture(getattr(item, name)) == picture(expected)


@given(growing, seeds, st.sampled_from([1, 2, 3, 1000]))
def test_6_a_snapshot_never_changes(case: Case, seed: int, keep: int) -> None:
    for chunks in case.splits(seed):
        kept: list[tuple[Any, Any]] = []
        for snapshot in case.stream(chunks):
            kept.append((snapshot, picture(snapshot)))
            del kept[:-keep]
            for then, was in kept:
                assert picture(then) == was


def complete_models(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Yield every complete model instance inside `value`, with its place."""
    for key, item in (members(value) or {}).items():
        place = (*path, key)
        if isinstance(item, BaseModel) and partial_origin(type(item)) is None:
            yield place, item
        elif not isinstance(value, (set, frozenset)):
            yield from complete_models(item, place)


@given(plain)
def test_6_a_complete_part_stays_the_same_object(case: Case) -> None:
    known: dict[Any, Any] = {}
    shown = list(case.stream(bytewise(case.text.encode())))
    for snapshot in shown[:-1]:
        for place, item in complete_models(snapshot):
            assert known.setdefault(place, item) is item


NOISE = ["", "x", "]", '{"', "\x00", "\ud800", "1", ","]


def outcome(case: Case, chunks: list[bytes], *, on_invalid: Any = "raise") -> tuple[Any, Any]:
    """Return how a stream of `chunks` ends, and what it completed on the way."""
    completed: list[Any] = []
    state: pf.StreamState[Any] = case.state(on_invalid=on_invalid)
    end: Any
    try:
        for chunk in chunks:
            try:
                state.feed(chunk)
            finally:
                completed += state.completed
        end = picture(state.finish())
    except pf.JsonError as error:
        end = (error.kind, error.offset, error.line, error.column, error.path)
    except ValidationError as error:
        end = (error.title, [(e["type"], e["loc"], e["msg"]) for e in error.errors()])
    except pf.TruncatedError as error:
        end = (str(error), picture(error.snapshot), error.text)
    return end, completed


@given(cases(), seeds, st.sampled_from(NOISE), st.sampled_from(["raise", "defer"]))
def test_7_chunks_do_not_matter(case: Case, seed: int, noise: str, on_invalid: str) -> None:
    """A text, valid or not, and one that is broken somewhere."""
    at = seed % (len(case.text) + 1)
    data = (case.text[:at] + noise + case.text[at:]).encode("utf-8", "surrogatepass")
    outcomes = [outcome(case, chunks, on_invalid=on_invalid) for chunks in case.cuts(data, seed)]
    for other in outcomes[1:]:
        assert other == outcomes[0]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside, children first, and of the value itself."""
    parts: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list):
        parts = list(enumerate(value))
    for key, item in parts:
        yield from paths(item, (*path, key))
    yield path


@given(valid)
def test_8_each_path_is_completed_once_at_its_own_closing_byte(case: Case) -> None:
    state: pf.StreamState[Any] = case.state()
    completed: list[Any] = []
    parser = pf.JsonParser()
    for chunk in bytewise(case.text.encode()):
        parser.feed(chunk)
        state.feed(chunk)
        assert state.completed == parser.completed
        assert state.path == parser.path
        completed += state.completed
    state.finish()
    completed += state.completed
    assert completed[: completed.index(()) + 1] == list(paths(case.document))


@given(repeated)
def test_9_user_code_runs_on_complete_values_and_only_when_one_completes(case: Case) -> None:
    with watching(case.text):
        state: pf.StreamState[Any] = case.state()
        for chunk in bytewise(case.text.encode()):
            before = calls()
            state.feed(chunk)
            assert calls() == before or state.completed
        state.finish()


def errors_of(error: ValidationError) -> list[Any]:
    return [(e["type"], e["loc"], e["msg"]) for e in error.errors(include_url=False)]


@given(cases(), seeds)
def test_10_what_pydantic_rejects_is_rejected_and_nothing_else(case: Case, seed: int) -> None:
    try:
        case.expected()
    except ValidationError as error:
        expected = error
    else:
        return
    for chunks in case.splits(seed):
        with pytest.raises(ValidationError) as caught:
            case.stream(chunks).final()
        assert caught.value.title == expected.title
        assert set(errors_of(caught.value)) <= set(errors_of(expected))
        with pytest.raises(ValidationError) as caught:
            case.stream(chunks, on_invalid="defer").final()
        assert errors_of(caught.value) == errors_of(expected)
        assert caught.value.title == expected.title


#: Scalars, each with a value that is of its JSON kind and all the same invalid.
INVALID_SCALARS: list[tuple[Any, Any]] = [
    (int, "x"),
    (str, 1),
    (bool, "maybe"),
    (float, "1.5x"),
]


@st.composite
def invalid_places(draw: st.DrawFn) -> tuple[Any, str, str]:
    """Draw a type, a text up to the end of an invalid scalar in it, and the rest."""
    type_, value = draw(st.sampled_from(INVALID_SCALARS))
    before, after = "", ""
    text = json.dumps(value)
    ended = not isinstance(value, int)
    for kind in draw(st.lists(st.sampled_from(["model", "list", "dict", "optional"]), max_size=4)):
        if kind == "model":
            type_ = create_model("Level", first=(str, ""), value=(type_, ...), last=(int, 1))
            before, after = '{"first": "a", "value": ' + before, after + ', "last": 2}'
        elif kind == "list":
            type_ = generic(list, type_)
            before, after = "[" + before, after + "]"
        elif kind == "dict":
            type_ = generic(dict, str, type_)
            before, after = '{"k": ' + before, after + "}"
        else:
            type_ = type_ | None
    assume(before)
    if not ended:
        # A number ends with the byte after it.
        text, after = text + after[0], after[1:]
    return type_, before + text, after


@given(invalid_places())
def test_10_the_first_invalid_value_raises_at_its_own_closing_byte(
    place: tuple[Any, str, str],
) -> None:
    type_, until, rest = place
    with pytest.raises(ValidationError) as expected:
        TypeAdapter(type_).validate_json(until + rest)
    state: pf.StreamState[Any] = pf.StreamState(type_)
    for character in until[:-1]:
        state.feed(character)
    with pytest.raises(ValidationError) as caught:
        state.feed(until[-1])
    assert errors_of(caught.value) == errors_of(expected.value)
    assert state.text == until
    with pytest.raises(ValidationError) as again:
        state.feed(rest or " ")
    assert errors_of(again.value) == errors_of(expected.value)


@given(valid, seeds)
def test_11_a_text_without_its_end_never_looks_like_success(case: Case, seed: int) -> None:
    data = case.text.encode()
    end = seed % len(data)
    assume(is_open(data[:end]))
    for chunks in case.cuts(data[:end], seed):
        stream = case.stream(chunks)
        with pytest.raises(pf.TruncatedError, match="before its JSON was complete") as caught:
            stream.final()
        assert picture(caught.value.snapshot) == picture(stream.snapshot)
        assert caught.value.text == data[:end].decode(errors="ignore") == stream.text
        assert isinstance(caught.value.__cause__, pf.JsonError)


def is_open(data: bytes) -> bool:
    """Tell whether `data` is no JSON by itself (as a number that was to go on would be)."""
    try:
        json.loads(data)
    except ValueError:
        return True
    return False


@given(repeated)
def test_12_a_byte_is_work_once_however_the_text_is_cut(case: Case) -> None:
    """User code, as a measure of validation: not more of it for a byte at a time than whole."""
    data = case.text.encode()
    counts: list[int] = []
    for chunks in ([data], bytewise(data)):
        before = calls()
        case.stream(chunks).final()
        counts.append(calls() - before)
    assert counts[0] == counts[1]


def too_deep_at(data: bytes, depth: int) -> Iterator[int]:
    """Yield the offset of every bracket that opens more than `depth` containers."""
    outside = re.sub(rb'"(?:[^"\\]|\\.)*"', lambda text: b"." * len(text[0]), data)
    opened = 0
    for offset, byte in enumerate(outside):
        opened += (byte in b"[{") - (byte in b"]}")
        if byte in b"[{" and opened > depth:
            yield offset


@given(cases(), st.integers(1, 6), st.integers(1, 60), seeds)
def test_13_limits_hold_at_their_exact_place(case: Case, depth: int, size: int, seed: int) -> None:
    data = case.text.encode()
    too_deep = next(too_deep_at(data, depth), None)
    expected: tuple[str, int] | None = None
    if too_deep is not None and too_deep < size:
        expected = ("depth_limit", too_deep)
    elif len(data) > size:
        expected = ("size_limit", size)
    for chunks in case.splits(seed):
        found: tuple[str, int] | None = None
        try:
            case.stream(chunks, max_depth=depth, max_bytes=size, on_invalid="defer").final()
        except pf.JsonError as error:
            found = (error.kind, error.offset)
        except ValidationError:
            found = None
        assert found == expected


@given(repeated, seeds)
def test_14_no_character_is_lost_or_altered(case: Case, seed: int) -> None:
    for chunks in case.splits(seed):
        state: pf.StreamState[Any] = case.state()
        fed = b""
        for chunk in chunks:
            snapshot = state.feed(chunk)
            fed += chunk
            assert state.raw == fed
            for item in instances(snapshot):
                if isinstance(item, str):
                    assert item.encode().decode() == item
        assert state.text == case.text


@given(
    st.text(), st.sampled_from([*map(chr, range(0x20)), "\\ud800", "\\udc00\\ud800", "\\x"]), seeds
)
def test_14_what_cannot_stand_in_a_string_is_an_error_at_its_place(
    text: str, wrong: str, seed: int
) -> None:
    before = json.dumps(text, ensure_ascii=bool(seed % 2))[:-1]
    case = Case(str, f'{before}{wrong}"')
    for chunks in case.splits(seed):
        with pytest.raises(pf.JsonError) as caught:
            pf.stream(str, chunks).final()
        assert caught.value.offset >= len(before.encode())
        assert caught.value.offset <= len(before.encode()) + len(wrong) + 1
