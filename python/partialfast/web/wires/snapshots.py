"""``snapshots``: the whole value each time, for htmx and for programs of a few lines.

Each message is the value so far, or what `Wire.render` makes of it. At the end comes an event of
type ``end`` with the outcome. All in all this is quadratic in the length of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from partialfast.web._event import RETRY_MS, Event, Piece, json_text
from partialfast.web._log import Step
from partialfast.web._outcome import Outcome

__all__ = ["Wire"]

_ALIVE = Event(comment="")


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
    shared: ClassVar[bool] = True
    breaks: ClassVar[bool] = False

    render: Callable[[Any], str] = json_text
    event: str | None = None

    def encoder(self) -> _Encoder:
        """Begin an answer."""
        return _Encoder(self)


class _Encoder:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def begin(self, *, resumable: bool) -> list[Event | Piece]:
        return [Event(retry=RETRY_MS)] if resumable else []

    def step(self, step: Step) -> list[Event | Piece]:
        text = self._wire.render(step.document.value)
        return [Event(text, event=self._wire.event, id=str(step.version))]

    def end(self, outcome: Outcome, *, detail: bool) -> list[Event | Piece]:
        said = {"outcome": outcome.kind, "message": outcome.message}
        if detail and outcome.detail is not None:
            said["detail"] = outcome.detail
        return [Event(json_text(said), event="end")]

    def alive(self) -> list[Event | Piece]:
        return [_ALIVE]
