"""Fields: their keys, their defaults, and the keys beside them."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from typing import Annotated, Any, TypeVar

import pydantic
import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    PlainSerializer,
    create_model,
)
from typing_extensions import NotRequired, TypedDict

from tests.typed.families.checking import check, with_unit

T = TypeVar("T")


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


class PathAfterField(BaseModel):
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
        (PathAfterField, '{"whole": {"part": 1}}'),
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


class LateDefaults(BaseModel):
    url: HttpUrl = Field("https://example.org", validate_default=True)
    sizes: list[int] = Field(["1"], validate_default=True)
    marked: Annotated[int, PlainSerializer(with_unit)] = Field("3", validate_default=True)
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
