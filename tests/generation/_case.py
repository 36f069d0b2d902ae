"""A type and a text of it."""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import dataclass, field
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import SchemaError

import partialfast as pf
from partialfast.typed._loops import Snapshots
from tests.chunkings import bytewise, random_splits

from ._code import watching
from ._containers import CODED, CONTAINERS
from ._objects import OBJECTS
from ._spec import Draw, Feature, Spec
from .scalars import SCALARS, UNTYPED

__all__ = ["Case", "cases"]


@dataclass
class Case:
    """A type, a text, and what pydantic makes of it.

    Attributes:
        type: Any type that pydantic validates.
        text: A whole JSON text.
        options: Arguments for `validate_json`.
    """

    type: Any
    text: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def document(self) -> Any:
        """What the text says."""
        return json.loads(self.text)

    def expected(self) -> Any:
        """Return pydantic's value of the text.

        Raises:
            ValidationError: The text is not valid.
        """
        return TypeAdapter(self.type).validate_json(self.text, **self.options)

    def state(self, **options: Any) -> pf.StreamState[Any]:
        """Return a stream's state for the type."""
        return pf.StreamState(self.type, **self.options, **options)

    def stream(self, chunks: list[bytes], **options: Any) -> Snapshots[Any]:
        """Return a stream of snapshots of `chunks`."""
        return pf.stream(self.type, chunks, **self.options, **options)

    def is_valid(self) -> bool:
        try:
            self.expected()
        except ValidationError:
            return False
        return True

    def splits(self, seed: int) -> list[list[bytes]]:
        """Return ways to cut the text."""
        return self.cuts(self.text.encode(), seed)

    @staticmethod
    def cuts(data: bytes, seed: int) -> list[list[bytes]]:
        """Return ways to cut `data`: not at all, at every byte, and at random places."""
        return [[data], bytewise(data), *random_splits(data, count=2, seed=seed)]


@st.composite
def _specs(draw: Draw, depth: int, features: Feature) -> Spec:
    """Draw a type. At no depth left it has no parts."""

    def part() -> Spec:
        return draw(_specs(depth - 1, features))

    kind = "scalar" if depth == 0 else draw(st.sampled_from(_KINDS))
    if kind == "container":
        return draw(st.sampled_from(CONTAINERS))(draw, part)
    if kind == "coded" and Feature.CODE in features:
        return draw(st.sampled_from(CODED))(draw, part)
    if kind in ("object", "coded"):
        return draw(st.sampled_from(OBJECTS))(draw, part, features)
    return draw(st.sampled_from(UNTYPED if kind == "untyped" else SCALARS))


#: How often types of which sort are drawn. Hypothesis prefers what stands first when it shrinks.
_KINDS = ["scalar"] * 4 + ["untyped"] + ["container"] * 6 + ["coded"] * 2 + ["object"] * 12


_OPTIONS: list[dict[str, Any]] = [
    {},
    {},
    {},
    {"strict": True},
    {"strict": False, "context": {"a": 1}},
    {"by_name": True},
    {"by_name": True, "by_alias": False},
]

_OTHERS: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, 7, -1.5, "", "other", "a", [], [1], {}, {"kind": "a"}, {"field_0": 3}]
)


def _near(draw: Draw, value: Any) -> Any:
    """Return another value of the same kind, which a constraint may forbid."""
    if isinstance(value, str):
        return draw(st.sampled_from(["", value + "!", value * 9, value.swapcase(), value[:-1]]))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # What is infinite is no JSON.
        near = [-value, 0, value * 1000 + 1, value + 0.5]
        return draw(
            st.sampled_from([each for each in near if isinstance(each, int) or math.isfinite(each)])
        )
    return draw(_OTHERS)


def _broken(draw: Draw, value: Any) -> Any:
    """Return `value` with one part of it replaced or taken out."""
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(value)))
        if draw(st.integers(0, 3)) == 0:
            return {name: item for name, item in value.items() if name != key}
        return {**value, key: _broken(draw, value[key])}
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        index = draw(st.integers(0, len(value) - 1))
        if draw(st.integers(0, 3)) == 0:
            return value[:index] + value[index + 1 :]
        return [*value[:index], _broken(draw, value[index]), *value[index + 1 :]]
    return _near(draw, value) if draw(st.booleans()) else draw(_OTHERS)


class _Again(str):
    """A key that may stand in a dict beside an equal one: compared by what it is."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def _merged(first: Any, second: Any) -> Any:
    """Return the object that has the keys of both, some of them twice."""
    if not isinstance(first, dict) or not isinstance(second, dict) or "kind" in first:
        # A tag that is there twice decides a union at once, for the wrong member.
        return first
    again = {_Again(key) if key in first else key: value for key, value in second.items()}
    return {**first, **again}


def _is_valid(case: Case) -> bool:
    try:
        with watching(case.text):
            return case.is_valid()
    except SchemaError:
        # A validator asks for a default, or to be left out, where there is neither.
        assume(condition=False)
        raise
    except AttributeError:
        # A dataclass with slots, into which pydantic tries to put what a config allows.
        assume(condition=False)
        raise


@st.composite
def cases(draw: Draw, features: Feature = Feature.ALL, depth: int = 3) -> Case:
    """Draw a type and a text.

    Args:
        draw: Hypothesis's own.
        features: What the type and the text may have.
        depth: How deep types may stand in one another.
    """
    try:
        with warnings.catch_warnings():
            # pydantic has something to say about some fields, which is not the point here.
            warnings.simplefilter("ignore")
            spec = draw(_specs(depth, features))
            TypeAdapter(spec.type)
    except (PydanticUserError, PydanticSchemaGenerationError, TypeError, RuntimeError):
        # Not every two things can be put together: a default before a required field, say.
        assume(condition=False)
        raise
    options = draw(st.sampled_from(_OPTIONS))
    document = draw(spec.documents)
    if Feature.TWICE in features and draw(st.integers(0, 3)) == 0:
        other = draw(spec.documents)
        # A first value that is invalid is an error at once, before the second comes.
        assume(
            all(_is_valid(Case(spec.type, json.dumps(one), options)) for one in (document, other))
        )
        document = _merged(document, other)
    if Feature.INVALID in features and draw(st.integers(0, 2)) == 0:
        document = _broken(draw, document)
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:  ")]))
    text = json.dumps(document, ensure_ascii=draw(st.booleans()), separators=separators)
    made = Case(spec.type, text, options)
    valid = _is_valid(made)
    assume(valid or Feature.INVALID in features)
    return made
