"""The figures of a run: counted as it goes, read by whoever shows them."""

from __future__ import annotations

import math
import re
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from partialfast._repairs import Repair
from partialfast.batch.loop._result import Failure, Result, Usage

__all__ = ["Figures", "FrequentError", "Latency", "Meter"]

#: Rates are those of the last seconds: a mean over the whole run hides that it has become slow.
_WINDOW_S = 15.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles, in seconds."""

    p50: float
    p90: float
    p99: float


@dataclass(frozen=True, slots=True)
class FrequentError:
    """What went wrong in the same way for several items.

    Args:
        count: How often.
        kind: Its kind.
        id: The item to which it happened first.
        message: What was said there.
    """

    count: int
    kind: str
    id: str
    message: str


_DETAIL = re.compile(r"\d+|'[^']*'|\"[^\"]*\"")
#: How many sorts of errors are told apart: a server can make each of its messages different.
_SORTS = 256
_FREQUENT = 3


@dataclass(frozen=True, slots=True)
class Figures:
    """How a run stands.

    Args:
        elapsed_s: Seconds since it began.
        done: Items with a value.
        failed: Items without.
        skipped: Items that an earlier run had finished.
        in_flight: Items being asked for.
        total: Items in all; ``None`` when that is not known.
        items_per_s: Items finished per second, lately.
        tokens_per_s: Tokens written per second, lately.
        first_token: Of the answered requests; ``None`` before the first.
        whole: Of the items that have a value; ``None`` before the first.
        usage: Tokens so far.
        mean_s: Seconds that an item takes from its first request to its result; 0 before the first.
        kinds: How often each kind of failure came.
        frequent: The most frequent errors, those that another attempt made good included.
        repaired: Values whose text had to be repaired.
        repairs: How often each kind of repair came.
        cached: Values that were known and not asked for.
        same: Items that are the same as others, and were not asked about.
        attempts: Requests so far.
        cut: Answers that were cut off as invalid.
        saved_tokens: About how many tokens these would still have written.
        left_s: Seconds until the end, estimated; ``None`` when it cannot be.
        note: What there is to say besides, such as what holds the run up at present.
    """

    elapsed_s: float
    done: int
    failed: int
    skipped: int
    in_flight: int
    total: int | None
    items_per_s: float
    tokens_per_s: float
    first_token: Latency | None
    whole: Latency | None
    usage: Usage
    mean_s: float
    kinds: dict[str, int]
    frequent: tuple[FrequentError, ...]
    repaired: int
    repairs: Counter[str]
    cached: int
    same: int
    attempts: int
    cut: int
    saved_tokens: int
    left_s: float | None
    note: str

    @property
    def items_per_s_overall(self) -> float:
        """Items finished per second, over the whole run."""
        return (self.done + self.failed) / self.elapsed_s if self.elapsed_s > 0 else 0.0


class Meter:
    """Counts.

    Args:
        total: Items in all, those of earlier runs included; ``None`` when that is not known.
        skipped: Items that an earlier run had finished.
        clock: Gives the time in seconds.
    """

    def __init__(
        self,
        *,
        total: int | None = None,
        skipped: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._began = clock()
        self._total = total
        self.skipped = skipped
        self.note = ""
        # Why nothing is answered at present.
        self.held_up = ""
        # Most items that are in flight where nobody counts them, such as on a cluster.
        self.elsewhere = 0
        self._done = self._failed = self._in_flight = self._attempts = 0
        self._kinds: Counter[str] = Counter()
        self._usage = Usage()
        self._first = _Histogram()
        self._whole = _Histogram()
        self._recent: deque[tuple[float, int]] = deque()
        self._written = 0
        self._cut: list[int] = []
        self._repaired = self._cached = self._same = self._asked = 0
        self._repairs: Counter[str] = Counter()
        self._busy_s = 0.0
        self._sorts: Counter[tuple[Any, ...]] = Counter()
        self._examples: dict[tuple[Any, ...], tuple[str, str]] = {}

    def started(self) -> None:
        """Count an item that is asked for."""
        self._in_flight += 1

    def finished(self, result: Result[Any]) -> None:
        """Count a result.

        Args:
            result: The result.
        """
        now = self._clock()
        self._in_flight -= 1
        self._attempts += result.attempts
        self._usage += result.usage
        self._cut.extend(result.cut)
        self._repaired += bool(result.repairs)
        self._repairs.update(
            each.kind if isinstance(each, Repair) else str(each) for each in result.repairs
        )
        self._cached += result.cached
        for failure in result.retries:
            self._sort(result.id, failure)
        if result.error is not None:
            self._sort(result.id, result.error)
        timings = result.timings
        self._asked += 1
        self._busy_s += timings.total - timings.queued
        if timings.first_token is not None:
            self._first.add(timings.first_token)
        if result.error is None:
            self._done += 1
            self._written += result.usage.output_tokens
            self._whole.add(timings.total - timings.queued)
        else:
            self._failed += 1
            self._kinds[result.error.kind] += 1
        self._recent.append((now, result.usage.output_tokens))

    def copied(self, error: str | None) -> None:
        """Count an item that has the result of another.

        Args:
            error: The kind of its error; ``None`` for a value.
        """
        self._same += 1
        if error is None:
            self._done += 1
        else:
            self._failed += 1
            self._kinds[error] += 1
        self._recent.append((self._clock(), 0))

    def _sort(self, id_: str, failure: Failure) -> None:
        """Count an error with those that are like it."""
        where = tuple("*" if isinstance(step, int) else step for step in failure.location)
        # What the errors of one sort differ in is numbers, and what stands in quotes.
        said = _DETAIL.sub("…", failure.message)[:120] if not where else ""
        first = failure.details[0].get("type") if failure.details else None
        sort = (failure.kind, failure.status, where, first, said)
        if sort in self._examples or len(self._examples) < _SORTS:
            self._sorts[sort] += 1
            self._examples.setdefault(sort, (id_, failure.message))

    def spoilt(self, result: Result[Any]) -> None:
        """Count a result as failed after all: its value could not be written.

        Args:
            result: The result, with the failure.
        """
        assert result.error is not None  # noqa: S101 - for the type checkers
        self._done -= 1
        self._failed += 1
        self._kinds[result.error.kind] += 1
        self._sort(result.id, result.error)

    def abandoned(self) -> None:
        """Count an item out that was given up without a result."""
        self._in_flight -= 1

    def figures(self) -> Figures:
        """Give the figures as they stand."""
        now = self._clock()
        recent = self._recent
        while recent and recent[0][0] < now - _WINDOW_S:
            recent.popleft()
        elapsed = now - self._began
        window = max(min(elapsed, _WINDOW_S), 1e-9)
        items_per_s = len(recent) / window
        finished = self._done + self._failed
        left_s = None
        left = None if self._total is None else max(0, self._total - self.skipped - finished)
        if left is not None and finished:
            left_s = left * elapsed / finished
        elsewhere = self.elsewhere if left is None else min(self.elsewhere, left)
        mean = self._written / self._done if self._done else 0.0
        return Figures(
            elapsed_s=elapsed,
            done=self._done,
            failed=self._failed,
            skipped=self.skipped,
            in_flight=self._in_flight + elsewhere,
            total=self._total,
            items_per_s=items_per_s,
            tokens_per_s=sum(tokens for _, tokens in recent) / window,
            first_token=self._first.latency(),
            whole=self._whole.latency(),
            usage=self._usage,
            mean_s=self._busy_s / max(1, self._asked),
            kinds=dict(self._kinds.most_common()),
            frequent=tuple(
                FrequentError(count, sort[0], *self._examples[sort])
                for sort, count in self._sorts.most_common(_FREQUENT)
            ),
            repaired=self._repaired,
            repairs=self._repairs.copy(),
            cached=self._cached,
            same=self._same,
            attempts=self._attempts,
            cut=len(self._cut),
            saved_tokens=round(sum(max(0.0, mean - written) for written in self._cut)),
            left_s=left_s,
            note="; ".join(filter(None, (self.note, self.held_up))),
        )


class _Histogram:
    """Durations, each to within a hundredth: a batch of any size takes the same memory."""

    _STEP = math.log(1.02)

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._total = 0

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self._counts[round(math.log(max(seconds, 1e-6)) / self._STEP)] += 1
        self._total += 1

    def latency(self) -> Latency | None:
        """Give the percentiles."""
        if not self._total:
            return None
        return Latency(self._at(0.5), self._at(0.9), self._at(0.99))

    def _at(self, share: float) -> float:
        left = math.ceil(share * self._total)
        for bucket in sorted(self._counts):
            left -= self._counts[bucket]
            if left <= 0:
                return math.exp(bucket * self._STEP)
        return 0.0
