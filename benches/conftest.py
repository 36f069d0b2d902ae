"""How a benchmark is timed, and what is written down beside the time.

Times are CPU seconds of this process (``--benchmark-timer``), with the garbage collector as users
have it: on, and without the test runner's own objects to walk through, which are frozen before each
measurement. A measurement runs its subject for about a second and takes the best run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches.measuring import frozen

T = TypeVar("T")

BUDGET_S = 1.0
# Below this the timer's own cost would show.
SHORTEST_RUN_S = 0.002


@pytest.fixture(autouse=True)
def _own_objects_only() -> Iterator[None]:
    with frozen():
        yield


class Measure(Protocol):
    """Times a subject and files the result under a key."""

    def __call__(self, key: str, run: Callable[[], Any], *, units: int, note: str = "") -> None: ...


class MeasurePrepared(Protocol):
    """Times what happens to a value that is made before the clock starts."""

    def __call__(
        self,
        key: str,
        prepare: Callable[[], T],
        run: Callable[[T], object],
        *,
        units: int,
        note: str,
    ) -> None: ...


@pytest.fixture
def measure(benchmark: BenchmarkFixture) -> Measure:
    """Return the function that times one subject.

    The key is ``KIND/SUBJECT/INPUT``; ``units`` is how many chunks (or documents) one run handles;
    ``note`` says what a reader must know of the run, such as that it is a sample.
    """

    def _measure(key: str, run: Callable[[], Any], *, units: int, note: str = "") -> None:
        begin = time.process_time()
        run()
        seconds = max(time.process_time() - begin, 1e-7)
        iterations = max(1, round(SHORTEST_RUN_S / seconds))
        rounds = min(max(int(BUDGET_S / (seconds * iterations)), 2), 200)
        benchmark.group = key.partition("/")[0]
        benchmark.extra_info.update(key=key, units=units, note=note)
        benchmark.pedantic(  # type: ignore[no-untyped-call]
            run, rounds=rounds, iterations=iterations
        )

    return _measure


@pytest.fixture
def measure_prepared(benchmark: BenchmarkFixture) -> MeasurePrepared:
    """Return the function that times one subject on a value prepared anew for every round."""

    def _measure(
        key: str,
        prepare: Callable[[], T],
        run: Callable[[T], object],
        *,
        units: int,
        note: str,
    ) -> None:
        benchmark.group = key.partition("/")[0]
        benchmark.extra_info.update(key=key, units=units, note=note)
        benchmark.pedantic(  # type: ignore[no-untyped-call]
            run, setup=lambda: ((prepare(),), {}), rounds=4
        )

    return _measure
