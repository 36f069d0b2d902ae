"""`Hub`: one answer, many viewers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

from partialfast._errors import PartialFastError
from partialfast.web._document import OpLike, Path
from partialfast.web._event import Event, Piece
from partialfast.web._log import Log, Reader
from partialfast.web._ops_source import OpsRequest, Source, is_async, read
from partialfast.web._outcome import Outcome, RefusedError
from partialfast.web._wire import Encoder, Wire

__all__ = ["Hub", "UnfinishedError"]


class UnfinishedError(PartialFastError):
    """The answer ended without being complete, on a wire that has no words for that.

    Let it pass, so that the server breaks the connection: that is how the reader learns of it.

    Args:
        outcome: How the answer ended.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


class Hub:
    """Reads one answer, for any number of viewers.

    A viewer that comes late, or comes back, gets the value so far and then what follows. One that
    is slow gets what it missed merged. What is kept is at most the text of the answer, however
    many view it. The answer is asked for when the first viewer comes.

    Args:
        source: A stream of a client's, or an iterable of ops, with or without asynchrony.
        every: Seconds between two messages, at least; 0 for one at each batch of ops.
        linger: How many seconds after the last viewer has left the model's response is closed, if
            none comes back; ``None`` for not at all.
        of: What a client's stream is asked for: ``"value"`` for the dump of its snapshots,
            ``"document"`` for what the model writes, before validators.
        by_alias: Whether the fields of a client's stream go by their alias.

    Raises:
        TypeError: `source` is not one of those.
        ValueError: `every` or `linger` is negative.
    """

    def __init__(
        self,
        source: Source,
        *,
        every: float = 0.05,
        linger: float | None = 0.0,
        of: Literal["value", "document"] = "value",
        by_alias: bool | None = None,
    ) -> None:
        is_async(source)
        if every < 0 or (linger is not None and linger < 0):
            raise ValueError("every and linger are seconds, and cannot be negative")
        self._source = source
        self._every = every
        self._linger = linger
        self._options = OpsRequest(of, by_alias)
        self._log = Log()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._published = float("-inf")
        self._waiting: set[asyncio.Future[bool]] = set()

    @property
    def outcome(self) -> Outcome | None:
        """How the answer ended; ``None`` before."""
        return self._log.outcome

    @property
    def value(self) -> Any:
        """The JSON value that viewers have, not to be changed; ``None`` before there is any."""
        return self._log.document.value

    @property
    def viewers(self) -> int:
        """How many are viewing."""
        return self._log.readers

    def start(self) -> None:
        """Ask for the answer, if nobody has; the first viewer does it anyway.

        Raises:
            RuntimeError: No event loop is running.
        """
        if self._task is None and self._log.outcome is None:
            self._task = asyncio.get_running_loop().create_task(self._read())

    async def aclose(self) -> None:
        """Close the model's response. Viewers are told that the answer was stopped."""
        if self._leaving is not None:
            self._leaving.cancel()
        if self._task is None:
            self._end(Outcome("closed"))
        elif not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def begun(self, seconds: float) -> bool:
        """Wait until there is something to send, or the answer has ended.

        Args:
            seconds: How long to wait.

        Returns:
            Whether it came to that in time.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        self.start()
        while self._log.version == 0 and self._log.outcome is None:
            left = until - loop.time()
            if left <= 0 or not await self._news(left):
                return False
        return True

    async def view(
        self, wire: Wire, *, heartbeat: float, detail: bool, resumable: bool
    ) -> AsyncIterator[Event | Piece]:
        """View the answer on a wire.

        Args:
            wire: The wire.
            heartbeat: After how many seconds without anything to send a sign of life is sent.
            detail: Whether the ending may say what the exception said.
            resumable: Whether the viewer can come back.

        Yields:
            What is to be sent.

        Raises:
            UnfinishedError: The answer is not whole, and the wire has no other way to say so.
        """
        reader = self._join()
        encoder = wire.encoder()
        try:
            for event in encoder.begin(resumable=resumable):
                yield event
            outcome: Outcome | None = None
            while outcome is None:
                try:
                    events = self._next(reader, wire, encoder)
                except RefusedError as error:
                    outcome = Outcome.of(error)
                    break
                if not events and (outcome := self._ended(reader)) is None:
                    woken = await self._news(heartbeat)
                    events = [] if woken else encoder.alive()
                for event in events:
                    yield event
            for event in encoder.end(outcome, detail=detail):
                yield event
            if wire.breaks and not outcome.complete:
                raise UnfinishedError(outcome)
        finally:
            await self._leave(reader)

    def _next(self, reader: Reader, wire: Wire, encoder: Encoder) -> list[Event | Piece]:
        """Bring a viewer to the newest version; nothing if it has that already."""
        found = self._log.read(reader)
        if found is None:
            return []
        step, segment = found
        if segment is None or not wire.shared:
            return encoder.step(step)
        events = segment.encoded.get(wire)
        if events is None:
            events = segment.encoded[wire] = encoder.step(step)
        return events

    def _ended(self, reader: Reader) -> Outcome | None:
        # A step can come to nothing on some wires; the ending comes after the last one.
        return self._log.outcome if reader.version == self._log.version else None

    def _join(self) -> Reader:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        self.start()
        return self._log.join()

    async def _leave(self, reader: Reader) -> None:
        self._log.leave(reader)
        if self._log.readers or self._log.outcome is not None or self._linger is None:
            return
        if self._linger == 0:
            await self.aclose()
        elif self._task is not None:
            loop = asyncio.get_running_loop()
            self._leaving = loop.call_later(self._linger, self._task.cancel)

    async def _read(self) -> None:
        outcome = Outcome("closed")
        try:
            outcome = await read(self._source, self._put, self._options)
        except asyncio.CancelledError:
            # Asked for by `aclose`, or because nobody views it any more.
            pass
        except Exception as error:  # noqa: BLE001 - told to the viewers
            outcome = Outcome.of(error)
        finally:
            self._end(outcome)

    def _put(self, ops: list[OpLike], completed: list[Path] | None) -> None:
        self._log.put(ops, completed)
        if self._timer is None and self._log.pending:
            loop = asyncio.get_running_loop()
            wait = self._published + self._every - loop.time()
            if self._every == 0:
                self._publish()
            else:
                self._timer = loop.call_later(max(wait, 0.0), self._publish)

    def _publish(self) -> None:
        self._timer = None
        try:
            news = self._log.publish()
        except ValueError as error:
            # Ops that do not fit are the source's mistake; it has nothing more to say.
            self._log.end(Outcome.of(error))
            news = True
            if self._task is not None:
                self._task.cancel()
        if news:
            self._published = asyncio.get_running_loop().time()
            self._wake()

    def _end(self, outcome: Outcome) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._log.outcome is None:
            self._publish()
        self._log.end(outcome)
        self._wake()

    async def _news(self, seconds: float) -> bool:
        """Wait for news; say whether there are any."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._waiting.add(future)
        handle = loop.call_later(seconds, _resolve, future, False)  # noqa: FBT003 - a callback
        try:
            return await future
        finally:
            handle.cancel()
            self._waiting.discard(future)

    def _wake(self) -> None:
        for future in self._waiting:
            _resolve(future, True)  # noqa: FBT003 - a value, as in the callback
        self._waiting.clear()


def _resolve(future: asyncio.Future[bool], news: bool) -> None:  # noqa: FBT001 - the value
    if not future.done():
        future.set_result(news)
