"""Which answer a delta belongs to.

A value is one answer: the first that the model begins, in whichever choice. Items are all that the
choices bring. What belongs to no answer of ours is kept beside: words, and calls of functions that
the caller offers on their own.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from partialfast.answer._beside import Beside, too_much
from partialfast.answer._target import Shape, Target
from partialfast.answer._text import Answer

__all__ = ["FunctionCall", "KeepOpsOptions", "OtherCall", "Router", "named"]

logger = logging.getLogger("partialfast")

# Documented in docs/bounds.md.
MOST_CALLS = 100_000

# What servers without a parser for the model's own format leave of it in the name of a function.
_LEAKED = re.compile(r"<\|.*|:\d+$", re.DOTALL)


class KeepOpsOptions(TypedDict):
    """The options of `partialfast.StreamState.keep_ops`."""

    of: Literal["value", "document"]
    by_alias: bool | None


@dataclass(frozen=True, slots=True)
class OtherCall:
    """A call of a function that is not one of ours.

    Args:
        name: The function, as the server named it.
        id: The server's name for the call.
        arguments: Its arguments: JSON, if the model wrote it well.
    """

    name: str
    id: str | None
    arguments: str


@dataclass(slots=True, eq=False)
class FunctionCall:
    """A function call under way.

    Args:
        choice: The choice that it is part of.
        number: Its number among the calls of the choice.
        id: As the server names it.
        name: Of the function, as far as it is known.
        answer: What reads the arguments; ``None`` until it is known which function it is.
        ignored: Whether one value was asked for, and this call is not it.
        other: Whether it is not one of ours.
        early: Arguments that belong to no answer, or not yet; ``None`` where there are none, as in
            most of what may be a hundred thousand calls.
    """

    choice: int
    number: int
    id: str | None = None
    name: str | None = None
    answer: Answer | None = None
    ignored: bool = False
    other: bool = False
    early: list[str] | None = None

    def keep_early(self, piece: str) -> None:
        """Keep a piece of arguments that belongs to no answer, or not yet."""
        if self.early is None:
            self.early = []
        self.early.append(piece)

    @property
    def early_text(self) -> str:
        """The arguments that belong to no answer, or not yet."""
        return "".join(self.early or ())

    def take_early(self) -> str:
        """Return these arguments, which an answer has now."""
        taken, self.early = self.early_text, None
        return taken


def named(written: str, shapes: Sequence[Shape]) -> Shape | None:
    """Return the shape that a function name means.

    Args:
        written: The name as the model wrote it: ``User``, ``functions.User``, ``functions.User:0``
            or ``User<|channel|>commentary``.
        shapes: Those that were offered.

    Returns:
        The shape; ``None`` when the name means none of them.
    """
    bare = _LEAKED.sub("", written.strip()).strip()
    for name in (written, bare, bare.rpartition(".")[2]):
        for shape in shapes:
            if shape.name == name:
                return shape
    return None


class Router:
    """Tells which answer a piece belongs to.

    Args:
        target: What was asked for.
        tools: Whether the answer is the arguments of a function call, rather than the content.
        exact_names: Whether other functions were offered too, so that the name must match even
            when only one of them is ours.
        beside: Where the rest goes.
        new_answer: Makes an answer.
    """

    def __init__(
        self,
        target: Target,
        *,
        tools: bool,
        exact_names: bool,
        beside: Beside,
        new_answer: Callable[[int, Shape], Answer],
    ) -> None:
        #: In the order in which they began.
        self.answers: list[Answer] = []
        self._target = target
        self._tools = tools
        self._exact_names = exact_names
        self._beside = beside
        self._new_answer = new_answer
        #: How ops are kept; ``None`` where nobody wants them.
        self.ops: KeepOpsOptions | None = None
        self._calls: dict[tuple[int, int], FunctionCall] = {}
        self._texts: dict[int, Answer] = {}

    # What the answers are.

    @property
    def choices(self) -> set[int]:
        """The choices of which something came that can be an answer."""
        return {call.choice for call in self._calls.values()} | self._texts.keys()

    @property
    def calls(self) -> Iterator[FunctionCall]:
        """The calls, in the order in which they began."""
        return iter(self._calls.values())

    @property
    def other_calls(self) -> list[OtherCall]:
        """The calls of functions that are not ours."""
        return [
            OtherCall(call.name or "", call.id, call.early_text)
            for call in self._calls.values()
            if call.other
        ]

    @property
    def chosen(self) -> Answer | None:
        """The answer that the value is read from; ``None`` before there is one."""
        begun = (answer for answer in self.answers if answer.begun)
        return next(begun, self.answers[0] if self.answers else None)

    def call_of(self, answer: Answer | None) -> FunctionCall | None:
        """Return the call whose arguments an answer reads."""
        return next((call for call in self._calls.values() if call.answer is answer), None)

    # What deltas say.

    def text(self, choice: int) -> Answer | None:
        """Return the answer that content belongs to.

        Args:
            choice: The choice that it is part of.

        Returns:
            The answer; ``None`` when the content is beside it.
        """
        if self._tools:
            return None
        answer = self._texts.get(choice)
        if answer is None:
            if not self._target.items and (chosen := self.chosen) is not None and chosen.begun:
                # Another choice has begun the value.
                return None
            answer = self._texts[choice] = self._begin(self._target.shapes[0])
        return answer

    def begin_call(
        self, choice: int, number: int, id_: str | None, name: str | None
    ) -> FunctionCall:
        """Note that a call begins, or more of its name.

        Args:
            choice: The choice that it is part of.
            number: Its number.
            id_: The server's name for it.
            name: Of the function.

        Raises:
            JsonError: There are too many.
        """
        call = self._calls.get((choice, number))
        if call is None:
            if len(self._calls) >= MOST_CALLS:
                raise too_much(f"more than {MOST_CALLS:,} function calls")
            call = self._calls[choice, number] = FunctionCall(choice, number)
        call.id = call.id or id_
        call.name = name or call.name
        if call.answer is None and not call.ignored:
            self._find_answer(call)
        return call

    def call(self, choice: int, number: int, piece: str) -> FunctionCall:
        """Return the call that a piece of arguments belongs to.

        Args:
            choice: The choice that it is part of.
            number: Of the call.
            piece: The piece, which is kept where no answer reads it yet.

        Raises:
            JsonError: There is too much of what no answer reads.
        """
        call = self._calls.get((choice, number)) or self.begin_call(choice, number, None, None)
        if call.answer is None and not call.ignored:
            self._beside.count(piece)
            call.keep_early(piece)
        return call

    def _find_answer(self, call: FunctionCall) -> None:
        shape = self._shape_of(call)
        if shape is None:
            return
        call.other = False
        if self.answers and not self._target.items:
            # One value was asked for, and the first call is it.
            call.ignored = True
            logger.debug("ignoring a second call of %.200r", call.name)
            return
        call.answer = self._begin(shape)

    def _shape_of(self, call: FunctionCall) -> Shape | None:
        shapes = self._target.shapes
        if not self._tools:
            call.other = True
            return None
        if len(shapes) == 1 and not self._exact_names:
            # Only one function was offered. Some servers leave its name out or decorate it.
            return shapes[0]
        if call.name is None:
            return None
        shape = named(call.name, shapes)
        # More of the name may come.
        call.other = shape is None
        return shape

    def _begin(self, shape: Shape) -> Answer:
        answer = self._new_answer(len(self.answers), shape)
        if self.ops is not None:
            answer.parser.keep_ops(**self.ops)
        self.answers.append(answer)
        return answer
