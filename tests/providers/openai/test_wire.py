"""Streams rebuilt from reports about servers: each ends right, with a value or an error."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, OpenAI
from pydantic import TypeAdapter

import partialfast as pf
from tests import wire
from tests.either import in_step
from tests.openai_driver import EVERY_WAY, Way

pytestmark = pytest.mark.network


PATH = Path(__file__).resolve().parents[4] / "shared" / "data" / "wire" / "cases.jsonl"
CASES = wire.read_cases(PATH) if PATH.is_file() else []
TIMEOUT_S = 10.0


@pytest.fixture(scope="module")
def server() -> Iterator[wire.WireServer]:
    with wire.serve(CASES) as running:
        yield running


def asked(case: wire.Case) -> dict[str, Any]:
    said = [{"role": "user", "content": "hello"}]
    conversation = {"input": said} if case.api == "responses" else {"messages": said}
    return {"model": "m", "response_model": wire.MODELS[case.model], **conversation}


def method(sdk: Any, case: wire.Case, way: Way) -> Any:
    mode = pf.Mode[case.mode]
    client: Any = pf.from_openai(sdk, mode=mode, transport=way.transport)
    part = client.responses if case.api == "responses" else client.chat.completions
    return getattr(part, case.method)


def read(case: wire.Case, way: Way, url: str, http: Any) -> tuple[Any, Any, list[Any]]:
    """Return the stream, what it raised, and what it handed out."""
    handed: list[Any] = []
    options: dict[str, Any] = {"base_url": url, "api_key": "k", "max_retries": 0}

    async def run() -> tuple[Any, Any, list[Any]]:
        async with AsyncExitStack() as stack:
            sdk: Any = OpenAI(**options, timeout=TIMEOUT_S, http_client=http)
            if way.asynchronous:
                own = DefaultAsyncHttpxClient(verify=False)
                sdk = AsyncOpenAI(**options, timeout=TIMEOUT_S, http_client=own)
                await stack.enter_async_context(sdk)
            stream = method(sdk, case, way)(**asked(case))
            try:
                async for one in in_step(stream):
                    handed.append(one)  # noqa: PERF401 - as far as it gets
            except Exception as error:  # noqa: BLE001 - looked at by the test
                return stream, error, handed
            return stream, None, handed

    return asyncio.run(run())


def check(case: wire.Case, stream: Any, error: Any, handed: list[Any]) -> None:
    kind, *right = case.right
    if kind == "value":
        assert error is None, f"{type(error).__name__}: {error}"
        value = handed if case.method == "create_iterable" else handed[-1]
        dumped: Any = TypeAdapter(Any).dump_python(value, exclude_unset=True)
        assert dumped == right[0]
        return
    name, *words = right
    names = [class_.__name__ for class_ in type(error).__mro__]
    assert name in names, f"{type(error).__name__}: {error}; handed {handed}"
    for word in words:
        assert word in str(error)
    assert isinstance(error, pf.StreamError)
    assert error.text == stream.text
    assert error.snapshot == stream.snapshot


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("cut", [0, 7])
def test_each_stream_ends_right(
    case: wire.Case, way: Way, cut: int, server: wire.WireServer, sync_http: Any
) -> None:
    check(case, *read(case, way, server.url(case, cut), sync_http))


@pytest.mark.deep
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@EVERY_WAY
@pytest.mark.parametrize("cut", [0, 7])
def test_each_stream_ends_right_in_every_way(
    case: wire.Case, way: Way, cut: int, server: wire.WireServer, sync_http: Any
) -> None:
    check(case, *read(case, way, server.url(case, cut), sync_http))


def test_there_are_cases(shared_data: Path) -> None:
    assert len(CASES) > 100, shared_data
