"""Kinds of types that drawing rarely hits upon, each held to pydantic at every place of a cut."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import pickle
from collections import Counter
from dataclasses import InitVar
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, TypeVar

import pydantic
import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    HttpUrl,
    Json,
    PlainSerializer,
    RootModel,
    Secret,
    Tag,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    create_model,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import core_schema
from typing_extensions import NotRequired, Self, TypedDict

import partialfast as pf
from tests.chunkings import bytewise, chunkings
from tests.generation import generic, picture

T = TypeVar("T")


def check(type_: Any, text: str) -> list[Any]:
    """Hold streams of `text` to what pydantic makes of it, and use every snapshot.

    Returns:
        The snapshots, one for each byte that changed something.
    """
    expected = picture(TypeAdapter(type_).validate_json(text))
    for chunks in chunkings(text.encode(), random_count=2):
        assert picture(pf.stream(type_, chunks).final()) == expected
    snapshots = list(pf.stream(type_, bytewise(text)))
    for snapshot in snapshots:
        repr(snapshot)
        if isinstance(snapshot, BaseModel):
            snapshot.model_dump()
            snapshot.model_dump(mode="json", by_alias=True)
            snapshot.model_dump_json(exclude_unset=True)
    return snapshots


# ---- keys that more than one field wants


class SharedKey(BaseModel):
    first: int = Field(0, alias="key")
    second: int | str = Field("", alias="key")


class CrossedKeys(BaseModel):
    first: int = Field(0, validation_alias=AliasChoices("a", "b"))
    second: Any = Field(None, validation_alias=AliasChoices("b", "a"))


class SwappedNames(BaseModel):
    model_config = ConfigDict(validate_by_name=True)
    a: int = Field(0, alias="b")
    b: int = Field(0, alias="a")


class PathBehindField(BaseModel):
    whole: Any = None
    part: int = Field(0, validation_alias=AliasPath("whole", "part"))


class FieldBehindPath(BaseModel):
    part: int = Field(0, validation_alias=AliasPath("whole", "part"))
    whole: Any = None


class PathOrWhole(BaseModel):
    value: Any = Field(None, validation_alias=AliasChoices(AliasPath("key", 0), "key"))


class SharedInDict(TypedDict):
    first: NotRequired[Annotated[int, Field(alias="key")]]
    second: NotRequired[Annotated[Any, Field(alias="key")]]


@pydantic.dataclasses.dataclass
class SharedInDataclass:
    first: int = Field(0, alias="key")
    second: Any = Field(0, alias="key")


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (SharedKey, '{"key": 1}'),
        (CrossedKeys, '{"a": 1}'),
        (CrossedKeys, '{"b": 1}'),
        (CrossedKeys, '{"b": 1, "a": 2}'),
        (SwappedNames, '{"a": 1}'),
        (SwappedNames, '{"b": 1, "a": 2}'),
        (PathBehindField, '{"whole": {"part": 1}}'),
        (FieldBehindPath, '{"whole": {"part": 1}}'),
        (PathOrWhole, '{"key": [1, 2]}'),
        (PathOrWhole, '{"key": {"a": 1}}'),
        (SharedInDict, '{"key": 1}'),
        (SharedInDataclass, '{"key": 1}'),
    ],
)
def test_a_key_goes_to_every_field_that_reads_it(type_: Any, text: str) -> None:
    check(type_, text)


def test_what_a_path_leads_into_is_shown_as_the_field_that_it_is() -> None:
    shown = [snapshot.whole for snapshot in check(FieldBehindPath, '{"whole": {"part": 1}}')]
    assert {} in shown


# ---- keys that are allowed beside those of the fields


class AliasedAndMore(TypedDict):
    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]
    name: Annotated[str, Field(alias="alias")]


@pydantic.dataclasses.dataclass(config=ConfigDict(extra="allow"))
class AliasedAndMoreData:
    name: str = Field(alias="alias")


@pytest.mark.parametrize("type_", [AliasedAndMore, AliasedAndMoreData])
@pytest.mark.parametrize("text", ['{"alias": "a", "name": "b"}', '{"name": [1], "alias": "a"}'])
def test_a_key_that_is_allowed_does_not_take_the_place_of_a_field(type_: Any, text: str) -> None:
    check(type_, text)


# ---- types that are equal, but not to pydantic


@dataclasses.dataclass
class Left:
    x: int


@dataclasses.dataclass
class Right:
    x: int


@dataclasses.dataclass
class Third:
    x: int


@pytest.mark.parametrize(
    ("one", "other", "text"),
    [
        (Left | Right | Third, Right | Left | Third, '{"x": 1}'),
        (list[Left | Right | Third], list[Right | Left | Third], '[{"x": 1}]'),
        (dict[str, int] | dict[str, float], dict[str, float] | dict[str, int], '{"x": 1}'),
    ],
)
def test_the_members_of_a_union_keep_their_order(one: Any, other: Any, text: str) -> None:
    assert one == other
    check(one, text)
    check(other, text)


@pytest.mark.parametrize("type_", [int | str, str | int, Literal["a", "b"], Literal["b", "a"]])
def test_an_error_names_a_type_as_it_is_written(type_: Any) -> None:
    with pytest.raises(ValidationError) as expected:
        TypeAdapter(type_).validate_json("[]")
    with pytest.raises(ValidationError) as caught:
        pf.stream(type_, ["[]"]).final()
    assert str(caught.value) == str(expected.value)


# ---- secrets


class Pair(BaseModel):
    left: str
    right: int


@pytest.mark.parametrize(
    ("type_", "document"),
    [
        (Secret[str], '"hidden"'),
        (Secret[list[str]], '["hidden"]'),
        (Secret[dict[str, str]], '{"key": "hidden"}'),
        (Secret[Pair], '{"left": "hidden", "right": 1}'),
    ],
)
def test_nothing_of_a_secret_is_shown_while_it_is_open(type_: Any, document: str) -> None:
    model: Any = create_model("Keeper", before=(str, ...), secret=(type_, ...), after=(str, ""))
    text = f'{{"before": "b", "secret": {document}, "after": "a"}}'
    for snapshot in check(model, text):
        assert snapshot.secret is None or isinstance(snapshot.secret, Secret)
        assert "hidden" not in f"{snapshot!r} {snapshot.model_dump()}"


# ---- fields that are left out of a dump


def _is_big(value: int) -> bool:
    return value > 1


def _begins_with_x(value: Any) -> bool:
    return bool(value[0] == "x")


def _is_late(value: dt.date) -> bool:
    return value.year > 2000


@pytest.mark.skipif(pydantic.VERSION < "2.12", reason="pydantic has `exclude_if` since 2.12")
def test_a_field_is_left_out_by_its_complete_value_only() -> None:
    @pydantic.dataclasses.dataclass
    class LeavesOutData:
        number: int = Field(exclude_if=_is_big)
        text: str = Field(exclude_if=_begins_with_x)

    class LeavesOut(BaseModel):
        number: int = Field(exclude_if=_is_big)
        text: str = Field(exclude_if=_begins_with_x)
        items: list[str] = Field(default_factory=list, exclude_if=_begins_with_x)
        day: dt.date | None = Field(None, exclude_if=_is_late)
        data: LeavesOutData | None = None

    text = (
        '{"number": 5, "text": "xyz", "items": ["x"], "day": "2020-01-01",'
        ' "data": {"number": 1, "text": "x"}}'
    )
    snapshots = check(LeavesOut, text)
    assert snapshots[-1].model_dump() == {"data": {"number": 1}}
    assert snapshots[0].model_dump().keys() == {"number", "text", "items", "day", "data"}
    assert snapshots[-2].model_dump().keys() == {"number", "text", "items", "data"}


# ---- fields that no document has


@dataclasses.dataclass
class Derived:
    name: str
    size: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.size = len(self.name)


@dataclasses.dataclass(slots=True)
class DerivedSlots:
    name: str
    size: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.size = len(self.name)


@pydantic.dataclasses.dataclass
class DerivedPydantic:
    name: str
    day: dt.date = dataclasses.field(init=False)
    started: InitVar[int] = 0

    def __post_init__(self, started: int) -> None:
        self.day = dt.date(2020, 1, 1 + started)


@dataclasses.dataclass
class NeverSet:
    name: str
    size: int = dataclasses.field(init=False, repr=False)


@pytest.mark.parametrize(
    ("type_", "name"), [(Derived, "size"), (DerivedSlots, "size"), (DerivedPydantic, "day")]
)
def test_what_post_init_sets_is_none_until_then(type_: Any, name: str) -> None:
    check(type_, '{"name": "abc"}')
    model: Any = create_model("Holder", data=(type_, ...))
    for snapshot in check(model, '{"data": {"name": "abc"}}')[1:-2]:
        for data in (snapshot.data, copy.copy(snapshot.data), copy.deepcopy(snapshot.data)):
            assert getattr(data, name) is None


def test_what_nothing_sets_stays_unset() -> None:
    final = check(NeverSet, '{"name": "abc"}')[-1]
    assert not hasattr(final, "size")


@dataclasses.dataclass
class Numbered:
    made: ClassVar[int] = 0
    name: str

    def __new__(cls, *_: Any, **__: Any) -> Self:
        cls.made += 1
        return super().__new__(cls)


def test_a_constructor_of_the_users_makes_the_final_value_and_no_other() -> None:
    Numbered.made = 0
    for snapshot in pf.stream(Numbered, bytewise('{"name": "abc"}')):
        assert Numbered.made == (type(snapshot) is Numbered)


# ---- one class in several places


@dataclasses.dataclass
class Box(Generic[T]):
    item: T
    note: str = ""


@pydantic.dataclasses.dataclass
class PydanticBox(Generic[T]):
    item: T
    note: str = ""


@pytest.mark.parametrize("box", [Box, PydanticBox])
def test_a_generic_dataclass_is_dumped_by_its_parameters(box: Any) -> None:
    model: Any = create_model(
        "Boxes",
        number=(generic(box, int), ...),
        day=(generic(box, dt.date), ...),
        money=(generic(box, Decimal), ...),
        last=(generic(box, Annotated[int, PlainSerializer(_with_unit)]), ...),
    )
    text = (
        '{"number": {"item": 1, "note": "a"}, "day": {"item": "2020-01-01", "note": "b"},'
        ' "money": {"item": "1.50", "note": "c"}, "last": {"item": 2, "note": "d"}}'
    )
    snapshots = check(model, text)
    assert snapshots[-2].model_dump()["last"] == {"item": "2 m", "note": "d"}


def _with_unit(length: int) -> str:
    return f"{length} m"


@dataclasses.dataclass
class Span:
    long_name: str
    length: dt.timedelta


class InSeconds(BaseModel):
    model_config = ConfigDict(ser_json_timedelta="float", alias_generator=to_camel)
    span: Span
    note: str = ""


class InWords(BaseModel):
    span: Span
    note: str = ""


def test_a_dataclass_is_dumped_by_the_config_around_it() -> None:
    wordy = check(InWords, '{"span": {"long_name": "a", "length": 5}, "note": "b"}')
    brief = check(InSeconds, '{"span": {"longName": "a", "length": 5}, "note": "b"}')
    for snapshots in (brief, wordy):
        expected = snapshots[-1].model_dump(mode="json", by_alias=True)["span"]
        assert snapshots[-3].model_dump(mode="json", by_alias=True)["span"] == expected
    open_ = [snapshot.model_dump(by_alias=True)["span"] for snapshot in brief[1:-3]]
    assert open_[0] == {"longName": None, "length": None}
    open_ = [snapshot.model_dump(by_alias=True)["span"] for snapshot in wordy[1:-3]]
    assert open_[0] == {"long_name": None, "length": None}


# ---- methods of the user's that expect all that a class has


class _Eager:
    """Has each method by which an object is copied, compared or shown."""

    name: str

    def _fail(self, *_: Any) -> Any:
        raise AssertionError(f"called on {self.name}")

    __copy__ = __deepcopy__ = __getstate__ = __reduce__ = __reduce_ex__ = _fail
    __repr__ = __str__ = __format__ = __eq__ = __bool__ = __len__ = __iter__ = _fail
    __hash__ = None  # type: ignore[assignment]


class EagerModel(_Eager, BaseModel):
    name: str
    size: int = 0


@dataclasses.dataclass(repr=False, eq=False)
class EagerData(_Eager):
    name: str
    size: int = 0


@pytest.mark.parametrize("type_", [EagerModel, EagerData])
def test_methods_of_the_users_are_not_called_on_what_is_incomplete(type_: Any) -> None:
    state = pf.StreamState(type_)
    for character in '{"size": 1, "name": "abc"':
        snapshot = state.feed(character)
        if snapshot is not None:
            assert "PartialEager" in repr(snapshot)
            whole = "," in state.text
            for shown in (repr(snapshot), f"{snapshot}", str(snapshot)):
                assert "size=" in shown or not whole
            assert copy.copy(snapshot) == snapshot
            assert copy.deepcopy(snapshot) == snapshot
            assert pickle.loads(pickle.dumps(snapshot)) == snapshot  # noqa: S301 - its own


@pydantic.dataclasses.dataclass
class Quiet:
    name: str
    password: str = dataclasses.field(default="", repr=False)
    seen: int = dataclasses.field(default=0, compare=False)


def test_a_dataclass_shows_and_compares_the_fields_that_it_says() -> None:
    snapshots = list(pf.stream(Quiet, bytewise('{"password": "secret", "seen": 1, "name": "a"}')))
    for snapshot in snapshots:
        assert "secret" not in repr(snapshot)
        assert "password" not in repr(snapshot)
    assert repr(snapshots[-2]).removeprefix("Partial") == repr(snapshots[-1])
    unseen = list(pf.stream(Quiet, bytewise('{"password": "secret", "name": "a"}')))
    assert snapshots[-2] == unseen[-2]
    assert snapshots[-2] != unseen[-1]


# ---- defaults that are still to be validated


class LateDefaults(BaseModel):
    url: HttpUrl = Field("https://example.org", validate_default=True)
    sizes: list[int] = Field(["1"], validate_default=True)
    marked: Annotated[int, PlainSerializer(_with_unit)] = Field("3", validate_default=True)
    note: str = ""


class LateByConfig(BaseModel):
    model_config = ConfigDict(validate_default=True)
    day: dt.date = "2020-01-01"  # type: ignore[assignment]
    note: str = ""


@pydantic.dataclasses.dataclass(config=ConfigDict(validate_default=True))
class LateInDataclass:
    day: dt.date = "2020-01-01"  # type: ignore[assignment]
    note: str = ""


@pytest.mark.parametrize("type_", [LateDefaults, LateByConfig, LateInDataclass])
def test_a_default_that_is_still_to_be_validated_is_dumped_as_it_is_written(type_: Any) -> None:
    model: Any = create_model("Holder", value=(type_, ...))
    check(model, '{"value": {"note": "abc"}}')
    check(type_, '{"note": "abc"}')


# ---- validators that look at other fields, inside types of every kind


def _below_limit(value: Any, info: ValidationInfo) -> Any:
    assert len(str(value)) <= info.data["limit"]
    return value


Number = Annotated[int, AfterValidator(_below_limit)]
Text = Annotated[str, AfterValidator(_below_limit)]


class Row(NamedTuple):
    first: Number
    second: Text = ""


class ByHand(BaseModel):
    kind: Literal["hand"]
    text: str

    @model_validator(mode="before")
    @classmethod
    def _check(cls, value: Any, info: ValidationInfo) -> Any:
        assert "limit" in info.data
        return value


class ByForce(BaseModel):
    kind: Literal["force", 1]
    items: list[int] = []


ByKind = Annotated[ByHand | ByForce, Field(discriminator="kind")]


def _sort_of(value: Any) -> str:
    return "many" if isinstance(value, list) else "named"


BySort = Annotated[
    Annotated[list[Number], Tag("many")] | Annotated[dict[str, Number], Tag("named")],
    Discriminator(_sort_of),
]


@pytest.mark.parametrize(
    ("type_", "document"),
    [
        (Json[Number], '"1"'),
        (Json[list[Text]], '"[\\"a\\"]"'),
        (float | Number | Text, '"abc"'),
        (BySort, "[1]"),
        (BySort, '{"a": 1}'),
        (RootModel[Number], "1"),
        (RootModel[list[Text]], '["abc"]'),
        (RootModel[Annotated[list[int], AfterValidator(_below_limit)]], "[1]"),
        (Row, '[1, "abc"]'),
        (Row, '{"first": 1}'),
        (Counter[Text], '{"abc": 2}'),
        (ByKind, '{"kind": "hand", "text": "abc"}'),
        (ByKind, '{"items": [1], "kind": 1}'),
        (ByHand | ByForce, '{"text": "abc", "kind": "hand"}'),
        (ByHand, '{"text": "abc", "kind": "hand"}'),
    ],
)
def test_a_validator_that_looks_at_other_fields_waits_for_them(type_: Any, document: str) -> None:
    model: Any = create_model("Limited", limit=(int, ...), value=(type_, ...), after=(str, ""))
    check(model, f'{{"limit": 5, "value": {document}, "after": "abc"}}')
    many: Any = create_model("Limited", limit=(int, ...), values=(generic(list, type_), ...))
    check(many, f'{{"limit": 5, "values": [{document}, {document}]}}')


def test_a_tag_that_names_no_member_is_an_error_where_members_wait() -> None:
    model: Any = create_model("Limited", limit=(int, ...), value=(ByKind, ...))
    with pytest.raises(ValidationError) as caught:
        pf.stream(model, bytewise('{"limit": 5, "value": {"kind": "other"}}')).final()
    assert caught.value.errors()[0]["type"] == "union_tag_invalid"


# ---- keys beside those of the fields, of a type that is declared


class NumbersBeside(BaseModel):
    model_config = ConfigDict(extra="allow")
    # As pydantic's documentation has it.
    __pydantic_extra__: dict[str, int] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]
    name: str


@pytest.mark.parametrize("text", ['{"name": "abc", "b": 2 }', '{"b": 2, "name": "abc"}'])
def test_extra_fields_of_a_declared_type_are_where_pydantic_has_them(text: str) -> None:
    *_, last, final = check(NumbersBeside, text)
    for snapshot in (last, final):
        assert snapshot.model_extra == {"b": 2}
        assert snapshot.model_dump() == {"name": "abc", "b": 2}
        assert copy.deepcopy(snapshot) == snapshot
        assert pickle.loads(pickle.dumps(snapshot)) == snapshot  # noqa: S301 - its own
    many = check(list[NumbersBeside], f"[{text}, {text}]")[-2]
    assert repr(many[0]) == repr(final)


class TupleOfNumbersBeside(BaseModel):
    pair: tuple[NumbersBeside, int | None]


def test_a_tuple_that_lacks_items_is_dumped_whatever_its_items_are() -> None:
    check(TupleOfNumbersBeside, '{"pair": [{"name": "abc", "b": 2}, null]}')


class UpperBeside(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Annotated[str, AfterValidator(str.upper)], list[int]] = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
        init=False
    )
    name: str


def test_an_extra_key_is_not_shown_before_it_is_what_it_becomes() -> None:
    *shown, final = check(UpperBeside, '{"abc": [1, 2], "name": "x"}')
    assert final.model_extra == {"ABC": [1, 2]}
    assert all(snapshot.model_extra == {} for snapshot in shown)


# ---- one error for a whole union


class OneError:
    """A type that names its error itself."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return core_schema.union_schema(
            [core_schema.int_schema(), core_schema.list_schema(core_schema.str_schema())],
            custom_error_type="not_one",
            custom_error_message="Not one of them",
        )


@pytest.mark.parametrize("text", ["[1]", '"x"', "{}"])
def test_a_union_with_an_error_of_its_own_raises_that(text: str) -> None:
    check(list[OneError], '[1, ["abc"]]')
    with pytest.raises(ValidationError) as caught:
        pf.stream(list[OneError], bytewise(f"[{text}]")).final()
    assert [(e["type"], e["loc"]) for e in caught.value.errors()] == [("not_one", (0,))]


# ---- serializers of extra items


def _from_second(text: str) -> str:
    return text[1] + text


class Entry(TypedDict, extra_items=Annotated[str, PlainSerializer(_from_second)]):  # type: ignore[call-arg]
    name: str


@pytest.mark.skipif(pydantic.VERSION < "2.12", reason="pydantic leaves such items out before 2.12")
def test_a_serializer_of_extra_items_sees_what_is_complete() -> None:
    model: Any = create_model("Holder", entry=(Entry, ...))
    final = check(model, '{"entry": {"name": "a", "other": "bcd"}}')[-1]
    assert final.model_dump() == {"entry": {"name": "a", "other": "cbcd"}}
