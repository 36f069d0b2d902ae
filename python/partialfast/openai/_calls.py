"""The function calls of one answer, told apart by what servers send."""

from __future__ import annotations

from dataclasses import dataclass, field

from partialfast.openai._answer import Answer

__all__ = ["FunctionCall", "FunctionCalls"]


@dataclass(slots=True, eq=False)
class FunctionCall:
    """A function call under way.

    Args:
        key: Its choice and index; ``None`` where the server numbers no calls.
        id: As the server names it.
        name: Of the function.
        answer: What reads the arguments; ``None`` until it is known which function it is.
        ignored: Whether it is none of ours.
        early: Arguments that came before the name of the function.
    """

    key: tuple[int, int] | None
    id: str | None
    name: str | None
    answer: Answer | None = None
    ignored: bool = False
    early: list[str] = field(default_factory=list)


class FunctionCalls:
    """The calls of one answer, in the order they began."""

    def __init__(self) -> None:
        self._calls: list[FunctionCall] = []

    def find(
        self, choice: int, index: int | None, id_: str | None, name: str | None
    ) -> FunctionCall:
        """Return the call that a piece belongs to, begun with this piece if it is new.

        Servers differ: the index can be missing, can be the same for all calls, or begin above
        zero; id and name come once or with every piece. An id that differs, together with a name,
        begins a call in any case; a piece without an index belongs to the newest call.

        Args:
            choice: The choice that it is part of.
            index: Its number; ``None`` where the server sent none.
            id_: Its id; ``None`` where the server sent none with this piece.
            name: The name of the function, likewise.
        """
        key = None if index is None else (choice, index)
        found: FunctionCall | None = None
        for call in reversed(self._calls):
            if key is None or call.key == key:
                found = call
                break
        begins = bool(id_ and name and found is not None and found.id and found.id != id_)
        if found is None or begins:
            found = FunctionCall(key, id_, name)
            self._calls.append(found)
        else:
            found.id = found.id or id_
            found.name = found.name or name
        return found

    def call_of(self, answer: Answer | None) -> FunctionCall | None:
        """Return the call whose arguments `answer` reads."""
        return next((call for call in reversed(self._calls) if call.answer is answer), None)
