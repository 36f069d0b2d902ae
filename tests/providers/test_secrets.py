"""No `repr` gives away a key: whatever of the package is alive while a client asks is looked at."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

import partialfast as pf
from partialfast.answer._mode import Mode
from partialfast.answer._seam import Request, Settled
from partialfast.demo._endpoint import DemoEndpoint
from partialfast.providers._http11 import Head
from partialfast.providers.openai._command_client import Endpoint
from partialfast.replay import Recording, Server, serve

SECRET = "sk-sesame"


class User(BaseModel):
    name: str


@pytest.fixture
def server() -> Any:
    with serve([Recording('{"name": "Ada Lovelace"}')]) as url:
        yield url


def seen() -> dict[str, str]:
    """Return what shows the secret: the `repr` of whatever is an instance of a class in here."""
    found = {}
    looked_at = set()
    for each in gc.get_objects():
        class_: Any = type(each)
        is_ours = str(class_.__module__).partition(".")[0] == "partialfast"
        if is_ours and class_.__repr__ is not object.__repr__:
            looked_at.add(class_.__qualname__)
            shown = repr(each)
            if "sesame" in shown:
                found[class_.__qualname__] = shown
    assert "Asked" in looked_at
    return found


@pytest.mark.parametrize("stream", [True, False])
def test_no_repr_shows_the_key_of_a_client(server: Server, *, stream: bool) -> None:
    asked: Any = {
        "response_model": User,
        "model": "m",
        "messages": [{"role": "user", "content": "?"}],
    }
    headers = {"Authorization": f"Bearer {SECRET}", "x-other": SECRET}
    with OpenAI(base_url=server, api_key=SECRET, default_headers={"x-own": SECRET}) as sdk:
        calls = pf.from_openai(sdk).chat.completions
        kept = calls.create_partial(**asked, extra_headers=headers)
        next(kept)
        assert seen() == {}
        if not stream:
            assert calls.create(**asked, extra_headers=headers).name == "Ada Lovelace"
        kept.close()
    assert server.exchanges[0].headers["x-other"] == SECRET
    assert seen() == {}


def test_no_repr_shows_the_key_of_an_async_client(server: Server) -> None:
    async def ask() -> None:
        async with AsyncExitStack() as stack:
            sdk = await stack.enter_async_context(AsyncOpenAI(base_url=server, api_key=SECRET))
            client = pf.from_openai(sdk)
            answer = client.create_partial(
                response_model=User,
                model="m",
                messages="?",
                extra_headers={"x-other": SECRET},
            )
            async for _ in answer:
                assert seen() == {}
                break
            await answer.close()

    asyncio.run(ask())


def test_no_repr_of_what_is_sent_shows_a_key() -> None:
    sent: Any = {"extra_headers": {"x-other": SECRET}}
    for each in (
        Request(sent, frozenset(), stream=True),
        Settled(Mode.TOOLS, sent),
        Head(200, (("set-cookie", SECRET),)),
        Endpoint("http://localhost/v1", SECRET),
        DemoEndpoint("http://localhost/v1", SECRET, "m", arguments={"api_key": SECRET}),
    ):
        assert "sesame" not in repr(each)
