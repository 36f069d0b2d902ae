"""`events`: an answer on a wire, for any framework."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from partialfast.web._document import OpLike, Path
from partialfast.web._event import Event, Piece
from partialfast.web._hub import Hub, UnfinishedError
from partialfast.web._log import Log
from partialfast.web._ops_source import OpsRequest, Source, is_async, read_in_thread
from partialfast.web._outcome import Outcome
from partialfast.web._wire import Encoder, Wire, find_wire

__all__ = ["HEARTBEAT_S", "Events", "events"]

#: Proxies give connections up after 30 to 60 seconds of silence.
HEARTBEAT_S = 15.0

# A proxy that collected or changed the body would hold it back until it is whole.
_HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


class Events:
    """An answer on a wire: iterate over it, with ``async for`` or, if the source blocks, ``for``.

    Each event has `data`, most have an `id` or a type; ``bytes(event)`` is its form on the wire.
    Leaving the loop closes the model's response, unless a hub has other viewers.

    Args:
        source: The source.
        wire: The wire.
        every: Seconds between two messages.
        heartbeat: Seconds of silence before a sign of life.
        detail: Whether the ending may say what the exception said.
        by_alias: Whether the fields of a client's stream go by their alias.
    """

    def __init__(  # noqa: PLR0913 - what `events` was told
        self,
        source: Source | Hub,
        wire: Wire,
        *,
        every: float,
        heartbeat: float,
        detail: bool,
        by_alias: bool | None,
    ) -> None:
        self.resumable: bool = isinstance(source, Hub)
        if isinstance(source, Hub):
            self._hub = source
        else:
            self._hub = Hub(source, every=every, of=wire.of, by_alias=by_alias)
        self._options = OpsRequest(wire.of, by_alias)
        self._source = source
        self._wire = wire
        self._every = every
        self._heartbeat = heartbeat
        self._detail = detail
        self._view: Any = None

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that the response has to have, the content type among them."""
        return {"Content-Type": self._wire.media_type, **_HEADERS, **self._wire.headers}

    async def start(self) -> Outcome | None:
        """Ask for the answer, and wait for the first of it, or for as long as until a heartbeat.

        Returns:
            How it ended, if that is to be told by an HTTP status because nothing came.
        """
        await self._hub.begun(self._heartbeat)
        outcome = self._hub.outcome
        if outcome is None or outcome.status is None or self._hub.value is not None:
            return None
        return outcome

    def __aiter__(self) -> AsyncIterator[Event | Piece]:
        """Iterate."""
        if self._view is None:
            self._view = self._hub.view(
                self._wire,
                heartbeat=self._heartbeat,
                detail=self._detail,
                resumable=self.resumable,
            )
        view: AsyncIterator[Event | Piece] = self._view
        return view

    async def aclose(self) -> None:
        """Stop viewing. Without a hub of its own, that closes the model's response."""
        if self._view is not None:
            await self._view.aclose()
        if not self.resumable:
            await self._hub.aclose()

    def __iter__(self) -> Iterator[Event | Piece]:
        """Iterate without an event loop. The source is read in a thread of its own.

        Raises:
            TypeError: The source is a hub or an asynchronous one.
            UnfinishedError: As of the asynchronous iteration.
        """
        if self.resumable or is_async(self._source):
            raise TypeError("a hub or an asynchronous stream has to be read with async for")
        box = _Box()
        close = read_in_thread(self._source, box.put, box.end, self._options)
        return _loop(
            box,
            self._wire,
            close,
            every=self._every,
            heartbeat=self._heartbeat,
            detail=self._detail,
        )


def events(  # noqa: PLR0913 - options by name
    source: Source | Hub,
    wire: str | Wire = "ops",
    *,
    every: float = 0.05,
    heartbeat: float = HEARTBEAT_S,
    expose_errors: bool = False,
    by_alias: bool | None = None,
) -> Events:
    """Put an answer on a wire, for any framework.

    Args:
        source: A stream of a client's, an iterable of ops, or a `Hub`.
        wire: The name of the wire, or the wire with options of its own.
        every: Seconds between two messages, at least; 0 for one at each batch of ops. Of a hub, the
            hub's own counts.
        heartbeat: After how many seconds without anything to send a sign of life is sent.
        expose_errors: Whether the ending says what the exception said, which may hold what the
            server said or what the model wrote.
        by_alias: Whether the fields of a client's stream go by their alias. Of a hub, the hub's own
            counts. Wires that send JSON text send what the model writes.

    Returns:
        The events, to be iterated once, and the headers of the response.

    Raises:
        TypeError: `source` or `wire` is not one of those.
        ValueError: There is no wire of that name, or a number makes no sense.
    """
    if heartbeat <= 0:
        raise ValueError(f"heartbeat must be more than 0 seconds: {heartbeat!r}")
    return Events(
        source,
        find_wire(wire),
        every=every,
        heartbeat=heartbeat,
        detail=expose_errors,
        by_alias=by_alias,
    )


class _Box:
    """What one thread has read and the other not yet taken."""

    def __init__(self) -> None:
        self.news = threading.Condition()
        self.batches: list[tuple[list[OpLike], list[Path] | None]] = []
        self.outcome: Outcome | None = None

    def put(self, ops: list[OpLike], completed: list[Path] | None) -> None:
        with self.news:
            self.batches.append((ops, completed))
            self.news.notify()

    def end(self, outcome: Outcome) -> None:
        with self.news:
            self.outcome = outcome
            self.news.notify()

    def take(self, log: Log, seconds: float) -> bool:
        """Wait for news and put them into the log; say whether there were any."""
        with self.news:
            self.news.wait_for(lambda: self.batches or self.outcome is not None, seconds)
            batches, self.batches = self.batches, []
            outcome = self.outcome
        try:
            for ops, completed in batches:
                log.put(ops, completed)
        except ValueError as error:
            outcome = Outcome.of(error)
        if outcome is not None:
            log.end(outcome)
        return bool(batches) or outcome is not None


def _loop(  # noqa: PLR0913 - what `events` was told
    box: _Box, wire: Wire, close: Any, *, every: float, heartbeat: float, detail: bool
) -> Iterator[Event | Piece]:
    log = Log()
    reader = log.join()
    encoder = wire.encoder()
    published = float("-inf")
    outcome: Outcome | None = None
    try:
        yield from encoder.begin(resumable=False)
        while outcome is None:
            if not box.take(log, heartbeat):
                yield from encoder.alive()
                continue
            while log.outcome is None and (left := published + every - time.monotonic()) > 0:
                box.take(log, left)
            published = time.monotonic()
            outcome = log.outcome
            try:
                log.publish()
                found = log.read(reader)
                yield from encoder.step(found[0]) if found is not None else ()
            except ValueError as error:
                outcome = Outcome.of(error)
        yield from _ending(encoder, outcome, wire, detail=detail)
    finally:
        close()


def _ending(
    encoder: Encoder, outcome: Outcome, wire: Wire, *, detail: bool
) -> Iterator[Event | Piece]:
    yield from encoder.end(outcome, detail=detail)
    if wire.breaks and not outcome.complete:
        raise UnfinishedError(outcome)
