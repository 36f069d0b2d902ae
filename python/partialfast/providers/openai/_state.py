"""One answer of the server, read without I/O: deltas in, snapshots out, and the verdict at the end.

Theory of operation. A transport hands over blocks as they come; the core reads each, in the API's
dialect, and gives its deltas. `pull` takes them one by one until something is due to be handed to
the caller, so that `path`, `completed` and `text` always belong to the snapshot that the caller
holds, however many events one read brought. Once the transport has said that nothing more comes,
the `pull` that finds no delta gives the verdict: the final value, or the one exception that says
how the answer ended.

Most events are one more piece of the one answer, and their way is short: `quick` gives the
snapshots that they make without a line of Python in between. It stops at whatever else there is,
which is then `pull`'s to deal with.
"""

from __future__ import annotations

import logging
import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, ClassVar, Final, Literal, TypeVar, cast

from pydantic import ValidationError

from partialfast._core import Delta, EventReader, loads
from partialfast._errors import (
    ContentFilterError,
    DroppedError,
    JsonError,
    RefusalError,
    StreamError,
    TruncatedError,
)
from partialfast.answer._delta import Outcome, Part
from partialfast.answer._pace import Pace
from partialfast.answer._target import Shape, Target
from partialfast.answer._text import Answer, Path, StateOptions
from partialfast.providers.openai._calls import FunctionCall, FunctionCalls
from partialfast.providers.openai._objects import as_json
from partialfast.providers.openai._transport import END, Corrupt, Lost

__all__ = ["NOTHING", "State"]

logger = logging.getLogger("partialfast")

# Those that say something about the answer rather than being a part of it.
_ABOUT = (Delta.Head, Delta.Usage, Delta.Finish)


def _invalid_event(why: str) -> JsonError:
    message = f"The server sent an event that cannot be read: {why}."
    return JsonError(message, kind=_INVALID_EVENT, offset=0, line=1, column=1)


def _decoded(said: str) -> Any:
    try:
        return loads(said)
    except JsonError:
        return said


def _too_much(what: str) -> JsonError:
    message = f"The model wrote {what}; see `snapshot` and `text` for what came before."
    return JsonError(message, kind="size_limit", offset=0, line=1, column=1)


class _Nothing:
    """The type of `NOTHING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOTHING"


# `None` is a value that an answer can have.
NOTHING: Final = _Nothing()

# The one kind of `JsonError` that is not about the model's text.
_INVALID_EVENT = "invalid_event"

# A parser bounds its own text. Documented in docs/bounds.md.
_MOST_BESIDE = 1 << 30
_MOST_CALLS = 100_000

_Error = TypeVar("_Error", bound=StreamError)


class State(ABC):
    """Reads one answer.

    Args:
        target: What was asked for.
        tools: Whether the answer is the arguments of a function call, rather than the content.
        exact_names: Whether other functions were offered too, so that the name must match even
            when only one of them is ours.
        choices: How many choices were asked for.
        options: Options of the parsers.
        pace: When snapshots are handed out.
    """

    # The dialect in which the API answers.
    api: ClassVar[str]

    def __init__(  # noqa: PLR0913 - all that is known of the call
        self,
        target: Target,
        *,
        tools: bool,
        exact_names: bool,
        choices: int,
        options: StateOptions,
        pace: Pace,
    ) -> None:
        self.finish_reason: str | None = None
        self._outcome: Outcome | None = None
        self.response_id: str | None = None
        self.model: str | None = None
        self.over = False
        self.final: Any = NOTHING
        # What the SDK's exceptions want to know of.
        self.request: Any = None
        self.content_type: str | None = None
        self._usage: Any = None
        # Made into the SDK's object when somebody asks: that takes longer than reading the answer.
        self._usage_json: str | None = None
        self._target = target
        self._tools = tools
        self._exact_names = exact_names
        self._choices = choices
        self._options = options
        self._pace = pace
        self._queue: deque[Delta] = deque()
        self._events = EventReader(self.api)
        self._ready: deque[Any] = deque()
        self._ended = False
        # The choices of which the server has said that all is written. The end of the bytes does
        # not say it.
        self._ended_choices: set[int] = set()
        self._lost: BaseException | None = None
        self._answers: list[Answer] = []
        self._texts: dict[int, Answer] = {}
        self._calls = FunctionCalls()
        self._newest: Answer | None = None
        # Text beside that of the answers, and the bytes that it takes.
        self._content: list[str] = []
        self._refusal: list[str] = []
        self._reasoning: list[str] = []
        self._beside = 0
        self._changed = False
        # Completions are looked up when the caller asks, where that gives the right ones: with a
        # snapshot at each event. Else they are collected, at each change or at each piece.
        self._collects = target.items or not pace.every_event
        self._collects_pieces = pace.every_value or self._item_is_call
        self._completed: list[Path] = []
        self._newly_completed: list[Path] = []
        # The answer whose pieces go from the bytes to the parser without becoming deltas.
        self._attached: Answer | None = None
        self._quick: Iterator[Any] = iter(())
        self._snapshot: Any = None
        self._items: list[Any] = []
        self._failure: Exception | None = None
        self._called_nothing = False

    # What the caller sees.

    @property
    def snapshot(self) -> Any:
        """What was handed out last; ``None`` before."""
        quick = self._events.last
        return self._snapshot if quick is None else quick

    @property
    def usage(self) -> Any:
        """Token usage as the SDK's object; ``None`` until the server has sent it."""
        if self._usage_json is not None:
            self._usage = self.read_usage(loads(self._usage_json))
            self._usage_json = None
        return self._usage

    @property
    def text(self) -> str:
        """The raw text of the answer; of all answers, one after the other, when there are many."""
        return "".join(answer.text for answer in self._answers)

    @property
    def completed(self) -> list[Path]:
        """Paths of the values that were completed with what was handed out last."""
        if self._collects or self._newest is None:
            return self._completed
        return self._newest.parser.newly_completed

    @property
    def path(self) -> Path:
        """Where the model is writing."""
        newest = self._newest
        if newest is None:
            return ()
        if self._item_is_call:
            return (newest.number, *newest.parser.path)
        return newest.parser.path

    @property
    def trailing_text(self) -> str:
        """What the model wrote after the JSON."""
        return "".join(answer.trailing_text for answer in self._answers)

    @property
    def reasoning_text(self) -> str:
        """What the server sent of the model's reasoning."""
        return "".join(self._reasoning)

    @property
    def quick(self) -> Iterator[Any]:
        """The snapshots of the last block that need no `pull`; to be taken after one."""
        return self._quick

    # What the transport calls.

    def feed(self, block: Any) -> Any:
        """Take what a source read, and return what is due next, as `pull`."""
        if type(block) is bytes:
            self._events.put(block)
        elif block is END:
            self._ended = True
            self._events.put_end()
        elif isinstance(block, Lost):
            self._ended = True
            self._lost = block.error
        elif isinstance(block, Corrupt):
            self._queue.append(Delta.Corrupt(block.why))
        else:
            self._put_object(block)
        due = next(self._quick, NOTHING)
        return self.pull() if due is NOTHING else due

    def _put_object(self, found: Any) -> None:
        try:
            json = as_json(found)
        except RecursionError:
            self._queue.append(Delta.Corrupt("it is nested too deeply"))
            return
        self._events.put_event("", json)

    def stop(self) -> None:
        """Hand out nothing more of what was read."""
        self._events.stop()

    @abstractmethod
    def read_usage(self, usage: Any) -> Any:
        """Make of a decoded ``usage`` the object that the SDK makes of it."""

    def put_answer(self, answer: Any) -> None:
        """Take a whole answer, as the API gives it without streaming."""
        self._put_object(answer)
        deltas: list[Delta] = []
        # Nothing is attached yet, so that there is nothing but deltas.
        while isinstance(delta := self._events.pull(), Delta):
            deltas.append(delta)
        # All is there at once: what the text is judged by comes in front of the text.
        self._queue.extend(delta for delta in deltas if isinstance(delta, _ABOUT))
        self._queue.extend(delta for delta in deltas if not isinstance(delta, _ABOUT))
        self._ended = True
        self._ended_choices.update(range(self._choices))

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
        due = next(self._quick, NOTHING)
        if due is NOTHING and (self._ready or self._failure is not None):
            due = self._due()
        while due is NOTHING and (delta := self._next_delta()) is not None:
            due = self._step(delta)
        if due is NOTHING and self._changed and self._is_due(more=False):
            return self._take_snapshot()
        if due is NOTHING and self._ended and not self.over:
            return self._verdict()
        return due

    def _next_delta(self) -> Delta | Literal[True] | None:
        """Return the next delta; ``True`` for news from the attached answer."""
        if self._queue:
            return self._queue.popleft()
        try:
            return self._events.pull()
        except (JsonError, ValidationError) as error:
            self._failure = error
            return True

    def _step(self, delta: Delta | Literal[True]) -> Any:
        """Work on a delta and return what is due then."""
        if delta is not True:
            self._apply(delta)
            return self._due()
        answer = self._newest = cast("Answer", self._attached)
        if self._collects or self._failure is not None:
            self._collect(answer, news=self._failure is None or self._target.items)
            return self._due()
        self._changed = True
        return self._due()

    def _due(self) -> Any:
        if self._ready:
            return self._take_item()
        if self._failure is not None:
            raise self._failure
        if self._changed and self._is_due(more=True):
            return self._take_snapshot()
        return NOTHING

    # Deltas.

    def _apply(self, delta: Delta) -> None:
        match delta:
            case Delta.Piece(choice, part, call, text):
                if self._is_ours(choice):
                    self._on_piece(choice, part, call, text)
            case Delta.CallBegins(choice, call, id_, name):
                self._on_call_begins(choice, call, id_, name)
            case Delta.Finish(choice, reason, outcome):
                if self._is_ours(choice):
                    self._on_finish(choice, reason, outcome)
            case Delta.Reopens(choice):
                if self._is_ours(choice):
                    self._ended_choices.discard(choice)
                    self.finish_reason = self._outcome = None
            case _:
                self._apply_rare(delta)

    def _on_piece(self, choice: int, part: Part, call: int | None, text: str) -> None:
        if call is not None:
            self._on_call_piece(choice, call, text)
        elif part == "text":
            self._on_text(choice, text)
        elif part == "refusal":
            self._keep(self._refusal, text)
        else:
            self._keep(self._reasoning, text)

    def _apply_rare(self, delta: Delta) -> None:
        match delta:
            case Delta.Usage(json):
                self._usage_json = json
            case Delta.Head(id_, model):
                # The first chunk of some servers knows neither.
                self.response_id = self.response_id or id_
                self.model = self.model or model
            case Delta.ServerError(said):
                raise self._api_error(_decoded(said))
            case Delta.Corrupt(why):
                raise _invalid_event(why)
            case Delta.Done():
                self._ended = True
            case _:
                # What else there is adds nothing to the answer.
                pass

    @property
    def _item_is_call(self) -> bool:
        return self._tools and self._target.one_item_per_call

    def _is_ours(self, choice: int) -> bool:
        # A value is one answer. Items are all that the choices bring.
        return choice == 0 or self._target.items

    def _on_finish(self, choice: int, reason: str, outcome: Outcome) -> None:
        self._ended_choices.add(choice)
        # That one choice was cut off is not made good by the others.
        if self._outcome in {None, "whole"}:
            self.finish_reason, self._outcome = reason, outcome

    def _keep(self, kept: list[str], text: str) -> None:
        self._beside += sys.getsizeof(text)
        if self._beside > _MOST_BESIDE:
            raise _too_much(f"more than {_MOST_BESIDE:,} bytes of text beside its answer")
        kept.append(text)

    def _on_text(self, choice: int, text: str) -> None:
        if self._tools:
            self._keep(self._content, text)
            return
        answer = self._texts.get(choice)
        if answer is None:
            answer = self._texts[choice] = self._new_answer(self._target.shapes[0])
            self._attach(answer, choice=choice, call=None)
        self._feed(answer, text)

    def _on_call_begins(self, choice: int, number: int, id_: str | None, name: str | None) -> None:
        if not (self._tools and self._is_ours(choice)):
            return
        call = self._calls.begin(choice, number, id_, name)
        if len(self._calls) > _MOST_CALLS:
            raise _too_much(f"more than {_MOST_CALLS:,} function calls")
        if call.answer is None:
            self._open_call(call)

    def _open_call(self, call: FunctionCall) -> None:
        call.ignored = False
        shape = self._shape_of(call)
        if shape is None:
            return
        if self._answers and not self._target.items:
            # One value was asked for, and the first call is it.
            call.ignored = True
            logger.debug("ignoring a second call of %s", call.name)
            return
        call.answer = self._new_answer(shape)
        self._attach(call.answer, choice=call.choice, call=call.number)
        arguments = "".join(call.early)
        call.early.clear()
        if arguments:
            self._feed(call.answer, arguments)

    def _on_call_piece(self, choice: int, number: int, text: str) -> None:
        call = self._calls.get(choice, number)
        if call is None or call.ignored:
            return
        if call.answer is None:
            self._keep(call.early, text)
            return
        self._feed(call.answer, text)

    def _shape_of(self, call: FunctionCall) -> Shape | None:
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
        answer = Answer(
            len(self._answers), shape, self._options, noisy=not self._tools, items=items
        )
        self._answers.append(answer)
        return answer

    def _attach(self, answer: Answer, *, choice: int, call: int | None) -> None:
        if not self._collects_pieces:
            self._events.attach(answer.intake, choice=choice, call=call)
            self._attached = self._newest = answer
            if not self._collects:
                self._quick = self._events

    def _detach(self) -> None:
        # What is attached is the newest, and is handed out without asking.
        if self._attached is not None:
            self._events.detach()
            self._attached = None
            self._quick = iter(())

    def _feed(self, answer: Answer, piece: str) -> None:
        if answer is not self._attached:
            self._detach()
        self._newest = answer
        try:
            news = answer.feed(piece)
        except (JsonError, ValidationError) as error:
            # What the same piece completed before is handed out first, so that the outcome does
            # not depend on how the text was cut.
            self._failure = error
            news = self._target.items
        self._collect(answer, news=news)

    def _collect(self, answer: Answer, *, news: bool) -> None:
        """Note what a piece of an answer brought."""
        if self._collects_pieces:
            completed = answer.parser.completed
            news = news or (bool(completed) and answer.parser.snapshot is not None)
        else:
            completed = answer.parser.newly_completed if news and self._collects else []
        if self._item_is_call:
            self._newly_completed += [(answer.number, *path) for path in completed]
            # Not whenever it is complete: white space may follow.
            if () in completed and self._failure is None:
                self._ready.append(answer.finish())
            return
        self._newly_completed += completed
        if self._target.items:
            self._ready.extend(answer.parser.take_items())
        else:
            self._changed = self._changed or news

    # Handing out.

    def _is_due(self, *, more: bool) -> bool:
        return self._pace.is_due(completed=bool(self._newly_completed), more=more)

    def _take_snapshot(self) -> Any:
        assert self._newest is not None  # noqa: S101 - for the type checkers
        self._changed = False
        return self._hand_out(self._newest.parser.snapshot)

    def _take_item(self) -> Any:
        item = self._ready.popleft()
        self._items.append(item)
        return self._hand_out(item)

    def _hand_out(self, due: Any) -> Any:
        self._snapshot = due
        self._events.forget_last()
        self._completed = self._newly_completed
        self._newly_completed = []
        return due

    # The end.

    def _verdict(self) -> Any:
        self.over = True
        if self._lost is not None and len(self._ended_choices) < self._choices:
            raise self._error(
                DroppedError, "The connection was lost before the answer was complete."
            ) from self._lost
        if self._refusal:
            said = "".join(self._refusal)
            raise self._error(RefusalError, "The model refused to answer; see `text`.", text=said)
        if self._outcome == "filtered":
            raise self._error(
                ContentFilterError, "The provider's content filter cut the answer off."
            )
        if not self._answers or (self._target.items and self._ended_choices - self._begun_choices):
            raise self._no_answer()
        if self._item_is_call and not self._said_end:
            # The next call may have been about to come.
            raise self._truncated()
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
        if self.final is self.snapshot and self.final is not None:
            # Handed out when its last byte came.
            return NOTHING
        return self._hand_out(self.final)

    def _finish(self, answer: Answer) -> Any:
        try:
            return answer.finish(cut_off=self._is_cut_off)
        except TruncatedError:
            raise self._truncated() from None

    @property
    def _hit_a_limit(self) -> bool:
        return self._outcome == "cut_off"

    @property
    def _said_end(self) -> bool:
        # Some servers give one choice, however many were asked for.
        ended = bool(self._ended_choices) and self._begun_choices <= self._ended_choices
        return ended and self._outcome in {None, "whole"}

    @property
    def _begun_choices(self) -> AbstractSet[int]:
        return self._calls.choices | self._texts.keys()

    @property
    def _is_cut_off(self) -> bool:
        """Whether the model would have written more, for all that is known."""
        return self._hit_a_limit or not self._said_end

    def _no_answer(self) -> StreamError:
        said = "".join(self._content)
        if self._is_cut_off or not said.strip():
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
        type_ = self.content_type
        if not (reason or self._answers or type_ is None or "event-stream" in type_):
            # Such as the page of a gateway, or an answer of a server that cannot stream.
            cause = f"the server sent {type_} where a stream of events was asked for"
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
        newest = self.snapshot
        if self._newest is not None and not self._target.items:
            newest = self._newest.parser.snapshot
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

    def _newest_call(self) -> FunctionCall | None:
        return self._calls.call_of(self._newest)
