"""Providers of models: one folder each, and the seam that they implement.

To add one: subclass `Provider`, whose methods say what is the provider's own, and hand an instance
to `Resource` or `AsyncResource`, with the SDK's object that it calls. Snapshots, items, retries,
time limits and the verdict at the end are the same for all; `partialfast.answer` is what drives it.
``docs/new-provider.md`` shows how; ``tests/providers/parrot.py`` is a whole one in a short file.

Importing this package imports no SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partialfast._core import Delta
from partialfast._hints import refusing
from partialfast.answer._aresource import AsyncResource
from partialfast.answer._gate import Gate
from partialfast.answer._mode import Mode
from partialfast.answer._options import Settings
from partialfast.answer._resource import Resource
from partialfast.answer._seam import (
    AsyncReply,
    Block,
    Event,
    Mistake,
    Provider,
    Question,
    Reply,
    Request,
    Settled,
    Tokens,
)
from partialfast.answer._target import Shape, Target
from partialfast.providers._names import from_provider
from partialfast.typed._strict_schema import NotStrictError

__all__ = [
    "AsyncReply",
    "AsyncResource",
    "Block",
    "Delta",
    "Event",
    "Gate",
    "Mistake",
    "Mode",
    "NotStrictError",
    "Provider",
    "Question",
    "Reply",
    "Request",
    "Resource",
    "Settings",
    "Settled",
    "Shape",
    "Target",
    "Tokens",
    "from_provider",
]

if not TYPE_CHECKING:
    # Hidden from type checkers, which would take any misspelt name for one that exists.
    __getattr__ = refusing(__name__)
