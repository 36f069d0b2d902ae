"""What goes into a batch and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from partialfast._errors import PartialFastError

if TYPE_CHECKING:
    from typing_extensions import override

__all__ = [
    "BatchError",
    "EndpointError",
    "Failed",
    "Failure",
    "FailureKind",
    "Item",
    "Outcome",
    "Result",
    "Succeeded",
    "Timings",
    "Usage",
    "result_of",
    "without_content",
]

T = TypeVar("T")

PathItem = str | int

#: Why an item has no value: the answer was ``invalid`` for the type, not ``json``, ``truncated``
#: at a token limit, ``refused`` or ``filtered``; the ``connection`` was lost, the ``endpoint``
#: refused the request, it took longer than the ``timeout``; or the value cannot be written out
#: (``serialize``).
FailureKind = Literal[
    "invalid",
    "json",
    "truncated",
    "refused",
    "filtered",
    "connection",
    "endpoint",
    "timeout",
    "serialize",
]


class BatchError(PartialFastError):
    """A batch cannot go on. The message says why and what to do."""


class EndpointError(BatchError):
    """The endpoint answers nothing but errors. ``__cause__`` is the last of them."""


@dataclass(frozen=True, slots=True)
class Item:
    """One document to extract from.

    Args:
        id: What it is called; unique in a batch.
        fields: What a prompt can name, such as ``{"text": "..."}``.
    """

    id: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, over all attempts of an item.

    Args:
        input_tokens: Read by the model.
        output_tokens: Written by the model.
        estimated: Whether part of it is counted from the text, because an answer was cut off
            before the server reported its usage.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        """Add up two of them."""
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.estimated or other.estimated,
        )


@dataclass(frozen=True, slots=True)
class Timings:
    """How long an item took, in seconds.

    Args:
        queued: From being read to its first request, pauses of the endpoint included.
        first_token: From the request that was answered last to its first snapshot; ``None`` when
            there was none.
        total: From being read to the result.
    """

    queued: float
    first_token: float | None
    total: float


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an item has no value.

    Args:
        kind: What went wrong.
        message: The error in words.
        location: Keys and indices from the root to the first thing that is wrong.
        details: All errors of a validation, as pydantic lists them: ``type``, ``loc``, ``msg``.
        status: HTTP status, if the endpoint refused the request.
    """

    kind: FailureKind
    message: str
    location: tuple[PathItem, ...] = ()
    details: tuple[Mapping[str, Any], ...] = ()
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What is known of an item that was asked about, whether there is a value or not.

    Args:
        id: The item's.
        value: The validated value, if `error` is ``None``.
        error: Why there is none.
        text: The raw text of the last answer, as far as it was read.
        snapshot: The last snapshot, if the item failed.
        usage: Tokens over all attempts.
        attempts: How many requests were answered or failed, rate limits not counted.
        timings: How long it took.
        index: The place of the item in the batch, counted from 0.
        cut: Tokens that had been written when an invalid answer was cut off, one for each.
        retries: Why there was another attempt, one for each that was not the last.
        repairs: What was repaired in the answer's text, where that was allowed.
        cached: Whether the answer is one that was kept from an earlier request.
        same_as: The id of the document that was asked about, if this one is the same.
    """

    id: str
    value: T | None
    error: Failure | None
    text: str
    snapshot: Any
    usage: Usage
    attempts: int
    timings: Timings
    index: int
    cut: tuple[int, ...] = field(default=())
    retries: tuple[Failure, ...] = field(default=())
    repairs: tuple[Any, ...] = field(default=())
    cached: bool = False
    same_as: str | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a value; a value can be ``None`` itself."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Succeeded(Outcome[T]):
    """An item that has a value. The fields are those of every `Outcome`."""

    if TYPE_CHECKING:
        value: T
        error: None

        @property
        @override
        def ok(self) -> Literal[True]: ...


@dataclass(frozen=True, slots=True)
class Failed(Outcome[T]):
    """An item that has no value; `error` says why. The fields are those of every `Outcome`."""

    if TYPE_CHECKING:
        value: None
        error: Failure

        @property
        @override
        def ok(self) -> Literal[False]: ...


#: What became of an item. ``if result.ok`` tells mypy which of both it is; pyright reads
#: ``if result.ok is True``, ``if result.error is None`` and ``match`` on the classes.
Result: TypeAlias = Succeeded[T] | Failed[T]


def result_of(value: Any, error: Failure | None, **known: Any) -> Result[Any]:
    """Make the result of an item from the fields of an `Outcome`.

    Args:
        value: The value, if there is one.
        error: Why there is none.
        **known: The other fields.

    Returns:
        A `Failed` if there is an error.
    """
    if error is None:
        return Succeeded(value=value, error=None, **known)
    return Failed(value=None, error=error, **known)


def without_content(result: Result[Any]) -> Result[Any]:
    """Return what is counted of a result, without its value and texts, which may be large."""
    changed: Any = {"value": None, "text": "", "snapshot": None}
    return replace(result, **changed)
