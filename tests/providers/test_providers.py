"""Every provider by its own SDK over a socket: one surface, one set of promises."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel, Field

import partialfast as pf
from partialfast import replay
from partialfast.answer._mode import Mode
from partialfast.otel import instrument
from partialfast.providers import Tokens
from partialfast.replay import Server
from partialfast.replay._script import count_tokens
from tests.either import drained, value_of
from tests.providers.cases import CASES, Case

# The SDKs use what will be gone one day.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


class User(BaseModel):
    name: str
    age: int = Field(ge=0)


TEXT = '{"name": "Ada Lovelace", "age": 36}'
ADA = User(name="Ada Lovelace", age=36)
# Those of OpenTelemetry's names that have a dot.
VENDORS = {"aws.bedrock", "azure.ai.openai", "gcp.gen_ai"}
SAID = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who?"}]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    case: Case = request.param
    return case


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def play(
    case: Case,
    recordings: Any,
    test: Callable[[Any, Server], Awaitable[None]],
    *,
    is_async: bool,
    **options: Any,
) -> None:
    """Run a test with a client of a server."""

    async def run() -> None:
        async with case.connected(url, is_async=is_async) as client:
            await test(client, url)

    with replay.serve(recordings, shape=case.shape, **options) as url:
        asyncio.run(run())


def modes(client: Any) -> tuple[Mode, ...]:
    found: tuple[Mode, ...] = client._provider.modes
    return found


def test_snapshots_in_every_mode(case: Case, *, is_async: bool) -> None:
    async def test(client: Any, _: Server) -> None:
        assert len(modes(client)) >= 4
        for mode in modes(client):
            client._settings.mode = mode
            stream = client.create_partial(User, model=case.model, messages=SAID)
            snapshots = await drained(stream)
            assert snapshots[-1] == ADA
            assert await value_of(stream.final()) == ADA
            whole = case.whole_calls and mode.is_tools
            assert (len(snapshots) > 3) is not whole, mode
            names = [each.name for each in snapshots if each.name is not None]
            assert all(later.startswith(name) for name, later in pairwise(names))
            usage = stream.usage
            assert type(usage).__name__ == case.usage
            tokens = stream.tokens
            assert tokens.output == count_tokens(TEXT) + count_tokens("hm, hm")
            assert tokens.input is not None
            assert isinstance(tokens, Tokens)
            assert (stream.request_id is not None) is case.request_id
            assert stream.finish_reason
            assert await value_of(client.create(User, model=case.model, messages=SAID)) == ADA

    play(case, {"text": TEXT, "reasoning": "hm, hm"}, test, is_async=is_async)


def test_spans(case: Case, *, is_async: bool) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def test(client: Any, _: Server) -> None:
        instrument(client, tracer_provider=provider)
        stream = client.create_partial(User, model=case.model, messages=SAID)
        assert (await drained(stream))[-1] == ADA
        (span,) = exporter.get_finished_spans()
        said: dict[str, Any] = dict(span.attributes or {})
        assert span.name == f"{said['gen_ai.operation.name']} {case.model}"
        assert said["gen_ai.request.model"] == case.model
        assert said["gen_ai.usage.output_tokens"] == stream.tokens.output
        assert said["gen_ai.response.finish_reasons"] == (stream.finish_reason,)
        assert said["gen_ai.response.time_to_first_chunk"] > 0
        assert "." not in said["gen_ai.provider.name"] or said["gen_ai.provider.name"] in VENDORS

    play(case, {"text": TEXT}, test, is_async=is_async)


def test_items(case: Case, *, is_async: bool) -> None:
    users = [User(name=name, age=age) for name, age in (("Ada", 36), ("Alan", 41), ("Kurt", 71))]

    async def test(client: Any, _: Server) -> None:
        for mode in modes(client):
            client._settings.mode = mode
            stream = client.create_iterable(User, model=case.model, messages="Who?")
            assert await drained(stream) == users, mode

    text = json.dumps({"items": [user.model_dump() for user in users]})
    play(case, {"text": text}, test, is_async=is_async)


def test_a_mistake_is_shown(case: Case, *, is_async: bool) -> None:
    wrong = {"text": '{"name": "Ada Lovelace", "age": -1}', "times": 1}

    async def test(client: Any, url: Server) -> None:
        stream = client.create_partial(User, model=case.model, messages=SAID, max_retries=1)
        assert (await drained(stream))[-1] == ADA
        assert stream.attempt == 2
        (attempt,) = stream.attempts
        assert "greater than or equal to 0" in str(attempt.error)
        first, second = (exchange.raw.decode() for exchange in url.exchanges)
        assert "greater than or equal to 0" in second
        assert "greater than or equal to 0" not in first
        # What the model wrote is shown to it, as it wrote it or as arguments.
        assert "-1" in second

    play(case, [wrong, {"text": TEXT}], test, is_async=is_async)


def test_the_last_mistake_is_raised(case: Case, *, is_async: bool) -> None:
    async def test(client: Any, _: Server) -> None:
        stream = client.create_partial(User, model=case.model, messages=SAID, max_retries=1)
        with pytest.raises(pf.InvalidAnswerError, match="greater than or equal to 0") as caught:
            await drained(stream)
        assert len(caught.value.attempts) == 2

    play(case, {"text": '{"name": "Ada", "age": -1}'}, test, is_async=is_async)


OUTCOMES: list[tuple[str, type[pf.StreamError]]] = [
    ("length@12", pf.TruncatedError),
    ("end@12", pf.TruncatedError),
    ("drop@12", pf.DroppedError),
    ("error@12", pf.ServerError),
    ("corrupt@12", pf.CorruptStreamError),
]


@pytest.mark.parametrize(("fault", "error"), OUTCOMES, ids=str)
def test_endings(case: Case, fault: str, error: type[pf.StreamError], *, is_async: bool) -> None:
    async def test(client: Any, _: Server) -> None:
        for mode in modes(client):
            if case.whole_calls and mode.is_tools:
                continue
            client._settings.mode = mode
            stream = client.create_partial(User, model=case.model, messages=SAID)
            with pytest.raises(error) as caught:
                await drained(stream)
            assert caught.value.text == '{"name": "Ada Lovelace", "age": 36}'[:12]
            assert caught.value.snapshot is not None
            if error is pf.ServerError and case.error:
                bases = [base.__name__ for base in type(caught.value).__mro__]
                assert case.error in bases
                again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
                assert (type(again), str(again)) == (type(caught.value), str(caught.value))

    play(case, {"text": TEXT}, test, is_async=is_async, faults=fault)


def test_filters_and_refusals(case: Case, *, is_async: bool) -> None:
    async def filtered(client: Any, _: Server) -> None:
        stream = client.create_partial(User, model=case.model, messages=SAID)
        with pytest.raises((pf.ContentFilterError, pf.RefusalError)):
            await drained(stream)

    if case.filters:
        play(case, {"text": TEXT}, filtered, is_async=is_async, faults="filter@12")

    async def refused(client: Any, _: Server) -> None:
        stream = client.create_partial(User, model=case.model, messages=SAID)
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which one, the provider says
            await drained(stream)
        assert isinstance(caught.value, (pf.StreamError, pf.JsonError))

    play(case, {"refusal": "I would rather not."}, refused, is_async=is_async)


@pytest.mark.parametrize("status", [429, 500])
def test_error_responses_are_the_sdks_own(case: Case, status: int, *, is_async: bool) -> None:
    async def test(client: Any, url: Server) -> None:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the SDK's own, whatever it is
            await drained(client.create_partial(User, model=case.model, messages=SAID))
        assert not type(caught.value).__module__.startswith("partialfast")
        assert len(url.exchanges) == 1

    play(case, {"text": TEXT}, test, is_async=is_async, faults=f"status:{status}")


def test_closing_ends_the_connection(case: Case, *, is_async: bool) -> None:
    async def test(client: Any, url: Server) -> None:
        client._settings.mode = Mode.MD_JSON
        stream = client.create_partial(User, model=case.model, messages=SAID)
        if is_async:
            await anext(aiter(stream))
            await stream.close()
        else:
            next(iter(stream))
            stream.close()
        ended = await asyncio.to_thread(url.wait_ended)
        assert ended.ending == "disconnect"

    play(case, {"text": TEXT}, test, is_async=is_async, hold=12)


def test_snapshots_may_be_fewer(case: Case, *, is_async: bool) -> None:
    async def test(client: Any, _: Server) -> None:
        client._settings.mode = Mode.MD_JSON
        every = len(await drained(client.create_partial(User, model=case.model, messages=SAID)))
        stream = client.create_partial(User, model=case.model, messages=SAID, every="value")
        fewer = await drained(stream)
        assert fewer[-1] == ADA
        assert len(fewer) <= 3 < every

    play(case, {"text": TEXT}, test, is_async=is_async)


def test_without_a_type_it_is_the_sdks_own_call(case: Case, *, is_async: bool) -> None:
    said: dict[str, Any] = {"messages": [{"role": "user", "content": "Who?"}]}
    arguments: dict[str, Any] = {
        "model": case.model,
        **({"contents": "Who?"} if case.name == "google" else said),
    }
    if case.name.startswith("anthropic"):
        arguments["max_tokens"] = 99

    async def test(client: Any, _: Server) -> None:
        answer = await value_of(client.create(**arguments))
        assert "Ada Lovelace" in str(answer)

    play(case, {"text": TEXT}, test, is_async=is_async)
