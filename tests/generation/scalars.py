"""Types without parts."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import json
import pathlib
import re
import uuid
from typing import Annotated, Any, Literal, NewType

from hypothesis import strategies as st
from pydantic import (
    AnyUrl,
    Base64Bytes,
    ByteSize,
    EmailStr,
    Field,
    HttpUrl,
    Json,
    JsonValue,
    PositiveInt,
    Secret,
    SecretBytes,
    SecretStr,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from typing_extensions import TypeAliasType

from ._spec import Spec, generic

__all__ = ["KEYS", "PLAIN_TEXT", "SCALARS", "UNTYPED"]


class Color(enum.Enum):
    """An enum of strings."""

    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    """An enum of integers."""

    LOW = 1
    HIGH = 2


class Tone(str, enum.Enum):
    """An enum whose members are strings."""

    SOFT = "soft"
    LOUD = "loud"


UserId = NewType("UserId", int)
Score = TypeAliasType("Score", Annotated[int, Field(ge=0)])

_words = st.text(max_size=8) | st.sampled_from(
    ["", "é", "日本語", "𝄞𝄞", '"\\/', "\n\t", "\u2028", "\x7f", "12", "null", "  padded ", "Ab"]
)
_short = st.text(min_size=1, max_size=5)
_integers = st.integers(-(10**6), 10**6) | st.integers(-(10**25), 10**25)
_floats = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1e300])


def _text(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    return strategy.map(str)


def _iso(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    return strategy.map(lambda value: value.isoformat())


PLAIN_TEXT = Spec(str, _words, hashable=True, text=True)

_zones = st.sampled_from([None, dt.timezone.utc, dt.timezone(dt.timedelta(hours=2))])


def _verdict_on_null(type_: Any) -> Any:
    """Return what pydantic makes of null, or what it raises."""
    try:
        return TypeAdapter(type_).validate_json("null")
    except Exception as error:  # noqa: BLE001 - which it is, is what is asked
        return error


SCALARS: list[Spec] = [
    PLAIN_TEXT,
    Spec(int, _integers, hashable=True),
    Spec(float, _floats | _integers, hashable=True),
    Spec(bool, st.booleans(), hashable=True),
    Spec(type(None), st.none(), hashable=True),
    Spec(Annotated[str, Field(min_length=1, max_length=5)], _short, hashable=True, text=True),
    Spec(
        Annotated[str, StringConstraints(pattern=r"^[a-z]+$")],
        st.just("abc"),
        hashable=True,
        text=True,
    ),
    Spec(PositiveInt, st.integers(1, 100), hashable=True),
    Spec(Annotated[float, Field(gt=0, lt=10)], st.floats(0.5, 9.5), hashable=True),
    Spec(StrictInt, _integers, hashable=True),
    Spec(StrictStr, _words, hashable=True, text=True),
    Spec(StrictBool, st.booleans(), hashable=True),
    Spec(StrictFloat, _floats, hashable=True),
    Spec(decimal.Decimal, st.sampled_from(["1.50", 1.5, 12, "-0.0", "1E+3"]), hashable=True),
    Spec(dt.date, _iso(st.dates()), hashable=True),
    Spec(dt.time, _iso(st.times()), hashable=True),
    Spec(dt.datetime, _iso(st.datetimes(timezones=_zones)) | st.just(1_700_000_000), hashable=True),
    Spec(dt.timedelta, st.sampled_from(["P1DT2H", "PT0.5S", 90, 1.5, "-P1D"]), hashable=True),
    Spec(uuid.UUID, _text(st.uuids()), hashable=True, key=True),
    Spec(bytes, _words, hashable=True),
    Spec(AnyUrl, st.just("ftp://example.org/a?b=c"), hashable=True),
    Spec(HttpUrl, st.just("https://example.org"), hashable=True),
    Spec(EmailStr, st.sampled_from(["ada@example.org", "a.b+c@example.com"]), hashable=True),
    Spec(SecretStr, _words, hashable=True),
    Spec(SecretBytes, _words, hashable=True),
    Spec(generic(Secret, list[int]), st.lists(st.integers(), max_size=3)),
    Spec(pathlib.Path, st.sampled_from(["a/b.txt", "/", "."]), hashable=True),
    Spec(ipaddress.IPv4Address, _text(st.ip_addresses(v=4)), hashable=True),
    Spec(re.Pattern, st.just("a+b"), hashable=True),
    Spec(Color, st.sampled_from(["red", "green"]), hashable=True, key=True),
    Spec(Level, st.sampled_from([1, 2]), hashable=True),
    Spec(Tone, st.sampled_from(["soft", "loud"]), hashable=True, key=True),
    Spec(Literal["a", "bb"], st.sampled_from(["a", "bb"]), hashable=True, key=True),
    Spec(Literal[1, "x"] | None, st.sampled_from([1, "x", None]), hashable=True),
    Spec(generic(Json, list[int]), st.lists(st.integers(), max_size=3).map(json.dumps)),
    Spec(generic(Json, Any), st.sampled_from(['{"a": [1]}', '"x"', "null"])),
    Spec(ByteSize, st.sampled_from(["1KiB", 12]), hashable=True),
    Spec(Base64Bytes, st.binary(max_size=6).map(lambda b: base64.b64encode(b).decode())),
    Spec(complex, st.sampled_from(["1+2j", "3j"]), hashable=True),
    Spec(UserId, _integers, hashable=True),
    Spec(Score, st.integers(0, 100), hashable=True),
]

# pydantic 2.11 has no verdict on null: it raises what the class raises.
if isinstance(_verdict_on_null(fractions.Fraction), ValidationError):
    SCALARS.append(Spec(fractions.Fraction, st.sampled_from(["1/3", 2, 0.5]), hashable=True))

_leaves = st.none() | st.booleans() | _integers | _floats | _words
_any = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=6,
)

#: Types that take any value, or any of one kind.
UNTYPED: list[Spec] = [
    Spec(Any, _any),
    Spec(object, _any),
    Spec(JsonValue, _any),
    Spec(dict, st.dictionaries(_words, _any, max_size=3)),
    Spec(list, st.lists(_any, max_size=3)),
    Spec(tuple, st.lists(_any, max_size=3)),
    Spec(set, st.lists(_integers, max_size=3)),
]

#: Types of keys, with the strings that a document has for them.
KEYS: list[Spec] = [
    Spec(str, _words, key=True),
    Spec(Annotated[str, Field(max_length=5)], st.text(max_size=5), key=True),
    Spec(int, _text(st.integers(0, 10**6)), key=True),
    Spec(float, _text(st.integers(0, 99)), key=True),
    Spec(dt.date, _iso(st.dates()), key=True),
    Spec(Any, _words, key=True),
    *(spec for spec in SCALARS if spec.key),
]
