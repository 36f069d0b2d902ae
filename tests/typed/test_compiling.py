"""How much a type is to compile."""

from __future__ import annotations

import itertools
from typing import Any, Optional

import pytest
from pydantic import BaseModel, TypeAdapter, create_model

import partialfast as pf
from partialfast.typed._plan import compile_type
from tests.generation import generic


def chain(size: int) -> Any:
    """Return a model of `size` classes, each in the next one alone."""
    made: Any = create_model("Link", text=(str, ...))
    for _ in range(size - 1):
        made = create_model("Link", text=(str, ...), inner=(made, ...))
    return made


def graph(size: int) -> Any:
    """Return a model of `size` classes, each of which the next one has, and one further on."""
    made: list[Any] = [create_model("Class0", a=(str, ...))]
    for number in range(1, size):
        fields: dict[str, Any] = {
            "a": (str, ...),
            "b": (generic(list, made[-1]), ...),
            "c": (generic(Optional, made[number // 2]), None),
        }
        made.append(create_model(f"Class{number}", **fields))
    return made[-1]


@pytest.mark.parametrize("build", [chain, graph])
def test_a_plan_grows_with_the_number_of_classes(build: Any) -> None:
    sizes = [len(compile_type(build(size)).plan) for size in (10, 20, 30, 40)]
    steps = {after - before for before, after in itertools.pairwise(sizes)}
    # The beginning of a graph is another class half-way back for some.
    assert max(steps) - min(steps) <= 10, sizes
    assert max(sizes) <= 40 * 10


def test_classes_may_stand_in_one_another_as_deep_as_pydantic_takes_them() -> None:
    deep = chain(150)
    text = '{"text": "x", "inner": ' * 149 + '{"text": "x"}' + "}" * 149
    assert pf.stream(deep, [text]).final() == TypeAdapter(deep).validate_json(text)


def test_a_class_in_two_places_has_one_node() -> None:
    class Inner(BaseModel):
        a: str

    class Outer(BaseModel):
        one: Inner
        two: Inner

    class Wider(BaseModel):
        one: Inner
        two: Inner
        three: Inner
        four: Inner

    assert len(compile_type(Outer).plan) == len(compile_type(Wider).plan)
