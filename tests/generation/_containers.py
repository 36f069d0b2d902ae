"""Types that hold values of other types, without being classes of the user's."""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Deque, Dict, List, Optional, Union, get_origin  # noqa: UP035 - both spellings

from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    OnErrorOmit,
    PlainSerializer,
    PlainValidator,
    WrapSerializer,
    WrapValidator,
)
from pydantic_core import core_schema

from ._code import keep, look, look_raw
from ._spec import Draw, Spec, annotated, fresh_name, generic, publish
from .scalars import KEYS, SCALARS

__all__ = ["CODED", "CONTAINERS"]

#: Draws a part's type.
Parts = Callable[[], Spec]


def _lists(of: Spec, most: int = 3) -> st.SearchStrategy[Any]:
    return st.lists(of.documents, max_size=most)


def _list(draw: Draw, part: Parts) -> Spec:
    of = part()
    type_ = draw(
        st.sampled_from(
            [
                generic(list, of.type),
                generic(List, of.type),  # noqa: UP006
                generic(Sequence, of.type),
                annotated(generic(list, of.type), Field(min_length=0, max_length=3)),
                generic(tuple, of.type, ...),
                generic(collections.deque, of.type),
                annotated(generic(Deque, of.type), Field(max_length=3)),  # noqa: UP006
            ]
        )
    )
    return Spec(type_, _lists(of))


def _tuple(draw: Draw, part: Parts) -> Spec:
    parts = [part() for _ in range(draw(st.integers(1, 3)))]
    types = tuple(spec.type for spec in parts)
    documents = st.tuples(*(spec.documents for spec in parts)).map(list)
    return Spec(generic(tuple, *types), documents)


def _set(draw: Draw, _: Parts) -> Spec:
    of = draw(st.sampled_from([spec for spec in SCALARS if spec.hashable]))
    type_ = draw(
        st.sampled_from(
            [
                generic(set, of.type),
                generic(frozenset, of.type),
                annotated(generic(set, of.type), Field(max_length=3)),
            ]
        )
    )
    return Spec(type_, _lists(of), hashable=False)


def _dict(draw: Draw, part: Parts) -> Spec:
    of = part()
    key = draw(st.sampled_from(KEYS))
    type_ = draw(
        st.sampled_from(
            [
                generic(dict, key.type, of.type),
                generic(Dict, key.type, of.type),  # noqa: UP006
                generic(Mapping, key.type, of.type),
                generic(collections.OrderedDict, key.type, of.type),
                annotated(generic(dict, key.type, of.type), Field(max_length=3)),
            ]
        )
    )
    return Spec(type_, st.dictionaries(key.documents, of.documents, max_size=3))


def _defaultdict(draw: Draw, _: Parts) -> Spec:
    of = draw(st.sampled_from([list[int], dict[str, int], int]))
    documents: dict[Any, st.SearchStrategy[Any]] = {
        list[int]: st.lists(st.integers(), max_size=2),
        dict[str, int]: st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
        int: st.integers(),
    }
    type_ = generic(collections.defaultdict, str, of)
    return Spec(type_, st.dictionaries(st.text(max_size=3), documents[of], max_size=3))


def _noted(_draw: Draw, part: Parts) -> Spec:
    """A type with a note that cannot be hashed."""
    of = part()
    return Spec(annotated(of.type, ["a note"]), of.documents, hashable=of.hashable)


def _counter(_draw: Draw, _part: Parts) -> Spec:
    documents = st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=3)
    return Spec(collections.Counter[str], documents)


def _optional(draw: Draw, part: Parts) -> Spec:
    of = part()
    type_ = draw(st.sampled_from([generic(Optional, of.type), of.type | None]))
    return Spec(type_, st.none() | of.documents, hashable=of.hashable)


def _union(draw: Draw, part: Parts) -> Spec:
    parts = [part() for _ in range(draw(st.integers(2, 3)))]
    type_ = generic(Union, *(spec.type for spec in parts))
    if get_origin(type_) is Union and draw(st.integers(0, 3)) == 0:
        type_ = annotated(type_, Field(union_mode="left_to_right"))
    return Spec(type_, st.one_of(*(spec.documents for spec in parts)))


CONTAINERS: list[Callable[[Draw, Parts], Spec]] = [
    _list,
    _list,
    _dict,
    _optional,
    _union,
    _tuple,
    _set,
    _defaultdict,
    _counter,
    _noted,
]


# ---- code of the user's around any type


_VALIDATORS: list[Any] = [
    AfterValidator(look),
    BeforeValidator(look_raw),
    WrapValidator(keep),
    PlainValidator(look_raw),
]


def _validated(draw: Draw, part: Parts) -> Spec:
    of = part()
    return Spec(annotated(of.type, draw(st.sampled_from(_VALIDATORS))), of.documents)


def _with_info(draw: Draw, part: Parts) -> Spec:
    of = part()

    def check(value: Any, info: Any) -> Any:
        look(info.data)
        return look(value)

    def check_around(value: Any, handler: Any, info: Any) -> Any:
        look(info.data)
        return keep(value, handler)

    validator = draw(st.sampled_from([AfterValidator(check), WrapValidator(check_around)]))
    return Spec(annotated(of.type, validator), of.documents)


def _serialized(draw: Draw, part: Parts) -> Spec:
    of = part()

    def plain(value: Any) -> str:
        return type(look(value)).__name__

    def around(value: Any, handler: Any) -> Any:
        return [handler(look(value))]

    serializer = draw(
        st.sampled_from(
            [
                PlainSerializer(plain, return_type=str),
                PlainSerializer(plain, return_type=str, when_used="json"),
                PlainSerializer(repr),
                WrapSerializer(around),
            ]
        )
    )
    return Spec(annotated(of.type, serializer), of.documents)


def _custom(_: Draw, part: Parts) -> Spec:
    """A class with a schema of its own around another type."""
    of = part()

    class Custom:
        def __init__(self, inner: Any) -> None:
            self.inner = look(inner)

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Custom) and other.inner == self.inner

        def __hash__(self) -> int:
            return hash(Custom)

        def __repr__(self) -> str:
            return f"Custom({self.inner!r})"

        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            return core_schema.no_info_after_validator_function(
                cls,
                handler.generate_schema(of.type),
                serialization=core_schema.plain_serializer_function_ser_schema(
                    lambda value: repr(look(value.inner))
                ),
            )

    Custom.__name__ = fresh_name("Custom")
    return Spec(publish(Custom), of.documents)


def _omitted(_: Draw, part: Parts) -> Spec:
    of = part()
    documents = of.documents | st.sampled_from(["no such value", 3.25, [[[]]]])
    return Spec(generic(list, generic(OnErrorOmit, of.type)), st.lists(documents, max_size=3))


CODED: list[Callable[[Draw, Parts], Spec]] = [
    *[_validated] * len(_VALIDATORS),
    _with_info,
    _serialized,
    _custom,
    _omitted,
]
