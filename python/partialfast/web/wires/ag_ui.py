"""``ag-ui``: AG-UI's events, version 1.0.

The answer is the agent's state: ``STATE_SNAPSHOT`` where the root is set, else ``STATE_DELTA``.
With `Wire.tool` it is the arguments of a tool call (``TOOL_CALL_ARGS``). Those take linear room,
where a delta sends text anew that has grown. ``RUN_FINISHED`` ends a whole answer. ``RUN_ERROR``
ends every other, with the outcome as its code: a reader of an older version takes all else for a
success.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal
from uuid import uuid4

from partialfast.web._event import Event, Piece, json_text
from partialfast.web._json_text import TextWriter
from partialfast.web._outcome import Outcome
from partialfast.web._patch import Patches, check_growth
from partialfast.web._step import Step

__all__ = ["Wire"]

_ALIVE = Event(comment="keep-alive")


def _new_id() -> str:
    return uuid4().hex


@dataclass(frozen=True)
class Wire:
    """The wire ``ag-ui``.

    Args:
        tool: The name of the tool whose arguments the answer is; by default it is the state.
        thread_id: The conversation, as the client named it (``RunAgentInput.thread_id``).
        run_id: The run, as the client named it.
        growth: Of the state, a text that grows is sent anew: with each message by default, or only
            when it has grown by this share of what was sent last, and when it is over.

    Raises:
        ValueError: `growth` makes no sense.
    """

    media_type: ClassVar[str] = "text/event-stream"
    headers: ClassVar[Mapping[str, str]] = {}
    breaks: ClassVar[bool] = False

    tool: str | None = None
    thread_id: str = field(default_factory=_new_id, compare=False)
    run_id: str = field(default_factory=_new_id, compare=False)
    growth: float = 0.0

    def __post_init__(self) -> None:
        """Check the options."""
        check_growth(self.growth)

    @property
    def of(self) -> Literal["value", "document"]:
        """What it sends of an answer: its dump, or what the model writes."""
        return "value" if self.tool is None else "document"

    @property
    def shared(self) -> bool:
        """Whether what a step becomes depends on nothing but the step."""
        return self.tool is None and not self.growth

    def encoder(self) -> _Encoder:
        """Return what writes one answer for one reader."""
        return _StateEncoder(self) if self.tool is None else _ToolEncoder(self, self.tool)


class _Encoder:
    def __init__(self, wire: Wire) -> None:
        self._run = {"threadId": wire.thread_id, "runId": wire.run_id}

    def begin(self, *, resumable: bool) -> list[Event | Piece]:
        del resumable
        return [_event("RUN_STARTED", **self._run)]

    def step(self, step: Step) -> list[Event | Piece]:
        raise NotImplementedError

    def end(self, outcome: Outcome, *, detail: bool) -> list[Event | Piece]:
        if outcome.complete:
            return [*self._last(), _event("RUN_FINISHED", **self._run)]
        said = outcome.detail if detail and outcome.detail is not None else outcome.message
        return [*self._held(), _event("RUN_ERROR", message=said, code=outcome.kind)]

    def _last(self) -> list[Event]:
        """Return what ends the answer itself."""
        return self._held()

    def _held(self) -> list[Event]:
        """Return what was held back."""
        return []

    def alive(self) -> list[Event | Piece]:
        return [_ALIVE]


class _StateEncoder(_Encoder):
    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self._patches = Patches(wire.growth)

    def step(self, step: Step) -> list[Event | Piece]:
        operations = self._patches.write(step)
        if not step.changes[0].path and step.changes[0].op == "set":
            return [_event("STATE_SNAPSHOT", snapshot=step.document.value)]
        return [_event("STATE_DELTA", delta=operations)] if operations else []

    def _held(self) -> list[Event]:
        rest = self._patches.rest()
        return [_event("STATE_DELTA", delta=rest)] if rest else []


class _ToolEncoder(_Encoder):
    def __init__(self, wire: Wire, tool: str) -> None:
        super().__init__(wire)
        self._tool = tool
        self._writer = TextWriter()
        self._call = ""

    def step(self, step: Step) -> list[Event | Piece]:
        events: list[Event | Piece] = []
        for change in step.changes:
            if not change.path and change.op == "set":
                # A new attempt is a new call.
                if self._call:
                    events.append(_event("TOOL_CALL_END", toolCallId=self._call))
                self._call = _new_id()
                self._writer = TextWriter()
                call = {"toolCallId": self._call, "toolCallName": self._tool}
                events.append(_event("TOOL_CALL_START", **call))
            if text := self._writer.write(change):
                events.append(_event("TOOL_CALL_ARGS", toolCallId=self._call, delta=text))
        return events

    def _last(self) -> list[Event]:
        if not self._call:
            return []
        events: list[Event] = []
        if rest := self._writer.finish():
            events.append(_event("TOOL_CALL_ARGS", toolCallId=self._call, delta=rest))
        return [*events, _event("TOOL_CALL_END", toolCallId=self._call)]


def _event(type_: str, **fields: Any) -> Event:
    return Event(json_text({"type": type_, **fields}))
