"""Typed streams without I/O: chunks in, snapshots out."""

from __future__ import annotations

import collections
import collections.abc
import copy
import functools
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    TypeVar,
    cast,
    get_args,
    get_origin,
    overload,
)

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ErrorType

from ._core import StateCore
from ._errors import JsonError, TruncatedError
from ._plan import compile_type

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
    from typing import TypeAlias

    from typing_extensions import Buffer, TypeForm

    from ._partial import Partial

    #: A piece of the text, as it arrives.
    Chunk: TypeAlias = str | Buffer

__all__ = [
    "ItemState",
    "OnInvalid",
    "StreamState",
    "astream",
    "astream_items",
    "stream",
    "stream_items",
]

T = TypeVar("T")

#: What an invalid value does: raise at once, or be reported at the end.
OnInvalid = Literal["raise", "defer"]

#: How many containers may be open at once: as many as pydantic's own parser allows.
MAX_DEPTH = 200
#: How many bytes a text may have.
MAX_BYTES = 1 << 30


@functools.cache
def _known_errors() -> frozenset[str]:
    return frozenset(get_args(ErrorType))


def _details(error: ValidationError, prefix: tuple[Any, ...]) -> list[InitErrorDetails]:
    """Return the errors of `error`, each located below `prefix`."""
    details = []
    for item in error.errors(include_url=False):
        kind: Any = item["type"]
        context = item.get("ctx")
        if kind not in _known_errors():
            # Raised as a `PydanticCustomError`; its message is in its final form already.
            kind = PydanticCustomError(kind, cast("Any", item["msg"]), context)
            context = None
        made = InitErrorDetails(type=kind, loc=(*prefix, *item["loc"]), input=item["input"])
        if context is not None:
            made["ctx"] = context
        details.append(made)
    return details


class _Errors:
    """Makes pydantic's errors as they would be, had the whole text been validated.

    Args:
        title: Of the whole type.
    """

    def __init__(self, title: str) -> None:
        self._title = title

    def relocate(self, error: ValidationError, location: tuple[Any, ...]) -> ValidationError:
        """Return `error`, found at `location`, with its location counted from the root."""
        details = _details(error, location)
        return ValidationError.from_exception_data(self._title, details, input_type="json")

    def forbidden(self, location: tuple[Any, ...], key: str) -> ValidationError:
        """Return the error of a key that its model forbids, before its value was read."""
        detail = InitErrorDetails(type="extra_forbidden", loc=location, input=key)
        return ValidationError.from_exception_data(self._title, [detail], input_type="json")


class StreamState(StateCore, Generic[T]):
    """Turns the chunks of one JSON text into snapshots of a type.

    The text is parsed once, however it is cut. ``snapshot`` (the last one), ``path`` (keys and
    indices from the root to the value being written), ``completed`` (paths of the values that the
    last chunk completed, children first) and ``done`` can be read at any time.

    Args:
        type_: Any type that pydantic can validate: a model, ``Partial[M]``, ``list[M]``, a union.
        strict: As in pydantic's ``validate_json``.
        context: As in pydantic's ``validate_json``.
        by_alias: As in pydantic's ``validate_json``.
        by_name: As in pydantic's ``validate_json``.
        on_invalid: ``"raise"`` raises at the chunk that completes the first invalid value;
            ``"defer"`` goes on and lets `finish` report all errors.
        max_depth: How many containers may be open at once.
        max_bytes: How many bytes the text may have.

    Raises:
        TypeError: pydantic cannot validate `type_`.
        ValueError: `on_invalid` is neither ``"raise"`` nor ``"defer"``.
    """

    _items = False

    @overload
    def __init__(
        self,
        type_: type[Partial[T]],
        *,
        strict: bool | None = ...,
        context: Any = ...,
        by_alias: bool | None = ...,
        by_name: bool | None = ...,
        on_invalid: OnInvalid = ...,
        max_depth: int = ...,
        max_bytes: int = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        type_: TypeForm[T],
        *,
        strict: bool | None = ...,
        context: Any = ...,
        by_alias: bool | None = ...,
        by_name: bool | None = ...,
        on_invalid: OnInvalid = ...,
        max_depth: int = ...,
        max_bytes: int = ...,
    ) -> None: ...

    def __init__(  # noqa: PLR0913 - pydantic's own options, and ours
        self,
        type_: Any,
        *,
        strict: bool | None = None,
        context: Any = None,
        by_alias: bool | None = None,
        by_name: bool | None = None,
        on_invalid: OnInvalid = "raise",
        max_depth: int = MAX_DEPTH,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        if on_invalid not in ("raise", "defer"):
            message = f'on_invalid must be "raise" or "defer", not {on_invalid!r}'
            raise ValueError(message)
        compiled = compile_type(type_, by_alias=by_alias, by_name=by_name, items=self._items)
        validator = compiled.adapter.validator
        given = {"strict": strict, "context": context, "by_alias": by_alias, "by_name": by_name}
        arguments = {name: value for name, value in given.items() if value is not None}
        self._title = validator.title
        errors = _Errors(self._title)
        self.start(
            compiled.plan,
            root=validator.validate_json,
            arguments=arguments or None,
            defer=on_invalid == "defer",
            hooks=(errors.relocate, errors.forbidden, ValidationError, copy.deepcopy),
            max_depth=max_depth,
            max_bytes=max_bytes,
            items=self._items,
        )

    if TYPE_CHECKING:

        def feed(self, chunk: Chunk, /) -> T | None:
            """Read more of the text.

            Args:
                chunk: The next piece of the text, cut anywhere.

            Returns:
                The new snapshot, or ``None`` when nothing visible changed. Once the text is
                complete the snapshot is the final value. Snapshots are to be read, not changed.

            Raises:
                JsonError: The text is not JSON.
                pydantic.ValidationError: A value is complete and invalid (with ``"raise"``).
                TypeError: `chunk` is neither text nor bytes-like.
            """

        @property
        def snapshot(self) -> T | None:
            """The value so far; ``None`` before anything can be shown."""

    @property
    def text(self) -> str:
        """The text received so far, without an unfinished UTF-8 sequence at its end."""
        raw = self.raw
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data":
                return raw[: error.start].decode()
            return raw.decode(errors="replace")

    def finish(self) -> T:
        """End the text and return the final value.

        Returns:
            What pydantic's ``validate_json`` gives for the whole text.

        Raises:
            TruncatedError: The text is not complete. Carries the last snapshot and the text.
            JsonError: The text is not JSON.
            pydantic.ValidationError: The value is invalid.
        """
        try:
            value = self.end()
        except JsonError as error:
            if error.kind != "truncated":
                raise
            raise self._truncated(error) from error
        if value is None and self.errors:
            raise self.errors[-1]
        return cast("T", value)

    def _truncated(self, error: JsonError) -> TruncatedError:
        where = "".join(f"[{step!r}]" for step in self.path)
        message = (
            f"the text ended after {error.offset} bytes, before its JSON was complete"
            + (f" (while writing {where})" if where else "")
            + "; `snapshot` has what was received"
        )
        return TruncatedError(message, snapshot=self.snapshot, text=self.text)


class ItemState(StreamState[T]):
    """Like `StreamState`, for the items of a list: each is handed out complete, and not kept.

    Args are those of `StreamState`; `type_` is list-like, such as ``list[M]``.
    """

    _items = True

    def finish(self) -> T:
        """End the text.

        Raises:
            TruncatedError: The text is not complete.
            JsonError: The text is not JSON.
            pydantic.ValidationError: Some items are invalid (with ``"defer"``): all their errors.
        """
        try:
            self.end()
        except JsonError as error:
            if error.kind != "truncated":
                raise
            raise self._truncated(error) from error
        if self.errors:
            errors = cast("list[ValidationError]", self.errors)
            details = [detail for error in errors for detail in _details(error, ())]
            raise ValidationError.from_exception_data(self._title, details, input_type="json")
        return cast("T", None)


@overload
def stream(type_: type[Partial[T]], chunks: Iterable[Chunk], **options: Any) -> Iterator[T]: ...


@overload
def stream(type_: TypeForm[T], chunks: Iterable[Chunk], **options: Any) -> Iterator[T]: ...


def stream(type_: Any, chunks: Iterable[Chunk], **options: Any) -> Iterator[Any]:
    """Yield a snapshot after each chunk that changed something, the final value last.

    Args:
        type_: Any type that pydantic can validate.
        chunks: The text, cut anywhere.
        **options: Those of `StreamState`.

    Yields:
        Snapshots. The last is the final value, fully validated.

    Raises:
        TruncatedError: `chunks` ended before the text was complete.
        JsonError: The text is not JSON.
        pydantic.ValidationError: A value is invalid.
    """
    state: StreamState[Any] = StreamState(type_, **options)
    return _snapshots(state, chunks)


def _snapshots(state: StreamState[T], chunks: Iterable[Chunk]) -> Iterator[T]:
    feed = state.feed
    for chunk in chunks:
        snapshot = feed(chunk)
        if snapshot is not None:
            yield snapshot
    was_done = state.done
    final = state.finish()
    if not was_done or final is None:
        yield final


@overload
def astream(
    type_: type[Partial[T]], chunks: AsyncIterable[Chunk], **options: Any
) -> AsyncIterator[T]: ...


@overload
def astream(
    type_: TypeForm[T], chunks: AsyncIterable[Chunk], **options: Any
) -> AsyncIterator[T]: ...


async def astream(type_: Any, chunks: AsyncIterable[Chunk], **options: Any) -> AsyncIterator[Any]:
    """Yield snapshots as `stream` does, from an asynchronous source.

    Args:
        type_: Any type that pydantic can validate.
        chunks: The text, cut anywhere.
        **options: Those of `StreamState`.

    Yields:
        Snapshots. The last is the final value, fully validated.

    Raises:
        TruncatedError: `chunks` ended before the text was complete.
        JsonError: The text is not JSON.
        pydantic.ValidationError: A value is invalid.
    """
    state: StreamState[Any] = StreamState(type_, **options)
    async for chunk in chunks:
        snapshot = state.feed(chunk)
        if snapshot is not None:
            yield snapshot
    was_done = state.done
    final = state.finish()
    if not was_done or final is None:
        yield final


@overload
def stream_items(type_: type[list[T]], chunks: Iterable[Chunk], **options: Any) -> Iterator[T]: ...


@overload
def stream_items(type_: TypeForm[T], chunks: Iterable[Chunk], **options: Any) -> Iterator[T]: ...


def stream_items(type_: Any, chunks: Iterable[Chunk], **options: Any) -> Iterator[Any]:
    """Yield each item of a JSON array when it is complete.

    Args:
        type_: The type of an item; a list-like type, such as ``list[M]``, means its items.
        chunks: The text of the array, cut anywhere.
        **options: Those of `StreamState`.

    Yields:
        Items, fully validated, in order.

    Raises:
        TruncatedError: `chunks` ended before the array was complete.
        JsonError: The text is not JSON.
        pydantic.ValidationError: An item is invalid. With ``on_invalid="defer"`` the valid ones
            are yielded and the errors of the others raised together at the end.
    """
    state: ItemState[Any] = ItemState(_list_of(type_), **options)
    return _items(state, chunks)


def _items(state: ItemState[Any], chunks: Iterable[Chunk]) -> Iterator[Any]:
    for chunk in chunks:
        failure = _feed(state, chunk)
        yield from state.take_items()
        if failure is not None:
            raise failure
    state.finish()


def _feed(state: ItemState[Any], chunk: Chunk) -> Exception | None:
    """Feed `chunk` and return what went wrong: the items before it are to be yielded first."""
    try:
        state.feed(chunk)
    except Exception as error:  # noqa: BLE001 - raised by the caller, after the items
        return error
    return None


#: Generic types whose argument is an item.
_LISTS = (
    list,
    set,
    frozenset,
    tuple,
    collections.deque,
    collections.abc.Iterable,
    collections.abc.Collection,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Set,
)


def _list_of(type_: Any) -> Any:
    """Return `type_` where it is a list of items, else the list type of such items."""
    return type_ if get_origin(type_) in _LISTS else list[type_]


@overload
def astream_items(
    type_: type[list[T]], chunks: AsyncIterable[Chunk], **options: Any
) -> AsyncIterator[T]: ...


@overload
def astream_items(
    type_: TypeForm[T], chunks: AsyncIterable[Chunk], **options: Any
) -> AsyncIterator[T]: ...


async def astream_items(
    type_: Any, chunks: AsyncIterable[Chunk], **options: Any
) -> AsyncIterator[Any]:
    """Yield items as `stream_items` does, from an asynchronous source.

    Args:
        type_: The type of an item; a list-like type, such as ``list[M]``, means its items.
        chunks: The text of the array, cut anywhere.
        **options: Those of `StreamState`.

    Yields:
        Items, fully validated, in order.

    Raises:
        TruncatedError: `chunks` ended before the array was complete.
        JsonError: The text is not JSON.
        pydantic.ValidationError: An item is invalid.
    """
    state: ItemState[Any] = ItemState(_list_of(type_), **options)
    async for chunk in chunks:
        failure = _feed(state, chunk)
        for item in state.take_items():
            yield item
        if failure is not None:
            raise failure
    state.finish()
