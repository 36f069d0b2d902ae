"""What a wire is, and how one is found by its name.

A wire is a module of `partialfast.web.wires` with a class `Wire`; ``-`` in a name is ``_`` in the
module's. Nothing else has to know of a new one.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import abstractmethod
from collections.abc import Hashable, Mapping
from typing import Literal, Protocol, cast, runtime_checkable

from partialfast.web import wires
from partialfast.web._event import Event, Piece
from partialfast.web._outcome import Outcome
from partialfast.web._step import Step

__all__ = ["Encoder", "Wire", "find_wire", "wire_names"]


class Encoder(Protocol):
    """Writes one answer for one reader."""

    @abstractmethod
    def begin(self, *, resumable: bool) -> list[Event | Piece]:
        """Return what comes first.

        Args:
            resumable: Whether a reader that loses the connection can come back for the same answer.
        """

    @abstractmethod
    def step(self, step: Step) -> list[Event | Piece]:
        """Return what leads to the next version.

        Args:
            step: What has changed.

        Raises:
            RefusedError: The wire cannot say it.
        """

    @abstractmethod
    def end(self, outcome: Outcome, *, detail: bool) -> list[Event | Piece]:
        """Return the ending.

        Args:
            outcome: How the answer ended.
            detail: Whether the reader may see what the exception said.
        """

    @abstractmethod
    def alive(self) -> list[Event | Piece]:
        """Return a sign of life, for when nothing has been sent for a while."""


@runtime_checkable
class Wire(Hashable, Protocol):
    """A protocol that a front end speaks."""

    @property
    @abstractmethod
    def media_type(self) -> str:
        """The content type."""

    @property
    @abstractmethod
    def headers(self) -> Mapping[str, str]:
        """What else the response's headers have to say."""

    @property
    @abstractmethod
    def of(self) -> Literal["value", "document"]:
        """What it sends of an answer: its dump, or what the model writes."""

    @property
    @abstractmethod
    def shared(self) -> bool:
        """Whether what a step becomes depends on nothing but the step."""

    @property
    @abstractmethod
    def breaks(self) -> bool:
        """Whether only a broken connection tells a failure from success."""

    @abstractmethod
    def encoder(self) -> Encoder:
        """Return what writes one answer for one reader."""


def wire_names() -> list[str]:
    """Return the names of all wires."""
    return sorted(each.name.replace("_", "-") for each in pkgutil.iter_modules(wires.__path__))


def find_wire(wire: str | Wire) -> Wire:
    """Find a wire.

    Args:
        wire: Its name, or itself.

    Returns:
        The wire, with its default options if it was named.

    Raises:
        ValueError: There is no wire of that name.
        TypeError: `wire` is neither a name nor a wire.
    """
    if not isinstance(wire, str):
        if not isinstance(cast("object", wire), Wire):
            raise TypeError(f"wire must be a name or a Wire, not {wire!r}")
        return wire
    names = wire_names()
    if wire not in names:
        raise ValueError(f"wire must be one of {', '.join(names)}: {wire!r}")
    module = importlib.import_module(f"{wires.__name__}.{wire.replace('-', '_')}")
    return cast("Wire", module.Wire())
