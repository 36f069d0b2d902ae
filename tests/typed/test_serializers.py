"""A user's serializer sees what is complete, whatever type it is on and whatever holds that type.

Every type that is shown while open, or that leaves a gap while it is not, stands in every holder.
The serializer tells what it was given, so that a snapshot, the ops and the final value agree.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any, Literal, NamedTuple, Optional

import pytest
from pydantic import (
    VERSION,
    AnyUrl,
    ByteSize,
    IPvAnyAddress,
    Json,
    PlainSerializer,
    RootModel,
    SecretStr,
    TypeAdapter,
    WrapSerializer,
    create_model,
)
from pydantic_core import PydanticSerializationError
from typing_extensions import TypedDict

import partialfast as pf
from tests.chunkings import bytewise
from tests.generation import annotated, generic


class Pair(NamedTuple):
    first: list[int]
    second: int


def told(value: Any) -> str:
    """Tell what a serializer was given, and refuse a hole."""
    assert value is not None
    if isinstance(value, Pair):
        assert value.second is not None
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, Sized) else "one"


def told_around(value: Any, handler: Any) -> str:
    del handler
    return told(value)


SERIALIZERS: dict[str, Any] = {
    "plain": PlainSerializer(told),
    "around": WrapSerializer(told_around),
}

TYPES: dict[str, tuple[Any, str]] = {
    "str": (str, '"abc"'),
    "int": (int, "12"),
    "any": (Any, '[1, {"a": "b"}]'),
    "literal": (Literal["a"], '"a"'),
    "list": (list[int], "[1, 2]"),
    "sequence": (Sequence[str], '["a", "b"]'),
    "tuple": (generic(tuple, int, ...), "[1, 2]"),
    "set": (set[int], "[1, 2]"),
    "frozenset": (frozenset[int], "[1, 2]"),
    "deque": (collections.deque[int], "[1, 2]"),
    "dict": (dict[str, int], '{"a": 1, "b": 2}'),
    "mapping": (Mapping[str, int], '{"a": 1, "b": 2}'),
    "ordered dict": (generic(collections.OrderedDict, str, int), '{"a": 1, "b": 2}'),
    "default dict": (generic(collections.defaultdict, str, int), '{"a": 1, "b": 2}'),
    "counter": (generic(collections.Counter, str), '{"a": 1, "b": 2}'),
    "named tuple": (Pair, "[[1, 2], 3]"),
    "named tuple as an object": (Pair, '{"second": 3, "first": [1, 2]}'),
    "date": (dt.date, '"2020-01-01"'),
    "decimal": (decimal.Decimal, '"1.5"'),
    "secret": (SecretStr, '"abc"'),
    "url": (AnyUrl, '"http://a.b"'),
    "address": (IPvAnyAddress, '"1.2.3.4"'),
    "json": (generic(Json, Any), '"[1, 2]"'),
}


def _named(type_: Any) -> Any:
    fields: Any = [("x", type_), ("y", int)]
    make: Any = NamedTuple
    return make("Named", fields)


def _typed_dict(type_: Any) -> Any:
    make: Any = TypedDict
    return make("Typed", {"x": type_, "y": int}, total=False)


HOLDERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "model": (lambda t: create_model("Model", x=(t, ...), y=(int, 3)), '{{"x": {0}, "y": 1}}'),
    "optional": (lambda t: generic(Optional, t), "{0}"),
    "dataclass": (
        lambda t: dataclasses.make_dataclass("D", [("x", t), ("y", int)]),
        '{{"y":1,"x":{0}}}',
    ),
    "typed dict": (_typed_dict, '{{"x": {0}, "y": 1}}'),
    "named tuple": (_named, "[{0}, 1]"),
    "named tuple as an object": (_named, '{{"y": 1, "x": {0}}}'),
    "sequence of named tuples": (lambda t: generic(Sequence, _named(t)), "[[{0}, 1], [{0}, 2]]"),
    "list": (lambda t: generic(list, t), "[{0}, {0}]"),
    "tuple": (lambda t: generic(tuple, t, t), "[{0}, {0}]"),
    "dict": (lambda t: generic(dict, str, t), '{{"k": {0}, "l": {0}}}'),
    "root model": (lambda t: generic(RootModel, t), "{0}"),
}
# What a named tuple holds is dumped by what it is, not by its type's serializer, before pydantic
# 2.12; of these it then knows no JSON.
NOT_DUMPED = {"deque", "address"} if VERSION < "2.12" else set[str]()


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("kind", TYPES)
def test_a_serializer_meets_no_hole_and_ops_tell_what_it_gives(kind: str, serializer: str) -> None:
    type_, text = TYPES[kind]
    coded = annotated(type_, SERIALIZERS[serializer])
    for name, (make, template) in HOLDERS.items():
        holder: Any = create_model("Holder", value=(make(coded), ...), last=(int, 0))
        document = f'{{"value": {template.format(text)}, "last": 1}}'
        expected = TypeAdapter(holder).validate_json(document)
        if kind in NOT_DUMPED and "named tuple" in name:
            with pytest.raises(PydanticSerializationError):
                expected.model_dump(mode="json")
            continue
        state: pf.StreamState[Any] = pf.StreamState(holder)
        state.keep_ops()
        seen: Any = None
        for chunk in bytewise(document.encode()):
            snapshot = state.feed(chunk)
            seen = pf.apply_ops(seen, state.take_ops())
            if snapshot is None:
                continue
            assert seen == snapshot.model_dump(mode="json", exclude_unset=True)
            snapshot.model_dump_json()
        final = state.finish()
        assert final.model_dump() == expected.model_dump()
        seen = pf.apply_ops(seen, state.take_ops())
        assert seen == expected.model_dump(mode="json", exclude_unset=True)


def test_what_pydantic_dumps_by_a_function_may_hold_what_is_open() -> None:
    """A `Sequence` of named tuples is dumped by a function of pydantic's, their sizes by `int`."""
    make: Any = NamedTuple
    sizes: Any = make("Sizes", [("size", ByteSize), ("last", int)])
    holder: Any = create_model("Holder", value=(generic(Sequence, sizes), ...))
    for snapshot in pf.stream(holder, bytewise(b'{"value": [["1KiB", 1], [2, 3]]}')):
        snapshot.model_dump(mode="json")
        snapshot.model_dump_json()
