"""Time limits in tests, for machines of any speed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["STALL", "with_time_enough"]

T = TypeVar("T")

# What stalls must outlast the longest limit, in seconds.
STALL = 20
_LIMITS = (0.3, 2.0, 10.0)


def with_time_enough(ask: Callable[[float], T], far_enough: Callable[[T], bool]) -> T:
    """Ask with a short limit, and with longer ones as long as a loaded machine needs them.

    A test that wants something to come before the limit is reached cannot say how long that takes.

    Args:
        ask: takes the limit, in seconds, and makes all anew: the server as well.
        far_enough: tells from what came whether the limit was long enough.

    Returns:
        What came with the first limit that was long enough, or else with the longest.
    """
    for limit in _LIMITS[:-1]:
        outcome = ask(limit)
        if far_enough(outcome):
            return outcome
    return ask(_LIMITS[-1])
