"""What a result says of itself."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import fields
from typing import Any

import pytest

from partialfast.batch import Failed, Failure, Outcome, Succeeded, Timings, Usage, extract_sync
from partialfast.batch import extract as extract_
from partialfast.batch.loop._result import result_of, without_content


def result(value: Any, error: Failure | None = None) -> Any:
    return result_of(
        value, error, id="a", text="{}", snapshot=None, usage=Usage(1, 2), attempts=1,
        timings=Timings(0.0, None, 1.0), index=3,
    )  # fmt: skip


@pytest.mark.parametrize("error", [None, Failure("json", "x")])
def test_the_class_and_the_flag_agree(error: Failure | None) -> None:
    made = result(1, error)
    assert isinstance(made, Outcome)
    assert type(made) is (Succeeded if error is None else Failed)
    assert made.ok is (error is None)
    assert made.value == (1 if error is None else None)
    pickled = pickle.loads(pickle.dumps(made))  # noqa: S301 - our own
    for again in (pickled, copy.deepcopy(made)):
        assert again == made
        assert type(again) is type(made)


def test_a_value_may_be_none() -> None:
    assert result(None).ok


def test_without_content_it_stays_what_it_was() -> None:
    whole = result(1)
    light = without_content(whole)
    assert light.ok
    assert (light.value, light.text, light.snapshot) == (None, "", None)
    rest = {each.name for each in fields(whole)} - {"value", "text", "snapshot"}
    assert all(getattr(light, name) == getattr(whole, name) for name in rest)


def test_both_ways_to_extract_take_the_same() -> None:
    awaited = dict(inspect.signature(extract_).parameters)
    sync = dict(inspect.signature(extract_sync).parameters)
    del sync["buffer"]
    assert {name: each.default for name, each in sync.items()} == {
        name: each.default for name, each in awaited.items()
    }
