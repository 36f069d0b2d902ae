"""What every dialect says, in Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Delta", "Outcome", "Part"]

Part = Literal["text", "refusal", "reasoning", "call"]
Outcome = Literal["whole", "cut_off", "filtered", "refused", "failed", "unknown"]


class Delta:
    """A piece of what a provider sends, whatever its dialect: one of the variants."""

    @dataclass(frozen=True, slots=True)
    class Head:
        """What the server calls the answer, and the model that it comes from."""

        id: str | None
        model: str | None

    @dataclass(frozen=True, slots=True)
    class Piece:
        """More of a text."""

        choice: int
        part: Part
        call: int | None
        text: str

    @dataclass(frozen=True, slots=True)
    class Whole:
        """All of a text, at its end."""

        choice: int
        part: Part
        call: int | None
        text: str

    @dataclass(frozen=True, slots=True)
    class CallBegins:
        """A call begins, or more of its name is known."""

        choice: int
        call: int
        id: str | None
        name: str | None

    @dataclass(frozen=True, slots=True)
    class CallEnds:
        """The server has said that nothing more comes of a call."""

        choice: int
        call: int

    @dataclass(frozen=True, slots=True)
    class Usage:
        """Token usage: the JSON text of the provider's own object."""

        json: str

    @dataclass(frozen=True, slots=True)
    class Finish:
        """A choice has ended."""

        choice: int
        reason: str
        outcome: Outcome

    @dataclass(frozen=True, slots=True)
    class ServerError:
        """The server says that it failed, in its own words."""

        said: str

    @dataclass(frozen=True, slots=True)
    class Corrupt:
        """An event that cannot be read."""

        why: str

    @dataclass(frozen=True, slots=True)
    class Done:
        """What follows is of no interest."""
