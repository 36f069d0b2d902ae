"""How long a request may take, and how it is cleaned up."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator
from types import TracebackType

from typing_extensions import Self

__all__ = ["Deadline", "shielded"]


class Deadline:
    """A timeout that can be held up.

    Args:
        seconds: From each start; ``None`` for none.
    """

    def __init__(self, seconds: float | None) -> None:
        from anyio import CancelScope, current_time  # noqa: PLC0415 - comes with the SDK, not with us

        self._seconds = seconds
        self._now = current_time
        self._scope = CancelScope()
        self.restart()

    def __enter__(self) -> Self:
        self._scope.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        swallowed = self._scope.__exit__(exc_type, exc, exc_tb)
        if self._scope.cancelled_caught:
            raise TimeoutError(f"no complete answer within {self._seconds:g} s")
        return swallowed

    def pause(self) -> None:
        """Hold it up."""
        self._scope.deadline = math.inf

    def restart(self) -> None:
        """Begin anew."""
        self._scope.deadline = math.inf if self._seconds is None else self._now() + self._seconds


@contextlib.contextmanager
def shielded() -> Generator[None, None, None]:
    """Let the cleaning up of a cancelled request come to its end."""
    from anyio import CancelScope  # noqa: PLC0415 - comes with the SDK, not with us

    with CancelScope(shield=True):
        yield
