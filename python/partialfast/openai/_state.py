"""One answer of the server, read without I/O: deltas in, snapshots out, and the verdict at the end.

Theory of operation. A transport hands over blocks as they come; the API's own subclass turns each
into deltas (plain tuples, see `Delta`) which wait in a queue. `pull` takes them from the queue one
by one until something is due to be handed to the caller, so that `path`, `completed` and `text`
always belong to the snapshot that the caller holds, however many events one read brought. Once the
transport has said that nothing more comes, the `pull` that finds the queue empty gives the
verdict: the final value, or the one exception that says how the answer ended.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, TypeVar

from pydantic import ValidationError

from partialfast._core import EventReader, loads
from partialfast._errors import (
    ContentFilterError,
    DroppedError,
    JsonError,
    RefusalError,
    StreamError,
    TruncatedError,
)
from partialfast.openai._answer import Answer, Path, StateOptions
from partialfast.openai._target import Shape, Target
from partialfast.openai._transport import END, Corrupt, Lost

__all__ = ["NOTHING", "Delta", "Every", "Pace", "State"]

logger = logging.getLogger("partialfast")

# What a transport or an API reports. The first item names it; what follows is, for
#   "text"     choice, text: content of the message
#   "call"     choice, index, id, name, arguments: a piece of a function call, None where not sent
#   "refusal"  choice, text
#   "finish"   choice, reason
#   "usage"    the SDK's object; "usage_json": its JSON text
#   "head"     response id, model
#   "error"    an error object of the server's; "error_json": its JSON text
#   "corrupt"  what is wrong with an event
#   "done"     nothing: what follows is of no interest
Delta = tuple[Any, ...]

# Those that say something about the answer rather than being a part of it.
_ABOUT = frozenset({"head", "usage", "finish"})

Every = Literal["event", "read", "value"] | float


class _Nothing:
    """The type of `NOTHING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOTHING"


# `None` is a value that an answer can have.
NOTHING: Final = _Nothing()

# Finish reasons of chat completions and of responses.
_FILTERED = "content_filter"
_LIMITS = frozenset({"length", "max_output_tokens"})

# The one kind of `JsonError` that is not about the model's text.
_INVALID_EVENT = "invalid_event"

_Error = TypeVar("_Error", bound=StreamError)


class Pace:
    """Decides when a changed snapshot is handed out.

    Args:
        every: ``"event"``, ``"read"``, ``"value"`` or seconds.
        clock: Gives the time in seconds.
    """

    def __init__(self, every: Every, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = every
        self._clock = clock
        self._last: float | None = None

    @property
    def on_completion(self) -> bool:
        """Whether a completed value is due even when the snapshot looks the same."""
        return self._every == "value"

    def is_due(self, *, completed: bool, more: bool) -> bool:
        """Tell whether to hand out the newest snapshot now.

        Args:
            completed: Whether a value was completed since the last one handed out.
            more: Whether more of the same read is waiting.
        """
        every = self._every
        if every == "event":
            return True
        first = self._last is None
        if isinstance(every, str):
            due = first or (not more if every == "read" else completed)
            self._last = 0.0
            return due
        now = self._clock()
        if self._last is not None and now - self._last < every:
            return False
        self._last = now
        return True


@dataclass(slots=True, eq=False)
class _Call:
    """A function call under way."""

    key: tuple[int, int] | None
    id: str | None
    name: str | None
    answer: Answer | None = None
    ignored: bool = False
    # Arguments that came before the name of the function.
    early: list[str] = field(default_factory=list)


class State(ABC):
    """Reads one answer.

    Args:
        target: What was asked for.
        tools: Whether the answer is the arguments of a function call, rather than the content.
        exact_names: Whether other functions were offered too, so that the name must match even
            when only one of them is ours.
        options: Options of the parsers.
        pace: When snapshots are handed out.
    """

    # The name that `EventReader` has for the API.
    api: ClassVar[str]

    def __init__(
        self,
        target: Target,
        *,
        tools: bool,
        exact_names: bool,
        options: StateOptions,
        pace: Pace,
    ) -> None:
        self.usage: Any = None
        self.finish_reason: str | None = None
        self.response_id: str | None = None
        self.model: str | None = None
        self.completed: list[Path] = []
        self.over = False
        self.final: Any = NOTHING
        # What the SDK's exceptions want to know of.
        self.request: Any = None
        self._target = target
        self._tools = tools
        self._exact_names = exact_names
        self._options = options
        self._pace = pace
        self._queue: deque[Delta] = deque()
        self._events: EventReader | None = None
        self._ready: deque[Any] = deque()
        self._ended = False
        self._lost: BaseException | None = None
        self._answers: list[Answer] = []
        self._texts: dict[int, Answer] = {}
        self._calls: list[_Call] = []
        self._newest: Answer | None = None
        self._content: list[str] = []
        self._refusal: list[str] = []
        self._changed = False
        self._newly_completed: list[Path] = []
        self._snapshot: Any = None
        self._items: list[Any] = []
        self._failure: Exception | None = None
        self._called_nothing = False

    # What the caller sees.

    @property
    def snapshot(self) -> Any:
        """What was handed out last; ``None`` before."""
        return self._snapshot

    @property
    def text(self) -> str:
        """The raw text of the answer; of all answers, one after the other, when there are many."""
        return "".join(answer.text for answer in self._answers)

    @property
    def path(self) -> Path:
        """Where the model is writing."""
        newest = self._newest
        if newest is None:
            return ()
        if self._item_is_call:
            return (self._answers.index(newest), *newest.path)
        return newest.path

    @property
    def trailing_text(self) -> str:
        """What the model wrote after the JSON."""
        return "".join(answer.trailing_text for answer in self._answers)

    # What the transport calls.

    def accept(self, block: Any) -> None:
        """Take what a source read."""
        if block is END:
            self._ended = True
        elif isinstance(block, Lost):
            self._ended = True
            self._lost = block.error
        elif type(block) is bytes:
            if self._events is None:
                self._events = EventReader(self.api)
            self._queue.extend(self._events.feed(block))
        elif isinstance(block, Corrupt):
            self._queue.append(("corrupt", block.why))
        else:
            self._queue.extend(self.deltas(block))

    @abstractmethod
    def deltas(self, block: Any) -> Sequence[Delta]:
        """Turn a chunk object of the SDK's into deltas."""

    @abstractmethod
    def read_usage(self, usage: Any) -> Any:
        """Make of a decoded ``usage`` the object that the SDK makes of it."""

    @abstractmethod
    def deltas_of_answer(self, answer: Any) -> Sequence[Delta]:
        """Turn a whole answer, as the API gives it without streaming, into deltas."""

    def put_answer(self, answer: Any) -> None:
        """Take a whole answer, as the API gives it without streaming."""
        deltas = self.deltas_of_answer(answer)
        # All is there at once: what the text is judged by comes in front of the text.
        self._queue.extend(delta for delta in deltas if delta[0] in _ABOUT)
        self._queue.extend(delta for delta in deltas if delta[0] not in _ABOUT)
        self._ended = True

    def pull(self) -> Any:
        """Return what is due next: a snapshot or an item.

        Returns:
            `NOTHING` when the transport has to be read first, or when all is `over`.

        Raises:
            StreamError: The answer ended without a complete value.
            JsonError: The text is not JSON.
            pydantic.ValidationError: The value is invalid.
            openai.APIError: The server reported an error.
        """
        if self._ready:
            return self._take_item()
        if self._failure is not None:
            raise self._failure
        queue = self._queue
        while queue:
            self._apply(queue.popleft())
            if self._ready:
                return self._take_item()
            if self._failure is not None:
                raise self._failure
            if self._changed and self._is_due():
                return self._take_snapshot()
        if self._changed and self._is_due():
            return self._take_snapshot()
        if self._ended and not self.over:
            return self._verdict()
        return NOTHING

    # Deltas.

    def _apply(self, delta: Delta) -> None:
        kind = delta[0]
        if kind == "text":
            self._on_text(delta[1], delta[2])
        elif kind == "call":
            self._on_call(*delta[1:])
        elif kind == "refusal":
            self._refusal.append(delta[2])
        elif kind == "finish":
            if self._is_ours(delta[1]):
                self.finish_reason = delta[2]
        else:
            self._apply_rare(kind, delta)

    def _apply_rare(self, kind: str, delta: Delta) -> None:
        if kind == "usage":
            self.usage = delta[1]
        elif kind == "usage_json":
            self.usage = self.read_usage(loads(delta[1]))
        elif kind == "head":
            # The first chunk of some servers knows neither.
            self.response_id = self.response_id or delta[1] or None
            self.model = self.model or delta[2] or None
        elif kind == "error":
            raise self._api_error(delta[1])
        elif kind == "error_json":
            raise self._api_error(loads(delta[1]))
        elif kind == "corrupt":
            raise JsonError(
                f"The server sent an event that cannot be read: {delta[1]}.",
                kind=_INVALID_EVENT,
                offset=0,
                line=1,
                column=1,
            )
        else:
            self._ended = True

    @property
    def _item_is_call(self) -> bool:
        return self._tools and self._target.one_item_per_call

    def _is_ours(self, choice: int) -> bool:
        # A value is one answer. Items are all that the choices bring.
        return choice == 0 or self._target.items

    def _on_text(self, choice: int, text: str) -> None:
        if not self._is_ours(choice):
            return
        if self._tools:
            self._content.append(text)
            return
        answer = self._texts.get(choice)
        if answer is None:
            answer = self._texts[choice] = self._new_answer(self._target.shapes[0])
        self._feed(answer, text)

    def _on_call(
        self, choice: int, index: int | None, id_: str | None, name: str | None, arguments: str
    ) -> None:
        if not (self._tools and self._is_ours(choice)):
            return
        call = self._find_call(choice, index, id_, name)
        if call.ignored:
            return
        if call.answer is None:
            call.early.append(arguments)
            shape = self._shape_of(call)
            if shape is None:
                return
            if self._answers and not self._target.items:
                # One value was asked for, and the first call is it.
                call.ignored = True
                logger.debug("ignoring a second call of %s", call.name)
                return
            call.answer = self._new_answer(shape)
            arguments = "".join(call.early)
            call.early.clear()
        if arguments:
            self._feed(call.answer, arguments)

    def _find_call(
        self, choice: int, index: int | None, id_: str | None, name: str | None
    ) -> _Call:
        """Find the call that a piece belongs to, or begin a new one.

        Servers differ: the index can be missing, can be the same for all calls, or begin above
        zero; id and name come once or with every piece. An id that differs together with a name
        begins a call in any case; a piece without an index belongs to the newest call.
        """
        key = None if index is None else (choice, index)
        found: _Call | None = None
        for call in reversed(self._calls):
            if key is None or call.key == key:
                found = call
                break
        begins = bool(id_ and name and found is not None and found.id and found.id != id_)
        if found is None or begins:
            found = _Call(key, id_ or None, name or None)
            self._calls.append(found)
        else:
            found.id = found.id or id_ or None
            found.name = found.name or name or None
        return found

    def _shape_of(self, call: _Call) -> Shape | None:
        shapes = self._target.shapes
        if len(shapes) == 1 and not self._exact_names:
            # Only one function was offered. Some servers leave its name out or decorate it.
            return shapes[0]
        if call.name is None:
            return None
        for shape in shapes:
            if shape.name == call.name:
                return shape
        call.ignored = True
        return None

    def _new_answer(self, shape: Shape) -> Answer:
        items = self._target.items and not self._item_is_call
        answer = Answer(shape, self._options, noisy=not self._tools, items=items)
        self._answers.append(answer)
        return answer

    def _feed(self, answer: Answer, piece: str) -> None:
        self._newest = answer
        changed = False
        try:
            changed = answer.feed(piece)
        except (JsonError, ValidationError) as error:
            # What the same piece completed before is handed out first, so that the outcome does
            # not depend on how the text was cut.
            self._failure = error
        completed = answer.completed
        if not self._target.items:
            self._newly_completed += completed
            self._changed |= changed or (self._pace.on_completion and bool(completed))
        elif self._item_is_call:
            self._newly_completed += [(self._answers.index(answer), *each) for each in completed]
            if answer.done and self._failure is None:
                self._ready.append(answer.finish())
        else:
            self._newly_completed += completed
            self._ready.extend(answer.take_items())

    # Handing out.

    def _is_due(self) -> bool:
        return self._pace.is_due(completed=bool(self._newly_completed), more=bool(self._queue))

    def _take_snapshot(self) -> Any:
        assert self._newest is not None  # noqa: S101 - for the type checkers
        self._changed = False
        self._snapshot = self._newest.snapshot
        self._take_completed()
        return self._snapshot

    def _take_item(self) -> Any:
        self._snapshot = self._ready.popleft()
        self._items.append(self._snapshot)
        self._take_completed()
        return self._snapshot

    def _take_completed(self) -> None:
        self.completed = self._newly_completed
        self._newly_completed = []

    # The end.

    def _verdict(self) -> Any:
        self.over = True
        complete = bool(self._answers) and all(answer.done for answer in self._answers)
        if self._lost is not None and not (complete and self.finish_reason):
            raise self._error(
                DroppedError, "The connection was lost before the answer was complete."
            ) from self._lost
        if self._refusal:
            said = "".join(self._refusal)
            raise self._error(RefusalError, "The model refused to answer; see `text`.", text=said)
        if self.finish_reason == _FILTERED:
            raise self._error(
                ContentFilterError, "The provider's content filter cut the answer off."
            )
        if not self._answers:
            raise self._no_answer()
        if self._target.items:
            for answer in self._answers:
                late = not answer.done
                value = self._finish(answer)
                if late and self._item_is_call:
                    # A call without arguments is complete only now.
                    self._ready.append(value)
            self.final = self._items
            return self._take_item() if self._ready else NOTHING
        self.final = self._finish(self._answers[0])
        if self.final is self._snapshot and self.final is not None:
            # Handed out when its last byte came.
            return NOTHING
        self._snapshot = self.final
        self._take_completed()
        return self.final

    def _finish(self, answer: Answer) -> Any:
        try:
            return answer.finish(empty_is_object=self._tools and not self._hit_a_limit)
        except TruncatedError:
            raise self._truncated() from None

    @property
    def _hit_a_limit(self) -> bool:
        return self.finish_reason in _LIMITS

    def _no_answer(self) -> StreamError:
        said = "".join(self._content)
        if not said.strip():
            return self._truncated()
        self._called_nothing = True
        names = " or ".join(shape.name for shape in self._target.shapes)
        return self._error(
            RefusalError,
            f"The model answered in text instead of calling {names}; see `text`.",
            text=said,
        )

    def _truncated(self) -> TruncatedError:
        reason = self.finish_reason
        cause = f"finish reason {reason!r}" if reason else "the stream ended"
        advice = "; allow more output tokens" if self._hit_a_limit else ""
        return self._error(
            TruncatedError, f"The answer ended before its JSON was complete ({cause}){advice}."
        )

    def closed(self) -> StreamError:
        """Return the error for asking for a value after the caller has closed the stream."""
        return self._error(
            StreamError, "The stream was closed before the answer was complete; see `snapshot`."
        )

    def _error(self, class_: type[_Error], message: str, *, text: str | None = None) -> _Error:
        newest = self._snapshot
        if self._newest is not None and not self._target.items:
            newest = self._newest.snapshot
        return class_(
            message,
            snapshot=newest,
            text=self.text if text is None else text,
            usage=self.usage,
            finish_reason=self.finish_reason,
        )

    def _api_error(self, body: Any) -> Exception:
        """Return what the SDK raises for an error object inside a stream."""
        from openai import APIError  # noqa: PLC0415 - the caller has a client, so it is loaded

        message = body.get("message") if isinstance(body, Mapping) else None
        if not isinstance(message, str) or not message:
            message = "An error occurred during streaming"
        return APIError(message, self.request, body=body)

    # Asking again.

    def is_retryable(self, error: BaseException) -> bool:
        """Tell whether the error is about what the model wrote, so that it may do better."""
        if self._called_nothing:
            return isinstance(error, RefusalError)
        if isinstance(error, JsonError):
            return error.kind != _INVALID_EVENT
        return isinstance(error, ValidationError)

    @abstractmethod
    def correction(self, error: Exception) -> list[dict[str, Any]]:
        """Return the messages that show the model its answer and what is wrong with it."""

    def _newest_call(self) -> _Call | None:
        return next((call for call in reversed(self._calls) if call.answer is self._newest), None)
