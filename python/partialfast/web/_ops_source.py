"""Where ops come from: a client's stream, or any iterable of ops, with or without asynchrony."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterable, Callable, Iterable
from typing import Any, Literal, NamedTuple, cast

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from partialfast.web._document import OpKind, OpLike, Path
from partialfast.web._outcome import Outcome

__all__ = ["OpsRequest", "Put", "Source", "is_async", "read", "read_in_thread"]

Item = OpLike | Iterable[OpLike] | Outcome
#: A client's stream (what ``create_partial`` gives), or ops: one by one or in batches, with an
#: `Outcome` as the last item where the end of the iteration is not that of a whole answer.
Source = AsyncIterable[Item] | Iterable[Item] | Any
#: Called with the ops of a batch, and with the paths that they completed where that is known.
Put = Callable[[list[OpLike], "list[Path] | None"], None]


def is_async(source: Source) -> bool:
    """Tell whether a source is read with ``async for``.

    Raises:
        TypeError: It is not a source.
    """
    if hasattr(source, "__aiter__"):
        return True
    if hasattr(source, "__iter__"):
        return False
    raise TypeError(
        f"a stream of create_partial or an iterable of ops is needed, not {type(source).__name__}"
    )


class OpsRequest(NamedTuple):
    """What a client's stream is asked for.

    Args:
        of: ``"value"`` for the dump of the snapshots, ``"document"`` for what the model writes.
        by_alias: Whether fields go by their alias.
    """

    of: Literal["value", "document"] = "value"
    by_alias: bool | None = None


class _Op(NamedTuple):
    op: OpKind
    path: Path
    value: Any


class _SourceItems:
    """Sorts what a source yields.

    Args:
        source: The source.
        put: Called for each batch.
        options: What a client's stream is asked for.
    """

    def __init__(self, source: Source, put: Put, options: OpsRequest) -> None:
        # What a client's stream has besides its items is looked up by name: there are many kinds.
        self.source = cast("Any", source)
        self.outcome: Outcome | None = None
        self._put = put
        self._is_client = hasattr(source, "final")
        has_ops = hasattr(source, "ops")
        #: What to iterate over.
        self.iterable: Any = self.source.ops(**options._asdict()) if has_ops else source
        # A stream of items hands each out complete: to a viewer, they are a list.
        self._of_items = self._is_client and not has_ops
        self._by_alias = options.by_alias
        self._count = 0
        if self._of_items:
            put([_Op("set", (), [])], None)

    def take(self, item: Any) -> bool:
        """Take an item; say whether the source goes on.

        Raises:
            TypeError: It is neither an op, nor a batch, nor an outcome.
        """
        if self._of_items:
            path: Path = (self._count,)
            self._put([_Op("set", path, _dumped(item, by_alias=self._by_alias))], [path])
            self._count += 1
            return True
        if isinstance(item, Outcome):
            self.outcome = item
            return False
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
        """Whether the source itself says how it ended."""
        return self._is_client and self.outcome is None

    @property
    def final_outcome(self) -> Outcome:
        """How it ended, if nothing was raised."""
        return self.outcome or Outcome("complete")


def _dumped(item: Any, *, by_alias: bool | None) -> Any:
    if isinstance(item, BaseModel):
        return item.model_dump(mode="json", exclude_unset=True, by_alias=by_alias)
    return to_jsonable_python(item, by_alias=bool(by_alias))


async def read(source: Source, put: Put, options: OpsRequest) -> Outcome:
    """Read a source to its end, and close it whatever happens.

    Args:
        source: The source; one that blocks is read in a thread of its own.
        put: Called for each batch, in this event loop.
        options: What a client's stream is asked for.

    Returns:
        How it ended.
    """
    if not is_async(source):
        return await _read_aside(source, put, options)
    items = _SourceItems(source, put, options)
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


async def _read_aside(source: Source, put: Put, options: OpsRequest) -> Outcome:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Outcome] = loop.create_future()

    def tell(*call: Any) -> None:
        try:
            loop.call_soon_threadsafe(*call)
        except RuntimeError:
            # The loop is closed, and with it whoever wanted to know.
            close()

    def end(outcome: Outcome) -> None:
        if not ended.done():
            ended.set_result(outcome)

    def put_safely(ops: list[OpLike], completed: list[Path] | None) -> None:
        try:
            put(ops, completed)
        except ValueError as error:
            end(Outcome.of(error))

    close = read_in_thread(
        source,
        lambda ops, completed: tell(put_safely, ops, completed),
        lambda outcome: tell(end, outcome),
        options,
    )
    try:
        return await ended
    finally:
        close()


def read_in_thread(
    source: Source, put: Put, end: Callable[[Outcome], None], options: OpsRequest
) -> Callable[[], None]:
    """Read a source that blocks, in a thread of its own.

    Args:
        source: The source.
        put: Called for each batch, in that thread.
        end: Called there at the end.
        options: What a client's stream is asked for.

    Returns:
        What closes the source, from any thread and at once.
    """
    items = _SourceItems(source, put, options)
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
