"""What the server will do for one request, decided before it does anything.

The result is a list of steps (send, wait, drop the connection) that needs no
server to be looked at: the server only carries it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from partialfast.replay._ask import Ask, RequestError
from partialfast.replay._faults import Fault, FaultKind
from partialfast.replay._protocols import PROTOCOLS, Protocol
from partialfast.replay._recording import Recording, RecordingSet
from partialfast.replay._reply import ReplayedAnswer, ReplayEvent, dump
from partialfast.replay._script import PlacedFault, write_script
from partialfast.replay._shapes import server_error, shape_named

__all__ = ["Drop", "Options", "Plan", "Send", "Step", "Wait", "plan_answer", "plan_error"]


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
    """How answers are given, unless a recording says otherwise.

    Args:
        shape: The server to imitate, one of `SHAPES`.
        rate: Tokens per second; ``None`` for as fast as they can be sent.
        chunk: Characters of each delta; ``None`` for pieces like a model's tokens.
        split: Bytes of each write; ``None`` for one write per event.
        faults: What goes wrong.
    """

    shape: str = "openai"
    rate: float | None = None
    chunk: int | None = None
    split: int | None = None
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        """Refuse options that make no sense.

        Raises:
            ValueError: A value is out of range; the message names it.
        """
        shape_named(self.shape)
        for name in ("rate", "chunk", "split"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive, not {value!r}")


@dataclass(frozen=True)
class Plan:
    """A response.

    Args:
        status: The HTTP status.
        steps: What to do, in order.
        headers: The headers.
        length: The body's length when it is announced, else it is chunked.
        recording: The recording that is played, if any.
    """

    status: int
    steps: tuple[Step, ...]
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    recording: Recording | None = None


_STREAMED = {
    # A proxy in between must not gather the events.
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


def plan_answer(
    recordings: RecordingSet, ask: Ask, options: Options, *, number: int, created: int
) -> Plan:
    """Decide the response to a request.

    Args:
        recordings: The recordings; the one that is taken counts as given.
        ask: The request.
        options: How answers are given.
        number: How many requests came before.
        created: Unix time.

    Returns:
        The response, which may be an error that a fault asks for.

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
        return plan_error(form, error, recording=recording)
    if (raw := recording.raw) is not None:
        data = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass")
        steps = tuple(_regroup([Send(data)], options.split))
        return Plan(200, steps, _STREAMED | {"content-type": form.media_type}, None, recording)
    if ask.tool_choice in form.ignored_choices:
        ask = replace(ask, tool_choice="auto", forced=None)
    script = write_script(recording, ask, chars=options.chunk, faults=faults)
    reply = ReplayedAnswer(script, ask, number, created, recording)
    if ask.stream:
        return _streamed(form, reply, options)
    return _whole(form, reply, options)


def plan_error(form: Protocol, error: RequestError, *, recording: Recording | None = None) -> Plan:
    """Decide the response to a request that gets none.

    Args:
        form: How the server answers.
        error: What is wrong.
        recording: The recording whose fault it is.

    Returns:
        The error response.
    """
    body = dump(form.error(error))
    headers = {"content-type": "application/json"} | form.error_headers(error)
    if error.status == 429:  # noqa: PLR2004 - Too Many Requests, RFC 6585
        # OpenAI says how long to wait. A short time, or every retrying test would take seconds.
        headers["retry-after-ms"] = "20"
    return Plan(error.status, (Send(body),), headers, len(body), recording)


_STATUS_ERRORS = {
    401: RequestError(401, "Incorrect API key provided: replay.", code="invalid_api_key"),
    429: RequestError(
        429, "Rate limit reached for requests.", type="requests", code="rate_limit_exceeded"
    ),
    500: server_error(),
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


def _streamed(form: Protocol, reply: ReplayedAnswer, options: Options) -> Plan:
    steps = _with_marks(form, reply, form.stream(reply), options.rate)
    headers = _STREAMED | {"content-type": form.media_type} | form.headers(reply)
    return Plan(200, tuple(_regroup(steps, options.split)), headers, None, reply.recording)


def _with_marks(
    form: Protocol, reply: ReplayedAnswer, events: Iterable[ReplayEvent], rate: float | None
) -> Iterator[Step]:
    """Turn events into steps, with the faults of the transport at their places."""
    marks = list(reply.script.marks)
    for event in events:
        while marks and event.upto >= marks[0].before:
            mark = marks.pop(0)
            yield from _mishap(form, reply, mark, event)
            if mark.fault.kind is not FaultKind.STALL:
                return
        if rate is not None and event.tokens:
            yield Wait(event.tokens / rate)
        yield Send(form.encode(event), carries_text=event.tokens > 0)


def _mishap(
    form: Protocol, reply: ReplayedAnswer, mark: PlacedFault, event: ReplayEvent
) -> Iterator[Step]:
    kind = mark.fault.kind
    if kind is FaultKind.STALL:
        yield Wait(mark.fault.seconds)
    elif kind is FaultKind.DROP:
        # Half an event: what is not whole must not be taken for an answer.
        data = form.encode(event)
        yield Send(data[: len(data) // 2])
        yield Drop()
    elif kind is FaultKind.CORRUPT:
        yield Send(form.corrupt)
    elif kind in {FaultKind.ERROR, FaultKind.FAIL}:
        fail = form.failure if kind is FaultKind.ERROR else form.quiet_failure
        for failed in fail(reply, mark.before):
            yield Send(form.encode(failed))
    # `end` sends nothing more.


def _whole(form: Protocol, reply: ReplayedAnswer, options: Options) -> Plan:
    data = dump(form.whole(reply))
    headers = {"content-type": "application/json"} | form.headers(reply)
    steps: list[Step] = []
    if options.rate is not None:
        steps.append(Wait(reply.script.completion_tokens / options.rate))
    for mark in reply.script.marks:
        kind = mark.fault.kind
        if kind is FaultKind.STALL:
            steps.append(Wait(mark.fault.seconds))
        elif kind in {FaultKind.ERROR, FaultKind.FAIL}:
            return plan_error(form, server_error(), recording=reply.recording)
        elif kind is FaultKind.CORRUPT:
            data = data[: len(data) // 2]
        else:
            # Whatever ends a stream early ends a body early: there is less than was announced.
            steps += [Send(data[: len(data) // 2]), Drop()]
            return Plan(200, tuple(steps), headers, len(data), reply.recording)
    steps.append(Send(data))
    return Plan(200, tuple(steps), headers, len(data), reply.recording)


def _regroup(steps: Iterable[Step], size: int | None) -> Iterator[Step]:
    """Cut and join writes to a size, but never across a wait."""
    if size is None:
        yield from steps
        return
    waiting: list[Send] = []
    for step in steps:
        if isinstance(step, Send):
            waiting.append(step)
        else:
            yield from _resized(waiting, size)
            waiting.clear()
            yield step
    yield from _resized(waiting, size)


def _resized(sends: Sequence[Send], size: int) -> Iterator[Send]:
    data = b"".join(send.data for send in sends)
    text = any(send.carries_text for send in sends)
    for start in range(0, len(data), size):
        yield Send(data[start : start + size], carries_text=text)
