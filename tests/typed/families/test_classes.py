"""Models and dataclasses: how they are made, compared, shown and dumped."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import pickle
from dataclasses import InitVar
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import pydantic
import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    PlainSerializer,
    create_model,
)
from pydantic.alias_generators import to_camel
from typing_extensions import Self

import partialfast as pf
from tests.chunkings import bytewise
from tests.generation import generic
from tests.typed.families.checking import check, with_unit

T = TypeVar("T")


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
        last=(generic(box, Annotated[int, PlainSerializer(with_unit)]), ...),
    )
    text = (
        '{"number": {"item": 1, "note": "a"}, "day": {"item": "2020-01-01", "note": "b"},'
        ' "money": {"item": "1.50", "note": "c"}, "last": {"item": 2, "note": "d"}}'
    )
    snapshots = check(model, text)
    assert snapshots[-2].model_dump()["last"] == {"item": "2 m", "note": "d"}


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
