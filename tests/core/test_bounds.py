"""Whatever an opponent can grow is bounded, or costs time in proportion to what was sent."""

from __future__ import annotations

import time
from typing import Annotated

import pytest
from pydantic import AfterValidator, BaseModel

import partialfast as pf
from tests.bounding import CASES, Case

cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@cases
def test_it_ends_as_documented(case: Case) -> None:
    assert case.run(case.small) == case.outcome


def _seconds(case: Case, size: int) -> float:
    """Return the least of three tries: what is above it is other programs'."""

    def once() -> float:
        begin = time.process_time()
        assert case.run(size) == case.outcome
        return time.process_time() - begin

    return min(once() for _ in range(3))


@pytest.mark.deep
@cases
def test_time_is_linear_or_bounded(case: Case) -> None:
    begin = time.monotonic()
    # 16 times as long would be quadratic. The rest is for the cost of memory.
    factor = 1 if not case.grows else 4
    small = max(case.small, case.size // 64)
    first = _seconds(case, small)
    assert _seconds(case, 4 * small) < 2 * factor * max(first, 0.01)
    assert time.monotonic() - begin < 300


def test_each_value_is_validated_at_most_once_a_level() -> None:
    calls: dict[str, int] = {}

    def count(value: str) -> str:
        calls[value] = calls.get(value, 0) + 1
        return value

    class Level(BaseModel):
        name: Annotated[str, AfterValidator(count)]
        child: Level | None = None

    depth = 60
    levels = [b'{"name":"%d","child":' % level for level in range(depth)]
    text = b"".join(levels) + b"null" + b"}" * depth
    state = pf.StreamState(Level)
    for at in range(0, len(text), 3):
        state.feed(text[at : at + 3])
    state.finish()
    # Once when it closes, and once with each model around it, its own included.
    assert calls == {str(level): level + 2 for level in range(depth)}
