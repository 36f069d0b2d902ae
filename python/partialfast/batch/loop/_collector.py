"""The garbage collector, in a process that does nothing but a batch."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Generator
from typing import Final

__all__ = ["collecting_seldom"]

# With 2,000 answers in flight there are 400,000 objects. To look at all of them stops the process
# for 0.3 to 0.5 seconds, which with Python's own thresholds happens again and again, and finds
# nothing: an answer leaves no cycles. Validators of the user's may, so it is not switched off.
_THRESHOLDS: Final = (50_000, 20, 100)


@contextlib.contextmanager
def collecting_seldom() -> Generator[None, None, None]:
    """Let the collector run seldom, and leave out what is there already.

    For processes of the package's own, which are the commands and their workers. In a program of
    the user's that is the user's to decide.
    """
    thresholds = gc.get_threshold()
    # Modules and classes are half of all objects, and stay.
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
