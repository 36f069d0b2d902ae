"""What streams of both kinds know about the answer, and how an attempt ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Generic, Literal, TypeVar, cast

from partialfast._repairs import Repair
from partialfast.answer._asked import NOTHING
from partialfast.answer._attempt import Attempt
from partialfast.answer._attempts import Call
from partialfast.answer._patience import Patience
from partialfast.answer._reader import AnswerReader
from partialfast.answer._route import KeepOpsOptions, OtherCall
from partialfast.answer._seam import AsyncReply, Reply, Tokens
from partialfast.answer._text import Path
from partialfast.typed._calling import Callbacks, Progress
from partialfast.typed._display import Displayed
from partialfast.typed._text_deltas import Growth, TextDelta

__all__ = ["StreamBase"]

T = TypeVar("T")
Final_ = TypeVar("Final_")


class StreamBase(Displayed, Generic[T, Final_]):
    """What both kinds of stream know about the answer.

    Args:
        call: What to ask for.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._reader: AnswerReader = call.new_reader()
        self._patience = Patience(call.options)
        self._request_id: str | None = None
        self._finished = False
        self._error: BaseException | None = None
        # Who closed the stream while it could still have been read.
        self._closer: Any = None
        self._ops: KeepOpsOptions | None = None
        self._growth: Growth | None = None
        options = call.options
        # Functions of the caller's that are called as values become complete.
        self._callbacks: Callbacks | None = None
        if options.on is not None or options.on_progress is not None:
            self._callbacks = Callbacks(options.on, options.on_progress, awaits=self._awaits)

    _awaits: ClassVar[bool]

    def _due(self, snapshot: Any) -> Iterator[tuple[Callable[[Any], Any], Any]]:
        """Give what is to be called, and with what, before a snapshot is handed out."""
        if self._callbacks is None:
            return iter(())
        reader = self._reader
        progress = Progress(reader.progress, 0, reader.path, self.attempt)
        return self._callbacks.due(snapshot, reader.completed, progress)

    @property
    def snapshot(self) -> T | None:
        """The last snapshot or item handed out; ``None`` before."""
        return cast("T | None", self._reader.snapshot)

    @property
    def text(self) -> str:
        """What the model has written so far: the text of the answer, or what it said instead."""
        return self._reader.received.text

    @property
    def delta(self) -> dict[Path, TextDelta]:
        """What was added to texts since this was last read, by the path of each text.

        For whatever appends. Paths are those of the dumped value, as of ops; after a new attempt
        began, `TextDelta.replaced` is the whole of a text that was shown before.

        Raises:
            RuntimeError: The stream's `ops` are being read, which tell it themselves.
        """
        if self._growth is None:
            if self._ops is not None:
                raise RuntimeError("the ops of this stream are being read: they have what is added")
            self._growth = Growth()
            self._keep_ops("value", by_alias=None)
        return self._growth.see(self._reader.snapshot, self._reader.take_ops())

    @property
    def trailing_text(self) -> str:
        """What the model wrote after the JSON and its closing code fence."""
        return self._reader.received.trailing_text

    @property
    def reasoning_text(self) -> str:
        """What the server has sent of the model's reasoning so far; none of it is in `text`.

        A ``<think>`` block within the text is not part of it; that is skipped.
        """
        return self._reader.received.reasoning_text

    @property
    def other_calls(self) -> list[OtherCall]:
        """The model's calls of functions that are the caller's own."""
        return self._reader.received.other_calls

    @property
    def repairs(self) -> list[Repair]:
        """What was repaired: by lenient reading, or by the client.

        The client takes JSON in the content where a call was asked for (``"content_for_call"``),
        and objects one after the other for a list of them (``"items_without_list"``), if they fit.
        """
        return self._reader.received.repairs

    @property
    def path(self) -> Path:
        """Where the model is writing: keys and indices from the root."""
        return self._reader.path

    @property
    def completed(self) -> list[Path]:
        """Paths of the values that became complete with the last snapshot or item."""
        return self._reader.completed

    def is_complete(self, path: Iterable[str | int]) -> bool:
        """Tell whether the value at a place of the document has been received to its end.

        Args:
            path: Keys and indices from the root to the value, as `path` and `completed` have them.

        Returns:
            Whether it is complete; ``False`` for what has not begun, or is not there.
        """
        return self._reader.is_complete(tuple(path))

    @property
    def usage(self) -> Any:
        """Token usage as the SDK's object; ``None`` until the server has sent it."""
        return self._reader.received.usage

    @property
    def tokens(self) -> Tokens:
        """Token usage as numbers that mean the same with every provider."""
        return self._reader.received.tokens

    @property
    def finish_reason(self) -> str | None:
        """The provider's finish reason; ``None`` until the server has sent it."""
        return self._reader.received.finish_reason

    @property
    def request_id(self) -> str | None:
        """The server's name for the current attempt's request (header ``x-request-id``)."""
        return self._request_id

    @property
    def response_id(self) -> str | None:
        """The ``id`` of the current attempt's response."""
        return self._reader.received.response_id

    @property
    def model(self) -> str | None:
        """The model that answers, as the server names it."""
        return self._reader.received.model

    @property
    def attempt(self) -> int:
        """Number of the current attempt, counted from 1."""
        return self._call.attempt

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts that gave no value."""
        return tuple(self._call.attempts)

    @property
    def restarts(self) -> int:
        """How often the snapshots of the current attempt began anew.

        When reasoning ends that had no beginning, what was shown before was a draft and no answer.
        The next snapshot starts empty, as that of a new attempt does, and the next op sets the
        whole value.
        """
        return self._reader.received.restarts

    def _keep_ops(self, of: Literal["value", "document"], *, by_alias: bool | None) -> None:
        self._ops = KeepOpsOptions(of=of, by_alias=by_alias)
        self._reader.keep_ops(self._ops)

    def _renew(self, *, settled: bool) -> None:
        """Forget the previous attempt, as a new one begins.

        Args:
            settled: Whether it was found out only now how to ask.
        """
        if self._call.attempt > 1 or settled:
            self._reader = self._call.new_reader()
            if self._callbacks is not None:
                self._callbacks.restart()
            if self._ops is not None:
                self._reader.keep_ops(self._ops)
        self._patience = Patience(self._call.options)

    def _begin(self, reply: Reply | AsyncReply) -> None:
        # Not the reply itself: what was received may be kept long after the response is closed.
        self._call.look_at(reply)
        self._reader.received.request = reply.request
        self._reader.received.content_type = reply.content_type
        self._request_id = reply.request_id

    def _fail(self, error: BaseException) -> BaseException:
        """Note what the stream ended with, and return what is to be raised."""
        self._finished = True
        if isinstance(error, (StopIteration, StopAsyncIteration)):
            # Raised by a validator, it would look like the end of the stream (PEP 479).
            stopped = RuntimeError(f"a validator raised {type(error).__name__}")
            stopped.__cause__ = error
            error = stopped
        elif isinstance(error, Exception):
            error = self._call.final_error(error, self._reader)
        self._error = error
        return error

    def _closed_by_another(self, me: Callable[[], Any]) -> bool:
        # Asked at every block: who reads is looked up only where somebody has closed.
        return self._closer is not None and self._closer != me() and self._error is None

    def _value(self) -> Final_:
        """Return the final value once the stream is finished, or raise why there is none."""
        if isinstance(self._error, Exception):
            raise self._error
        if self._error is not None:
            # A cancellation was meant for the task it reached, and an interrupt for that moment.
            raise self._reader.closed() from self._error
        if self._reader.final is NOTHING:
            raise self._reader.closed()
        return cast("Final_", self._reader.final)

    def __repr__(self) -> str:
        """Say how far the stream is."""
        how = "finished" if self._finished else "open"
        return f"<{type(self).__name__} {how}, attempt {self.attempt}, {len(self.text)} characters>"

    def _ended(self) -> bool:
        return self._reader.final is not NOTHING
