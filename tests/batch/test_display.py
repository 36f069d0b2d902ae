"""What a person sees: the figures, the lines, the table and the summary."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest

from partialfast.batch import Failure, Meter, Result, Timings, Usage
from partialfast.batch.loop._result import result_of
from partialfast.batch.run._figures import duration
from partialfast.batch.run._progress import line, shown, summary


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Screen(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def result(
    seconds: float = 1.0, *, failed: bool = False, tokens: int = 10, **more: Any
) -> Result[Any]:
    return result_of(
        id="x", value=None, error=Failure("invalid", "bad") if failed else None, text="",
        snapshot=None, usage=Usage(5, tokens), attempts=1,
        timings=Timings(0.0, seconds / 2, seconds), index=0, **more,
    )  # fmt: skip


def meter(clock: Clock) -> Meter:
    made = Meter(total=30, clock=clock)
    made.skipped = 5
    for number in range(10):
        made.started()
        clock.now += 1.0
        made.finished(result(number + 1.0, failed=number == 9))
    for _ in range(3):
        made.started()
    return made


def test_figures() -> None:
    clock = Clock()
    figures = meter(clock).figures()
    assert (figures.done, figures.failed, figures.skipped, figures.in_flight) == (9, 1, 5, 3)
    assert figures.elapsed_s == 10
    assert figures.items_per_s == figures.items_per_s_overall == 1.0
    assert figures.tokens_per_s == 10
    assert figures.usage == Usage(50, 100)
    assert figures.kinds == {"invalid": 1}
    # 15 are left, at one a second.
    assert figures.left_s == 15
    assert figures.whole is not None
    assert figures.first_token is not None
    # Of 1 to 9 seconds, each to within a hundredth; failures have a first token only.
    assert figures.whole.p50 == pytest.approx(5, rel=0.01)
    assert figures.whole.p99 == pytest.approx(9, rel=0.01)
    assert figures.first_token.p50 == pytest.approx(2.5, rel=0.01)
    assert figures.first_token.p90 == pytest.approx(4.5, rel=0.01)


def test_rates_are_those_of_the_last_seconds() -> None:
    clock = Clock()
    made = meter(clock)
    clock.now += 60
    figures = made.figures()
    assert (figures.items_per_s, figures.tokens_per_s) == (0, 0)
    assert figures.items_per_s_overall == pytest.approx(10 / 70)


def test_an_item_that_is_given_up_is_not_in_flight() -> None:
    made = Meter()
    made.started()
    made.abandoned()
    figures = made.figures()
    assert (figures.in_flight, figures.done, figures.left_s) == (0, 0, None)
    assert figures.first_token is None


def test_what_is_in_flight_elsewhere_is_no_more_than_what_is_left() -> None:
    clock = Clock()
    made = meter(clock)
    made.elsewhere = 8
    assert made.figures().in_flight == 3 + 8
    for _ in range(9):
        made.started()
        made.finished(result())
    # 6 of the 15 are left.
    assert made.figures().in_flight == 3 + 6
    assert Meter().figures().in_flight == 0


def test_a_line() -> None:
    made = meter(Clock())
    made.note = "waiting"
    text = line(made.figures())
    for part in (
        "10.0 s | 15 of 30 | 9 done, 1 failed, 3 in flight | 1.0 items/s, 10 tokens/s",
        "first token 2.49/4.50/4.97 s", "total 4.97/",
        "50 tokens in, 100 out", "15.0 s left", "waiting",
    ):  # fmt: skip
        assert part in text
    assert "\n" not in text


def test_a_summary() -> None:
    clock = Clock()
    made = meter(clock)
    made.finished(result(tokens=4, failed=True, cut=(4,)))
    lines = list(summary(made.figures()))
    assert lines[0] == "11 of 30 documents in 10.0 s: 9 done, 2 failed, 5 were finished before"
    assert lines[1] == "failed: 2 invalid"
    # A whole answer had ten tokens, and this one was cut off after four.
    assert "cut off as invalid: 1 answers, which saved about 6 output tokens" in lines
    assert any(text.startswith("first token, 50th/90th/99th percentile: 2.") for text in lines)
    nothing = list(summary(Meter(total=4).figures()))
    assert len(nothing) == 1
    assert nothing[0].startswith("0 of 4 documents in 0.0 s")


def show(out: io.StringIO, made: Meter, **options: Any) -> str:
    async def run() -> None:
        async with shown(made, out=out, title="in → out", every_s=0.01, **options):
            await asyncio.sleep(0.05)
            made.finished(result())
            await asyncio.sleep(0.05)

    asyncio.run(run())
    return out.getvalue()


def test_where_there_is_no_terminal_lines_come_when_something_changed() -> None:
    clock = Clock()
    lines = show(io.StringIO(), meter(clock)).splitlines()
    assert len(lines) == 2
    assert "9 done, 1 failed, 3 in flight" in lines[0]
    assert "10 done, 1 failed, 2 in flight" in lines[1]
    assert show(io.StringIO(), meter(clock), quiet=True) == ""


def test_on_a_terminal_there_is_a_table() -> None:
    pytest.importorskip("rich")
    text = show(Screen(), meter(Clock()))
    for part in (
        "in → out", "15 of 30", "items/s", "output tokens/s", "first token p50/p90/p99",
        "whole document p50/p90/p99", "tokens in, out", "in flight", "failures: 1 invalid",
        "finished before", "left",
    ):  # fmt: skip
        assert part in text


def test_a_terminal_without_rich_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "rich.live", None)
    with pytest.raises(ImportError, match=r'pip install "partialfast\[batch\]"'):
        show(Screen(), Meter())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (61, "1:01 min"), (3600 + 62, "1:01:02 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_last_columns_are_left_to_what_the_terminal_says() -> None:
    console = pytest.importorskip("rich.console")
    from partialfast.batch.run._terminal import draw_progress

    out = io.StringIO()
    console.Console(file=out, width=90).print(draw_progress(meter(Clock()).figures(), title="x"))
    # "^C" in the last column would wrap, and leave a line behind at each drawing after it.
    assert max(len(each.rstrip()) for each in out.getvalue().splitlines()) <= 90 - len("^C^C")
