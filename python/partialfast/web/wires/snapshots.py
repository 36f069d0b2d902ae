"""``snapshots``: the whole value each time, for htmx and for programs of a few lines.

Each message is the value so far, or what `Wire.render` makes of it. At the end comes an event of
type ``end`` with the outcome. All in all this is quadratic in the length of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from partialfast.web._encoder import OwnEncoder
from partialfast.web._event import Event, Piece, json_text
from partialfast.web._step import Step

__all__ = ["Wire"]


@dataclass(frozen=True)
class Wire:
    """The wire ``snapshots``.

    Args:
        render: Makes of the value (a JSON value) what is sent, such as a piece of HTML, with
            everything in it escaped. By default it is sent as JSON.
        event: The type of the messages.
    """

    media_type: ClassVar[str] = "text/event-stream"
    headers: ClassVar[Mapping[str, str]] = {}
    of: ClassVar[Literal["value", "document"]] = "value"
    shared: ClassVar[bool] = True
    breaks: ClassVar[bool] = False

    render: Callable[[Any], str] = json_text
    event: str | None = None

    def encoder(self) -> _Encoder:
        """Return what writes one answer for one reader."""
        return _Encoder(self)


class _Encoder(OwnEncoder):
    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def step(self, step: Step) -> list[Event | Piece]:
        text = self._wire.render(step.document.value)
        return [Event(text, event=self._wire.event, id=str(step.version))]
