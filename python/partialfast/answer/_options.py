"""The arguments of a call that are ours and not the SDK's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args, get_origin

from partialfast._repairs import Lenient
from partialfast.answer._hooks import Hooks
from partialfast.answer._mode import Mode
from partialfast.answer._pace import Every
from partialfast.typed._calling import On, OnProgress
from partialfast.typed._partial import partial_class, partial_origin
from partialfast.typed._state import MAX_REPAIRS

if TYPE_CHECKING:
    from partialfast.answer._attempt import Attempt

__all__ = ["OURS", "CallOptions", "Settings"]

# The arguments that are ours, besides the model and the stream.
OURS = (
    "max_retries",
    "context",
    "strict",
    "on_invalid",
    "on_retry",
    "lenient",
    "max_repairs",
    "coerce",
    "every",
    "first_timeout",
    "stall_timeout",
    "total_timeout",
    "fallbacks",
    "hooks",
    "on",
    "on_progress",
    "as_",
)


@dataclass(slots=True)
class Settings:
    """What a client was told when it was made.

    Args:
        mode: How to ask.
        defaults: Arguments for every call that does not set them.
        hooks: What is told of every call.
    """

    mode: Mode
    defaults: dict[str, Any] = field(default_factory=dict)
    hooks: Hooks = field(default_factory=Hooks)


# Not frozen, though nobody changes it: each field would take ten times as long to set.
@dataclass(slots=True, kw_only=True)
class CallOptions:
    """The arguments of a call that are not the SDK's.

    Args:
        response_model: What is asked for.
        items: Whether items are asked for.
        stream: Whether the answer is streamed.
        max_retries: Attempts after the first, for each fallback anew; or tenacity's ``Retrying``
            or ``AsyncRetrying``, of which ``stop`` and ``wait`` are asked.
        context: Context of pydantic's validators.
        strict: Pydantic's strict mode; ``None`` leaves it to the model.
        on_invalid: Whether the first invalid value ends the attempt.
        lenient: Whether text that is nearly JSON is read; see docs/lenient.md.
        max_repairs: How many repairs that may take.
        coerce: Whether lenient reading helps where the type tells what was meant.
        on_retry: Called before each attempt but the first.
        every: When a snapshot is due.
        first_timeout: Seconds that an attempt may take to its first token.
        stall_timeout: Seconds between two tokens.
        total_timeout: Seconds that an attempt may take in all.
        fallbacks: What to ask when an attempt gave no value: arguments to change, or clients.
        hooks: What is told of this call besides the client's own.
        on: What is called with each value that completes at a place.
        on_progress: What is told how far the answer is.
        as_: What a type checker takes snapshots for.
    """

    response_model: Any
    items: bool
    stream: bool
    max_retries: Any = 0
    context: Any = None
    strict: bool | None = None
    on_invalid: Literal["raise", "defer"] = "raise"
    on_retry: Callable[[Attempt], Any] | None = None
    lenient: Lenient = False
    max_repairs: int = MAX_REPAIRS
    coerce: bool = False
    every: Every = "event"
    first_timeout: float | None = None
    stall_timeout: float | None = None
    total_timeout: float | None = None
    fallbacks: Sequence[Any] = ()
    hooks: Hooks | None = None
    on: On | None = None
    on_progress: OnProgress | None = None
    as_: Any = None

    def __post_init__(self) -> None:
        """Refuse what would only fail in the middle of a stream.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: An argument has a value that means nothing.
        """
        retries: object = self.max_retries
        is_number = isinstance(retries, int) and not isinstance(retries, bool)
        if not (is_number or _is_tenacious(retries)):
            raise TypeError(
                "max_retries must be an int, the attempts after the first, or tenacity's Retrying: "
                f"{retries!r}"
            )
        if isinstance(retries, int) and retries < 0:
            raise ValueError(f"max_retries must not be negative: {retries}")
        if self.on_invalid not in {"raise", "defer"}:
            raise ValueError(f"on_invalid must be 'raise' or 'defer': {self.on_invalid!r}")
        if self.on_retry is not None and not callable(self.on_retry):
            raise TypeError(f"on_retry must be callable: {self.on_retry!r}")
        self._check_lenient()
        if self.strict not in {None, True, False}:
            raise TypeError(f"strict must be True, False or None: {self.strict!r}")
        self._check_limits()
        self._check_as()
        hooks = cast("object", self.hooks)
        if hooks is not None and not isinstance(hooks, Hooks):
            raise TypeError(f"hooks must be a partialfast.Hooks: {hooks!r}")
        fallbacks = cast("object", self.fallbacks)
        # A tuple is told at once, without looking up what is registered as a sequence.
        if not isinstance(fallbacks, (tuple, Sequence)) or isinstance(fallbacks, str):
            raise TypeError(f"fallbacks must be a list of arguments or clients: {fallbacks!r}")
        every: object = self.every
        if every not in {"event", "read", "value"} and not _is_seconds(every):
            raise ValueError(
                f"every must be 'event', 'read', 'value' or a number of seconds: {every!r}"
            )

    def _check_lenient(self) -> None:
        if self.lenient not in {True, False, "quotes"}:
            raise ValueError(f"lenient must be True, False or 'quotes': {self.lenient!r}")
        if self.coerce and not self.lenient:
            raise ValueError("coerce is a part of lenient reading: pass lenient=True as well")

    def _check_as(self) -> None:
        if self.as_ is None:
            return
        model = self.response_model
        if get_origin(model) is Annotated:
            # ``Partial[M, "nested"]``, say, whose snapshots are of the same class.
            model = get_args(model)[0]
        model = partial_origin(model) or model
        try:
            fits = self.as_ is partial_class(model)
        except TypeError:
            # A list, say: what `as_` says of it is for the type checker alone.
            fits = True
        if not fits:
            raise TypeError(
                f"as_ is {self.as_!r}, which is not the snapshot type of {model!r}: take it from "
                "the module that `partialfast stubs` wrote, or write that module anew"
            )

    def _check_limits(self) -> None:
        for name in ("first_timeout", "stall_timeout", "total_timeout"):
            seconds: object = getattr(self, name)
            if seconds is not None and not _is_seconds(seconds):
                raise ValueError(f"{name} must be a number of seconds above zero: {seconds!r}")

    @property
    def opening_timeout(self) -> float | None:
        """Seconds that the response may take to begin; ``None`` for the SDK's own."""
        first, total = self.first_timeout, self.total_timeout
        if first is None or total is None:
            return total if first is None else first
        return min(first, total)

    @property
    def has_limits(self) -> bool:
        """Whether the time of an attempt is limited."""
        return bool(self.first_timeout or self.stall_timeout or self.total_timeout)


def _is_tenacious(value: object) -> bool:
    return callable(getattr(value, "stop", None)) and callable(getattr(value, "wait", None))


def _is_seconds(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
