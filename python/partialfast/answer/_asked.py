"""What an `AnswerReader` is told: what was asked, and what it is fed besides blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from partialfast.answer._seam import Provider
from partialfast.answer._target import Target
from partialfast.answer._text import StateOptions

__all__ = ["END", "NOTHING", "Asked", "End", "Lost"]


class _Nothing:
    """The type of `NOTHING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOTHING"


class End:
    """The type of `END`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "END"


# `None` is a value that an answer can have.
NOTHING: Final = _Nothing()

#: What is fed when there are no more blocks.
END: Final = End()


@dataclass(frozen=True, slots=True)
class Lost:
    """What is fed when the connection was lost.

    Args:
        error: The exception of the transport.
    """

    error: BaseException


@dataclass(slots=True, kw_only=True)
class Asked:
    """All that is known of what an answer was asked for.

    Args:
        provider: Who answers.
        target: What was asked for.
        tools: Whether the answer is the arguments of a function call, rather than the content.
        exact_names: Whether other functions were offered too, so that the name must match even
            when only one of them is ours.
        choices: How many choices were asked for.
        options: Options of the parsers.
    """

    provider: Provider
    target: Target
    tools: bool
    exact_names: bool
    choices: int
    options: StateOptions

    @property
    def item_is_call(self) -> bool:
        """Whether each function call is one item."""
        return self.tools and self.target.one_item_per_call
