"""The arguments of a call that are ours, for type checkers: where the SDK's are known as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from typing_extensions import TypedDict

from partialfast._repairs import Lenient
from partialfast.answer._attempt import Attempt
from partialfast.answer._hooks import Hooks
from partialfast.answer._pace import Every
from partialfast.typed._calling import On, OnProgress

__all__ = ["Retries", "SnapshotArguments", "StreamArguments", "ValueArguments"]


class Retries(Protocol):
    """What tenacity's ``Retrying`` and ``AsyncRetrying`` have."""

    stop: Any
    wait: Any


class ValueArguments(TypedDict, total=False):
    """Of every call; `CallOptions` says what they are."""

    max_retries: int | Retries
    context: Any
    validation_context: Any
    strict: bool | None
    on_invalid: Literal["raise", "defer"]
    on_retry: Callable[[Attempt], Any] | None
    lenient: Lenient
    max_repairs: int
    coerce: bool
    fallbacks: Sequence[Any]
    hooks: Hooks | None


class StreamArguments(ValueArguments, total=False):
    """Of every call that streams."""

    first_timeout: float | None
    stall_timeout: float | None
    total_timeout: float | None


class SnapshotArguments(StreamArguments, total=False):
    """Of a call that streams snapshots."""

    every: Every
    on: On | None
    on_progress: OnProgress | None
