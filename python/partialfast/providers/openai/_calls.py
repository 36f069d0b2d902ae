"""The function calls of one answer, told apart by what servers send."""

from __future__ import annotations

from dataclasses import dataclass, field

from partialfast.answer._text import Answer

__all__ = ["FunctionCall", "FunctionCalls"]


@dataclass(slots=True, eq=False)
class FunctionCall:
    """A function call under way.

    Args:
        choice: The choice that it is part of.
        index: Its number; ``None`` where the server numbers no calls.
        id: As the server names it.
        name: Of the function.
        answer: What reads the arguments; ``None`` until it is known which function it is.
        ignored: Whether it is none of ours.
        early: Arguments that came before the name of the function.
    """

    choice: int
    index: int | None
    id: str | None
    name: str | None
    answer: Answer | None = None
    ignored: bool = False
    early: list[str] = field(default_factory=list)


class FunctionCalls:
    """The calls of one answer, in the order they began.

    They are looked up and not searched: an answer of items may have thousands.
    """

    def __init__(self) -> None:
        #: The choices that have calls.
        self.choices: set[int] = set()
        self._calls: list[FunctionCall] = []
        # The newest of a choice and a number, and of a choice whatever the number: ``None``.
        self._newest: dict[tuple[int, int | None], FunctionCall] = {}
        # The same of those with an id.
        self._named: dict[tuple[int, int | None, str], FunctionCall] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._calls)

    def find(
        self, choice: int, index: int | None, id_: str | None, name: str | None, arguments: str
    ) -> FunctionCall:
        """Return the call that a piece belongs to, begun with this piece if it is new.

        Servers differ: the index can be missing, can be the same for all calls, or begin above
        zero; id and name come once, with every piece, or the id never. An id that was seen before
        is that call's. One that differs, together with a name, begins a call in any case, and so
        does a name with arguments where those of the call before are complete. A piece that says
        nothing of this belongs to the newest call.

        Args:
            choice: The choice that it is part of.
            index: Its number; ``None`` where the server sent none.
            id_: Its id; ``None`` where the server sent none with this piece.
            name: The name of the function, likewise.
            arguments: The piece.
        """
        named = None if id_ is None else self._named.get((choice, index, id_))
        found = named or self._newest.get((choice, index))
        if found is None or _begins_another(found, id_, name, arguments):
            found = FunctionCall(choice, index, id_, name)
            self.choices.add(choice)
            self._calls.append(found)
            self._newest[choice, index] = self._newest[choice, None] = found
        else:
            found.id = found.id or id_
            found.name = found.name or name
        if id_ is not None and found.id == id_:
            self._named[choice, found.index, id_] = self._named[choice, None, id_] = found
        return found

    def known(self, choice: int, index: int | None, id_: str | None) -> FunctionCall | None:
        """Return the call that has the number or, failing that, the id; ``None`` if none has.

        Some servers make up another id for the end of a call than for its beginning.

        Args:
            choice: The choice that it is part of.
            index: Its number.
            id_: Its id.
        """
        numbered = None if index is None else self._newest.get((choice, index))
        named = None if id_ is None else self._named.get((choice, None, id_))
        return numbered or named

    def call_of(self, answer: Answer | None) -> FunctionCall | None:
        """Return the call whose arguments `answer` reads."""
        return next((call for call in reversed(self._calls) if call.answer is answer), None)


def _begins_another(call: FunctionCall, id_: str | None, name: str | None, arguments: str) -> bool:
    """Tell whether a piece that could be the call's begins the next one."""
    if name is None:
        return False
    if id_ is not None and call.id is not None:
        return id_ != call.id
    # Servers without ids send whole calls.
    return bool(arguments.strip()) and call.answer is not None and call.answer.done
