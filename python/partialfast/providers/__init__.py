"""Providers of models: one folder each, and the seam that they implement.

To add one: subclass `Provider`, whose methods say what is the provider's own, and hand an instance
of it, with the SDK's object that it calls, to `Client` or `AsyncClient`. Snapshots, items, retries,
time limits and the verdict at the end are the same for all. ``tests/providers/test_seam.py`` has a
whole provider in one short file; `partialfast.answer` is what drives it.

Importing this package imports no SDK.
"""

from __future__ import annotations

from partialfast.answer._delta import Delta
from partialfast.answer._mode import Mode
from partialfast.answer._seam import (
    AsyncReply,
    Block,
    Event,
    Mistake,
    Provider,
    Question,
    Reply,
    Request,
    Tokens,
)
from partialfast.answer._target import Shape, Target

__all__ = [
    "AsyncReply",
    "Block",
    "Delta",
    "Event",
    "Mistake",
    "Mode",
    "Provider",
    "Question",
    "Reply",
    "Request",
    "Shape",
    "Target",
    "Tokens",
]
