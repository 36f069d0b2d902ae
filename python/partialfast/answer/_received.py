"""What was received of one answer: its text, the text beside it, and what was said of its end.

Nothing here decides when something is handed out; that is `AnswerReader`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partialfast._core import loads
from partialfast._repairs import Repair
from partialfast.answer._asked import Asked
from partialfast.answer._beside import Beside
from partialfast.answer._ending import Ending
from partialfast.answer._route import OtherCall, Router
from partialfast.answer._seam import Tokens
from partialfast.answer._target import Shape
from partialfast.answer._text import Answer
from partialfast.answer._verdict import Found, Heard

__all__ = ["Received"]


class Received:
    """What was received of one answer.

    Args:
        asked: What it answers.
        new_answer: Makes the reader of one text, from its number and its shape.
    """

    def __init__(self, asked: Asked, new_answer: Callable[[int, Shape], Answer]) -> None:
        self.response_id: str | None = None
        self.model: str | None = None
        #: What the answer comes in: its HTTP request and the type of its content.
        self.request: Any = None
        self.content_type: str | None = None
        #: What the client repaired, not lenient reading.
        self.own_repairs: list[Repair] = []
        #: What the server sent instead of events, or among them.
        self.stray = ""
        #: Whether the model refused in words of its own.
        self.refused = False
        #: Token usage as the server wrote it.
        self.usage_json: str | None = None
        self.ending: Ending = Ending(asked.choices)
        self.beside: Beside = Beside()
        self.router: Router = Router(
            asked.target,
            tools=asked.tools,
            exact_names=asked.exact_names,
            beside=self.beside,
            new_answer=new_answer,
        )
        self._asked = asked
        self._items = asked.target.items

    @property
    def usage(self) -> Any:
        """Token usage as the SDK's object; ``None`` until the server has sent it."""
        return (
            None if self.usage_json is None else self._asked.provider.usage(loads(self.usage_json))
        )

    @property
    def tokens(self) -> Tokens:
        """Token usage in neutral numbers."""
        return (
            Tokens()
            if self.usage_json is None
            else self._asked.provider.tokens(loads(self.usage_json))
        )

    @property
    def finish_reason(self) -> str | None:
        """The provider's finish reason; ``None`` until it has come."""
        return self.ending.reason

    @property
    def text(self) -> str:
        """What the model wrote: its answers concatenated, or what it said instead."""
        if self.router.answers and not self.refused:
            return "".join(answer.text for answer in self.answers)
        return self.beside.refusal or self.beside.words

    @property
    def answers(self) -> list[Answer]:
        """The answers that `text` is made of: those of the items, or the one that was chosen."""
        if self._items:
            return self.router.answers
        chosen = self.router.chosen
        return [] if chosen is None else [chosen]

    @property
    def trailing_text(self) -> str:
        """What the model wrote after the JSON."""
        return "".join(answer.trailing_text for answer in self.answers)

    @property
    def reasoning_text(self) -> str:
        """What the server sent of the model's reasoning."""
        return self.beside.reasoning

    @property
    def repairs(self) -> list[Repair]:
        """What was repaired."""
        found = [repair for answer in self.answers for repair in answer.repairs]
        return [*self.own_repairs, *found]

    @property
    def other_calls(self) -> list[OtherCall]:
        """The calls of functions that are the caller's own."""
        return self.router.other_calls

    @property
    def restarts(self) -> int:
        """How often what had been read turned out not to be the answer."""
        return sum(answer.reader.restarts for answer in self.router.answers)

    @property
    def lacks_choices(self) -> bool:
        """Whether fewer choices have begun than were asked for."""
        return len(self.router.choices) < self._asked.choices

    @property
    def heard(self) -> Heard:
        """What was said about the end."""
        if self.ending.is_lost:
            return Heard.LOST
        told = self.ending.told(self.router.choices)
        return Heard.SILENCE if told is None else Heard(told)

    @property
    def found(self) -> Found:
        """What there is of the answer."""
        answers = self.answers
        if self._items and self.ending.ended - self.router.choices:
            # A choice has ended without an answer.
            answers = []
        if not answers:
            if self.router.other_calls:
                return Found.OTHER
            return Found.WORDS if self.beside.words.strip() else Found.NOTHING
        if self._asked.item_is_call:
            whole = all(answer.done or _is_blank(answer.text) for answer in answers)
            return Found.TOLD if whole else Found.OPEN
        found = Found.WHOLE
        for answer in answers:
            if answer.done or answer.reader.error is not None:
                continue
            if _is_blank(answer.text):
                return Found.TOLD if self._asked.tools else Found.NOTHING
            if not answer.begun:
                return Found.WORDS
            found = Found.OPEN
        return found


def _is_blank(text: str) -> bool:
    # Unlike `strip`, without a copy of it.
    return not text or text.isspace()
