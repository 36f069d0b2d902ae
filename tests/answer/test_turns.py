"""Reads that are due: a few in each turn of the loop, in order, and nothing else waits for them."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partialfast.answer._pace import Pace, phase
from partialfast.answer._turns import Turns


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock goes on only where nothing is left to do, and then at once."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__()
        self.turns = 0
        select = self._selector.select

        def pass_time(timeout: float | None = None) -> Any:
            self.turns += 1
            found = select(0)
            if not found and timeout:
                self._now += timeout
            return found

        self._selector.select = pass_time

    _selector: Any

    def time(self) -> float:
        return self._now


@pytest.fixture
def loop() -> Any:
    loop = VirtualLoop()
    yield loop
    loop.close()


def test_what_is_due_at_once_is_done_over_many_turns(loop: VirtualLoop) -> None:
    order: list[int] = []
    in_turn: Counter[int] = Counter()

    async def read(number: int) -> None:
        await Turns.of(loop).rest(0.25)
        order.append(number)
        in_turn[loop.turns] += 1

    async def main() -> None:
        await asyncio.gather(*(read(number) for number in range(100)))

    loop.run_until_complete(main())
    assert order == list(range(100))
    assert max(in_turn.values()) <= 16
    assert len(in_turn) >= 100 / 16


def test_nothing_else_waits_for_all_of_them(loop: VirtualLoop) -> None:
    done: list[str] = []

    async def read() -> None:
        await Turns.of(loop).rest(0.25)
        done.append("read")

    async def main() -> None:
        reads = [asyncio.ensure_future(read()) for _ in range(200)]
        # It becomes due a little later than they, while they are being served.
        await asyncio.sleep(0.2521)
        done.append("other")
        await asyncio.gather(*reads)

    def hold_up() -> None:
        # Each turn takes a millisecond, as it does where there is work.
        loop._now += 0.001
        if len(done) < 201:
            loop.call_soon(hold_up)

    loop.call_soon(hold_up)
    loop.run_until_complete(main())
    assert Counter(done) == {"read": 200, "other": 1}
    # All but what was begun before.
    assert done.index("other") < 100


@given(st.lists(st.floats(0.02, 10.0), min_size=1, max_size=40))
def test_a_rest_is_never_too_short_nor_much_too_long(rests: list[float]) -> None:
    loop = VirtualLoop()
    taken: list[tuple[float, float]] = []

    async def read(seconds: float) -> None:
        await Turns.of(loop).rest(seconds)
        taken.append((seconds, loop.time()))

    async def main() -> None:
        await asyncio.gather(*map(read, rests))

    loop.run_until_complete(main())
    loop.close()
    assert len(taken) == len(rests)
    for seconds, ended in taken:
        assert seconds - 1e-6 <= ended <= seconds + 0.005


def test_one_that_is_cancelled_gives_its_turn_to_the_next(loop: VirtualLoop) -> None:
    done: list[int] = []

    async def read(number: int) -> None:
        await Turns.of(loop).rest(0.1)
        done.append(number)

    async def main() -> None:
        reads = [asyncio.ensure_future(read(number)) for number in range(50)]
        await asyncio.sleep(0.05)
        for each in reads[::2]:
            each.cancel()
        await asyncio.gather(*reads, return_exceptions=True)

    loop.run_until_complete(main())
    assert done == list(range(1, 50, 2))


def test_streams_that_begin_together_are_due_one_after_the_other() -> None:
    now = itertools.repeat(0.0)
    for count in (10, 256, 2000):
        paces = [Pace(0.25, first=phase(), clock=now.__next__) for _ in range(count)]
        for pace in paces:
            assert pace.is_due(completed=False, more=False)
        due = sorted(pace.due_in or 0.0 for pace in paces)
        gaps = [later - earlier for earlier, later in itertools.pairwise([0.0, *due, 0.25])]
        # Of steps of the golden ratio, no gap is larger than this (Steinhaus).
        assert max(gaps) <= 0.25 * 2.62 / count


def test_only_the_first_pause_is_shorter() -> None:
    now = 0.0
    pace = Pace(0.25, first=0.4, clock=lambda: now)
    seen: list[float] = []
    tell: Callable[[], bool] = lambda: pace.is_due(completed=True, more=False)  # noqa: E731
    for step in range(101):
        now = step * 0.01
        if tell():
            seen.append(round(now, 2))
    assert seen == [0.0, 0.1, 0.35, 0.6, 0.85]


def test_loops_are_let_go() -> None:
    for _ in range(3):
        loop = VirtualLoop()
        loop.run_until_complete(Turns.of(loop).rest(0.1))
        loop.close()
        del loop
    import gc

    gc.collect()
    assert not [each for each in Turns._of if isinstance(each, VirtualLoop)]
