"""Runs one call of the client in every way there is: sync or async, bytes or the SDK's objects.

A test says what to ask for and looks at what came out; how the answer was read is a parameter.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from zlib import crc32

import pytest
from openai import APIError, AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI
from pydantic import BaseModel, ValidationError

import partialfast as pf
from tests.either import in_step, value_of

__all__ = [
    "EVERY_WAY",
    "HTTP",
    "TEXT",
    "Api",
    "Meeting",
    "Outcome",
    "User",
    "Way",
    "ask",
    "fetch",
    "opened",
    "way",
]

Api = Literal["chat", "responses"]

# The library that the SDK's clients are of: httpx up to openai 2, httpx2 since.
HTTP: Any = sys.modules[DefaultHttpxClient.__mro__[1].__module__.partition(".")[0]]

# What others have a class for is raised as one of ours that is theirs as well.
_AS_RAISED: dict[type[BaseException], tuple[type[BaseException], ...]] = {
    ValidationError: (pf.InvalidAnswerError,),
    pf.JsonError: (pf.InvalidJsonError, pf.CorruptStreamError),
}


class User(BaseModel):
    name: str
    email: str


class Meeting(BaseModel):
    users: list[User]
    location: str
    budget: int


TEXT = (
    '{"users":[{"name":"Ada","email":"ada@example.com"},{"name":"Bób","email":"bob@example.com"}],'
    '"location":"Zürich \\u2013 日本","budget":50000}'
)


@dataclass(frozen=True)
class Way:
    """How an answer is read."""

    asynchronous: bool
    transport: Literal["raw", "sdk"]

    def __str__(self) -> str:
        return f"{'async' if self.asynchronous else 'sync'}-{self.transport}"


WAYS = [
    Way(asynchronous, transport) for asynchronous in (False, True) for transport in ("raw", "sdk")
]
EVERY_WAY = pytest.mark.parametrize("way", WAYS, ids=str)


@pytest.fixture
def way(request: pytest.FixtureRequest) -> Way:
    """Read each case in one of the ways, by its name: the cases of a test have all of them.

    That every way reads the same is what `test_table` is about, for each kind of stream and of
    ending. Tests of what depends on the way, such as what is raised when a connection is lost, are
    marked `EVERY_WAY`.
    """
    name: str = request.node.nodeid
    return WAYS[crc32(name.encode()) % len(WAYS)]


@dataclass
class Outcome:
    """What came out of a stream.

    Args:
        stream: The stream object, read to its end.
        handed: The snapshots or items, in order.
        completed: `completed` beside each of them.
        paths: `path` beside each of them.
        attempts: `attempt` beside each of them.
        error: What the loop raised.
    """

    stream: Any
    handed: list[Any] = field(default_factory=list)
    completed: list[Any] = field(default_factory=list)
    paths: list[Any] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    error: Exception | None = None

    def note(self, one: Any) -> None:
        self.handed.append(one)
        self.completed.append(list(self.stream.completed))
        self.paths.append(self.stream.path)
        self.attempts.append(self.stream.attempt)

    def dumps(self) -> list[Any]:
        """Return what was handed out, as plain data."""
        return [one.model_dump() if isinstance(one, BaseModel) else one for one in self.handed]

    def raised(self, class_: type[BaseException]) -> Any:
        """Check that it ended with just this exception, and return it."""
        exact = _AS_RAISED.get(class_, (class_,))
        if class_ is APIError:
            assert isinstance(self.error, pf.ServerError), repr(self.error)
        else:
            assert type(self.error) in exact, repr(self.error)
        assert isinstance(self.error, class_), repr(self.error)
        return self.error


def _conversation(api: Api, said: str) -> dict[str, Any]:
    if api == "responses":
        return {"input": said}
    return {"messages": [{"role": "user", "content": said}]}


def open_sync(url: str, **options: Any) -> AbstractContextManager[OpenAI]:
    options.setdefault("max_retries", 0)
    # Loading the certificates takes longer than most of the tests, and nothing here is encrypted.
    options.setdefault("http_client", DefaultHttpxClient(verify=False))
    return OpenAI(base_url=url, api_key="replay", **options)


def open_async(url: str, **options: Any) -> AbstractAsyncContextManager[AsyncOpenAI]:
    options.setdefault("max_retries", 0)
    options.setdefault("http_client", DefaultAsyncHttpxClient(verify=False))
    return AsyncOpenAI(base_url=url, api_key="replay", **options)


@asynccontextmanager
async def opened(
    way: Way, url: str, mode: pf.Mode = pf.Mode.TOOLS, *, model: str | None = None, **options: Any
) -> AsyncGenerator[Any]:
    """Open a client, for a body of a test that takes asynchronous steps in either case.

    Args:
        way: How answers are read.
        url: The server.
        mode: The mode.
        model: Whom to ask, where a call does not say it.
        **options: Of the SDK's client.
    """
    settings: dict[str, Any] = {"mode": mode, "transport": way.transport}
    if model is not None:
        settings["model"] = model
    if way.asynchronous:
        async with open_async(url, **options) as sdk:
            yield pf.from_openai(sdk, **settings)
    else:
        with open_sync(url, **options) as sdk:
            yield pf.from_openai(sdk, **settings)


def ask(  # noqa: PLR0913 - a call has many sides
    way: Way,
    url: str,
    *,
    method: str = "create_partial",
    api: Api = "chat",
    mode: pf.Mode = pf.Mode.TOOLS,
    said: str = "hello",
    client: dict[str, Any] | None = None,
    **kwargs: Any,
) -> Outcome:
    """Stream an answer and read it to its end.

    Args:
        way: How.
        url: The server.
        method: The method to call.
        api: The API to call it on.
        mode: The mode.
        said: The last user message.
        client: Options of the SDK's client.
        **kwargs: Arguments of the call.

    Returns:
        What came out.
    """
    arguments: dict[str, Any] = {"model": "gpt-4", **_conversation(api, said), **kwargs}

    async def run() -> Outcome:
        async with opened(way, url, mode, **(client or {})) as proxy:
            resource = proxy.chat.completions if api == "chat" else proxy.responses
            outcome = Outcome(getattr(resource, method)(**arguments))
            try:
                async for one in in_step(outcome.stream):
                    outcome.note(one)
            except Exception as error:  # noqa: BLE001 - looked at by the test
                outcome.error = error
            return outcome

    return asyncio.run(run())


def fetch(
    way: Way,
    url: str,
    *,
    api: Api = "chat",
    mode: pf.Mode = pf.Mode.TOOLS,
    said: str = "hello",
    **kwargs: Any,
) -> Any:
    """Ask for a final value without a stream; the arguments are those of `ask`."""
    arguments: dict[str, Any] = {"model": "gpt-4", **_conversation(api, said), **kwargs}

    async def run() -> Any:
        async with opened(way, url, mode) as proxy:
            resource = proxy.chat.completions if api == "chat" else proxy.responses
            return await value_of(resource.create(**arguments))

    return asyncio.run(run())
