"""Snapshots in the hands of what programs dump, copy and encode them with."""

from __future__ import annotations

import copy
import dataclasses
import enum
import ipaddress
import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from pydantic import (
    BaseModel,
    Field,
    HttpUrl,
    PlainSerializer,
    RootModel,
    Secret,
    SecretStr,
    TypeAdapter,
    ValidationError,
    create_model,
    field_serializer,
    model_serializer,
)

import partialfast as pf
from tests.chunkings import bytewise


class Status(enum.Enum):
    OPEN = "open"
    CLOSED = "closed"


class Defaults(BaseModel):
    """Defaults of other types than declared, as pydantic takes them unvalidated."""

    a: str
    status: Status = "open"  # type: ignore[assignment]
    tags: set[str] = []  # type: ignore[assignment]
    url: HttpUrl = "http://example.org"  # type: ignore[assignment]
    secret: SecretStr = ""  # type: ignore[assignment]
    path: pathlib.Path = "a"  # type: ignore[assignment]
    address: ipaddress.IPv4Address = "1.1.1.1"  # type: ignore[assignment]
    number: Secret[int] = 3  # type: ignore[assignment]
    either: Status | int = "open"  # type: ignore[assignment]
    many: list[Status] = ["open"]  # type: ignore[list-item]
    factory: list[int] = Field(default_factory=list)


DEFAULTS_TEXT = json.dumps(
    {
        "a": "x",
        "status": "closed",
        "tags": ["a", "b"],
        "url": "http://a.b/c",
        "secret": "s3",
        "path": "/tmp",  # noqa: S108 - a value
        "address": "1.2.3.4",
        "number": 4,
        "either": "closed",
        "many": ["closed"],
    }
)


class Texts(BaseModel):
    """Values that JSON has as text."""

    a: str
    path: pathlib.Path
    address: ipaddress.IPv4Address
    number: Secret[int]
    secret: SecretStr
    secrets: list[SecretStr]
    paths: list[pathlib.Path]
    named: dict[str, pathlib.Path]


class Serialized(Texts):
    @field_serializer("path", "address", "number", "secret", "secrets", "paths", "named")
    def dump_it(self, value: Any) -> str:
        assert value is not None
        return str(value)


class Wrapped(Texts):
    @field_serializer(
        "path", "address", "number", "secret", "secrets", "paths", "named", mode="wrap"
    )
    def dump_it_around(self, value: Any, handler: Any) -> Any:
        assert value is not None
        return handler(value)


SERIALIZED_TEXT = json.dumps(
    {
        "a": "x",
        "path": "/a",
        "address": "1.2.3.4",
        "number": 3,
        "secret": "xx",
        "secrets": ["a", "b"],
        "paths": ["a", "b"],
        "named": {"a": "b"},
    }
)


class Pair(NamedTuple):
    a: int = 1
    b: Annotated[str, PlainSerializer(str.upper)] = "x"


class PairRoot(RootModel[Pair]):
    root: Pair = Pair()

    @model_serializer
    def as_list(self) -> list[Any]:
        return list(self.root)


class PairField(RootModel[Pair]):
    @field_serializer("root")
    def as_list(self, value: Pair) -> list[Any]:
        return list(value)


PAIR_TEXTS = ["{}", "[]", '{"a": 2, "b": "xyz"}', '[2, "xyz"]', '{"b": "z"}', "[2]"]
CASES: list[tuple[Any, str]] = [
    (Defaults, DEFAULTS_TEXT),
    (Defaults, '{"a": "only this"}'),
    (Serialized, SERIALIZED_TEXT),
    (Wrapped, SERIALIZED_TEXT),
    *((type_, text) for type_ in (PairRoot, PairField, RootModel[Pair]) for text in PAIR_TEXTS),
]


def snapshots(type_: Any, text: str) -> Iterator[Any]:
    """Yield the snapshots of a text, without the final value."""
    state: pf.StreamState[Any] = pf.StreamState(type_)
    for chunk in bytewise(text):
        shown = state.feed(chunk)
        if shown is not None and not state.done:
            yield shown


@pytest.mark.parametrize(("type_", "text"), CASES)
def test_every_snapshot_is_dumped_without_a_warning(type_: Any, text: str) -> None:
    for shown in snapshots(type_, text):
        shown.model_dump()
        shown.model_dump(exclude_defaults=True, exclude_unset=True)
        assert json.loads(shown.model_dump_json()) == shown.model_dump(mode="json")


def test_defaults_are_dumped_as_what_they_are() -> None:
    shown = list(snapshots(Defaults, '{"a": "'))[-1]
    assert shown.model_dump(mode="json") == {
        "a": "",
        "status": "open",
        "tags": [],
        "url": "http://example.org",
        "secret": "",
        "path": "a",
        "address": "1.1.1.1",
        "number": "3",
        "either": "open",
        "many": ["open"],
        "factory": [],
    }
    later = list(snapshots(Defaults, DEFAULTS_TEXT))[-1].model_dump(mode="json")
    assert (later["status"], later["secret"]) == ("closed", "**********")


class Letter(BaseModel):
    kind: Literal["a", "b"] = "another"  # type: ignore[assignment]


def test_a_default_of_another_type_is_dumped_in_a_union_too() -> None:
    """There pydantic is stricter: it goes by the value of a literal, and not only by its type."""
    unions: list[Any] = [Letter | str, Letter | int]
    for union in unions:
        letters: Any = create_model("Letters", value=(union, ...))
        for shown in pf.stream(letters, bytewise(b'{"value": {"kind": "a", "unknown": 1}}')):
            shown.model_dump()
            shown.model_dump_json()


class OfClass(BaseModel):
    a: str
    made_of: type[BaseModel] = Texts


def test_a_default_that_nothing_dumps_is_left_out_of_json() -> None:
    """Such a field is meant for values that pydantic can dump, and its default is not one."""
    for shown in snapshots(OfClass, '{"a": "xyz", "'):
        assert shown.made_of is Texts
        assert json.loads(shown.model_dump_json())["made_of"] is None


@dataclasses.dataclass
class Inner:
    z: int
    w: str


@dataclasses.dataclass
class Data:
    a: int
    b: list[str]
    inner: Inner
    u: str

    def __post_init__(self) -> None:
        assert self.u.upper()


def open_data() -> Any:
    return list(snapshots(Data, '{"a": 1, "b": ["x"], "inner": {"z": 2, '))[-1]


OPEN_DATA = {"a": 1, "b": ["x"], "inner": {"z": 2, "w": None}, "u": None}


def test_dataclasses_are_taken_apart() -> None:
    assert dataclasses.asdict(open_data()) == OPEN_DATA
    assert dataclasses.astuple(open_data()) == (1, ["x"], (2, None), None)
    replaced: Any = dataclasses.replace(open_data(), a=3)
    assert type(replaced) is pf.Partial[Data]
    taken_apart: Any = dataclasses.asdict
    assert taken_apart(replaced) == {**OPEN_DATA, "a": 3}
    if sys.version_info >= (3, 13):
        assert copy.replace(open_data(), a=3) == replaced


def test_orjson_encodes_dataclasses() -> None:
    orjson = pytest.importorskip("orjson")
    assert orjson.loads(orjson.dumps(open_data())) == OPEN_DATA


def test_cattrs_unstructures_dataclasses() -> None:
    cattrs = pytest.importorskip("cattrs")
    assert cattrs.unstructure(open_data()) == OPEN_DATA


def test_fastapi_encodes_snapshots() -> None:
    encoders = pytest.importorskip("fastapi.encoders")
    assert encoders.jsonable_encoder(open_data()) == OPEN_DATA
    for shown in snapshots(Serialized, SERIALIZED_TEXT):
        assert encoders.jsonable_encoder(shown) == shown.model_dump(mode="json")


_LOAD = """
import pickle, sys
value = pickle.load(sys.stdin.buffer)
print(type(value).__name__, value.a)
"""


@pytest.mark.parametrize(("type_", "text"), [(Defaults, '{"a": "x", '), (Data, '{"a": 1, ')])
def test_a_snapshot_goes_to_another_process(type_: Any, text: str) -> None:
    import pickle

    shown = list(snapshots(type_, text))[-1]
    done = subprocess.run(  # noqa: S603 - this interpreter, on a text of ours
        [sys.executable, "-c", "import tests.typed.test_dumping" + _LOAD],
        input=pickle.dumps(shown),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.decode().split() == [f"Partial{type_.__name__}", str(shown.a)]


@pytest.mark.parametrize("items", [False, True])
def test_errors_that_were_put_off_are_kept_up_to_a_number(*, items: bool) -> None:
    text = json.dumps(["x"] * 250)
    stream: Any = pf.stream_items if items else pf.stream
    with pytest.raises(ValidationError) as caught:
        list(stream(list[int], bytewise(text), on_invalid="defer"))
    details = caught.value.errors()
    assert [error["loc"] for error in details] == [*((i,) for i in range(100)), ()]
    assert details[-1]["msg"] == "and 150 more errors"


def test_a_hundred_errors_are_all_there() -> None:
    text = json.dumps(["x"] * 100)
    with pytest.raises(ValidationError) as expected:
        TypeAdapter(list[int]).validate_json(text)
    with pytest.raises(ValidationError) as caught:
        pf.stream(list[int], bytewise(text), on_invalid="defer").final()
    assert caught.value.errors() == expected.value.errors()
