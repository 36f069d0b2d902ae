"""The nodes of a plan: the words that both sides share, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest

from partialfast._core import Plan
from partialfast.typed import _nodes, families
from partialfast.typed._facts import KINDS
from partialfast.typed._nodes import Array, Choose, Field, Goto, Key, Map, Node, Object, Tagged


@pytest.mark.parametrize("name", sorted(Plan.words()))
def test_the_reader_knows_the_words_of_the_literals(name: str) -> None:
    assert tuple(Plan.words()[name]) == get_args(getattr(_nodes, name))


def test_every_literal_has_a_table_of_the_reader() -> None:
    declared = {name for name, value in vars(_nodes).items() if get_origin(value) is Literal}
    assert declared == set(Plan.words())


def test_every_compound_action_has_a_class() -> None:
    classes = (Goto, Map, Array, Tagged, Choose)
    known = {"object", "root", *(class_.action for class_ in classes)}
    assert known == set(Plan.words()["Compound"])


def validator() -> None:
    """Stand in for what makes a validator: none of these plans is walked."""


TAKES = Node(dict.fromkeys(KINDS, "take"), validator)


def with_action(action: Any) -> Node:
    return dataclasses.replace(TAKES, on={**TAKES.on, "object": action})


def test_a_plan_of_sense_is_read() -> None:
    assert len(Plan([TAKES, with_action(Goto(0, None))])) == 2


class Empty:
    pass


OBJECT = Object(
    "object", "typed-dict", [], [], {}, "ignore", (), partial=dict, complete=dict, dumps=list
)


@pytest.mark.parametrize(
    "nodes",
    [
        [],
        [{}],
        [1],
        [dataclasses.replace(TAKES, on={"object": "take"})],
        [with_action("nothing")],
        [with_action(None)],
        [with_action(Empty())],
        [dataclasses.replace(TAKES, close="never")],  # type: ignore[arg-type]
        [with_action(Goto(7, None))],
        [with_action(Goto(-1, None))],
        [with_action(Array("heap"))],  # type: ignore[arg-type]
        [with_action(Map(values=1))],
        [with_action(dataclasses.replace(OBJECT, flavor="sour"))],  # type: ignore[arg-type]
        [with_action(dataclasses.replace(OBJECT, unknown="guess"))],  # type: ignore[arg-type]
        [with_action(dataclasses.replace(OBJECT, unknown=3))],
        [with_action(dataclasses.replace(OBJECT, fields=[Field("a", 9)]))],
        [with_action(dataclasses.replace(OBJECT, fields=[Field("a", 0, "lend")]))],  # type: ignore[arg-type]
        [
            with_action(
                dataclasses.replace(OBJECT, keys=[Key("a", 4, lenient=False, contested=False)])
            )
        ],
        [with_action(dataclasses.replace(OBJECT, partial=1))],
        [with_action(Tagged(["a"], {None: _nodes.UnionTarget(0, None)}))],
    ],
)
def test_a_plan_that_makes_no_sense_is_rejected(nodes: Any) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError, LookupError, OverflowError)):
        Plan(nodes)


def test_each_family_has_a_file_of_tests() -> None:
    files = Path(families.__file__).parent.glob("[a-z]*.py")
    tests = (Path(__file__).parent / "families").glob("test_*.py")
    assert {path.stem for path in tests} == {f"test_{path.stem}" for path in files}
