"""Types all of which is shown while it is open, to hold snapshots to what the document has."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from pydantic import RootModel, create_model
from typing_extensions import TypedDict

from ._look import members
from ._spec import Draw, Spec, generic

__all__ = ["check_shown", "shown_types"]


def _model(names: list[str], types: list[Any]) -> Any:
    fields: dict[str, Any] = {name: (type_, ...) for name, type_ in zip(names, types, strict=True)}
    return create_model("Shown", **fields)


def _dataclass(names: list[str], types: list[Any]) -> Any:
    return dataclasses.make_dataclass("ShownData", list(zip(names, types, strict=True)))


def _typed_dict(names: list[str], types: list[Any]) -> Any:
    make: Any = TypedDict
    return make("ShownTyped", dict(zip(names, types, strict=True)))


_CLASSES: list[Callable[[list[str], list[Any]], Any]] = [_model, _dataclass, _typed_dict]


def _object(draw: Draw, parts: list[Spec]) -> Spec:
    names = [f"field_{index}" for index in range(len(parts))]
    made = draw(st.sampled_from(_CLASSES))(names, [part.type for part in parts])
    documents = {name: part.documents for name, part in zip(names, parts, strict=True)}
    return Spec(made, st.fixed_dictionaries(documents))


def _list(_: Draw, parts: list[Spec]) -> Spec:
    return Spec(generic(list, parts[0].type), st.lists(parts[0].documents, max_size=3))


def _dict(_: Draw, parts: list[Spec]) -> Spec:
    documents = st.dictionaries(st.text(max_size=3), parts[0].documents, max_size=3)
    return Spec(generic(dict, str, parts[0].type), documents)


def _tuple(_: Draw, parts: list[Spec]) -> Spec:
    documents = st.tuples(*(part.documents for part in parts)).map(list)
    return Spec(generic(tuple, *(part.type for part in parts)), documents)


def _optional(_: Draw, parts: list[Spec]) -> Spec:
    return Spec(parts[0].type | None, st.none() | parts[0].documents)


def _root_model(_: Draw, parts: list[Spec]) -> Spec:
    return Spec(generic(RootModel, parts[0].type), parts[0].documents)


_SCALARS = [
    Spec(str, st.text(max_size=4)),
    Spec(int, st.integers()),
    Spec(bool, st.booleans()),
]
_KINDS: list[Callable[[Draw, list[Spec]], Spec]] = [
    _object,
    _object,
    _list,
    _dict,
    _tuple,
    _optional,
    _root_model,
]


@st.composite
def shown_types(draw: Draw, depth: int = 3) -> Spec:
    """Draw a type all of which is shown as the document has it."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(_SCALARS))
    parts = [draw(shown_types(depth - 1)) for _ in range(draw(st.integers(1, 2)))]
    return draw(st.sampled_from(_KINDS))(draw, parts)


def check_shown(typed: Any, untyped: Any) -> None:
    """Check that `typed` shows what `untyped` does, and nothing else.

    Raises:
        AssertionError: It does not.
    """
    if isinstance(typed, RootModel):
        check_shown(typed.root, untyped)
        return
    if isinstance(untyped, list):
        untyped = dict(enumerate(untyped))
    if not isinstance(untyped, dict):
        assert typed == untyped
        return
    found = members(typed)
    assert found is not None
    # A dataclass does not tell what was received.
    assert dataclasses.is_dataclass(typed) or found.keys() == untyped.keys()
    for key, item in untyped.items():
        check_shown(found[key], item)
