"""What happened to an item so far."""

from __future__ import annotations

import time
from typing import Any

from partialfast.batch.loop._result import Failure, Item, Result, Timings, Usage, result_of

__all__ = ["ItemState"]


class ItemState:
    """What happened to an item so far, over its requests.

    Args:
        item: The item.
        index: Its place in the batch.
        taken: When it was taken.
    """

    def __init__(self, item: Item, index: int, taken: float) -> None:
        self.item = item
        self.index = index
        self.taken = taken
        self.first_sent: float | None = None
        self.first_token: float | None = None
        self.attempts = 0
        self.usage = Usage()
        self.cut: list[int] = []
        self.retries: list[Failure] = []
        self.repairs: tuple[Any, ...] = ()
        self.cached = False
        self.text = ""
        self.snapshot: Any = None

    def result(self, value: Any, failure: Failure | None) -> Result[Any]:
        """Sum it up."""
        now = time.monotonic()
        sent = self.first_sent if self.first_sent is not None else now
        return result_of(
            id=self.item.id,
            value=value,
            error=failure,
            text=self.text,
            snapshot=self.snapshot if failure is not None else None,
            usage=self.usage,
            attempts=self.attempts,
            timings=Timings(sent - self.taken, self.first_token, now - self.taken),
            index=self.index,
            cut=tuple(self.cut),
            retries=tuple(self.retries),
            repairs=self.repairs,
            cached=self.cached,
        )
