"""How often an answer is asked for again: a number, or what a tenacity object says."""

from __future__ import annotations

from typing import Any

__all__ = ["RetryBudget"]


class RetryBudget:
    """The attempts that are left.

    Args:
        retries: How many after the first, or tenacity's ``Retrying`` or ``AsyncRetrying``.
    """

    def __init__(self, retries: Any) -> None:
        self._left: int | None = retries if isinstance(retries, int) else None
        self._retrying: Any = retries
        self._state: Any = None

    def take(self, error: Exception) -> float | None:
        """Take one more attempt.

        Args:
            error: How the one before failed.

        Returns:
            Seconds to wait before it; ``None`` where none is left.
        """
        if self._left is not None:
            self._left -= 1
            return 0.0 if self._left >= 0 else None
        return self._ask(error)

    def _ask(self, error: Exception) -> float | None:
        from tenacity import RetryCallState  # noqa: PLC0415 - the caller has an object of it

        state = self._state
        if state is None:
            state = self._state = RetryCallState(self._retrying, None, (), {})
        else:
            state.prepare_for_next_attempt()
        state.set_exception((type(error), error, error.__traceback__))
        if self._retrying.stop(state):
            return None
        wait: float = self._retrying.wait(state)
        # What a condition on the time that it takes counts.
        state.idle_for += wait
        return wait
