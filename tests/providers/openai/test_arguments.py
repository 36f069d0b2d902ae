"""Wrong arguments are refused when the call is made, with a message that says what to do."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI

import partialfast as pf
from partialfast.answer._aresource import AsyncResource
from partialfast.answer._arguments import SnapshotArguments, StreamArguments
from partialfast.answer._options import OURS
from partialfast.providers.openai import AsyncClient, Attempt, Client, Mode
from partialfast.providers.openai._sdk_arguments import SnapshotCall
from tests.openai_driver import TEXT, Meeting, User

MESSAGES: list[Any] = [{"role": "user", "content": "hello"}]


# No request may leave: nothing listens there.
SDK = OpenAI(base_url="http://127.0.0.1:9/v1", api_key="k", max_retries=0)
ASYNC_SDK = AsyncOpenAI(base_url="http://127.0.0.1:9/v1", api_key="k", max_retries=0)

CASES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"response_model": "User"}, TypeError, r"the string 'User': pass a type"),
    ({"response_model": User(name="a", email="b")}, TypeError, "pass the class User itself"),
    ({"response_model": 5}, TypeError, "nothing pydantic can validate.*pass a type"),
    ({"response_model": object()}, TypeError, "nothing pydantic can validate"),
    ({"response_model": threading.Lock}, TypeError, "nothing pydantic can validate"),
    ({"response_model": type(SDK)}, TypeError, "nothing pydantic can validate"),
    ({"response_model": list["Missing"]}, TypeError, "Missing"),  # type: ignore[name-defined]  # noqa: F821
    ({"response_model": User, "max_retries": "3"}, TypeError, "max_retries must be an int"),
    ({"response_model": User, "max_retries": True}, TypeError, "max_retries must be an int"),
    ({"response_model": User, "max_retries": -1}, ValueError, "max_retries must not be negative"),
    ({"response_model": User, "on_invalid": "ignore"}, ValueError, "'raise' or 'defer'"),
    ({"response_model": User, "on_retry": 3}, TypeError, "on_retry must be callable"),
    ({"response_model": User, "strict": "yes"}, TypeError, "strict must be"),
    ({"response_model": User, "context": 1, "validation_context": 2}, TypeError, "one of them"),
    ({"response_model": User, "n": 2}, TypeError, "n asks for several answers"),
    ({"response_model": User, "tools": 5}, TypeError, "must be an iterable"),
]


@pytest.mark.parametrize(("arguments", "class_", "match"), CASES)
@pytest.mark.parametrize("sdk", [SDK, ASYNC_SDK], ids=["sync", "async"])
def test_calls_refuse_wrong_arguments(
    sdk: Any, arguments: dict[str, Any], class_: type[Exception], match: str
) -> None:
    client: Any = pf.from_openai(sdk)
    for method, more in (
        (client.chat.completions.create, {}),
        (client.chat.completions.create, {"stream": True}),
        (client.chat.completions.create_partial, {}),
        (client.create_partial, {}),
    ):
        with pytest.raises(class_, match=match):
            method(model="m", messages=MESSAGES, **arguments, **more)


@pytest.mark.parametrize("sdk", [SDK, ASYNC_SDK], ids=["sync", "async"])
@pytest.mark.parametrize("every", ["sometimes", 0, -1.5, True, None])
def test_every(sdk: Any, every: Any) -> None:
    client: Any = pf.from_openai(sdk)
    with pytest.raises(ValueError, match="'event', 'read', 'value' or a number"):
        client.create_partial(messages=MESSAGES, response_model=User, every=every)
    for method in (client.create, client.create_iterable):
        with pytest.raises(TypeError, match="every is for snapshots"):
            method(messages=MESSAGES, response_model=User, every="read")


@pytest.mark.parametrize("sdk", [SDK, ASYNC_SDK], ids=["sync", "async"])
def test_stream(sdk: Any) -> None:
    client: Any = pf.from_openai(sdk)
    with pytest.raises(TypeError, match="pass stream=True, or response_model=M"):
        client.create(messages=MESSAGES, response_model=pf.Partial[User])
    with pytest.raises(TypeError, match="stream must be True or False"):
        client.create(messages=MESSAGES, response_model=User, stream="yes")
    for method in (client.create_partial, client.create_iterable):
        with pytest.raises(TypeError, match="always streams"):
            method(messages=MESSAGES, response_model=User, stream=False)
        with pytest.raises(TypeError, match="response_model is missing"):
            method(messages=MESSAGES, response_model=None)


def test_a_sync_client_cannot_await() -> None:
    async def on_retry(_: Attempt) -> None: ...

    client: Any = pf.from_openai(SDK)
    for method in (client.create, client.create_partial, client.create_iterable):
        with pytest.raises(TypeError, match="only an async client awaits"):
            method(messages=MESSAGES, response_model=User, on_retry=on_retry)


@pytest.mark.parametrize(
    ("mode", "arguments"),
    [
        (Mode.JSON, {"response_format": {"type": "text"}}),
        (Mode.JSON_SCHEMA, {"response_format": {"type": "text"}}),
        (Mode.MD_JSON, {"response_format": {"type": "text"}}),
    ],
)
def test_what_contradicts_the_mode(mode: Mode, arguments: dict[str, Any]) -> None:
    client = pf.from_openai(SDK, mode=mode)
    with pytest.raises(TypeError, match="leave it out"):
        client.create(messages=MESSAGES, response_model=User, **arguments)
    with pytest.raises(TypeError, match="leave it out"):
        client.responses.create(
            input="hello", response_model=User, text={"format": {"type": "text"}}
        )


def test_from_openai() -> None:
    client: Any
    for client in (5, None, OpenAI, SimpleNamespace(chat=None)):
        with pytest.raises(TypeError, match=r"such as OpenAI\(\) or AsyncOpenAI\(\)"):
            pf.from_openai(client)
    mode: Any
    for mode in ("tools", None, 3):
        with pytest.raises(TypeError, match=r"one of Mode\.TOOLS, "):
            pf.from_openai(SDK, mode=mode)
    transport: Any = "carrier pigeon"
    with pytest.raises(ValueError, match="auto, raw, sdk"):
        pf.from_openai(SDK, transport=transport)
    assert type(pf.from_openai(SDK)) is Client
    assert type(pf.from_openai(ASYNC_SDK)) is AsyncClient


class Chunk(SimpleNamespace):
    """A chunk as some other library makes it: nothing is there that need not be."""


def chunks(text: str) -> list[Any]:
    pieces = [text[at : at + 5] for at in range(0, len(text), 5)]
    return [Chunk(choices=[Chunk(delta=Chunk(content=piece))]) for piece in pieces]


def test_clients_that_only_work_like_the_sdks() -> None:
    seen: list[dict[str, Any]] = []

    def create(**kwargs: Any) -> Any:
        seen.append(kwargs)
        if kwargs.get("stream"):
            return iter_closable(chunks(TEXT))
        return Chunk(choices=[Chunk(message=Chunk(content=TEXT), finish_reason="stop")])

    def iter_closable(items: list[Any]) -> Any:
        yield from items

    duck: Any = SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))
    client = pf.from_openai(duck, mode=Mode.JSON)
    final = Meeting.model_validate_json(TEXT)
    handed = list(client.create_partial(messages=MESSAGES, response_model=Meeting))
    assert len(handed) > 10
    assert handed[-1] == final
    assert client.create(messages=MESSAGES, response_model=Meeting) == final
    assert seen[0]["stream"] is True
    with pytest.raises(TypeError, match="transport='raw' needs the SDK's own client"):
        pf.from_openai(duck, transport="raw").create_partial(
            messages=MESSAGES, response_model=Meeting
        )


def test_async_clients_that_only_work_like_the_sdks() -> None:
    async def create(**kwargs: Any) -> Any:
        if kwargs.get("stream"):
            return generate()
        return Chunk(choices=[Chunk(message=Chunk(content=TEXT), finish_reason="stop")])

    async def generate() -> Any:
        for chunk in chunks(TEXT):
            yield chunk

    async def main() -> None:
        duck: Any = SimpleNamespace(
            chat=SimpleNamespace(completions=SimpleNamespace(create=create))
        )
        client = pf.from_openai(duck, mode=Mode.JSON)
        final = Meeting.model_validate_json(TEXT)
        stream = client.create_partial(messages=MESSAGES, response_model=Meeting)
        handed = [one async for one in stream]
        assert len(handed) > 10
        assert handed[-1] == final
        assert await client.create(messages=MESSAGES, response_model=Meeting) == final
        async for _ in client.create_partial(messages=MESSAGES, response_model=Meeting):
            break

    asyncio.run(main())


def test_the_module_does_not_import_the_sdk() -> None:
    program = (
        "import sys, partialfast, partialfast.providers.openai\n"
        "assert partialfast.Mode.TOOLS and partialfast.from_openai\n"
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('openai', 'httpx', 'httpx2', 'anyio')])"
    )
    done = subprocess.run(  # noqa: S603 - a program of this file's
        [sys.executable, "-W", "error", "-c", program],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "[]"


def parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(inspect.unwrap(function)).parameters


def test_type_checkers_know_every_argument_of_the_sdk() -> None:
    for create in (SDK.chat.completions.create, SDK.responses.create):
        unknown = parameters(create).keys() - SnapshotCall.__annotations__.keys()
        assert unknown - {"self"} == {"stream"}


def test_type_checkers_know_every_argument_of_ours() -> None:
    ours = {*OURS, "validation_context"} - {"as_"}
    assert SnapshotArguments.__annotations__.keys() == ours
    assert {*ours} - StreamArguments.__annotations__.keys() == {"every", "on", "on_progress"}


@pytest.mark.parametrize("sdk", [SDK, ASYNC_SDK], ids=["sync", "async"])
def test_a_notebook_is_told_the_arguments(sdk: Any) -> None:
    client: Any = pf.from_openai(sdk)
    partial = parameters(client.create_partial)
    assert next(iter(partial)) == "response_model"
    assert {"messages", "temperature", "every", "stall_timeout", "kwargs"} <= partial.keys()
    assert (partial["every"].default, partial["max_retries"].default) == ("event", 0)
    assert "every" not in parameters(client.chat.completions.create_iterable)
    assert "every" in parameters(AsyncResource.create)
    assert "temperature" not in parameters(AsyncResource.create)
