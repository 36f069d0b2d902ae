"""When to stop: a run that fails too often, or that has spent what it may."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from partialfast.batch.loop._result import BatchError, Item, Result

__all__ = ["Budget", "FailureLimit", "Prices", "SpendingGuard", "check_budget"]

#: A share of failures means nothing before so many documents.
_ENOUGH = 20
#: Tokens of a document of which nothing is known yet, besides those of its prompt.
_OUTPUT = 256
_MILLION = 1_000_000
_UNITS = {"": 1, "k": 1_000, "m": _MILLION}
_TOKENS = re.compile(r"([\d_]*\.?\d+)\s*([km]?)(?:\s*tokens?)?", re.IGNORECASE)
_MONEY = re.compile(r"([$€£]?)\s*(\d*\.?\d+)\s*([$€£]|[a-z]{3})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost.

    Args:
        input: Of those that are read.
        output: Of those that are written.
        currency: What the figures are in, as somebody wrote it; may be empty.
    """

    input: float
    output: float
    currency: str = ""

    @classmethod
    def of(cls, text: str) -> Prices:
        """Read ``--prices``.

        Args:
            text: Two numbers, such as ``0.15,0.60``.

        Raises:
            ValueError: It is something else.
        """
        read, _, written = text.partition(",")
        prices = cls(float(read), float(written))
        if not (0 <= prices.input < float("inf") and 0 <= prices.output < float("inf")):
            raise ValueError(f"a price must not be negative: {text}")
        return prices

    def cost(self, input_tokens: float, output_tokens: float) -> float:
        """Give what tokens cost."""
        return (input_tokens * self.input + output_tokens * self.output) / _MILLION


@dataclass(frozen=True, slots=True)
class Budget:
    """What a job may spend, over all its runs.

    Args:
        amount: How much.
        currency: Of money, what it is in; ``None`` if it is tokens.
    """

    amount: float
    currency: str | None = None

    @classmethod
    def of(cls, text: str) -> Budget:
        """Read ``--budget``.

        Args:
            text: Tokens, such as ``2000000`` or ``2M``, or money, such as ``$5`` or ``5 EUR``.

        Raises:
            ValueError: It is something else.
        """
        tokens = _TOKENS.fullmatch(text.strip())
        if tokens is not None:
            return cls(float(tokens[1].replace("_", "")) * _UNITS[tokens[2].lower()])
        money = _MONEY.fullmatch(text.strip())
        if money is None or not (money[1] or money[3]):
            raise ValueError(f"neither tokens (2M) nor money ($5): {text}")
        return cls(float(money[2]), money[1] or money[3])


@dataclass(frozen=True, slots=True)
class FailureLimit:
    """How many documents may fail.

    Args:
        count: How many; ``None`` if it is a share.
        share: What share of those that were finished, from 0 to 1; ``None`` if it is a number.
    """

    count: int | None = None
    share: float | None = None

    @classmethod
    def of(cls, text: str) -> FailureLimit:
        """Read ``--max-failures``.

        Args:
            text: A number, or a percentage such as ``5%``.

        Raises:
            ValueError: It is something else.
        """
        if text.endswith("%"):
            share = float(text[:-1]) / 100
            if not 0 <= share <= 1:
                raise ValueError(f"not a percentage: {text}")
            return cls(share=share)
        count = int(text)
        if count < 0:
            raise ValueError(f"must not be negative: {text}")
        return cls(count=count)


def check_budget(budget: Budget | None, prices: Prices | None) -> None:
    """Refuse a budget that cannot be kept.

    Args:
        budget: What may be spent.
        prices: What tokens cost.

    Raises:
        BatchError: The budget is in money, and there are no prices.
    """
    if budget is not None and budget.currency is not None and prices is None:
        raise BatchError("a --budget in money needs --prices: what a million tokens cost")


class SpendingGuard:
    """Watches the results of a run, and says when to take no more documents.

    Args:
        failures: How many documents of this run may fail; ``None`` for any number.
        budget: What the job may spend; ``None`` for anything.
        prices: What tokens cost, for a budget in money.
        spent: Tokens read and written by earlier runs.
        earlier: How many documents they have finished.
        prompt_tokens: About how many each document asks with.

    Raises:
        BatchError: The budget is in money, and there are no prices.
    """

    def __init__(  # noqa: PLR0913 - each is of its own
        self,
        *,
        failures: FailureLimit | None = None,
        budget: Budget | None = None,
        prices: Prices | None = None,
        spent: tuple[int, int] = (0, 0),
        earlier: int = 0,
        prompt_tokens: float = 0.0,
    ) -> None:
        check_budget(budget, prices)
        self._failures = failures
        self._budget = budget
        # Without a currency, a token is what is counted.
        self._prices = prices if budget is not None and budget.currency is not None else None
        self._spent = self._cost(*spent)
        self._earlier = earlier
        self._guess = self._cost(prompt_tokens, _OUTPUT)
        self._finished = self._failed = self._in_flight = 0
        self._paid = 0.0
        self._changed = asyncio.Event()
        self.stopped = ""

    def taken(self) -> None:
        """Note that a document is asked about."""
        self._in_flight += 1

    def finished(self, result: Result[Any]) -> None:
        """Note what became of it."""
        self._in_flight -= 1
        self._finished += 1
        self._failed += result.error is not None
        self._paid += self._cost(result.usage.input_tokens, result.usage.output_tokens)
        self._check_failures()
        self._changed.set()

    def _cost(self, input_tokens: float, output_tokens: float) -> float:
        if self._prices is not None:
            return self._prices.cost(input_tokens, output_tokens)
        return input_tokens + output_tokens

    def _check_failures(self) -> None:
        limit = self._failures
        if limit is None or self.stopped:
            return
        failed, finished = self._failed, self._finished
        if limit.count is not None and failed > limit.count:
            self.stopped = f"{failed:,} documents have failed; --max-failures is {limit.count:,}"
        if limit.share is not None and finished >= _ENOUGH and failed / finished > limit.share:
            self.stopped = (
                f"{failed:,} of {finished:,} documents have failed; "
                f"--max-failures is {limit.share * 100:.4g}%"
            )

    def _is_affordable(self) -> bool:
        """Whether there is money for another document, besides those that are asked about."""
        if self._budget is None:
            return True
        spent = self._spent + self._paid
        return spent + self._each() * (self._in_flight + 1) <= self._budget.amount

    def _each(self) -> float:
        """Give what a document costs: on average, or a guess as long as none is finished."""
        finished = self._earlier + self._finished
        return (self._spent + self._paid) / finished if finished else self._guess

    def _stop_for_money(self) -> None:
        assert self._budget is not None  # noqa: S101 - or all would be affordable
        spent, amount, each = self._spent + self._paid, self._budget.amount, self._each()
        unit = self._budget.currency
        self.stopped = (
            f"the --budget of {amount:,.0f} tokens allows no further document: about "
            f"{spent:,.0f} are spent, and a document takes about {each:,.0f}"
            if unit is None
            else f"the --budget of {amount:,.2f} {unit} allows no further document: about "
            f"{spent:,.4f} are spent, and a document takes about {each:,.4f}"
        )

    async def allowed(self, items: Iterator[Item]) -> AsyncIterator[Item]:
        """Give documents as long as there may be more.

        Args:
            items: The documents.

        Yields:
            The same, until there are too many failures, or nothing is left to spend.
        """
        for item in items:
            # What those in flight cost less than estimated is there for others.
            while not self.stopped and not self._is_affordable():
                if not self._in_flight:
                    self._stop_for_money()
                    break
                self._changed.clear()
                await self._changed.wait()
            if self.stopped:
                return
            self.taken()
            yield item

    def allowed_at_once(self, items: Iterator[Item]) -> Iterator[Item]:
        """Do the same where nothing can be waited for, such as on a cluster."""
        for item in items:
            if not self.stopped and not self._is_affordable():
                self._stop_for_money()
            if self.stopped:
                return
            self.taken()
            yield item
