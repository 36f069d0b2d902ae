"""Partial classes in the hands of programs: read back, as fields, and what is asked of them."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from typing import Annotated, Any, List, NamedTuple  # noqa: UP035 - both spellings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    EmailStr,
    Field,
    RootModel,
    TypeAdapter,
    create_model,
)
from typing_extensions import TypedDict

import partialfast as pf
from partialfast.typed._state import ItemsState
from tests.chunkings import bytewise, random_splits
from tests.generation import (
    Case,
    Feature,
    Spec,
    annotated,
    cases,
    generic,
    picture,
    shown_types,
)

seeds = st.integers(0, 2**32)


class Inner(BaseModel):
    name: Annotated[str, Field(min_length=3)]
    value: int


@dataclasses.dataclass
class Data:
    number: int
    words: list[str]


class Outer(BaseModel):
    text: str
    inner: Inner
    many: list[Inner] = []
    mail: EmailStr | None = None
    data: Data | None = None
    either: Inner | str | None = None
    pair: tuple[int, str] = (1, "")
    below: Outer | None = None


DOCUMENT: dict[str, Any] = {
    "text": "some text",
    "inner": {"name": "abcdef", "value": 1},
    "many": [{"name": "abcd", "value": 2}, {"name": "abc", "value": 3}],
    "mail": "a@b.cd",
    "data": {"number": 1, "words": ["a", "bc"]},
    "either": {"name": "abcd", "value": 4},
    "pair": [3, "xyz"],
    "below": {"text": "z", "inner": {"name": "abc", "value": 5}},
}


class _Holder(BaseModel):
    data: pf.Partial[Outer]
    other: pf.Partial[Data] | None = None


# To a type checker a snapshot is an instance of the complete class.
Holder: Any = _Holder


def snapshots(type_: Any, document: Any) -> list[Any]:
    """Return all snapshots of a document, the final value among them."""
    return list(pf.stream(type_, bytewise(json.dumps(document))))


@pytest.mark.parametrize("options", [{"exclude_unset": True}, {}])
def test_snapshots_and_the_final_value_can_be_read_back(options: Any) -> None:
    partial: Any = pf.Partial[Outer]
    for shown in snapshots(Outer, DOCUMENT):
        back = partial.model_validate_json(shown.model_dump_json(**options))
        assert type(back) is partial
        assert back.model_dump(**options) == shown.model_dump(**options)


def test_a_field_takes_every_snapshot_and_the_final_value() -> None:
    for shown in snapshots(Outer, DOCUMENT):
        held = Holder(data=shown)
        assert held.data is shown
        text = held.model_dump_json(exclude_unset=True)
        assert json.loads(text)["data"] == shown.model_dump(mode="json", exclude_unset=True)
        assert json.loads(Holder.model_validate_json(text).model_dump_json(exclude_unset=True)) == (
            json.loads(text)
        )
    for shown in snapshots(Data, DOCUMENT["data"]):
        assert Holder(data=Outer.model_construct(), other=shown).other is shown


@given(shown_types(), st.data())
def test_what_is_shown_can_be_read_back(spec: Spec, data: st.DataObject) -> None:
    model = create_model("Model", value=(spec.type, ...), more=(str, "x"))
    partial: Any = pf.Partial[model]  # type: ignore[valid-type]
    document = {"value": data.draw(spec.documents), "more": "y"}
    for shown in snapshots(model, document):
        back = partial.model_validate_json(shown.model_dump_json(exclude_unset=True))
        assert back.model_dump(exclude_unset=True) == shown.model_dump(exclude_unset=True)


@pytest.mark.parametrize("document", [[[]], [[], []], [[], [""]]])
def test_each_item_of_a_tuple_is_read_by_its_place(document: list[Any]) -> None:
    model = create_model("Model", value=(tuple[list[str], tuple[str]], ...))
    partial: Any = pf.Partial[model]  # type: ignore[valid-type]
    back = partial.model_validate_json(json.dumps({"value": document}))
    assert [type(item) for item in back.value] == [list, tuple][: len(document)]
    assert json.loads(back.model_dump_json()) == {"value": document}


def test_code_of_the_users_sees_nothing_that_is_incomplete() -> None:
    seen: list[Any] = []

    def note(value: Any) -> Any:
        seen.append(value)
        return value

    model = create_model("Noting", inner=(Annotated[Inner, AfterValidator(note)], ...))
    partial: Any = pf.Partial[model]  # type: ignore[valid-type]
    back = partial.model_validate_json('{"inner": {"name": "ab"}}')
    assert seen == []
    assert pf.is_partial(back.inner)
    back = partial.model_validate_json('{"inner": {"name": "abc", "value": 1}}')
    assert seen == [back.inner]
    assert not pf.is_partial(back.inner)


def test_a_partial_is_made_of_what_there_is() -> None:
    partial: Any = pf.Partial[Outer]
    made = partial(text="x")
    assert (made.text, made.inner, made.many) == ("x", None, [])
    assert made.model_fields_set == {"text"}


def test_the_json_schema_of_a_field_requires_nothing() -> None:
    schema = Holder.model_json_schema()["properties"]["data"]
    assert schema["title"] == "PartialOuter"
    assert set(schema["properties"]) == set(Outer.model_fields)
    assert "required" not in schema
    partial: Any = pf.Partial[Outer]
    assert partial.model_json_schema() == Outer.model_json_schema()


def test_what_is_partial_is_told() -> None:
    *earlier, last = snapshots(Outer, DOCUMENT)
    assert all(map(pf.is_partial, earlier))
    assert not pf.is_partial(last)
    assert not pf.is_partial({"text": "x"})


class Words(TypedDict):
    first: str
    second: str


def test_what_is_set_is_told() -> None:
    shown: Any = pf.StreamState(Outer).feed('{"text": "so')
    assert pf.is_set(shown, "text")
    assert not pf.is_set(shown, "inner")
    with pytest.raises(AttributeError, match="no field 'txt'"):
        pf.is_set(shown, "txt")
    words: Any = pf.StreamState(Words).feed('{"first": "a", "sec')
    assert pf.is_set(words, "first")
    assert not pf.is_set(words, "second")
    assert pf.is_set(Data(1, []), "number")
    root: Any = pf.StreamState(RootModel[list[int]]).feed("[1")
    assert pf.is_set(root, "root")
    pair: Any = pf.StreamState(Pair).feed("[1, ")
    with pytest.raises(TypeError, match="does not tell"):
        pf.is_set(pair, "first")


@dataclasses.dataclass(slots=True)
class Slotted:
    number: int
    words: list[str] = dataclasses.field(default_factory=list)
    last: int = 7


@dataclasses.dataclass(frozen=True)
class Frozen:
    number: int
    words: list[str] = dataclasses.field(default_factory=list)
    last: int = 7


class Pair(NamedTuple):
    first: int
    second: int


class Numbered(BaseModel):
    number: int
    words: list[str] = []
    last: int = 7


@pytest.mark.parametrize("class_", [Slotted, Frozen, Numbered])
@pytest.mark.parametrize("keep", [1, 3, 100])
def test_what_is_set_is_told_of_every_class_with_fields(class_: Any, keep: int) -> None:
    """Held to the keys of the untyped snapshot, also of snapshots that were kept."""
    parser = pf.JsonParser()
    state: pf.StreamState[Any] = pf.StreamState(generic(list, class_))
    kept: list[tuple[Any, list[set[str]]]] = []
    for chunk in bytewise(
        b'[{"words": ["a", "bc"], "number": 12, "last": 3}, {"number": 1, "last": 1}] '
    ):
        parser.feed(chunk)
        state.feed(chunk)
        items: Any = parser.snapshot() or []
        # An open number is not shown.
        begun = [set(item) for item in items]
        kept.append((state.snapshot, begun))
        del kept[:-keep]
        for snapshot, expected in kept:
            for item, names in zip(snapshot or [], expected, strict=True):
                for same in (
                    item,
                    copy.copy(item),
                    copy.deepcopy(item),
                    pickle.loads(pickle.dumps(item)),  # noqa: S301 - its own
                ):
                    told = {name for name in ("number", "words", "last") if pf.is_set(same, name)}
                    assert told == names or not pf.is_partial(same)
    replaced: Any = pf.StreamState(Frozen).feed('{"number": 1, ')
    assert pf.is_set(dataclasses.replace(replaced, last=1), "last")
    with pytest.raises(AttributeError, match="no field 'nothing'"):
        pf.is_set(replaced, "nothing")


@given(shown_types(), st.data())
def test_what_is_to_be_whole_is_shown_only_when_complete(spec: Spec, data: st.DataObject) -> None:
    document = {"value": data.draw(spec.documents), "more": "y"}
    fields: dict[str, Any] = {"value": (annotated(spec.type, pf.Whole), ...), "more": (str, "")}
    model = create_model("Model", **fields)
    text = json.dumps(document)
    state: pf.StreamState[Any] = pf.StreamState(model)
    expected: Any = model.model_validate_json(text)
    for chunk in bytewise(text):
        state.feed(chunk)
        shown = state.snapshot
        if shown is None:
            continue
        received = pf.is_set(shown, "value")
        assert received == state.is_complete(["value"])
        if received:
            assert picture(shown.value) == picture(expected.value)
    assert picture(state.finish()) == picture(expected)


def test_a_whole_type_keeps_its_schema_and_constraints() -> None:
    class Titled(BaseModel):
        title: Annotated[str, pf.Whole, Field(min_length=2)] = "none"

    assert Titled.model_json_schema()["properties"]["title"] == {
        "type": "string",
        "minLength": 2,
        "default": "none",
        "title": "Title",
    }
    with pytest.raises(ValueError, match="at least 2"):
        pf.stream(Titled, ['{"title": "x"}']).final()


@given(cases(Feature.CODE | Feature.REWRITES))
def test_complete_is_what_was_completed(case: Case) -> None:
    state: pf.StreamState[Any] = case.state()
    done: set[Any] = set()
    every = set(paths(case.document))
    for chunk in bytewise(case.text.encode()):
        state.feed(chunk)
        done.update(state.completed)
        assert {path for path in every if state.is_complete(path)} == done & every
        assert not state.is_complete(["no such key", 99])


def paths(value: Any, path: tuple[Any, ...] = ()) -> Any:
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*path, index))


BEFORE = ["", "Here it is:\n", "```json\n", '<think>is it {"a": 1}?</think>', "\ufeff", "é: "]
AFTER = ["", "\n```", " That is all.", "\n\n```\nDone {really}"]


@given(
    shown_types().filter(lambda spec: spec.type not in (str, int, bool)),
    st.data(),
    st.sampled_from(BEFORE),
    st.sampled_from(AFTER),
    seeds,
)
def test_what_stands_around_the_json_is_skipped(
    spec: Spec, data: st.DataObject, before: str, after: str, seed: int
) -> None:
    model = create_model("Model", value=(spec.type, ...))
    text = json.dumps({"value": data.draw(spec.documents)})
    around = before + text + after
    expected = model.model_validate_json(text)
    plain = [picture(shown) for shown in pf.stream(model, list(text))]
    assert [picture(s) for s in pf.stream(model, list(around), envelope=True)] == plain
    for chunks in random_splits(around.encode(), count=2, seed=seed):
        stream = pf.stream(model, chunks, envelope=True)
        assert picture(stream.final()) == picture(expected)
        assert stream.text == around


def test_items_are_found_in_what_stands_around_them() -> None:
    text = 'Two:\n```json\n[{"name": "abc", "value": 1}, {"name": "abcd", "value": 2}]\n```'
    found = list(pf.stream_items(Inner, list(text), envelope=True))
    assert found == TypeAdapter(list[Inner]).validate_json(text[text.index("[") : -4])


def test_a_text_without_json_says_so() -> None:
    with pytest.raises(pf.TruncatedError, match="there is no JSON in it") as caught:
        pf.stream(Inner, ["I cannot ", "do that."], envelope=True).final()
    assert caught.value.text == "I cannot do that."
    with pytest.raises(pf.TruncatedError, match="inside"):
        pf.stream(Inner, ['So: {"name": "'], envelope=True).final()


def test_a_field_whose_metadata_has_no_hash_can_be_listed() -> None:
    class Noted(BaseModel):
        words: List[Annotated[str, ["a note"]]]  # noqa: UP006 - the other form is told apart otherwise

    partial: Any = pf.Partial[Noted]
    annotation = partial.model_fields["words"].annotation
    assert TypeAdapter(annotation).validate_python(None) is None
    assert TypeAdapter(annotation).validate_python(["a"]) == ["a"]


def test_an_item_is_complete_when_it_is_handed_out() -> None:
    state: ItemsState[Inner] = ItemsState(Inner)
    items, complete = 0, [False, False, False]
    for chunk in bytewise(b'[{"name": "abc", "value": 1}, {"name": "abcd", "value": 2}]'):
        state.feed(chunk)
        done = {path[0] for path in state.completed if len(path) == 1}
        complete = [was or index in done for index, was in enumerate(complete)]
        assert [state.is_complete([index]) for index in range(3)] == complete
        assert state.is_complete([0, "name"]) == complete[0]
        items += len(state.take_items())
        assert [state.is_complete([index]) for index in range(3)] == complete
    assert items == sum(complete)
    assert state.is_complete([])
