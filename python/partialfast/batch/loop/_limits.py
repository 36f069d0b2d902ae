"""How fast requests may go: limits per minute, and the pauses that all requests share."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from partialfast.batch._needs import import_extra
from partialfast.batch.loop._breaker import Breaker, BreakerOptions
from partialfast.batch.loop._result import EndpointError

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

__all__ = ["EndpointLimiter", "Permit", "RateLimiter"]

_MINUTE_S = 60.0


class RateLimiter(Protocol):
    """What lets requests go, in this process or in another."""

    @abstractmethod
    async def admit(self, tokens: float) -> int:
        """Wait until a request may go.

        Args:
            tokens: About how many it will read and write.

        Returns:
            The number of the probe that it is; 0 for none. To be handed back with what becomes of
            the request.

        Raises:
            EndpointError: The endpoint answers only errors.
        """

    @abstractmethod
    async def succeeded(self, probe: int) -> None:
        """Note that a request was answered.

        Args:
            probe: What `admit` gave.
        """

    @abstractmethod
    async def throttled(self, probe: int, retry_after_s: float | None, reason: str) -> None:
        """Note that the endpoint asks for a pause.

        Args:
            probe: What `admit` gave.
            retry_after_s: For how long, if it said so.
            reason: The error in words.
        """

    @abstractmethod
    async def failed(self, probe: int, reason: str) -> bool:
        """Note that a request failed for a reason that lies outside the item.

        Args:
            probe: What `admit` gave.
            reason: The error in words.

        Returns:
            Whether all requests fail at present, so that no item is to blame.
        """

    @abstractmethod
    async def returned(self, probe: int) -> None:
        """Note that a request was given up before anything was known.

        Args:
            probe: What `admit` gave.
        """

    @abstractmethod
    async def settle(self, tokens: float) -> None:
        """Correct an estimate.

        Args:
            tokens: How many more were used than `admit` was told; negative for fewer.
        """


class EndpointLimiter:
    """Keeps requests within the limits of an endpoint. One for all that ask the same endpoint.

    The limits are kept evenly: there is no burst at the beginning, so that no window of a minute
    holds more than the limit and a sixtieth of it.

    Args:
        rpm: Requests per minute; ``None`` for no limit.
        tpm: Tokens per minute, read and written; ``None`` for no limit.
        breaker: When to pause and when to give up.

    Raises:
        ImportError: A limit is given and aiolimiter is not installed.
        ValueError: A limit is not positive.
    """

    def __init__(
        self,
        *,
        rpm: float | None = None,
        tpm: float | None = None,
        breaker: BreakerOptions | None = None,
    ) -> None:
        self._requests = _limiter("rpm", rpm)
        self._tokens = _limiter("tpm", tpm)
        self._breaker = Breaker(breaker)
        self._debt = 0.0
        self._changed: asyncio.Event | None = None

    async def admit(self, tokens: float) -> int:
        """Wait until a request may go.

        Args:
            tokens: About how many it will read and write.

        Returns:
            The number of the probe that it is; 0 for none. To be handed back with what becomes of
            the request.

        Raises:
            EndpointError: The endpoint answers only errors.
        """
        while True:
            probe = await self._pass()
            try:
                await self._limit(tokens)
            except BaseException:
                await self.returned(probe)
                raise
            # Others may have met a rate limit while this one waited for its turn.
            if probe or self._breaker.is_closed:
                return probe

    async def succeeded(self, probe: int) -> None:
        """Note that a request was answered.

        Args:
            probe: What `admit` gave.
        """
        self._breaker.succeeded(probe)
        self._wake()

    async def throttled(self, probe: int, retry_after_s: float | None, reason: str) -> None:
        """Note that the endpoint asks for a pause.

        Args:
            probe: What `admit` gave.
            retry_after_s: For how long, if it said so.
            reason: The error in words.
        """
        self._breaker.throttled(time.monotonic(), probe, retry_after_s, reason)
        self._wake()

    async def failed(self, probe: int, reason: str) -> bool:
        """Note that a request failed for a reason that lies outside the item.

        Args:
            probe: What `admit` gave.
            reason: The error in words.

        Returns:
            Whether all requests fail at present, so that the item's own retries are not used up.
        """
        self._breaker.failed(time.monotonic(), probe, reason)
        self._wake()
        return not self._breaker.is_closed

    async def returned(self, probe: int) -> None:
        """Note that a request was given up before anything was known.

        Args:
            probe: What `admit` gave.
        """
        if probe:
            self._breaker.returned(time.monotonic(), probe)
            self._wake()

    async def settle(self, tokens: float) -> None:
        """Correct an estimate; the next requests wait for it, or less.

        Args:
            tokens: How many more were used than `admit` was told; negative for fewer.
        """
        self._debt += tokens

    async def _pass(self) -> int:
        while True:
            breaker = self._breaker
            if breaker.is_tripped:
                raise EndpointError(f"the endpoint answers only errors: {breaker.reason}")
            wait_s, probe = breaker.ask(time.monotonic())
            if not wait_s:
                return probe
            if self._changed is None:
                self._changed = asyncio.Event()
            try:
                await asyncio.wait_for(self._changed.wait(), wait_s)
            except asyncio.TimeoutError:
                continue

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    async def _limit(self, tokens: float) -> None:
        if self._requests is not None:
            await self._requests.acquire()
        if self._tokens is None:
            return
        owed = max(1.0, tokens + self._debt)
        self._debt = min(0.0, tokens + self._debt - 1.0)
        # In pieces, because the limiter refuses outright what is more than its bucket holds.
        while owed > 0:
            piece = min(owed, self._tokens.max_rate)
            await self._tokens.acquire(piece)
            owed -= piece


def _limiter(name: str, per_minute: float | None) -> AsyncLimiter | None:
    if per_minute is None:
        return None
    if not per_minute > 0:
        raise ValueError(f"{name} must be positive: {per_minute}")
    limiter: Any = import_extra("aiolimiter", what="A limit per minute")
    # A bucket of a second's worth, but at least of one whole request.
    burst = max(1.0, per_minute / _MINUTE_S)
    made: AsyncLimiter = limiter.AsyncLimiter(burst, burst * _MINUTE_S / per_minute)
    return made


class Permit:
    """One request's permission to go; it reports exactly once what became of it.

    Args:
        keeper: Who gave it.
        probe: What `RateLimiter.admit` gave.
    """

    def __init__(self, keeper: RateLimiter, probe: int) -> None:
        self._keeper = keeper
        self._probe = probe
        self._reported = False

    async def succeeded(self) -> None:
        """Note that the request is answered."""
        if not self._reported:
            self._reported = True
            await self._keeper.succeeded(self._probe)

    async def throttled(self, retry_after_s: float | None, reason: str) -> None:
        """Note that the endpoint asks for a pause."""
        self._reported = True
        await self._keeper.throttled(self._probe, retry_after_s, reason)

    async def failed(self, reason: str) -> bool:
        """Note a failure; say whether all fail at present."""
        self._reported = True
        return await self._keeper.failed(self._probe, reason)

    async def close(self) -> None:
        """Give it back, if nothing was reported."""
        if not self._reported:
            self._reported = True
            await self._keeper.returned(self._probe)
