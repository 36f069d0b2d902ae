"""Lenient reading with a type: the promises hold in it, and the type may say what was meant."""

from __future__ import annotations

import asyncio
import enum
import json
import math
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    Json,
    TypeAdapter,
    ValidationError,
    field_validator,
)

import partialfast as pf
from partialfast._core import TextReader
from tests.chunkings import bytewise, chunkings, random_splits
from tests.generation import Case, Feature, cases, check_growth, picture
from tests.sloppy import written

seeds = st.integers(0, 2**32)


class User(BaseModel):
    name: str
    age: int | None = None


class Team(BaseModel):
    lead: User
    users: list[User] = []
    tags: list[str] | None = None


def final(type_: Any, text: str, **options: Any) -> Any:
    """Return the final value, the same for every cut; nothing shown is taken back."""
    options = {"lenient": True, **options}
    expected = pf.stream(type_, [text], **options).final()
    for chunks in chunkings(text.encode(), random_count=2):
        assert picture(pf.stream(type_, chunks, **options).final()) == picture(expected)
    for before, after in pairwise(pf.stream(type_, bytewise(text.encode()), **options)):
        check_growth(before, after)
    return expected


def kinds(type_: Any, text: str, *, coerce: bool = False) -> list[str]:
    state = pf.StreamState[Any](type_, lenient=True, coerce=coerce)
    state.feed(text)
    state.finish()
    return [repair.kind for repair in state.repairs]


# --------------------------------------------------------------------------------------------
# The promises


@given(cases(Feature.ALL), seeds)
def test_strict_text_gives_the_same_in_both_modes(case: Case, seed: int) -> None:
    for chunks in case.cuts(case.text.encode(), seed):
        strict, lenient = outcome(case, chunks), outcome(case, chunks, lenient=True)
        assert lenient == strict
        assert outcome(case, chunks, lenient="quotes") == strict


def outcome(case: Case, chunks: list[bytes], **options: Any) -> Any:
    """Return the final value, or the error, as something to compare."""
    try:
        return picture(case.stream(chunks, **options).final())
    except ValidationError as error:
        return [(item["type"], item["loc"]) for item in error.errors(include_url=False)]


@given(cases(Feature.CODE | Feature.REWRITES), seeds)
def test_1_the_last_snapshot_is_what_pydantic_makes_of_what_was_meant(
    case: Case, seed: int
) -> None:
    strict = json.dumps(case.document)
    try:
        expected = picture(TypeAdapter(case.type).validate_json(strict, **case.options))
    except ValidationError:
        # A key that stood there twice.
        return
    text = written(case.document, seed).encode()
    for chunks in random_splits(text, count=2, seed=seed):
        stream = case.stream(chunks, lenient=True)
        assert picture(stream.final()) == expected
        assert stream.text == text.decode()


@given(cases(Feature.NONE), seeds)
def test_4_what_is_shown_only_grows_at_its_end(case: Case, seed: int) -> None:
    text = written(case.document, seed).encode()
    for before, after in pairwise(case.stream(bytewise(text), lenient=True)):
        check_growth(before, after)


@given(cases(Feature.CODE), seeds)
def test_7_chunking_does_not_matter(case: Case, seed: int) -> None:
    text = written(case.document, seed).encode()
    states: list[Any] = []
    for chunks in case.cuts(text, seed):
        state = case.state(lenient=True)
        for chunk in chunks:
            state.feed(chunk)
        states.append((picture(state.finish()), state.repairs))
    assert states.count(states[0]) == len(states)


class Probe(BaseModel):
    """Counts how often its validator is called."""

    calls: ClassVar[int] = 0
    size: int

    @field_validator("size")
    @classmethod
    def count(cls, value: int) -> int:
        Probe.calls += 1
        return value


@given(st.lists(st.fixed_dictionaries({"size": st.integers()}), max_size=8), seeds)
def test_12_a_byte_is_work_once_however_the_text_is_cut(document: Any, seed: int) -> None:
    """User code, as a measure of validation: not more of it for a byte at a time than whole."""
    text = written(document, seed).encode()
    counts: list[int] = []
    for chunks in ([text], bytewise(text)):
        Probe.calls = 0
        assert len(pf.stream(list[Probe], chunks, lenient=True).final()) == len(document)
        counts.append(Probe.calls)
    assert counts[0] == counts[1]


@given(cases(Feature.NONE), seeds)
def test_14_no_character_is_lost_or_altered(case: Case, seed: int) -> None:
    text = written(case.document, seed)
    for chunks in case.cuts(text.encode(), seed):
        state, fed = case.state(lenient=True), b""
        for chunk in chunks:
            state.feed(chunk)
            fed += chunk
            assert state.raw == fed
        state.finish()
        assert state.text == text


# --------------------------------------------------------------------------------------------
# What only a typed stream has


def test_every_stream_takes_the_options_and_tells_repairs() -> None:
    text = "[{name: 'Ada',},]"
    with pf.stream(list[User], [text], lenient=True) as stream:
        assert stream.final() == [User(name="Ada")]
        expected = stream.repairs
    assert [repair.kind for repair in expected] == [
        "unquoted_key",
        "quotes",
        "extra_comma",
        "extra_comma",
    ]
    items = pf.stream_items(User, [text], lenient=True)
    assert list(items) == [User(name="Ada")]
    assert items.repairs == expected

    async def chunks() -> AsyncIterator[str]:
        for character in text:
            yield character

    async def run() -> None:
        stream = pf.astream(list[User], chunks(), lenient=True)
        assert await stream.final() == [User(name="Ada")]
        assert stream.repairs == expected
        items = pf.astream_items(User, chunks(), lenient=True)
        assert [item async for item in items] == [User(name="Ada")]
        assert items.repairs == expected

    asyncio.run(run())


def test_truncation_stays_truncation_and_has_the_models_own_text() -> None:
    text = "{lead: {name: 'Ad"
    with pytest.raises(pf.TruncatedError) as caught:
        pf.stream(Team, bytewise(text.encode()), lenient=True).final()
    assert caught.value.text == text
    assert caught.value.snapshot.lead.name == "Ad"
    assert "inside ('lead', 'name')" in str(caught.value)


def test_the_text_of_items_that_came_in_earlier_chunks_is_dropped() -> None:
    chunks = ["[{name: 'a'},", " {name: 'b'}", ", {name: 'c'}, {", "name: 'd"]
    with pytest.raises(pf.TruncatedError) as caught:
        list(pf.stream_items(User, chunks, lenient=True))
    assert caught.value.text == ", {name: 'c'}, {name: 'd"


def test_an_invalid_value_is_pydantics_error() -> None:
    with pytest.raises(ValidationError) as caught:
        final(Team, "{lead: {name: 'Ada', age: many}}")
    [error] = caught.value.errors()
    assert error["loc"] == ("lead", "age")
    assert (error["type"], error["input"]) == ("int_parsing", "many")


def test_floats_that_json_cannot_write_where_the_type_takes_them() -> None:
    assert math.isnan(final(list[float], "[NaN]")[0])
    assert final(dict[str, float], "{a: -Infinity}") == {"a": -math.inf}
    finite = Annotated[float, Field(allow_inf_nan=False)]
    others: list[tuple[Any, str]] = [
        (list[int], "finite_number"),
        (list[str], "string_type"),
        (list[finite], "finite_number"),
    ]
    for type_, error in others:
        with pytest.raises(ValidationError) as caught:
            pf.stream(type_, ["[NaN]"], lenient=True).final()
        assert caught.value.errors()[0]["type"] == error


class Cat(BaseModel):
    kind: Literal["cat"]
    weight: float


class Dog(BaseModel):
    kind: Literal["dog"]
    weight: float


def test_a_union_is_decided_in_text_that_was_read_before() -> None:
    pets = list[Annotated[Cat | Dog, Field(discriminator="kind")]]
    text = "[{weight: NaN, x: [Infinity], kind: 'dog'}, {'weight': -Infinity, kind: cat, }]"
    dog, cat = final(pets, text)
    assert isinstance(dog, Dog)
    assert math.isnan(dog.weight)
    assert cat == Cat(kind="cat", weight=-math.inf)


def test_text_where_the_type_wants_a_container_is_read() -> None:
    text = r'{"lead": "{\"name\": \"Ada\"}", "users": "[{\"name\": \"B\\\"o\", \"age\": 3}]"}'
    expected = Team(lead=User(name="Ada"), users=[User(name='B"o', age=3)])
    assert final(Team, text) == expected
    assert kinds(Team, text) == ["nested_text", "nested_text"]
    # The whole document too, and what is shown of it while it is written.
    text = json.dumps(text)
    assert final(Team, text) == expected
    shown = pf.StreamState(Team, lenient=True).feed(r'"{\"lead\": {\"name\": \"Ad')
    assert shown is not None
    assert shown.lead.name == "Ad"


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (str, r'"{\"a\": 1}"'),
        (Json[User], r'"{\"name\": \"a\"}"'),
        (list[str] | str, '"[1]"'),
        (list[Any], '["[1]", "{}"]'),
        (dict[str, str], '{"a": "{}"}'),
        (Annotated[User, BeforeValidator(lambda x: x)], '{"name": "{}"}'),
    ],
)
def test_text_where_the_type_may_want_text_is_text(type_: Any, text: str) -> None:
    expected = TypeAdapter[Any](type_).validate_json(text)
    assert picture(final(type_, text)) == picture(expected)
    assert kinds(type_, text) == []


def test_what_code_of_the_users_may_take_is_left_to_it() -> None:
    def parsed(value: Any) -> Any:
        return json.loads(value.replace("<", "{").replace(">", "}")) if value else value

    type_ = Annotated[User, BeforeValidator(parsed)]
    assert final(type_, '"{\\"name\\": \\"a\\"}"') == User(name="a")
    assert kinds(type_, '"{\\"name\\": \\"a\\"}"') == []


# --------------------------------------------------------------------------------------------
# Help by the type


class Color(enum.Enum):
    RED = "r"
    DARK_BLUE = "dark blue"
    ONE = 1


class Painting(BaseModel):
    colors: list[Color] = []
    mode: Literal["Fast", "slow"] | None = None
    by: list[User] = []


def test_an_object_where_a_list_is_wanted_is_its_only_item() -> None:
    text = "{by: {name: 'Ada'}}"
    with pytest.raises(ValidationError):
        final(Painting, text)
    assert final(Painting, text, coerce=True) == Painting(by=[User(name="Ada")])
    assert kinds(Painting, text, coerce=True) == [
        "unquoted_key",
        "wrapped_item",
        "unquoted_key",
        "quotes",
    ]
    assert final(list[User], '{"name": "a"}', coerce=True) == [User(name="a")]
    items = pf.stream_items(User, ['{"name": "a"}'], lenient=True, coerce=True)
    assert list(items) == [User(name="a")]


def test_no_list_is_made_of_what_could_be_no_item() -> None:
    others: list[tuple[Any, str]] = [
        (list[int], '{"a": 1}'),
        (list[User], '"a"'),
        (list[int], "36"),
    ]
    for type_, text in others:
        with pytest.raises(ValidationError):
            pf.stream(type_, [text], lenient=True, coerce=True).final()
    assert final(dict[str, int] | list[User], '{"a": 1}', coerce=True) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "member"),
    [
        ("RED", Color.RED),
        ("red", Color.RED),
        ("R", Color.RED),
        ("Dark Blue", Color.DARK_BLUE),
        ("dark_blue", Color.DARK_BLUE),
        ("one", Color.ONE),
    ],
)
def test_an_enumerations_member_by_name_or_in_other_case(text: str, member: Color) -> None:
    document = json.dumps({"colors": ["r", text]})
    assert final(Painting, document, coerce=True).colors == [Color.RED, member]
    assert kinds(Painting, document, coerce=True) == ["member"]
    with pytest.raises(ValidationError):
        final(Painting, document)


def test_a_literal_in_other_case() -> None:
    assert final(Painting, '{"mode": "FAST"}', coerce=True).mode == "Fast"
    assert final(Painting, '{"mode": "slow"}', coerce=True).mode == "slow"
    with pytest.raises(ValidationError):
        final(Painting, '{"mode": "fas"}', coerce=True)


class Nullable(BaseModel):
    tags: list[str] = ["default"]
    lead: User | None
    note: str | None
    extra: dict[str, int] | None = Field(alias="Extra")


def test_null_is_absence_where_a_container_may_be_absent_but_not_null() -> None:
    text = '{"lead": null, "note": null, "tags": null, "Extra": {}}'
    with pytest.raises(ValidationError):
        final(Nullable, text)
    value = final(Nullable, text, coerce=True)
    assert value.tags == ["default"]
    assert value.model_fields_set == {"lead", "note", "extra"}
    assert kinds(Nullable, text, coerce=True) == ["null_absent"]
    assert final(Nullable, "{tags: None, lead: {name: 'a'}, Extra: {}, note: x}", coerce=True).note


def test_absence_is_null_where_a_container_must_be_there_but_may_be_null() -> None:
    value = final(Nullable, '{"note": "x"}', coerce=True)
    assert (value.lead, value.extra, value.tags) == (None, None, ["default"])
    assert value.model_fields_set == {"lead", "note", "extra"}
    assert sorted(kinds(Nullable, '{"note": "x"}', coerce=True)) == ["absent_null", "absent_null"]
    # Of a text it is not known.
    with pytest.raises(ValidationError) as caught:
        final(Nullable, "{}", coerce=True)
    assert [error["loc"] for error in caught.value.errors()] == [("note",)]
    nested = final(list[Nullable], "[{note: x, lead: {name: 'b'}]", coerce=True)
    assert nested[0].lead == User(name="b")


def test_what_could_be_two_members_is_none() -> None:
    class Case(enum.Enum):
        UPPER = "A"
        LOWER = "a"
        A = "other"

    assert final(list[Case], '["A", "a", "UPPER"]', coerce=True) == [
        Case.UPPER,
        Case.LOWER,
        Case.UPPER,
    ]
    with pytest.raises(ValidationError):
        final(list[Literal["x", "X"]], '["x", "X", "Y"]', coerce=True)


def test_an_enumeration_that_finds_members_itself_is_left_to_it() -> None:
    class Loose(enum.Enum):
        ONE = "one"
        OTHER = "other"

        @classmethod
        def _missing_(cls, value: object) -> Loose:  # noqa: ARG003 - Enum's own
            return cls.OTHER

    assert final(list[Loose], '["ONE"]', coerce=True) == [Loose.OTHER]


@given(cases(Feature.CODE | Feature.REWRITES), seeds)
def test_what_is_valid_is_never_coerced(case: Case, seed: int) -> None:
    for chunks in case.cuts(case.text.encode(), seed):
        stream = case.stream(chunks, lenient=True, coerce=True)
        assert picture(stream.final()) == picture(case.expected())
        assert stream.repairs == []


def test_nothing_else_is_guessed() -> None:
    class Person(BaseModel):
        age: int

    with pytest.raises(ValidationError):
        final(Person, '{"age": "36 years"}', coerce=True)


def test_coerce_is_a_part_of_lenient_reading() -> None:
    with pytest.raises(ValueError, match="needs lenient=True"):
        pf.StreamState(User, coerce=True)


# --------------------------------------------------------------------------------------------
# In an envelope: prose, fences, an object around the value


ENVELOPES = [
    "{}",
    "Sure, here it is:\n```json\n{}\n```\nAnything else?",
    "<think>{{'no': 1}}</think>\n{}",
    "```\n{}```",
]


def feed_all(reader: TextReader, text: str) -> None:
    for character in text:
        reader.feed(character)


def take_in(
    type_: Any, pieces: list[str], *, key: str | None = None, coerce: bool = False
) -> tuple[Any, list[pf.Repair]]:
    """Return the final value of what a reader reads, and the repairs."""
    state = pf.StreamState[Any](type_, lenient=True, coerce=coerce)
    reader = TextReader(state, noise=True, key=key, bare_array=False, items=False)
    for piece in pieces:
        reader.feed(piece)
    reader.end()
    assert reader.error is None
    return state.finish(), reader.repairs


@given(cases(Feature.NONE), seeds, st.sampled_from(ENVELOPES), st.sampled_from([None, "value"]))
def test_an_envelope_is_read_leniently_too(
    case: Case, seed: int, around: str, key: str | None
) -> None:
    document = case.document if key is None else {key: case.document}
    if not isinstance(document, dict | list) or case.options:
        # Prose has no end where it may be the value.
        return
    written_ = written(document, seed)
    text = around.format(written_)
    expected = TypeAdapter(case.type).validate_json(json.dumps(case.document))
    for pieces in ([text], list(text)):
        value, repairs = take_in(case.type, pieces, key=key)
        assert picture(value) == picture(expected)
        before = len(around.partition("{}")[0].replace("{{", "{").replace("}}", "}").encode())
        own = pf.JsonParser(lenient=True)
        own.feed(written_)
        own.finish()
        moved = [(repair.kind, repair.offset + before) for repair in own.repairs]
        assert sorted(moved) == sorted((repair.kind, repair.offset) for repair in repairs)


def test_a_stream_with_an_envelope_is_lenient_too() -> None:
    text = "Here:\n```json\n[{name: 'Ada',}]\n```"
    for chunks in chunkings(text.encode()):
        stream = pf.stream(list[User], chunks, envelope=True, lenient=True)
        assert stream.final() == [User(name="Ada")]
        assert [(repair.kind, repair.offset) for repair in stream.repairs] == [
            ("unquoted_key", 16),
            ("quotes", 22),
            ("extra_comma", 27),
        ]
    number = pf.stream(int, ["```\n0x1F"], envelope=True, lenient=True)
    assert number.final() == 31


def test_help_by_the_type_reaches_through_an_envelope() -> None:
    text = "Here: {items: {by: {'name': 'a'}, 'colors': '[\"RED\"]'}}"
    value, repairs = take_in(Painting, list(text), key="items", coerce=True)
    assert value == Painting(colors=[Color.RED], by=[User(name="a")])
    places = sorted((repair.offset, repair.kind) for repair in repairs)
    assert [(text[offset:][:5], kind) for offset, kind in places] == [
        ("items", "unquoted_key"),
        ("by: {", "unquoted_key"),
        ("{'nam", "wrapped_item"),
        ("'name", "quotes"),
        ("'a'},", "quotes"),
        ("'colo", "quotes"),
        ("'[\"RE", "nested_text"),
        ("'[\"RE", "quotes"),
        ('"RED"', "member"),
    ]


def test_an_error_in_an_envelope_stands_in_all_the_text() -> None:
    text = "Well,\nhere it is:\n```\n{'users': [\n {'name': 2024-10-18}]}"
    state = pf.StreamState(Team, lenient=True)
    reader = TextReader(state, noise=True, key=None, bare_array=False, items=False)
    with pytest.raises(pf.JsonError) as caught:
        feed_all(reader, text)
    error = caught.value
    assert text[error.offset :].startswith("2024")
    assert (error.line, error.column, error.path) == (5, 11, ("users", 0, "name"))
    nested = "```\n{'users': '[{name: a} x]'}"
    state = pf.StreamState(Team, lenient=True)
    reader = TextReader(state, noise=True, key=None, bare_array=False, items=False)
    with pytest.raises(pf.JsonError) as caught:
        reader.feed(nested)
    assert nested[caught.value.offset :].startswith("x]")
    assert caught.value.path[:1] == ("users",)


def test_in_prose_it_may_be_no_error_until_the_end() -> None:
    text = "As in {'a': New York} </think>{'name': 'Ada',}"
    state = pf.StreamState(User, lenient=True)
    reader = TextReader(state, noise=True, key=None, bare_array=False, items=False)
    feed_all(reader, text[:21])
    doubt = reader.error
    assert isinstance(doubt, pf.JsonError)
    feed_all(reader, text[21:])
    assert reader.error is None
    assert state.finish() == User(name="Ada")
    places = [(repair.kind, text[repair.offset :][:5]) for repair in reader.repairs]
    assert places == [("quotes", "'name"), ("quotes", "'Ada'"), ("extra_comma", ",}")]
