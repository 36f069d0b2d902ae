"""Where ops come from: a client's stream, or any iterable of ops, with or without asynchrony."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterable, Callable, Iterable
from typing import Any, cast

from partialfast.web._compare import Comparer
from partialfast.web._document import OpLike, Path
from partialfast.web._outcome import Outcome

__all__ = ["Ops", "Put", "Source", "is_async", "read", "read_in_thread"]

Item = OpLike | Iterable[OpLike] | Outcome
#: A client's stream (what ``create_partial`` gives), or ops: one by one or in batches, with an
#: `Outcome` as the last item where the end of the iteration is not that of a whole answer.
Source = AsyncIterable[Item] | Iterable[Item] | Any
#: A batch; or what gives it, when it is needed.
Ops = list[OpLike] | Callable[[], list[OpLike]]
#: Called with the ops of a batch, and with the paths that they completed where that is known.
Put = Callable[["Ops", "list[Path] | None"], None]


def is_async(source: Source) -> bool:
    """Tell whether a source is read with ``async for``.

    Raises:
        TypeError: It is no source.
    """
    if hasattr(source, "__aiter__"):
        return True
    if hasattr(source, "__iter__"):
        return False
    raise TypeError(
        f"a stream of create_partial or an iterable of ops is needed, not {type(source).__name__}"
    )


class _Items:
    """Sorts what a source yields.

    Args:
        source: The source.
        put: Called for each batch.
    """

    def __init__(self, source: Source, put: Put) -> None:
        # What a client's stream has beside its items is looked up by name: there are several kinds.
        self.source: Any = source
        self.outcome: Outcome | None = None
        self._put = put
        self._is_client = hasattr(source, "final")
        has_ops = hasattr(source, "ops")
        self._comparer = Comparer() if self._is_client and not has_ops else None
        #: What to iterate over.
        self.iterable: Any = cast("Any", source).ops() if has_ops else source

    def take(self, item: Any) -> bool:
        """Take an item; say whether the source goes on.

        Raises:
            TypeError: It is neither an op, nor a batch, nor an outcome.
        """
        if isinstance(item, Outcome):
            self.outcome = item
            return False
        if self._comparer is not None:
            self._comparer.take(item)
            self._put(self._comparer.ops, self.source.completed)
            return True
        ops = [item] if hasattr(item, "op") else item
        if not isinstance(ops, list | tuple) or not all(hasattr(op, "op") for op in ops):
            raise TypeError(
                f"ops are needed, as pf.astream_ops gives them, not {type(item).__name__}"
            )
        # The paths that became complete are those of the batch just handed out.
        self._put(list(ops), self.source.completed if self._is_client else None)
        return True

    @property
    def has_verdict(self) -> bool:
        """Whether the source knows better than its end how it ended."""
        return self._is_client and self.outcome is None

    @property
    def final_outcome(self) -> Outcome:
        """How it ended, if nothing was raised."""
        return self.outcome or Outcome("complete")


async def read(source: Source, put: Put) -> Outcome:
    """Read a source to its end, and close it whatever happens.

    Args:
        source: The source; one that blocks is read in a thread of its own.
        put: Called for each batch, in this event loop.

    Returns:
        How it ended.
    """
    if not is_async(source):
        return await _read_aside(source, put)
    items = _Items(source, put)
    try:
        async for item in items.iterable:
            if not items.take(item):
                break
        if items.has_verdict:
            # A stream that was closed by somebody else just ends; its value is what tells.
            await items.source.final()
    except Exception as error:  # noqa: BLE001 - told to the reader
        return Outcome.of(error)
    finally:
        await _aclose(source)
    return items.final_outcome


async def _aclose(source: Any) -> None:
    close = getattr(source, "aclose", None)
    if close is not None:
        await close()


async def _read_aside(source: Source, put: Put) -> Outcome:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Outcome] = loop.create_future()

    def tell(*call: Any) -> None:
        try:
            loop.call_soon_threadsafe(*call)
        except RuntimeError:
            # The loop is closed, and with it all that wanted to know.
            close()

    def end(outcome: Outcome) -> None:
        if not ended.done():
            ended.set_result(outcome)

    def put_safely(ops: Ops, completed: list[Path] | None) -> None:
        try:
            put(ops, completed)
        except ValueError as error:
            end(Outcome.of(error))

    close = read_in_thread(
        source,
        lambda ops, completed: tell(put_safely, ops, completed),
        lambda outcome: tell(end, outcome),
    )
    try:
        return await ended
    finally:
        close()


def read_in_thread(source: Source, put: Put, end: Callable[[Outcome], None]) -> Callable[[], None]:
    """Read a source that blocks, in a thread of its own.

    Args:
        source: The source.
        put: Called for each batch, in that thread.
        end: Called there at the end.

    Returns:
        What closes the source, from any thread and at once.
    """
    items = _Items(source, put)
    stopped = threading.Event()

    def run() -> None:
        try:
            for item in items.iterable:
                if stopped.is_set() or not items.take(item):
                    break
            if items.has_verdict and not stopped.is_set():
                items.source.final()
            outcome = Outcome("closed") if stopped.is_set() else items.final_outcome
        except BaseException as error:  # noqa: BLE001 - told to the reader
            outcome = Outcome.of(error)
        finally:
            _close(source)
        end(outcome)

    thread = threading.Thread(target=run, name="partialfast-web", daemon=True)
    thread.start()

    def close() -> None:
        stopped.set()
        if thread.is_alive() and thread is not threading.current_thread():
            _interrupt(source)

    return close


def _close(source: Any) -> None:
    close = getattr(source, "close", None)
    if close is not None:
        close()


def _interrupt(source: Any) -> None:
    """Close a source that another thread is reading."""
    if hasattr(source, "final"):
        source.close()
