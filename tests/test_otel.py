"""Spans of the package's own, by the GenAI conventions, over a real server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import openai
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import BaseModel, Field

import partialfast as pf
from partialfast import replay
from partialfast.otel import instrument
from tests.openai_driver import open_async, open_sync

pytestmark = pytest.mark.network

TEXT = '{"name": "Ada", "age": 36}'
USAGE = {
    "prompt_tokens": 89,
    "completion_tokens": 567,
    "total_tokens": 656,
    "prompt_tokens_details": {"cached_tokens": 8},
    "completion_tokens_details": {"reasoning_tokens": 7},
}
SAID = [{"role": "user", "content": "Who is the secret guest?"}]


class Person(BaseModel):
    name: str
    age: int = Field(gt=0)


class Watched:
    """A client whose spans are kept."""

    def __init__(self, url: Any, **options: Any) -> None:
        self._exporter = InMemorySpanExporter()
        self._provider = TracerProvider()
        self._provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._url = str(url)
        self._options = options

    def wrap(self, sdk: Any) -> Any:
        client: Any = pf.from_openai(sdk, model="gpt-4", temperature=0.5)
        return instrument(client, tracer_provider=self._provider, **self._options)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    @property
    def only(self) -> ReadableSpan:
        (span,) = self.spans
        return span

    def read(self, kind: str, api: str = "chat", **asked: Any) -> Exception | None:
        """Stream an answer to its end, and return what that raised."""
        said: Any = {"messages": SAID} if api == "chat" else {"input": SAID}
        asked = {"response_model": Person, **said, **asked}
        try:
            if kind == "async":
                asyncio.run(self._aread(api, asked))
            else:
                with open_sync(self._url) as sdk:
                    list(self._part(self.wrap(sdk), api).create_partial(**asked))
        except Exception as error:  # noqa: BLE001 - looked at by the test
            return error
        return None

    async def _aread(self, api: str, asked: Any) -> None:
        async with open_async(self._url) as sdk:
            async for _ in self._part(self.wrap(sdk), api).create_partial(**asked):
                pass

    @staticmethod
    def _part(client: Any, api: str) -> Any:
        return client.responses if api == "responses" else client


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


def of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_span_says_what_was_asked_and_what_came(kind: str) -> None:
    with replay.serve({"text": TEXT, "usage": USAGE}, chunk=4) as url:
        watched = Watched(url)
        assert watched.read(kind, seed=7) is None
        port = int(str(url).split(":")[2].split("/")[0])
    span = watched.only
    said = of(span)
    assert (span.name, span.kind) == ("chat gpt-4", SpanKind.CLIENT)
    assert said.pop("gen_ai.response.id").startswith("chatcmpl-")
    assert 0 < said.pop("gen_ai.response.time_to_first_chunk") < 60
    assert said == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.output.type": "json",
        "gen_ai.request.model": "gpt-4",
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.seed": 7,
        "server.address": "127.0.0.1",
        "server.port": port,
        "gen_ai.response.model": "gpt-4",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 89,
        "gen_ai.usage.output_tokens": 567,
        "gen_ai.usage.cache_read.input_tokens": 8,
        "gen_ai.usage.reasoning.output_tokens": 7,
    }
    assert span.status.status_code is StatusCode.UNSET
    assert span.end_time is not None
    assert span.start_time is not None


def test_responses_have_spans_too(kind: str) -> None:
    usage = {"input_tokens": 89, "output_tokens": 567, "total_tokens": 656}
    with replay.serve({"text": TEXT, "usage": usage}) as url:
        watched = Watched(url)
        assert watched.read(kind, "responses") is None
    said = of(watched.only)
    assert said["gen_ai.usage.output_tokens"] == 567
    assert said["gen_ai.response.id"].startswith("resp_")


def test_an_answer_at_once_has_a_span(kind: str) -> None:
    with replay.serve({"text": TEXT, "usage": USAGE}) as url:
        watched = Watched(url)
        asked: Any = {"response_model": Person, "messages": SAID}
        if kind == "sync":
            with open_sync(str(url)) as sdk:
                value = watched.wrap(sdk).create(**asked)
        else:

            async def run() -> Any:
                async with open_async(str(url)) as sdk:
                    return await watched.wrap(sdk).create(**asked)

            value = asyncio.run(run())
    assert value == Person(name="Ada", age=36)
    said = of(watched.only)
    assert "gen_ai.request.stream" not in said
    assert said["gen_ai.usage.output_tokens"] == 567


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("length@9", "TruncatedError"),
        ("drop@9", "DroppedError"),
        ("filter", "ContentFilterError"),
        ("status:401", "AuthenticationError"),
    ],
)
def test_how_an_answer_failed_is_in_its_span(kind: str, fault: str, error: str) -> None:
    with replay.serve({"text": TEXT}, faults=fault) as url:
        watched = Watched(url)
        raised = watched.read(kind)
    assert type(raised).__name__ == error
    span = watched.only
    assert of(span)["error.type"] == error
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, error)
    (event,) = span.events
    assert event.name == "exception"
    assert set(event.attributes or ()) == {"exception.type"}
    if fault.startswith("drop"):
        assert of(span)["gen_ai.response.finish_reasons"] == ("error",)


def test_each_attempt_has_a_span(kind: str) -> None:
    answers: list[dict[str, Any]] = [
        {"text": '{"name": "Ada", "age": -1}', "times": 1},
        {"text": TEXT},
    ]
    with replay.serve(answers) as url:
        watched = Watched(url)
        assert watched.read(kind, max_retries=1) is None
    first, second = watched.spans
    assert of(first)["error.type"] == "ValidationError"
    assert "error.type" not in of(second)
    assert (first.end_time or 0) <= (second.start_time or 0)


def test_whoever_leaves_ends_the_span(kind: str) -> None:
    with replay.serve({"text": TEXT}, chunk=2, rate=50) as url:
        watched = Watched(url)
        asked: Any = {"response_model": Person, "messages": SAID}
        if kind == "sync":
            with open_sync(str(url)) as sdk, watched.wrap(sdk).create_partial(**asked) as stream:
                next(stream)
        else:

            async def run() -> None:
                async with (
                    open_async(str(url)) as sdk,
                    watched.wrap(sdk).create_partial(**asked) as stream,
                ):
                    await anext(stream)

            asyncio.run(run())
        span = watched.only
        assert "error.type" not in of(span)
        assert of(span)["gen_ai.response.finish_reasons"] == ("error",)


def test_content_is_recorded_only_where_it_is_wanted(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everything(span: ReadableSpan) -> str:
        events = [dict(event.attributes or {}) for event in span.events]
        return json.dumps([of(span), events, span.status.description], default=str)

    text = '{"name": "Ada", "age": -1}'
    with replay.serve({"text": text}) as url:
        quiet, loud = Watched(url), Watched(url, content=True)
        assert isinstance(quiet.read(kind), pf.InvalidAnswerError)
        assert isinstance(loud.read(kind), pf.InvalidAnswerError)
        monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
        told = Watched(url)
        assert isinstance(told.read(kind), pf.InvalidAnswerError)
    assert "secret" not in everything(quiet.only)
    assert "Ada" not in everything(quiet.only)
    assert "greater than 0" not in everything(quiet.only)
    assert "greater than 0" in everything(loud.only)
    for watched in (loud, told):
        said = of(watched.only)
        assert json.loads(said["gen_ai.input.messages"]) == [
            {
                "role": "user",
                "parts": [{"type": "text", "content": "Who is the secret guest?"}],
            }
        ]
        (message,) = json.loads(said["gen_ai.output.messages"])
        (part,) = message["parts"]
        assert (message["role"], part["type"], part["name"]) == ("assistant", "tool_call", "Person")
        assert text.startswith(part["arguments"])


def test_spans_of_the_http_client_are_inside(kind: str) -> None:
    from opentelemetry import trace

    seen: list[Any] = []

    def look(_request: Any) -> None:
        seen.append(trace.get_current_span().get_span_context().span_id)

    async def alook(request: Any) -> None:
        look(request)

    with replay.serve({"text": TEXT}) as url:
        watched = Watched(url)
        asked: Any = {"response_model": Person, "messages": SAID}
        if kind == "sync":
            http = openai.DefaultHttpxClient(verify=False, event_hooks={"request": [look]})
            with open_sync(str(url), http_client=http) as sdk:
                watched.wrap(sdk).create_partial(**asked).final()
        else:

            async def run() -> None:
                ahttp = openai.DefaultAsyncHttpxClient(
                    verify=False, event_hooks={"request": [alook]}
                )
                async with open_async(str(url), http_client=ahttp) as sdk:
                    await watched.wrap(sdk).create_partial(**asked).final()

            asyncio.run(run())
    context = watched.only.get_span_context()
    assert context is not None
    assert seen == [context.span_id]


def test_the_bytes_are_read_as_without() -> None:
    with replay.serve({"text": TEXT}) as url, open_sync(str(url)) as sdk:
        stream = Watched(url).wrap(sdk).create_partial(response_model=Person, messages=SAID)
        # As httpx gives them: no object of the SDK's is made.
        assert stream._reply.blocks._blocks.__name__ == "iter_raw"
        stream.close()


def test_what_cannot_be_instrumented_is_refused() -> None:
    with pytest.raises(TypeError, match="a client of partialfast's"):
        instrument(object())  # type: ignore[type-var]


def test_the_package_does_without_it() -> None:
    code = (
        "import sys, partialfast.otel; assert 'opentelemetry' not in sys.modules\n"
        "sys.modules['opentelemetry'] = None\n"
        "try: partialfast.otel.instrument(object())\n"
        "except ModuleNotFoundError as error: assert 'partialfast[otel]' in str(error)\n"
        "else: raise SystemExit('it did not say what to install')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own program
