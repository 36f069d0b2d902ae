"""OpenTelemetry spans of a client's calls, by the GenAI conventions, without detours.

Tools that replace functions of the SDK's make it build its objects for each chunk. `instrument`
gets the same from the reader that has it anyway, and for every provider alike.

One request is one span: an attempt after an invalid answer, and a fallback, have spans of their
own. The conventions are those of https://github.com/open-telemetry/semantic-conventions-genai
(``docs/gen-ai/client-inference.md``, in development); exceptions are recorded by
https://opentelemetry.io/docs/specs/semconv/general/recording-errors/.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from partialfast.answer._received import Received
from partialfast.answer._resources import ResourceBase
from partialfast.answer._watch import Sent

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer, TracerProvider

__all__ = ["instrument"]

Client = TypeVar("Client", bound=ResourceBase)

_CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

# Arguments of requests, as the providers call them, and what the conventions call them.
_ARGUMENTS = {
    "frequency_penalty": ("gen_ai.request.frequency_penalty", float),
    "max_completion_tokens": ("gen_ai.request.max_tokens", int),
    "max_output_tokens": ("gen_ai.request.max_tokens", int),
    "max_tokens": ("gen_ai.request.max_tokens", int),
    "presence_penalty": ("gen_ai.request.presence_penalty", float),
    "previous_response_id": ("gen_ai.request.previous_response.id", str),
    "reasoning_effort": ("gen_ai.request.reasoning.level", str),
    "seed": ("gen_ai.request.seed", int),
    "temperature": ("gen_ai.request.temperature", float),
    "top_k": ("gen_ai.request.top_k", int),
    "top_p": ("gen_ai.request.top_p", float),
}
_STOP = ("stop", "stop_sequences")
_MESSAGES = ("messages", "input", "contents")
_SYSTEM = ("instructions", "system")


def instrument(
    client: Client,
    *,
    tracer_provider: TracerProvider | None = None,
    content: bool | None = None,
) -> Client:
    """Make a span for each request of a client.

    Args:
        client: What `partialfast.from_openai` or another ``from_...`` function returned. What is
            made from it, such as ``client.responses``, is instrumented with it.
        tracer_provider: Where the spans go; ``None`` for the global provider.
        content: Whether what was asked and answered is recorded as well, with the words of
            exceptions: by default as the environment variable
            ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`` says (``true`` or
            ``span_only``), else not.

    Returns:
        The client.

    Raises:
        ModuleNotFoundError: ``opentelemetry-api`` is missing.
        TypeError: `client` is not one of the package's.
    """
    try:
        from opentelemetry import trace  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "partialfast.otel needs opentelemetry-api: pip install 'partialfast[otel]'"
        ) from error
    if not isinstance(cast("object", client), ResourceBase):
        raise TypeError(
            f"instrument takes a client of partialfast's such as from_openai gives, not {client!r}"
        )
    if content is None:
        content = os.environ.get(_CAPTURE, "").lower() in {"true", "span_only", "span_and_event"}
    tracer = trace.get_tracer("partialfast", tracer_provider=tracer_provider)
    client.watch(_Spans(tracer, content=content))
    return client


class _Spans:
    """Makes the spans of a client.

    Args:
        tracer: What makes them.
        content: Whether what was asked and answered is recorded.
    """

    def __init__(self, tracer: Tracer, *, content: bool) -> None:
        self._tracer = tracer
        self._content = content

    def begin(self, sent: Sent) -> _RequestSpan:
        """Begin the span of a request."""
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 - an extra

        model = sent.arguments.get("model") or sent.arguments.get("modelId")
        operation = sent.provider.operation
        attributes = {"gen_ai.operation.name": operation, **dict(_asked(sent, model))}
        if self._content:
            attributes.update(_said(sent.arguments))
        name = f"{operation} {model}" if isinstance(model, str) else operation
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        return _RequestSpan(span, content=self._content)


class _RequestSpan:
    """One request and its answer.

    Args:
        span: Its span.
        content: Whether what was answered is recorded.
    """

    def __init__(self, span: Span, *, content: bool) -> None:
        self._span = span
        self._content = content
        self._began = time.perf_counter()

    def active(self) -> AbstractContextManager[Any]:
        """Make the spans of the HTTP client, while it sends, children of this one."""
        from opentelemetry import trace  # noqa: PLC0415 - an extra

        inside: AbstractContextManager[Any] = trace.use_span(
            self._span, end_on_exit=False, record_exception=False, set_status_on_exception=False
        )
        return inside

    def first(self) -> None:
        """Note when the first of the answer came."""
        seconds = time.perf_counter() - self._began
        self._span.set_attribute("gen_ai.response.time_to_first_chunk", seconds)

    def end(self, received: Received, error: BaseException | None) -> None:
        """Record the answer and end the span."""
        span = self._span
        span.set_attributes(dict(_received(received)))
        if self._content:
            span.set_attribute("gen_ai.output.messages", json.dumps([_answer(received)]))
        if error is not None:
            self._fail(error)
        span.end()

    def _fail(self, error: BaseException) -> None:
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - an extra

        kind = type(error).__qualname__
        self._span.set_attribute("error.type", kind)
        if self._content:
            self._span.record_exception(error)
        else:
            # Its words may be those of the model.
            name = f"{type(error).__module__}.{kind}"
            self._span.add_event("exception", {"exception.type": name})
        self._span.set_status(Status(StatusCode.ERROR, kind))


def _asked(sent: Sent, model: object) -> Iterator[tuple[str, Any]]:
    """Yield what the conventions say of a request."""
    yield "gen_ai.provider.name", sent.provider.vendor
    # Every mode asks for a JSON value.
    yield "gen_ai.output.type", "json"
    if isinstance(model, str):
        yield "gen_ai.request.model", model
    if sent.stream:
        yield "gen_ai.request.stream", True
    if sent.choices != 1:
        yield "gen_ai.request.choice.count", sent.choices
    if (server := sent.provider.server) is not None:
        host, port = server
        yield "server.address", host
        if port is not None:
            yield "server.port", port
    yield from _options(sent.arguments)


def _options(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what the conventions say of the options of a request."""
    for argument, (name, kind) in _ARGUMENTS.items():
        value = arguments.get(argument)
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            try:
                yield name, kind(value)
            except ValueError:
                # It is for the server to refuse it.
                continue
    for argument in _STOP:
        stop = arguments.get(argument)
        if isinstance(stop, str):
            yield "gen_ai.request.stop_sequences", [stop]
        elif isinstance(stop, Sequence):
            yield "gen_ai.request.stop_sequences", [str(each) for each in stop]


def _received(received: Received) -> Iterator[tuple[str, Any]]:
    """Yield what the conventions say of an answer."""
    # What was expected and did not come is an error, by the conventions.
    yield "gen_ai.response.finish_reasons", [received.finish_reason or "error"]
    if received.response_id is not None:
        yield "gen_ai.response.id", received.response_id
    if received.model is not None:
        yield "gen_ai.response.model", received.model
    tokens = received.tokens
    for name, count in (
        ("gen_ai.usage.input_tokens", tokens.input),
        ("gen_ai.usage.output_tokens", tokens.output),
        ("gen_ai.usage.cache_read.input_tokens", tokens.cached),
        ("gen_ai.usage.reasoning.output_tokens", tokens.reasoning),
    ):
        if count is not None:
            yield name, count


# Content, which is recorded only where it is asked for.


def _said(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what was said to the model."""
    for name in _SYSTEM:
        if (system := arguments.get(name)) is not None:
            yield "gen_ai.system_instructions", json.dumps(_parts(system), default=str)
    for name in _MESSAGES:
        if (said := arguments.get(name)) is not None:
            messages = said if isinstance(said, list) else [{"role": "user", "content": said}]
            told = [_message(each) for each in cast("list[Any]", messages)]
            yield "gen_ai.input.messages", json.dumps(told, default=str)


def _message(message: Any) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        return {"role": "user", "parts": _parts(message)}
    known = cast("Mapping[str, Any]", message)
    parts = _parts(known.get("content", known.get("parts")))
    return {"role": str(known.get("role", "user")), "parts": parts}


def _parts(content: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            found.append({"type": "text", "content": part})
        elif isinstance(part, Mapping):
            known = cast("Mapping[str, Any]", part)
            text = known.get("text")
            if isinstance(text, str):
                found.append({"type": "text", "content": text})
            else:
                found.append({"type": str(known.get("type", "unknown"))})
        elif part is not None:
            found.append({"type": type(part).__name__})
    return found


def _answer(received: Received) -> dict[str, Any]:
    """Return the answer as a message."""
    parts: list[dict[str, Any]] = []
    if received.reasoning_text:
        parts.append({"type": "reasoning", "content": received.reasoning_text})
    if received.beside.words:
        parts.append({"type": "text", "content": received.beside.words})
    for answer in received.router.answers:
        call = received.router.call_of(answer)
        if call is None:
            parts.append({"type": "text", "content": answer.text})
        else:
            parts.append(
                {
                    "type": "tool_call",
                    "id": call.id,
                    "name": answer.shape.name,
                    "arguments": answer.text,
                }
            )
    if received.beside.refusal:
        parts.append({"type": "text", "content": received.beside.refusal})
    reason = received.finish_reason or "error"
    return {"role": "assistant", "parts": parts, "finish_reason": reason}
