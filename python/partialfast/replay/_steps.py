"""What the server will do for one request, decided before it does anything.

The result is a list of steps (send, wait, drop the connection) that needs no
server to be looked at: the server only carries it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

from partialfast.replay._ask import SERVER_ERROR, Ask, RequestError
from partialfast.replay._events import dump
from partialfast.replay._faults import Fault, FaultKind
from partialfast.replay._protocols import PROTOCOLS, Protocol
from partialfast.replay._recording import Recording, RecordingSet
from partialfast.replay._script import ReplayedAnswer, write_script
from partialfast.replay._shapes import shape_named

__all__ = [
    "CannedResponse",
    "Drop",
    "Options",
    "Send",
    "Step",
    "Wait",
    "json_response",
    "respond",
    "respond_with_error",
]


@dataclass(frozen=True)
class Send:
    """Write bytes. Those that carry text are counted by a gate."""

    data: bytes
    carries_text: bool = False


@dataclass(frozen=True)
class Wait:
    """Write nothing for some seconds."""

    seconds: float


@dataclass(frozen=True)
class Drop:
    """Close the connection in the middle of the body."""


Step = Send | Wait | Drop


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
    steps: tuple[Step, ...]
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None  # of the body when it is announced, else it is chunked
    recording: Recording | None = None  # what is played, if anything


def json_response(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> CannedResponse:
    """Give JSON at once."""
    body = dump(value)
    headers = {"content-type": "application/json"} | (headers or {})
    return CannedResponse(status, (Send(body),), headers, len(body))


_STREAMED = {
    # A proxy in between must not gather the events.
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


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
        steps = _regroup([Send(data)], options.split)
        return CannedResponse(200, tuple(steps), headers, None, recording)
    if ask.tool_choice in form.ignored_choices:
        ask = replace(ask, tool_choice="auto", forced=None)
    reply = write_script(
        recording, ask, chars=options.chunk, faults=faults, number=number, created=created
    )
    if not ask.stream:
        return _whole(form, reply, options.rate)
    steps = _regroup(_streamed(form, reply, options.rate), options.split)
    return CannedResponse(200, tuple(steps), headers | form.headers(reply), None, recording)


def respond_with_error(
    form: Protocol, error: RequestError, *, recording: Recording | None = None
) -> CannedResponse:
    """Decide the response to a request that gets an error, maybe by a recording's fault."""
    headers = form.error_headers(error)
    if error.status == 429:  # noqa: PLR2004 - Too Many Requests, RFC 6585
        # OpenAI says how long to wait. A short time, or every retrying test would take seconds.
        headers["retry-after-ms"] = "20"
    return replace(json_response(form.error(error), error.status, headers), recording=recording)


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


def _streamed(form: Protocol, reply: ReplayedAnswer, rate: float | None) -> Iterator[Step]:
    """Turn events into steps, with the faults of the transport at their places."""
    marks = list(reply.marks)
    for event in form.stream(reply):
        while marks and event.upto >= marks[0].before:
            before, fault = marks.pop(0)
            if fault.kind is FaultKind.DROP:
                # Half an event: what is not whole must not be taken for an answer.
                data = form.encode(event)
                yield from (Send(data[: len(data) // 2]), Drop())
            elif fault.kind is FaultKind.CORRUPT:
                yield Send(form.corrupt)
            elif fault.kind in _FAILURES:
                for failed in form.failure(reply, before, quiet=fault.kind is FaultKind.FAIL):
                    yield Send(form.encode(failed))
            if fault.kind is not FaultKind.STALL:
                return  # `end` sends nothing more
            yield Wait(fault.seconds)
        if rate is not None and event.tokens:
            yield Wait(event.tokens / rate)
        yield Send(form.encode(event), carries_text=event.tokens > 0)


def _whole(form: Protocol, reply: ReplayedAnswer, rate: float | None) -> CannedResponse:
    """Give an answer at once; what ends a stream early ends its body early."""
    made = json_response(form.whole(reply), 200, form.headers(reply))
    made = replace(made, recording=reply.recording)
    waits = [] if rate is None else [Wait(reply.completion_tokens / rate)]
    for _, fault in reply.marks:
        if fault.kind is FaultKind.STALL:
            waits.append(Wait(fault.seconds))
        elif fault.kind in _FAILURES:
            return respond_with_error(form, SERVER_ERROR, recording=reply.recording)
        else:
            half = Send(dump(form.whole(reply))[: (made.length or 0) // 2])
            if fault.kind is FaultKind.CORRUPT:
                return replace(made, steps=(*waits, half), length=len(half.data))
            # There is less than was announced.
            return replace(made, steps=(*waits, half, Drop()))
    return replace(made, steps=(*waits, *made.steps))


def _regroup(steps: Iterable[Step], size: int | None) -> Iterator[Step]:
    """Cut and join writes to a size, but never across a wait."""
    if size is None:
        yield from steps
        return
    for is_data, group in groupby(steps, key=lambda step: isinstance(step, Send)):
        run = list(group)
        if not is_data:
            yield from run
        sends = [step for step in run if isinstance(step, Send)]
        data = b"".join(send.data for send in sends)
        text = any(send.carries_text for send in sends)
        for start in range(0, len(data), size):
            yield Send(data[start : start + size], carries_text=text)
