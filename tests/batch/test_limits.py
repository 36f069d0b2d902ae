"""The breaker by table, and the limits by the clock of the server."""

from __future__ import annotations

import asyncio
import email.utils
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from partialfast.batch import BreakerOptions, EndpointError, EndpointLimiter
from partialfast.batch.loop._breaker import Breaker, backoff_s
from partialfast.batch.loop._classify import ErrorScope, classify
from partialfast.batch.loop._estimate import Estimator, read_usage
from partialfast.batch.loop._limits import Permit
from partialfast.batch.loop._result import Usage

T = TypeVar("T")

OPTIONS = BreakerOptions(failures=3, pauses=3, first_s=1.0, longest_s=4.0)


class VirtualTime(selectors.DefaultSelector):
    """A selector that does not wait: it lets the clock of its loop go on by as much."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        # A little in any case, as on any clock: the limiter may want to wait for a rounding error.
        self.now += max(timeout or 0.0, 1e-6)
        return super().select(0)


def in_virtual_time(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    selector = VirtualTime()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


@pytest.mark.parametrize("rpm", [30, 900, 6000])
def test_requests_per_minute_are_kept(rpm: int) -> None:
    async def main() -> None:
        clock = asyncio.get_running_loop().time
        limiter = EndpointLimiter(rpm=rpm)
        starts: list[float] = []

        async def request() -> None:
            await limiter.admit(1)
            starts.append(clock())

        await asyncio.gather(*[request() for _ in range(2 * rpm)])
        second = max(1, rpm // 60)
        for first, last in zip(starts, starts[rpm + second :], strict=False):
            assert last - first > 59.99
        # And not slower than that.
        assert starts[-1] < 121

    in_virtual_time(main)


def breaker() -> Breaker:
    return Breaker(OPTIONS, draw=lambda: 1.0)


def test_a_closed_breaker_lets_all_go() -> None:
    it = breaker()
    assert [it.ask(0.0) for _ in range(3)] == [(0.0, 0)] * 3
    it.failed(0.0, 0, "one")
    it.failed(0.0, 0, "two")
    it.succeeded(0)
    it.failed(0.0, 0, "one again")
    assert it.is_closed


def test_failures_in_a_row_open_it_and_a_probe_closes_it() -> None:
    it = breaker()
    for _ in range(3):
        it.failed(10.0, 0, "down")
    assert not it.is_closed
    assert it.ask(10.0) == (1.0, 0)
    assert it.ask(10.75) == (0.25, 0)
    assert it.ask(11.0) == (0.0, 1)  # the probe
    wait, probe = it.ask(11.0)
    assert wait > 1
    assert probe == 0
    it.succeeded(1)
    assert it.ask(11.1) == (0.0, 0)


def test_a_failed_probe_doubles_the_pause_until_it_trips() -> None:
    it = breaker()
    it.throttled(0.0, 0, None, "slow down")
    now = 0.0
    for expected in (1.0, 2.0, 4.0):
        assert it.ask(now) == (expected, 0)
        now += expected
        wait, probe = it.ask(now)
        assert wait == 0
        it.failed(now, probe, "still down")
    assert it.is_tripped
    assert it.reason == "still down"


def test_the_server_says_how_long() -> None:
    it = breaker()
    it.throttled(0.0, 0, 7.0, "slow down")
    assert it.ask(0.0) == (7.0, 0)
    # Another that was sent before the pause began: it can make it longer, and says nothing new.
    it.throttled(1.0, 0, 9.0, "slow down")
    assert it.ask(1.0) == (9.0, 0)
    it.throttled(1.0, 0, 0.5, "slow down")
    assert it.ask(1.0) == (9.0, 0)
    for _ in range(20):
        it.failed(2.0, 0, "late")
    assert not it.is_tripped


def test_a_late_success_does_not_close_it() -> None:
    it = breaker()
    it.throttled(0.0, 0, 5.0, "slow down")
    it.succeeded(0)
    assert it.ask(1.0) == (4.0, 0)


def test_a_probe_that_is_given_up_makes_room_for_another() -> None:
    it = breaker()
    it.throttled(0.0, 0, 1.0, "slow down")
    assert it.ask(1.0) == (0.0, 1)
    it.returned(1.5, 1)
    assert it.ask(1.5) == (0.0, 2)
    it.succeeded(1)  # an old one
    assert not it.is_closed
    # One that nobody ever reports on does not hold all others up for ever.
    assert it.ask(1000.0) == (0.0, 3)


def test_pauses_are_jittered_and_bounded() -> None:
    pauses = [
        backoff_s(number, first_s=1.0, longest_s=8.0, draw=lambda: 0.0) for number in range(1, 6)
    ]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 4.0]
    assert len({backoff_s(1, first_s=1.0, longest_s=8.0) for _ in range(10)}) > 1
    assert backoff_s(10_000, first_s=1.0, longest_s=8.0, draw=lambda: 1.0) == 8.0


# The clock


async def admitted(limiter: EndpointLimiter, count: int, tokens: float = 0.0) -> list[float]:
    clock = asyncio.get_running_loop().time
    began = clock()

    async def one() -> float:
        permit = Permit(limiter, await limiter.admit(tokens))
        await permit.succeeded()
        return clock() - began

    return sorted(await asyncio.gather(*(one() for _ in range(count))))


def test_requests_per_minute_are_kept_from_the_first_second() -> None:
    # 20 a second.
    times = in_virtual_time(lambda: admitted(EndpointLimiter(rpm=1200), 34))
    # A second's worth goes at once; the rest at the rate.
    assert times[19] < 0.05
    assert times[-1] == pytest.approx(14 / 20, abs=0.05)


def test_tokens_per_minute_are_kept_and_estimates_corrected() -> None:
    async def run() -> tuple[float, float]:
        limiter = EndpointLimiter(tpm=60_000)  # 1,000 a second
        first = (await admitted(limiter, 3, 500))[-1]
        # It was twice as much: the next has to wait for what was not announced.
        await limiter.settle(500)
        return first, (await admitted(limiter, 1, 100))[0]

    first, second = in_virtual_time(run)
    assert first == pytest.approx(0.5, abs=0.01)
    assert second == pytest.approx(0.6, abs=0.01)


def test_a_request_beyond_a_second_of_tokens_waits_and_is_not_refused() -> None:
    times = in_virtual_time(lambda: admitted(EndpointLimiter(tpm=60_000), 1, 1_500))
    assert times[0] == pytest.approx(0.5, abs=0.01)


def test_a_pause_holds_all_and_then_lets_one_try() -> None:
    async def run() -> None:
        limiter = EndpointLimiter()
        first = Permit(limiter, await limiter.admit(0))
        began = time.monotonic()
        await first.throttled(0.2, "slow down")
        waiting = [asyncio.create_task(limiter.admit(0)) for _ in range(5)]
        done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert time.monotonic() - began >= 0.19
        [probe] = done
        assert len(rest) == 4
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in rest)
        await Permit(limiter, probe.result()).succeeded()
        assert await asyncio.gather(*rest) == [0] * 4

    asyncio.run(run())


def test_a_tripped_pace_refuses_all() -> None:
    async def run() -> None:
        limiter = EndpointLimiter(breaker=BreakerOptions(failures=1, pauses=0))
        waiting = await limiter.admit(0)
        assert await limiter.failed(waiting, "dead")
        with pytest.raises(EndpointError, match="only errors: dead"):
            await limiter.admit(0)

    asyncio.run(run())


def test_a_limit_needs_aiolimiter(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "aiolimiter", None)
    with pytest.raises(ImportError, match=r'pip install "partialfast\[batch\]"'):
        EndpointLimiter(rpm=1)


# Errors and estimates


class Refused(Exception):  # noqa: N818 - as the endpoint says it
    def __init__(self, status: int, headers: dict[str, str], code: str = "") -> None:
        super().__init__(f"status {status}")
        self.status_code = status
        self.code = code
        self.response = type("Response", (), {"headers": headers})()


def in_a_minute() -> str:
    return email.utils.formatdate(time.time() + 60, usegmt=True)


@pytest.mark.parametrize(
    ("error", "scope", "wait"),
    [
        (Refused(429, {}), ErrorScope.THROTTLED, None),
        (Refused(429, {"retry-after": "2"}), ErrorScope.THROTTLED, 2.0),
        (Refused(429, {"retry-after-ms": "20", "retry-after": "1"}), ErrorScope.THROTTLED, 0.02),
        (Refused(429, {"retry-after": "-5"}), ErrorScope.THROTTLED, 0.0),
        (Refused(429, {"retry-after": "soon"}), ErrorScope.THROTTLED, None),
        (Refused(429, {}, "insufficient_quota"), ErrorScope.FATAL, None),
        (Refused(503, {"retry-after": "3"}), ErrorScope.THROTTLED, 3.0),
        (Refused(503, {}), ErrorScope.TRANSIENT, None),
        (Refused(500, {}), ErrorScope.TRANSIENT, None),
        (Refused(408, {}), ErrorScope.TRANSIENT, None),
        (Refused(401, {}), ErrorScope.FATAL, None),
        (Refused(403, {}), ErrorScope.SETUP, None),
        (Refused(404, {}), ErrorScope.SETUP, None),
        (Refused(400, {}), ErrorScope.ITEM, None),
        (Refused(422, {}), ErrorScope.ITEM, None),
        (ConnectionResetError("reset"), ErrorScope.TRANSIENT, None),
        (TimeoutError(), ErrorScope.TRANSIENT, None),
    ],
)
def test_what_an_error_means(error: Exception, scope: ErrorScope, wait: float | None) -> None:
    found = classify(error)
    assert found is not None
    assert (found.scope, found.retry_after_s) == (scope, wait)


def test_a_date_says_how_long_too() -> None:
    found = classify(Refused(429, {"retry-after": in_a_minute()}))
    assert found is not None
    assert found.retry_after_s is not None
    assert 50 < found.retry_after_s <= 61


def test_a_defect_is_no_trouble_of_the_endpoint() -> None:
    assert classify(KeyError("x")) is None


def test_estimates_are_learnt() -> None:
    estimator = Estimator()
    assert estimator.input(400) == 100
    assert estimator.output(40) == 10
    estimator.learn(Usage(50, 20), prompt=100, text=60)
    estimator.learn(Usage(50, 40), prompt=100, text=60)
    assert estimator.input(100) == 50
    assert estimator.output(60) == 30
    assert estimator.mean_output == 30


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ({"prompt_tokens": 3, "completion_tokens": 4}, Usage(3, 4)),
        ({"input_tokens": 3, "output_tokens": 4}, Usage(3, 4)),
        ({}, Usage(0, 0)),
    ],
)
def test_usage_of_both_apis_is_read(given: Any, expected: Usage | None) -> None:
    assert read_usage(given) == expected
