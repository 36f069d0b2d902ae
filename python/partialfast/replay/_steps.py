"""What the server will do for one request, decided before it does anything.

The result is a list of writes, each after a pause, that needs no server to be looked at: the server
only carries it out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby
from operator import itemgetter
from typing import NamedTuple

from partialfast.replay._ask import SERVER_ERROR, Ask, RequestError
from partialfast.replay._events import dump
from partialfast.replay._faults import Fault, FaultKind
from partialfast.replay._protocols import PROTOCOLS, Protocol
from partialfast.replay._recording import Recording, RecordingSet
from partialfast.replay._script import ReplayedAnswer, write_script
from partialfast.replay._shapes import shape_named

__all__ = ["CannedResponse", "Options", "PacedWrite", "respond", "respond_with_error"]


class PacedWrite(NamedTuple):
    """Wait for some seconds, then write."""

    data: bytes = b""
    wait: float = 0.0
    carries_text: bool = False  # a gate counts it


@dataclass(frozen=True)
class Options:
    """How answers are given, unless a recording says otherwise; `serve` explains each option."""

    shape: str = "openai"
    rate: float | None = None
    chunk: int | None = None
    split: int | None = None
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a value that is out of range, by its name in a `ValueError`."""
        shape_named(self.shape)
        for name in ("rate", "chunk", "split"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive, not {value!r}")


@dataclass(frozen=True)
class CannedResponse:
    """A response, decided before any of it is sent."""

    status: int
    steps: tuple[PacedWrite, ...]
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None  # of the body when it is announced, else it is chunked
    recording: Recording | None = None  # what is played, if anything
    dropped: bool = False  # the connection is closed after the steps, in the middle of the body

    @classmethod
    def of_json(
        cls, value: object, status: int = 200, headers: dict[str, str] | None = None
    ) -> CannedResponse:
        """Give JSON at once."""
        body = dump(value)
        headers = {"content-type": "application/json"} | (headers or {})
        return cls(status, (PacedWrite(body),), headers, len(body))

    @property
    def body(self) -> bytes:
        """All that is written."""
        return b"".join(step.data for step in self.steps)


#: A proxy in between must not gather the events.
_STREAMED = {"cache-control": "no-cache", "x-accel-buffering": "no"}


def respond(
    recordings: RecordingSet, ask: Ask, options: Options, *, number: int, created: int
) -> CannedResponse:
    """Decide the response to a request, which may be an error that a fault asks for.

    The recording that is taken counts as given. The number of the request and the time make ids.

    Raises:
        RequestError: No recording answers the request.
    """
    if not recordings.knows(ask.model):
        message = f"The model `{ask.model}` does not exist or you do not have access to it."
        raise RequestError(404, message, code="model_not_found")
    recording = recordings.pick(model=ask.model, message=ask.last_user)
    if recording is None:
        message = f"No recording matches the last user message: {ask.last_user[:200]!r}."
        raise RequestError(404, message, param="messages", code="recording_not_found")
    form = PROTOCOLS[ask.api].shaped(recording.shape or options.shape)
    faults = options.faults if recording.faults is None else recording.faults
    error = _error_fault(ask, faults)
    if error is not None:
        return respond_with_error(form, error, recording=recording)
    headers = _STREAMED | {"content-type": form.media_type}
    if (raw := recording.raw) is not None:
        data = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass")
        made, dropped = [PacedWrite(data)], False
    else:
        if ask.tool_choice in form.ignored_choices:
            ask = replace(ask, tool_choice="auto", forced=None)
        reply = write_script(
            recording, ask, chars=options.chunk, faults=faults, number=number, created=created
        )
        if not ask.stream:
            return _whole(form, reply, options.rate)
        headers |= form.headers(reply)
        made, dropped = _streamed(form, reply, options.rate)
    return CannedResponse(200, _regroup(made, options.split), headers, None, recording, dropped)


def respond_with_error(
    form: Protocol, error: RequestError, *, recording: Recording | None = None
) -> CannedResponse:
    """Decide the response to a request that gets an error, maybe by a recording's fault."""
    headers = form.error_headers(error)
    if error.status == 429:  # noqa: PLR2004 - Too Many Requests, RFC 6585
        # OpenAI says how long to wait. A short time, or every retrying test would take seconds.
        headers["retry-after-ms"] = "20"
    return replace(
        CannedResponse.of_json(form.error(error), error.status, headers), recording=recording
    )


#: Generation dies midway.
_FAILURES = {FaultKind.ERROR, FaultKind.FAIL}
_STATUS_ERRORS = {
    401: RequestError(401, "Incorrect API key provided: replay.", code="invalid_api_key"),
    429: RequestError(
        429, "Rate limit reached for requests.", type="requests", code="rate_limit_exceeded"
    ),
    500: SERVER_ERROR,
    503: RequestError(503, "The engine is currently overloaded.", type="service_unavailable"),
}


def _error_fault(ask: Ask, faults: Iterable[Fault]) -> RequestError | None:
    for fault in faults:
        if fault.kind is FaultKind.STATUS:
            default = RequestError(fault.status, f"Replayed error {fault.status}.")
            return _STATUS_ERRORS.get(fault.status, default)
        if fault.kind is FaultKind.REJECT and fault.field in ask.body:
            message = f"Unrecognized request argument supplied: {fault.field}"
            return RequestError(400, message, param=fault.field)
    return None


def _streamed(
    form: Protocol, reply: ReplayedAnswer, rate: float | None
) -> tuple[list[PacedWrite], bool]:
    """Make steps of events, with the faults of the transport at their places; say if it drops."""
    marks, steps = list(reply.marks), list[PacedWrite]()
    for event in form.stream(reply):
        data = form.encode(event)
        while marks and event.upto >= marks[0].before:
            before, fault = marks.pop(0)
            if fault.kind is FaultKind.STALL:
                steps.append(PacedWrite(wait=fault.seconds))
                continue
            if fault.kind is FaultKind.DROP:
                # Half an event: what is not whole must not be taken for an answer.
                steps.append(PacedWrite(data[: len(data) // 2]))
            elif fault.kind is FaultKind.CORRUPT:
                steps.append(PacedWrite(form.corrupt))
            elif fault.kind in _FAILURES:
                failure = form.failure(reply, before, quiet=fault.kind is FaultKind.FAIL)
                steps += [PacedWrite(form.encode(each)) for each in failure]
            return steps, fault.kind is FaultKind.DROP  # `end` sends nothing more
        steps.append(PacedWrite(data, event.tokens / (rate or math.inf), event.tokens > 0))
    return steps, False


def _whole(form: Protocol, reply: ReplayedAnswer, rate: float | None) -> CannedResponse:
    """Give an answer at once; what ends a stream early ends its body early."""
    made = CannedResponse.of_json(form.whole(reply), 200, form.headers(reply))
    body, wait, ends = made.body, reply.completion_tokens / (rate or math.inf), None
    for _, fault in reply.marks:
        if fault.kind in _FAILURES:
            return respond_with_error(form, SERVER_ERROR, recording=reply.recording)
        if fault.kind is not FaultKind.STALL:
            body, ends = body[: len(body) // 2], fault.kind
            break
        wait += fault.seconds
    # Unless it is corrupt there is less than was announced.
    length = len(body) if ends is FaultKind.CORRUPT else made.length
    dropped = ends not in {None, FaultKind.CORRUPT}
    steps = (PacedWrite(body, wait),)
    return replace(made, steps=steps, length=length, recording=reply.recording, dropped=dropped)


def _regroup(steps: Sequence[PacedWrite], size: int | None) -> tuple[PacedWrite, ...]:
    """Cut and join writes to a size, but never across a wait."""
    if size is None:
        return tuple(steps)
    made: list[PacedWrite] = []
    runs = accumulate(step.wait > 0 for step in steps)
    for _, group in groupby(zip(runs, steps, strict=True), key=itemgetter(0)):
        run = [step for _, step in group]
        data, text = b"".join(step.data for step in run), any(step.carries_text for step in run)
        made.append(PacedWrite(data[:size], run[0].wait, text))
        made += [PacedWrite(data[at : at + size], 0.0, text) for at in range(size, len(data), size)]
    return tuple(made)
