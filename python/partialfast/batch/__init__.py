"""Batch extraction: a file of documents into a file of validated models.

    async for result in extract(documents, model=Meeting, client=client, llm="gpt-4o-mini"):
        print(result.id, result.value or result.error)

The loop needs nothing but the package itself. Limits per minute, files and the display need
``pip install "partialfast[batch]"``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partialfast._hints import refusing
from partialfast.batch.loop._breaker import BreakerOptions
from partialfast.batch.loop._extract import extract
from partialfast.batch.loop._limits import EndpointLimiter, RateLimiter
from partialfast.batch.loop._meter import Figures, Latency, Meter
from partialfast.batch.loop._protocols import AnswerStream, RequestFunction
from partialfast.batch.loop._result import (
    BatchError,
    EndpointError,
    Failed,
    Failure,
    FailureKind,
    Item,
    Outcome,
    Result,
    Succeeded,
    Timings,
    Usage,
)
from partialfast.batch.loop._sync import extract_sync

__all__ = [
    "AnswerStream",
    "BatchError",
    "BreakerOptions",
    "EndpointError",
    "EndpointLimiter",
    "Failed",
    "Failure",
    "FailureKind",
    "Figures",
    "Item",
    "Latency",
    "Meter",
    "Outcome",
    "RateLimiter",
    "RequestFunction",
    "Result",
    "Succeeded",
    "Timings",
    "Usage",
    "extract",
    "extract_sync",
]

if not TYPE_CHECKING:
    # Hidden from type checkers, which would take any misspelt name for one that exists.
    __getattr__ = refusing(__name__)
