"""One answer, read without I/O: blocks in, snapshots or items out, and the verdict at the end.

Theory of operation. The stream hands over blocks as they come. All of them go one way: into
`EventReader`, which keeps their order, makes deltas of them, or hands the pieces of one answer, the
attached one, straight to its parser. Most events are one more piece of the one answer, and what
comes of them is taken by iterating over it (`quick`): snapshots, without a line of Python in
between. The iteration stops at whatever else there is, which `pull` takes, one delta after the
other, until something is due to be handed to the caller. So `path`, `completed` and `text` always
belong to the snapshot that the caller holds, however many events one read brought.

What was handed out last is in one place, `EventReader.last`: the iteration keeps it there itself.

Once nothing more comes, the `pull` that finds no delta gives the verdict: the final value, or the
one exception that says how the answer ended. Whatever is wrong waits (`_failure`) until what came
before it has been handed out.

The parts: `Received` has what came, so far: of it `Router` tells which answer a delta belongs to,
`Beside` keeps the text beside it, and `Ending` what was said about the end. `Outgoing` keeps what
is handed out until it is due. `verdict` judges.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from typing import Any, Final, cast

from partialfast._core import Delta, EventReader, Op, loads
from partialfast._errors import (
    JsonError,
    StreamError,
    StreamTimeoutError,
    TruncatedError,
)
from partialfast._repairs import Repair
from partialfast.answer._asked import END, NOTHING, Asked, End, Lost
from partialfast.answer._explain import Explainer
from partialfast.answer._fit import read_lines, read_words
from partialfast.answer._outgoing import Outgoing
from partialfast.answer._pace import Pace
from partialfast.answer._received import Received
from partialfast.answer._route import FunctionCall, KeepOpsOptions
from partialfast.answer._seam import Block, Event
from partialfast.answer._target import Shape
from partialfast.answer._text import Answer, Path
from partialfast.answer._verdict import Found, Heard, verdict

__all__ = ["AnswerReader"]

logger = logging.getLogger("partialfast")


_LONGEST_REST_S: Final = 0.25
# The number of the first call that is taken from the content.
_TAKEN = 1 << 40


def _new_answer(asked: Asked, number: int, shape: Shape) -> Answer:
    items = asked.target.items and not asked.item_is_call
    return Answer(number, shape, asked.options, noisy=not asked.tools, items=items)


class AnswerReader:
    """Reads one answer.

    Args:
        asked: What it answers.
        pace: When snapshots are handed out.
    """

    def __init__(self, asked: Asked, pace: Pace) -> None:
        #: Whether the verdict is given.
        self.over: bool = False
        self.final: Any = NOTHING
        #: Whether the model said something in words instead of calling a function.
        self.answered_in_words: bool = False
        self.received: Received = Received(asked, functools.partial(_new_answer, asked))
        self._asked = asked
        self._items = asked.target.items
        self._events = EventReader(asked.provider.dialect)
        # The answer whose pieces go from the bytes to the parser without becoming deltas.
        self._attached: Answer | None = None
        #: The snapshots of the last block that need no `pull`; to be taken after one.
        self.quick: Iterator[Any] = iter(())
        self._newest: Answer | None = None
        self._ended = False
        self._failure: Exception | None = None
        self._outgoing = Outgoing(asked, pace, self._events)

    # What the caller sees.

    @property
    def snapshot(self) -> Any:
        """What was handed out last; ``None`` before, and where it was not the answer after all."""
        newest = self._newest
        if newest is not None and newest.reader.restarts and newest.parser.snapshot is None:
            return None
        return self._events.last

    @property
    def newest_snapshot(self) -> Any:
        """The newest snapshot, whether due or not; the last item, where there are items."""
        if self._newest is None or self._items:
            return self.snapshot
        return self._newest.parser.snapshot

    @property
    def completed(self) -> list[Path]:
        """Paths of the values that were completed with what was handed out last."""
        if self._outgoing.collects or self._newest is None:
            return self._outgoing.completed
        return self._newest.parser.newly_completed

    @property
    def path(self) -> Path:
        """Where the model is writing."""
        newest = self._newest
        if newest is None:
            return ()
        if self._asked.item_is_call:
            return (newest.number, *newest.parser.path)
        return newest.parser.path

    def is_complete(self, path: Path) -> bool:
        """Tell whether the value at a place of the document has been received to its end."""
        if self._newest is None:
            return False
        if not self._asked.item_is_call:
            return self._newest.parser.is_complete(path)
        # Each item is a call of its own, with a parser of its own.
        return any(
            answer.number == path[0] and answer.parser.is_complete(path[1:])
            for answer in self.received.router.answers
            if path
        )

    @property
    def newest_call(self) -> FunctionCall | None:
        """The call that the model wrote last."""
        return None if self._newest is None else self.received.router.call_of(self._newest)

    @property
    def is_pending(self) -> bool:
        """Whether there is a snapshot that was not due yet."""
        return self._outgoing.changed

    @property
    def due_in(self) -> float | None:
        """Seconds until a snapshot is due; ``None`` where time has no part in it."""
        return self._outgoing.pace.due_in

    @property
    def rests_for(self) -> float:
        """Seconds in which nothing needs to be read, since nothing is due before."""
        due = self._outgoing.pace.due_in
        newest = self._newest
        if not due or self.received.ending.is_written or newest is None or newest.done:
            return 0.0
        # The end of the answer is seen no later than that, however seldom a snapshot is due.
        return min(due, _LONGEST_REST_S)

    @property
    def progress(self) -> int:
        """A number that grows with what the model has written."""
        return self._events.progress

    # What the stream calls.

    def feed(self, block: Block | End | Lost) -> Any:
        """Take what was read, and return what is due next, as `pull`."""
        if type(block) is bytes:
            self._events.put(block)
            # What most blocks bring, at once.
            due = next(self.quick, NOTHING) if self._failure is None else NOTHING
            if due is not NOTHING:
                return due
        elif block is END:
            self._ended = True
            self._events.put_end()
        elif isinstance(block, Lost):
            self._ended = True
            self.received.ending.lost = block.error
        else:
            self._put(cast("Block", block))
        return self.pull()

    def _put(self, block: Block) -> None:
        """Take a block that is not the bytes of a stream, but may be."""
        if isinstance(block, str):
            self._events.put_event("", block)
        elif isinstance(block, Event):
            self._events.put_event(block.name, block.data)
        elif isinstance(block, Delta):
            self._events.put_delta(block)
        else:
            self._events.put(bytes(block))

    def feed_whole(self, blocks: Iterator[Block]) -> Any:
        """Take an answer that is there at once, and return its value.

        Args:
            blocks: All of it.

        Returns:
            The final value.

        Raises:
            Exception: See `pull`.
        """
        deltas: list[Delta] = []
        for block in blocks:
            self._put(block)
            while (delta := self._events.pull()) is not None:
                deltas.append(cast("Delta", delta))
        self._events.put_end()
        while (delta := self._events.pull()) is not None:
            deltas.append(cast("Delta", delta))
        self.received.ending.at_once = True
        # What the text is judged by comes before the text.
        about = (Delta.Head, Delta.Usage, Delta.Finish)
        for delta in sorted(deltas, key=lambda delta: not isinstance(delta, about)):
            self._apply(delta)
            if self._failure is not None:
                raise self._failure
        self._ended = True
        while self.pull() is not NOTHING:
            pass
        return self.final

    def keep_ops(self, options: KeepOpsOptions) -> None:
        """Keep what changes, for `take_ops`.

        Args:
            options: Those of `partialfast.StreamState.keep_ops`.
        """
        self.received.router.ops = options
        for answer in self.received.router.answers:
            answer.parser.keep_ops(**options)

    def take_ops(self) -> list[Op]:
        """Return what changed in the JSON of the value since the last call."""
        return [] if self._newest is None else self._newest.parser.take_ops()

    def stop(self) -> None:
        """Hand out nothing more of what was read."""
        self._events.stop()

    def fail(self, error: Exception) -> None:
        """Let the answer end with an exception, once what came before it is handed out.

        Args:
            error: The exception.
        """
        self._failure = error
        newest = self._newest
        if newest is None or self._items:
            return
        # Parts of the piece that is wrong may have been right.
        snapshot = newest.parser.snapshot
        self._outgoing.changed = snapshot is not None and snapshot is not self._events.last

    def take_newest(self) -> Any:
        """Return the newest snapshot, which is due although nothing more was read."""
        self._outgoing.is_due(more=False)
        return self._take_snapshot()

    def pull(self) -> Any:
        """Return what is due next: a snapshot or an item.

        Returns:
            `NOTHING` when more has to be read first, or when all is `over`.

        Raises:
            StreamError: The answer ended without a complete value.
            JsonError: The text is not JSON.
            pydantic.ValidationError: The value is invalid.
        """
        due: Any = next(self.quick, NOTHING) if self._failure is None else NOTHING
        if due is not NOTHING:
            return due
        outgoing = self._outgoing
        if outgoing.items:
            return outgoing.take_item()
        while due is NOTHING and self._failure is None:
            try:
                delta = self._events.pull()
            except Exception as error:  # noqa: BLE001 - whatever the user's validators raise
                self._fail_in(self._attached, error)
                break
            if delta is None:
                break
            if delta is True:
                self._note(cast("Answer", self._attached))
            else:
                self._apply(delta)
            due = self._due(more=True)
        if due is NOTHING and (outgoing.changed or outgoing.items or self._failure is not None):
            due = self._due(more=False)
        if due is NOTHING and self._ended and not self.over:
            due = self._judge()
            if due is NOTHING:
                due = self._due(more=False)
        return due

    def _due(self, *, more: bool) -> Any:
        outgoing = self._outgoing
        if outgoing.items:
            return outgoing.take_item()
        failed = self._failure is not None
        if outgoing.changed and (failed or outgoing.is_due(more=more)):
            return self._take_snapshot()
        if self._failure is not None:
            self.over = True
            raise self._failure
        return NOTHING

    # Deltas.

    def _apply(self, delta: Delta) -> None:
        try:
            self._dispatch(delta)
        except JsonError as error:
            # There is too much of something.
            self.fail(error)

    def _dispatch(self, delta: Delta) -> None:  # noqa: C901, PLR0912 - one line for each kind
        match delta:
            case Delta.Piece(choice, "text", _, text):
                self._on_text(choice, text)
            case Delta.Piece(choice, "call", number, text):
                self._on_arguments(choice, cast("int", number), text)
            case Delta.Piece(choice, part, _, text):
                if self._is_ours(choice):
                    self.received.beside.keep(part, text)
            case Delta.Whole(choice, part, number, text):
                self._on_whole(choice, part, number, text)
            case Delta.CallBegins(choice, number, id_, name):
                if self._is_ours(choice):
                    self._begin_call(choice, number, id_, name)
            case Delta.Finish(choice, reason, outcome):
                # What follows has to be looked at.
                self._detach()
                if self._is_ours(choice):
                    self.received.ending.finish(choice, reason, outcome)
            case Delta.Reopens(choice):
                self.received.ending.reopen(choice)
            case Delta.Usage(json):
                self.received.usage_json = json
            case Delta.Head(id_, model):
                # The first chunk of some servers knows neither.
                self.received.response_id = self.received.response_id or id_
                self.received.model = self.received.model or model
            case Delta.ServerError(said):
                self._on_server_error(said)
            case Delta.Stray(said):
                self.received.stray = said
            case Delta.Corrupt(why):
                self.fail(self._explainer.corrupt(why))
            case Delta.Done():
                self.received.ending.done = self._ended = True
            case _:
                # The end of a call: the finish of its choice says the same.
                pass

    def _is_ours(self, choice: int) -> bool:
        # Servers that were asked for one choice may put the answer into another.
        return self._items or self._asked.choices == 1 or choice == 0

    def _on_text(self, choice: int, text: str) -> None:
        if not self._is_ours(choice):
            return
        answer = self.received.router.text(choice)
        if answer is None:
            self.received.beside.keep("text", text)
            return
        if answer is not self._attached and self._shows(answer):
            self._attach(answer, choice=choice, call=None)
        self._feed(answer, text)

    def _begin_call(
        self, choice: int, number: int, id_: str | None, name: str | None
    ) -> FunctionCall:
        known = len(self.received.router.answers)
        call = self.received.router.begin_call(choice, number, id_, name)
        if call.answer is not None and len(self.received.router.answers) > known:
            self._attach(call.answer, choice=choice, call=number)
            early = call.take_early()
            if early:
                self._feed(call.answer, early)
        return call

    def _on_arguments(self, choice: int, number: int, text: str) -> None:
        if not self._is_ours(choice):
            return
        call = self.received.router.call(choice, number, text)
        if call.answer is not None and text:
            self._feed(call.answer, text)

    def _on_whole(self, choice: int, part: str, number: int | None, text: str) -> None:
        if not self._is_ours(choice):
            return
        if part == "call":
            call = self.received.router.call(choice, cast("int", number), "")
            if call.ignored:
                return
            received = call.early_text if call.answer is None else call.answer.text
            if text.startswith(received) and len(text) > len(received):
                self._on_arguments(choice, cast("int", number), text[len(received) :])
        elif part != "text":
            self.received.beside.keep_whole(part, text)
        elif self._asked.tools:
            self.received.beside.keep_whole("text", text)
        else:
            answer = self.received.router.text(choice)
            received = "" if answer is None else answer.text
            if text.startswith(received) and len(text) > len(received):
                self._on_text(choice, text[len(received) :])

    def _on_server_error(self, said: str) -> None:
        if self.received.ending.is_written and self.received.found is Found.WHOLE:
            # What fails after the answer is not part of it.
            self._ended = True
            return
        try:
            body: Any = loads(said)
        except JsonError:
            body = said
        self.fail(self._explainer.server_error(body))

    # Answers.

    def _shows(self, answer: Answer) -> bool:
        return self._items or self.received.router.chosen is answer

    def _attach(self, answer: Answer, *, choice: int, call: int | None) -> None:
        if self._outgoing.collects_pieces or self.received.ending.has_ended(choice):
            self._detach()
            return
        # Nobody sees what the pieces of one block make one by one, unless each snapshot is wanted.
        by_block = not (self._items or self._outgoing.pace.every_event)
        self._events.attach(answer.reader, choice=choice, call=call, by_block=by_block)
        self._attached = self._newest = answer
        if not self._outgoing.collects:
            self.quick = iter(self._events)

    def _detach(self) -> None:
        if self._attached is not None:
            self._events.detach()
            self._attached = None
            self.quick = iter(())

    def _feed(self, answer: Answer, piece: str) -> None:
        try:
            news = answer.reader.feed(piece)
        except Exception as error:  # noqa: BLE001 - whatever the user's validators raise
            self._fail_in(answer, error)
            return
        if not self._shows(answer):
            return
        if answer is not self._newest:
            # Another choice has begun the value.
            self._newest = answer
        self._outgoing.collect(answer, news=news, failed=self._failure is not None)

    def _note(self, answer: Answer) -> None:
        """Note news of the attached answer."""
        self._newest = answer
        if self._outgoing.collects:
            self._outgoing.collect(answer, news=True, failed=self._failure is not None)
        else:
            self._outgoing.changed = True

    def _fail_in(self, answer: Answer | None, error: Exception) -> None:
        if isinstance(error, UnicodeError):
            # The SDK's decoder lets half of a surrogate pair pass, which ours does not.
            error = self._explainer.corrupt(str(error))
        if answer is not None:
            self._newest = answer
            if self._outgoing.collects:
                # What the same piece completed before is handed out first, so that the outcome
                # does not depend on how the text was cut.
                self._outgoing.collect(answer, news=self._items, failed=True)
        self.fail(error)

    def _take_snapshot(self) -> Any:
        self._outgoing.changed = False
        return self._outgoing.hand_out(cast("Answer", self._newest).parser.snapshot)

    # The end.

    def _judge(self) -> Any:
        """Give the verdict: return the last that is due, or let the answer fail."""
        found = self.received.found
        if found in {Found.WORDS, Found.OTHER} and self._take_words():
            found = self.received.found
            if self._failure is not None:
                return NOTHING
        if self._take_lines():
            return self._due(more=False)
        heard = self.received.heard
        if heard is Heard.LOST and self._items and self.received.lacks_choices:
            found = Found.OPEN
        class_ = verdict(heard, found)
        if self.received.beside.refusal:
            self.received.refused = True
            self.fail(self._explainer.refused())
            return NOTHING
        # Words where JSON text was asked for are not a refusal, but text that is not JSON.
        unreadable = found is Found.WORDS and not self._asked.tools
        if class_ is not None and not (unreadable and heard in {Heard.WHOLE, Heard.UNKNOWN}):
            self.answered_in_words = found is Found.WORDS
            error = self._explainer.explain(class_, heard, found)
            error.__cause__ = self.received.ending.lost
            self.fail(error)
            return NOTHING
        try:
            return self._finish()
        except TruncatedError:
            self.fail(self._explainer.explain(TruncatedError, heard, Found.OPEN))
        except Exception as error:  # noqa: BLE001 - whatever the user's validators raise
            self.fail(error)
        return NOTHING

    def _finish(self) -> Any:
        if self._items:
            for answer in self.received.router.answers:
                late = not answer.done
                value = answer.finish()
                if late and self._asked.item_is_call:
                    # A call without arguments is complete only now.
                    self._outgoing.items.append(value)
            self.over = True
            self.final = self._outgoing.taken
            return self._outgoing.take_item() if self._outgoing.items else NOTHING
        chosen = cast("Answer", self.received.router.chosen)
        self.final = chosen.finish()
        self.over = True
        self._outgoing.changed = False
        if self.final is self.snapshot and self.final is not None:
            # Handed out when its last byte came.
            return NOTHING
        return self._outgoing.hand_out(self.final)

    def _take_words(self) -> bool:
        """Take JSON in the content for the answer where a call was asked for, if it fits."""
        words = self.received.beside.words
        if not (self._asked.tools and words.strip()):
            return False
        calls = read_words(words, self._asked.target, self._asked.options)
        if not calls:
            return False
        for number, (shape, arguments) in enumerate(calls):
            # Not among the numbers of the server's own calls.
            self._begin_call(0, _TAKEN + number, None, shape.name)
            self._on_arguments(0, _TAKEN + number, arguments)
        self.received.own_repairs.append(Repair("content_for_call", 0, 1, 1))
        return True

    def _take_lines(self) -> bool:
        """Take objects one after the other for the list that was asked for, if they fit."""
        answers = self.received.router.answers
        if not self._items or self._asked.tools or len(answers) != 1:
            return False
        (answer,) = answers
        if not answer.done or answer.reader.found:
            return False
        items = read_lines(answer.text, answer.shape, self._asked.options)
        if items is None:
            return False
        self._outgoing.items.extend(items)
        self.received.own_repairs.append(Repair("items_without_list", 0, 1, 1))
        self.over = True
        self.final = self._outgoing.taken
        return True

    @property
    def _explainer(self) -> Explainer:
        return Explainer(self.received, self._asked, self.newest_snapshot)

    def closed(self) -> StreamError:
        """Return the error for asking for a value after the stream was closed."""
        return self._explainer.closed()

    def timed_out(self, what: str) -> StreamTimeoutError:
        """Return the error for a time limit of the caller's.

        Args:
            what: The limit and what it is for.
        """
        return self._explainer.timed_out(what)

    def details(self) -> dict[str, Any]:
        """Return what each exception carries."""
        return self._explainer.details()
