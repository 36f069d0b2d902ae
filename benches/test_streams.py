"""The figures of `benches.streams`, a test each."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches import streams
from benches.measuring import WINDOW, WINDOWS, frozen, read_window

BUDGET_S = 1.0
# Below this the timer's own cost would show.
SHORTEST_RUN_S = 0.002
SAMPLED = [key for key in streams.figures() if key.startswith("windows/")]


@pytest.fixture(autouse=True)
def _own_objects_only() -> Iterator[None]:
    with frozen():
        yield


@pytest.mark.parametrize("key", [key for key in streams.figures() if key not in SAMPLED])
def test_stream(benchmark: BenchmarkFixture, key: str) -> None:
    found = streams.subject(key)
    if found is None:
        pytest.skip("the document is absent")
    run, units = found
    begin = time.process_time()
    run()
    seconds = max(time.process_time() - begin, 1e-7)
    iterations = max(1, round(SHORTEST_RUN_S / seconds))
    rounds = min(max(int(BUDGET_S / (seconds * iterations)), 2), 200)
    benchmark.group = key
    benchmark.extra_info["units"] = units
    benchmark.pedantic(run, rounds=rounds, iterations=iterations)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("number", range(WINDOWS))
@pytest.mark.parametrize("key", SAMPLED)
def test_window(benchmark: BenchmarkFixture, key: str, number: int) -> None:
    benchmark.group = key
    benchmark.extra_info["units"] = WINDOW
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        read_window, setup=lambda: ((streams.window(key, number),), {}), rounds=4
    )
