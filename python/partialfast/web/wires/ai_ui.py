"""``ai-ui``: the Vercel AI SDK's UI message stream, version 1.

The answer is the input of a tool (``tool-input-start``, ``tool-input-delta``,
``tool-input-available``), or, with `Wire.part`, a part ``data-NAME`` that is sent whole each time:
that protocol's data parts are replaced, never added to.

At the end come ``finish`` with a reason and the outcome as metadata, and ``[DONE]``. A failure is
an ``error`` before that; an answer that was stopped is an ``abort``. The SDK's reader accepts no
member that the protocol does not name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal
from uuid import uuid4

from partialfast.web._event import Event, Piece, json_text
from partialfast.web._json_text import TextWriter
from partialfast.web._outcome import Outcome, OutcomeKind
from partialfast.web._step import Step

__all__ = ["Wire"]

_ALIVE = Event(comment="keep-alive")

_REASONS: Final[Mapping[OutcomeKind, str]] = {
    "complete": "stop",
    "truncated": "length",
    "filtered": "content-filter",
    "refused": "other",
    "closed": "other",
}


def _new_id() -> str:
    return uuid4().hex


@dataclass(frozen=True)
class Wire:
    """The wire ``ai-ui``.

    Args:
        tool: The name of the tool whose input the answer is.
        part: The name of the data part (without ``data-``) to be sent instead.
        message_id: The id of the message.
    """

    media_type: ClassVar[str] = "text/event-stream"
    headers: ClassVar[Mapping[str, str]] = {"x-vercel-ai-ui-message-stream": "v1"}
    breaks: ClassVar[bool] = False

    tool: str = "answer"
    part: str | None = None
    message_id: str = field(default_factory=_new_id, compare=False)

    @property
    def of(self) -> Literal["value", "document"]:
        """What it sends of an answer: its dump, or what the model writes."""
        return "value" if self.part is not None else "document"

    @property
    def shared(self) -> bool:
        """Whether what a step becomes depends on nothing but the step."""
        return self.part is not None

    def encoder(self) -> _Encoder:
        """Return what writes one answer for one reader."""
        return _PartEncoder(self, self.part) if self.part is not None else _ToolEncoder(self)


class _Encoder:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def begin(self, *, resumable: bool) -> list[Event | Piece]:
        del resumable
        start = {"type": "start", "messageId": self._wire.message_id}
        return [_chunk(start), _chunk({"type": "start-step"})]

    def step(self, step: Step) -> list[Event | Piece]:
        raise NotImplementedError

    def end(self, outcome: Outcome, *, detail: bool) -> list[Event | Piece]:
        said: dict[str, str] = {"outcome": outcome.kind}
        text = outcome.message
        if detail and outcome.detail is not None:
            said["detail"] = text = outcome.detail
        chunks = self._last(text, complete=outcome.complete)
        if outcome.kind == "closed":
            chunks.append({"type": "abort", "reason": text})
        elif not outcome.complete:
            chunks.append({"type": "error", "errorText": text})
        reason = _REASONS.get(outcome.kind, "error")
        chunks += (
            {"type": "finish-step"},
            {"type": "finish", "finishReason": reason, "messageMetadata": said},
        )
        return [*(_chunk(each) for each in chunks), Event("[DONE]")]

    def _last(self, text: str, *, complete: bool) -> list[dict[str, Any]]:
        """Return what ends the part itself."""
        del text, complete
        return []

    def alive(self) -> list[Event | Piece]:
        return [_ALIVE]


class _PartEncoder(_Encoder):
    def __init__(self, wire: Wire, name: str) -> None:
        super().__init__(wire)
        self._type = f"data-{name}"

    def step(self, step: Step) -> list[Event | Piece]:
        # Parts of the same type and id replace each other.
        value = step.document.value
        return [_chunk({"type": self._type, "id": self._type, "data": value})]


class _ToolEncoder(_Encoder):
    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self._writer = TextWriter()
        self._call = ""
        self._value: Any = None

    def step(self, step: Step) -> list[Event | Piece]:
        events: list[Event | Piece] = []
        for change in step.changes:
            if not change.path and change.op == "set":
                # A new attempt is a new call; the last one came to nothing.
                if self._call:
                    events.append(_chunk(self._error("The answer began anew.")))
                self._call = _new_id()
                self._writer = TextWriter()
                start = {"type": "tool-input-start", "toolName": self._wire.tool}
                events.append(_chunk(start | {"toolCallId": self._call}))
            if text := self._writer.write(change):
                delta = {"type": "tool-input-delta", "toolCallId": self._call}
                events.append(_chunk(delta | {"inputTextDelta": text}))
        self._value = step.document.value
        return events

    def _last(self, text: str, *, complete: bool) -> list[dict[str, Any]]:
        if not self._call:
            return []
        if not complete:
            return [self._error(text)]
        chunks: list[dict[str, Any]] = []
        if rest := self._writer.finish():
            delta = {"type": "tool-input-delta", "toolCallId": self._call, "inputTextDelta": rest}
            chunks.append(delta)
        available = {"type": "tool-input-available", "toolName": self._wire.tool}
        chunks.append(available | {"toolCallId": self._call, "input": self._value})
        return chunks

    def _error(self, text: str) -> dict[str, Any]:
        names = {"toolCallId": self._call, "toolName": self._wire.tool}
        return {"type": "tool-input-error", **names, "input": self._value, "errorText": text}


def _chunk(chunk: dict[str, Any]) -> Event:
    return Event(json_text(chunk))
