"""Ops: what changed in the JSON of a value that is being written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from partialfast.typed._state import StreamState

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

    from typing_extensions import Unpack

    from partialfast._core import Op
    from partialfast._repairs import Lenient
    from partialfast.typed._state import Chunk, OnInvalid

__all__ = ["OpsOf", "apply_ops", "astream_ops", "stream_ops"]

#: Whose JSON ops are about: the value's dump, or the text that the model wrote.
OpsOf = Literal["value", "document"]


class OpsOptions(TypedDict, total=False):
    """The options of `StreamState` that ops leave to it."""

    strict: bool | None
    context: Any
    by_name: bool | None
    on_invalid: OnInvalid
    max_depth: int
    max_bytes: int
    lenient: Lenient
    max_repairs: int
    coerce: bool
    envelope: bool


def apply_ops(document: Any, ops: Iterable[Op]) -> Any:
    """Apply ops to a JSON value, in place where it has parts.

    Args:
        document: What the ops before these led to; ``None`` at first.
        ops: In their order.

    Returns:
        The new value: another object only where it was set as a whole.

    Raises:
        KeyError: The document is not the one that the ops belong to.
        IndexError: Likewise.
    """
    for op in ops:
        value = _copied(op.value)
        if not op.path:
            document = document + value if op.op == "append" else value
            continue
        *steps, last = cast("tuple[Any, ...]", op.path)
        container: Any = document
        for step in steps:
            container = container[step]
        if op.op == "append":
            container[last] += value
        elif hasattr(container, "append") and last == len(container):
            container.append(value)
        else:
            container[last] = value
    return document


def _copied(value: Any) -> Any:
    """Return a copy of a JSON value: later ops change what is applied, not the op."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


class _Interval:
    """When ops are due.

    Args:
        every: Seconds from one batch to the next, at least.
    """

    def __init__(self, every: float) -> None:
        if every < 0:
            message = f"every must not be negative, not {every!r}"
            raise ValueError(message)
        self._every = every
        self._next = 0.0

    def is_due(self) -> bool:
        """Tell whether a batch is due now; if so, the next one is `every` later."""
        if not self._every:
            return True
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._every
        return True


def _state(
    type_: Any, of: OpsOf, options: OpsOptions, *, by_alias: bool | None
) -> StreamState[Any]:
    state: StreamState[Any] = StreamState(type_, **options)
    state.keep_ops(of=of, by_alias=by_alias, snapshots=False)
    return state


def stream_ops(
    type_: Any,
    chunks: Iterable[Chunk],
    *,
    every: float = 0,
    by_alias: bool | None = None,
    of: OpsOf = "value",
    **options: Unpack[OpsOptions],
) -> Iterator[list[Op]]:
    """Iterate over what changes in the JSON of a value while its text arrives.

    Args:
        type_: Any type that pydantic can validate.
        chunks: The text, cut anywhere.
        every: Seconds from one batch of ops to the next, at least; 0 for one after each chunk that
            changed something. The last batch is not held back.
        by_alias: Whether paths and values name fields by their alias, as in ``model_dump``.
        of: ``"value"`` for the dump of the snapshots, ``"document"`` for the JSON as it is written.
        **options: Those of `StreamState`.

    Yields:
        Batches of ops, none of them empty. Applied in order (see `apply_ops`), each leads to what
        ``snapshot.model_dump(mode="json", exclude_unset=True)`` gives at that moment.

    Raises:
        TypeError: pydantic cannot validate `type_`.
        ValueError: `of` or `every` is not one of the above.
        TruncatedError: `chunks` ended before the text was complete.
        JsonError: The text is not JSON.
        pydantic.ValidationError: A value is invalid.
    """
    return _stream(_state(type_, of, options, by_alias=by_alias), chunks, _Interval(every))


def _stream(
    state: StreamState[Any], chunks: Iterable[Chunk], pace: _Interval
) -> Iterator[list[Op]]:
    for chunk in chunks:
        failure = _feed(state, chunk)
        if failure is not None or pace.is_due():
            ops = state.take_ops()
            if ops:
                yield ops
        if failure is not None:
            raise failure
    yield from _last(state)


def _feed(state: StreamState[Any], chunk: Chunk) -> Exception | None:
    """Feed `chunk` and return what went wrong: the ops before it are to be yielded first."""
    try:
        state.feed(chunk)
    except Exception as error:  # noqa: BLE001 - raised by the caller, after the ops
        return error
    return None


def _last(state: StreamState[Any]) -> Iterator[list[Op]]:
    failure: Exception | None = None
    try:
        state.finish()
    except Exception as error:  # noqa: BLE001 - raised below, after the ops
        failure = error
    # After the last op, a value that cannot be dumped says so.
    while ops := state.take_ops():
        yield ops
    if failure is not None:
        raise failure


def astream_ops(
    type_: Any,
    chunks: AsyncIterable[Chunk],
    *,
    every: float = 0,
    by_alias: bool | None = None,
    of: OpsOf = "value",
    **options: Unpack[OpsOptions],
) -> AsyncIterator[list[Op]]:
    """Iterate over ops of a text from an asynchronous source, as `stream_ops` does.

    Args:
        type_: Any type that pydantic can validate.
        chunks: The text, cut anywhere.
        every: Seconds from one batch of ops to the next, at least.
        by_alias: Whether paths and values name fields by their alias.
        of: ``"value"`` or ``"document"``.
        **options: Those of `StreamState`.

    Yields:
        Batches of ops, none of them empty.

    Raises:
        TypeError: pydantic cannot validate `type_`.
        ValueError: `of` or `every` is not what `stream_ops` takes.
        TruncatedError: `chunks` ended before the text was complete.
        JsonError: The text is not JSON.
        pydantic.ValidationError: A value is invalid.
    """
    return _astream(_state(type_, of, options, by_alias=by_alias), chunks, _Interval(every))


async def _astream(
    state: StreamState[Any], chunks: AsyncIterable[Chunk], pace: _Interval
) -> AsyncIterator[list[Op]]:
    async for chunk in chunks:
        failure = _feed(state, chunk)
        if failure is not None or pace.is_due():
            ops = state.take_ops()
            if ops:
                yield ops
        if failure is not None:
            raise failure
    for ops in _last(state):
        yield ops
