"""Loops over chunks: `stream` and `stream_items`, and their asynchronous twins."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from partialfast._errors import JsonError
from partialfast.typed._calling import Callbacks, On, OnProgress, Progress
from partialfast.typed._display import Displayed
from partialfast.typed._state import ItemsState, StreamOptions, StreamState
from partialfast.typed._text_deltas import Growth

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
    from types import TracebackType

    from typing_extensions import Self, TypeForm, Unpack

    from partialfast._repairs import Repair
    from partialfast.typed._partial import Partial
    from partialfast.typed._state import Chunk
    from partialfast.typed._text_deltas import TextDelta

__all__ = [
    "AsyncItems",
    "AsyncSnapshots",
    "Items",
    "Snapshots",
    "astream",
    "astream_items",
    "stream",
    "stream_items",
]

T = TypeVar("T")
Path = tuple[str | int, ...]


class LoopOptions(StreamOptions, total=False):
    """The options of `stream` and `astream`: those of a state, and what to call meanwhile."""

    on: On | None
    on_progress: OnProgress | None


class _LoopBase(Displayed, Generic[T]):
    """What was received so far; it can be looked at after an error as well.

    Args:
        state: The state that the chunks are fed to.
        callbacks: What to call as values become complete.
    """

    def __init__(self, state: StreamState[T], callbacks: Callbacks | None = None) -> None:
        self._state = state
        self._callbacks = callbacks
        self._chunks = 0
        self._growth: Growth | None = None

    def __repr__(self) -> str:
        """Say how far the stream is."""
        return f"<{type(self).__name__} of {self._state!r}>"

    def _ended(self) -> bool:
        return self._state.done

    def _feed_counted(self, chunk: Chunk) -> T | None:
        """Feed a chunk and count it, which takes time, so only where callbacks need the count."""
        self._chunks += 1
        return self._state.feed(chunk)

    def _due(self, snapshot: T) -> Iterator[tuple[Any, Any]]:
        """Give what is to be called, and with what, before a snapshot is handed out."""
        if self._callbacks is None:
            return iter(())
        completed = self._state.newly_completed
        progress = Progress(self._chunks, 0, self._state.path)
        return self._callbacks.due(snapshot, completed, progress)

    @property
    def snapshot(self) -> T | None:
        """The value so far; ``None`` before anything can be shown."""
        return self._state.snapshot

    @property
    def text(self) -> str:
        """The text received so far."""
        return self._state.text

    @property
    def delta(self) -> dict[Path, TextDelta]:
        """What was added to texts since this was last read, by the path of each text.

        For whatever appends: ``for path, added in stream.delta.items(): ...``. Paths are those of
        the dumped value, as of ops.
        """
        if self._growth is None:
            self._growth = Growth()
        return self._growth.see(self._state.snapshot, self._state.take_ops())

    @property
    def path(self) -> Path:
        """Keys and indices from the root to the value being written."""
        return self._state.path

    def is_complete(self, path: Iterable[str | int]) -> bool:
        """Tell whether the value at a place of the document has been received to its end.

        Args:
            path: Keys and indices from the root to the value, as the document has them.
        """
        return self._state.is_complete(path)

    @property
    def repairs(self) -> list[Repair]:
        """What lenient reading repaired so far."""
        return self._state.repairs

    @property
    def restarts(self) -> int:
        """How often the snapshots began anew; see `StreamState.restarts`."""
        return self._state.restarts

    @property
    def completed(self) -> list[Path]:
        """Paths of the values completed since the last snapshot, children before parents."""
        return self._state.newly_completed

    def _last(self) -> tuple[T, bool]:
        """Return the final value, and whether it is still to be yielded."""
        was_done = self._state.done
        final = self._state.finish()
        return final, not was_done or final is None


class Snapshots(_LoopBase[T], Iterator[T]):
    """The snapshots of one text: an iterator and a context manager.

    Args:
        state: The state that the chunks are fed to.
        chunks: The text, cut anywhere.
        callbacks: What to call as values become complete.
    """

    def __init__(
        self,
        state: StreamState[T],
        chunks: Iterable[Chunk],
        callbacks: Callbacks | None = None,
    ) -> None:
        super().__init__(state, callbacks)
        self._snapshots = self._iterate(chunks)

    def __iter__(self) -> Iterator[T]:  # noqa: PYI034 - the generator is quicker
        """Return the snapshots that were not taken yet."""
        return self._snapshots

    def __next__(self) -> T:
        """Return the next snapshot."""
        return next(self._snapshots)

    def _iterate(self, chunks: Iterable[Chunk]) -> Generator[T, None, None]:
        called = self._callbacks is not None
        feed = self._feed_counted if called else self._state.feed
        for chunk in chunks:
            try:
                snapshot = feed(chunk)
            except JsonError as error:
                _advise(error, self._state)
                raise
            if snapshot is not None:
                if called:
                    self._call(snapshot)
                yield snapshot
        final, is_new = self._last()
        if is_new:
            self._call(final)
            yield final

    def _call(self, snapshot: T) -> None:
        for function, value in self._due(snapshot):
            function(value)

    def final(self) -> T:
        """Read to the end and return the final value.

        Raises:
            TruncatedError: The chunks ended before the text was complete.
            JsonError: The text is not JSON.
            pydantic.ValidationError: A value is invalid.
        """
        for _ in self._snapshots:
            pass
        return self._state.finish()

    def close(self) -> None:
        """Take no more chunks."""
        self._snapshots.close()

    def __enter__(self) -> Self:
        """Return the stream itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take no more chunks."""
        self.close()


class AsyncSnapshots(_LoopBase[T], AsyncIterator[T]):
    """The snapshots of one text from an asynchronous source; the twin of `Snapshots`.

    Args:
        state: The state that the chunks are fed to.
        chunks: The text, cut anywhere.
        callbacks: What to call as values become complete.
    """

    def __init__(
        self,
        state: StreamState[T],
        chunks: AsyncIterable[Chunk],
        callbacks: Callbacks | None = None,
    ) -> None:
        super().__init__(state, callbacks)
        self._snapshots = self._iterate(chunks)

    def __aiter__(self) -> AsyncIterator[T]:  # noqa: PYI034 - the generator is quicker
        """Return the snapshots that were not taken yet."""
        return self._snapshots

    async def __anext__(self) -> T:
        """Return the next snapshot."""
        return await anext(self._snapshots)

    async def _iterate(self, chunks: AsyncIterable[Chunk]) -> AsyncGenerator[T, None]:
        called = self._callbacks is not None
        feed = self._feed_counted if called else self._state.feed
        async for chunk in chunks:
            try:
                snapshot = feed(chunk)
            except JsonError as error:
                _advise(error, self._state)
                raise
            if snapshot is not None:
                if called:
                    await self._call(snapshot)
                yield snapshot
        final, is_new = self._last()
        if is_new:
            await self._call(final)
            yield final

    async def _call(self, snapshot: T) -> None:
        for function, value in self._due(snapshot):
            answer = function(value)
            if inspect.isawaitable(answer):
                await answer

    async def final(self) -> T:
        """Read to the end and return the final value.

        Raises:
            TruncatedError: The chunks ended before the text was complete.
            JsonError: The text is not JSON.
            pydantic.ValidationError: A value is invalid.
        """
        async for _ in self._snapshots:
            pass
        return self._state.finish()

    async def aclose(self) -> None:
        """Take no more chunks."""
        await self._snapshots.aclose()

    async def __aenter__(self) -> Self:
        """Return the stream itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take no more chunks."""
        await self.aclose()


@overload
def stream(
    type_: type[Partial[T]], chunks: Iterable[Chunk], **options: Unpack[LoopOptions]
) -> Snapshots[T]: ...


@overload
def stream(
    type_: TypeForm[T], chunks: Iterable[Chunk], **options: Unpack[LoopOptions]
) -> Snapshots[T]: ...


def stream(type_: Any, chunks: Iterable[Chunk], **options: Unpack[LoopOptions]) -> Snapshots[Any]:
    """Iterate over the snapshots of a text: one after each chunk that changed something.

    Args:
        type_: Any type that pydantic can validate: a model, ``Partial[M]``, ``list[M]``, a union.
        chunks: The text, cut anywhere.
        **options: Those of `StreamState`, and two more. ``on``, functions by a path such as
            ``"users.*"``, in which ``*`` is any key or index and ``""`` the whole value: each is
            called with every value that completes there, before the snapshot that shows it is
            handed out. ``on_progress``, called with a `Progress` before each snapshot is.

    Returns:
        An iterator of snapshots. The last is the final value, fully validated. Besides them it has
        ``snapshot``, ``text``, ``path``, ``completed``, ``repairs``, ``final()`` and ``close()``.

    Raises:
        TypeError: pydantic cannot validate `type_`. While iterating: ``TruncatedError`` where
            `chunks` ended before the text was complete, ``JsonError`` where it is not JSON,
            pydantic's ``ValidationError`` where a value is invalid.
    """
    state, callbacks = _begun(type_, options, awaits=False)
    return Snapshots(state, chunks, callbacks)


@overload
def astream(
    type_: type[Partial[T]], chunks: AsyncIterable[Chunk], **options: Unpack[LoopOptions]
) -> AsyncSnapshots[T]: ...


@overload
def astream(
    type_: TypeForm[T], chunks: AsyncIterable[Chunk], **options: Unpack[LoopOptions]
) -> AsyncSnapshots[T]: ...


def astream(
    type_: Any, chunks: AsyncIterable[Chunk], **options: Unpack[LoopOptions]
) -> AsyncSnapshots[Any]:
    """Iterate over the snapshots of a text from an asynchronous source, as `stream` does.

    Args:
        type_: Any type that pydantic can validate.
        chunks: The text, cut anywhere.
        **options: Those of `stream`; what coroutine functions given as ``on`` and ``on_progress``
            return is awaited.

    Returns:
        An asynchronous iterator of snapshots; the last is the final value. Besides them it has
        ``snapshot``, ``text``, ``path``, ``completed``, ``repairs``, ``final()`` and ``aclose()``.

    Raises:
        TypeError: pydantic cannot validate `type_`. While iterating, as `stream`.
    """
    state, callbacks = _begun(type_, options, awaits=True)
    return AsyncSnapshots(state, chunks, callbacks)


def _begun(
    type_: Any, options: LoopOptions, *, awaits: bool
) -> tuple[StreamState[Any], Callbacks | None]:
    """Return the state to feed, and what to call as values become complete."""
    given: dict[str, Any] = {**options}
    on, on_progress = given.pop("on", None), given.pop("on_progress", None)
    called = on is not None or on_progress is not None
    callbacks = Callbacks(on, on_progress, awaits=awaits) if called else None
    return StreamState(type_, **given), callbacks


# --------------------------------------------------------------------------------------------
# Items


class _ItemsOf(Generic[T]):
    def __init__(self, state: ItemsState[T]) -> None:
        self._state = state

    @property
    def repairs(self) -> list[Repair]:
        """What lenient reading repaired so far."""
        return self._state.repairs


class Items(_ItemsOf[T], Iterator[T]):
    """The items of one text, each when it is complete.

    Args:
        state: The state that the chunks are fed to.
        chunks: The text, cut anywhere.
    """

    def __init__(self, state: ItemsState[T], chunks: Iterable[Chunk]) -> None:
        super().__init__(state)
        self._items = self._iterate(chunks)

    def __iter__(self) -> Iterator[T]:  # noqa: PYI034 - the generator is quicker
        """Return the items that were not taken yet."""
        return self._items

    def __next__(self) -> T:
        """Return the next item."""
        return next(self._items)

    def _iterate(self, chunks: Iterable[Chunk]) -> Generator[T, None, None]:
        for chunk in chunks:
            failure = _feed(self._state, chunk)
            yield from self._state.take_items()
            if failure is not None:
                raise failure
        self._state.finish()

    def close(self) -> None:
        """Take no more chunks."""
        self._items.close()


class AsyncItems(_ItemsOf[T], AsyncIterator[T]):
    """The items of one text from an asynchronous source; the twin of `Items`.

    Args:
        state: The state that the chunks are fed to.
        chunks: The text, cut anywhere.
    """

    def __init__(self, state: ItemsState[T], chunks: AsyncIterable[Chunk]) -> None:
        super().__init__(state)
        self._items = self._iterate(chunks)

    def __aiter__(self) -> AsyncIterator[T]:  # noqa: PYI034 - the generator is quicker
        """Return the items that were not taken yet."""
        return self._items

    async def __anext__(self) -> T:
        """Return the next item."""
        return await anext(self._items)

    async def _iterate(self, chunks: AsyncIterable[Chunk]) -> AsyncGenerator[T, None]:
        async for chunk in chunks:
            failure = _feed(self._state, chunk)
            for item in self._state.take_items():
                yield item
            if failure is not None:
                raise failure
        self._state.finish()

    async def aclose(self) -> None:
        """Take no more chunks."""
        await self._items.aclose()


@overload
def stream_items(
    type_: type[list[T]], chunks: Iterable[Chunk], **options: Unpack[StreamOptions]
) -> Items[T]: ...


@overload
def stream_items(
    type_: TypeForm[T], chunks: Iterable[Chunk], **options: Unpack[StreamOptions]
) -> Items[T]: ...


def stream_items(
    type_: Any, chunks: Iterable[Chunk], **options: Unpack[StreamOptions]
) -> Items[Any]:
    """Yield each item of a JSON array when it is complete. Nothing is kept of earlier items.

    Args:
        type_: The type of an item; a list-like type, such as ``list[M]``, means its items.
        chunks: The text of the array, cut anywhere.
        **options: Those of `StreamState`.

    Returns:
        An iterator of items, fully validated, in order. Besides them it has ``repairs`` and
        ``close()``.

    Raises:
        TruncatedError: `chunks` ended before the array was complete.
        JsonError: The text is not JSON.
        pydantic.ValidationError: An item is invalid. With ``on_invalid="defer"`` the valid ones
            are yielded and the errors of the others raised together at the end.
    """
    return Items(ItemsState(type_, **options), chunks)


def _advise(error: JsonError, state: StreamState[Any]) -> None:
    """Say what to do where the text begins with what models write around their JSON."""
    before = state.raw[: error.offset]
    rest = state.raw[error.offset :]
    if error.kind != "expected_value" or state.path or before.strip():
        return
    if rest.startswith(b"```"):
        what = "a code fence stands around the JSON"
    elif rest[:1].isalpha() and (b"{" in rest or b"[" in rest):
        what = "words stand before the JSON"
    else:
        return
    error.args = (f"{error.args[0]}: {what}; pass envelope=True to skip it",)


def _feed(state: ItemsState[Any], chunk: Chunk) -> Exception | None:
    """Feed `chunk` and return what went wrong: the items before it are to be yielded first."""
    try:
        state.feed(chunk)
    except JsonError as error:
        _advise(error, state)
        return error
    except Exception as error:  # noqa: BLE001 - raised by the caller, after the items
        return error
    return None


@overload
def astream_items(
    type_: type[list[T]], chunks: AsyncIterable[Chunk], **options: Unpack[StreamOptions]
) -> AsyncItems[T]: ...


@overload
def astream_items(
    type_: TypeForm[T], chunks: AsyncIterable[Chunk], **options: Unpack[StreamOptions]
) -> AsyncItems[T]: ...


def astream_items(
    type_: Any, chunks: AsyncIterable[Chunk], **options: Unpack[StreamOptions]
) -> AsyncItems[Any]:
    """Yield items as `stream_items` does, from an asynchronous source.

    Args:
        type_: The type of an item; a list-like type, such as ``list[M]``, means its items.
        chunks: The text of the array, cut anywhere.
        **options: Those of `StreamState`.

    Returns:
        An iterator of items, fully validated, in order. Besides them it has ``repairs`` and
        ``aclose()``.

    Raises:
        TruncatedError: `chunks` ended before the array was complete.
        JsonError: The text is not JSON.
        pydantic.ValidationError: An item is invalid; see `stream_items`.
    """
    return AsyncItems(ItemsState(type_, **options), chunks)
