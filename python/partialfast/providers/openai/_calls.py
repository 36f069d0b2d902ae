"""The function calls of one answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from partialfast.answer._text import Answer

__all__ = ["FunctionCall", "FunctionCalls"]


@dataclass(slots=True, eq=False)
class FunctionCall:
    """A function call under way.

    Args:
        choice: The choice that it is part of.
        number: Its number among the calls of the choice.
        id: As the server names it.
        name: Of the function.
        answer: What reads the arguments; ``None`` until it is known which function it is.
        ignored: Whether it is none of ours.
        early: Arguments that came before the name of the function.
    """

    choice: int
    number: int
    id: str | None
    name: str | None
    answer: Answer | None = None
    ignored: bool = False
    early: list[str] = field(default_factory=list)


class FunctionCalls:
    """The calls of one answer, in the order they began."""

    def __init__(self) -> None:
        #: The choices that have calls.
        self.choices: set[int] = set()
        self._calls: dict[tuple[int, int], FunctionCall] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._calls)

    def begin(self, choice: int, number: int, id_: str | None, name: str | None) -> FunctionCall:
        """Return a call that begins, or of which more is known.

        Args:
            choice: The choice that it is part of.
            number: Its number.
            id_: Its id; ``None`` where the server has sent none.
            name: The name of the function, likewise.
        """
        self.choices.add(choice)
        call = self._calls.get((choice, number))
        if call is None:
            call = self._calls[choice, number] = FunctionCall(choice, number, id_, name)
        call.id, call.name = id_, name
        return call

    def get(self, choice: int, number: int) -> FunctionCall | None:
        """Return a call that has begun; ``None`` if it is none of ours.

        Args:
            choice: The choice that it is part of.
            number: Its number.
        """
        return self._calls.get((choice, number))

    def call_of(self, answer: Answer | None) -> FunctionCall | None:
        """Return the call whose arguments `answer` reads."""
        calls = reversed(self._calls.values())
        return next((call for call in calls if call.answer is answer), None)
