"""What type checkers make of the client. Checked, not run."""

# mypy: disable-error-code="unused-awaitable"

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from pydantic import BaseModel
from typing_extensions import assert_type

import partialfast as pf
from partialfast.providers.openai import (
    AsyncClient,
    AsyncItemStream,
    AsyncStream,
    AsyncValue,
    Attempt,
    Client,
    ItemStream,
    Mode,
    Stream,
)


class User(BaseModel):
    name: str


class Robot(BaseModel):
    serial: int


def told(attempt: Attempt) -> None:
    assert_type(attempt.number, int)


client = pf.from_openai(OpenAI(), mode=Mode.JSON_SCHEMA)
assert_type(client, Client)
assert_type(pf.from_openai(AzureOpenAI(azure_endpoint="", api_version="")), Client)

completions = client.chat.completions
assert_type(completions.create(model="m", messages=[], response_model=User), User)
assert_type(completions.create(model="m", messages=[], response_model=list[User]), list[User])
assert_type(completions.create(model="m", messages=[], response_model=User | Robot), User | Robot)
assert_type(completions.create(response_model=User, stream=False, max_retries=2), User)
assert_type(completions.create(response_model=User, stream=True), Stream[User])
assert_type(completions.create(response_model=pf.Partial[User], stream=True), Stream[User])
assert_type(completions.create(response_model=User | Robot, stream=True), Stream[User | Robot])
assert_type(completions.create(response_model=Iterable[User], stream=True), ItemStream[User])
assert_type(completions.create(response_model=list[User], stream=True), ItemStream[User])
# Without a response_model the call is the SDK's, of which the proxy knows nothing.
assert_type(completions.create(model="m", messages=[]), Any)

assert_type(completions.create_partial(response_model=User, on_retry=told), Stream[User])
assert_type(completions.create_partial(response_model=pf.Partial[User]), Stream[User])
assert_type(completions.create_partial(response_model=list[User]), Stream[list[User]])
assert_type(completions.create_partial(response_model=int, every=0.1), Stream[int])
assert_type(completions.create_iterable(response_model=User), ItemStream[User])
assert_type(completions.create_iterable(response_model=User | Robot), ItemStream[User | Robot])
assert_type(completions.create_iterable(response_model=list[User]), ItemStream[User])
assert_type(completions.create_iterable(response_model=Iterable[User]), ItemStream[User])

assert_type(client.create_partial(response_model=User), Stream[User])
assert_type(client.responses.create_partial(input="", response_model=User), Stream[User])
assert_type(client.responses.create(input="", response_model=User), User)


class PartialUser(BaseModel):
    """As ``partialfast stubs`` writes it."""

    name: str | None


annotated = completions.create_partial(response_model=User, as_=PartialUser)
assert_type(annotated, Stream[PartialUser, User])
for shown in annotated:
    assert_type(shown.name, str | None)
assert_type(annotated.final(), User)

with completions.create_partial(response_model=User, every="value") as stream:
    for snapshot in stream:
        assert_type(snapshot, User)
    assert_type(stream.snapshot, User | None)
    assert_type(stream.final(), User)
    assert_type(stream.path, tuple[str | int, ...])
    assert_type(stream.completed, list[tuple[str | int, ...]])
    assert_type(stream.finish_reason, str | None)
    assert_type(stream.attempt, int)
    assert_type(next(stream), User)

items = completions.create_iterable(response_model=User)
for item in items:
    assert_type(item, User)
assert_type(items.final(), list[User])


async def run() -> None:
    client = pf.from_openai(AsyncOpenAI())
    assert_type(client, AsyncClient)
    assert_type(pf.from_openai(AsyncAzureOpenAI(azure_endpoint="", api_version="")), AsyncClient)

    completions = client.chat.completions
    assert_type(completions.create(response_model=User), AsyncValue[User])
    assert_type(await completions.create(response_model=User), User)
    assert_type(await client.responses.create(response_model=list[User]), list[User])
    assert_type(completions.create(response_model=User, stream=True), AsyncStream[User])
    assert_type(await completions.create(response_model=User, stream=True), AsyncStream[User])
    assert_type(
        await completions.create(response_model=pf.Partial[User], stream=True), AsyncStream[User]
    )
    assert_type(
        await completions.create(response_model=Iterable[User], stream=True), AsyncItemStream[User]
    )
    assert_type(completions.create_partial(response_model=User), AsyncStream[User])
    assert_type(completions.create_iterable(response_model=User), AsyncItemStream[User])
    assert_type(await client.create_iterable(response_model=User), AsyncItemStream[User])
    assert_type(await completions.create(model="m", messages=[]), Any)

    async for snapshot in completions.create_partial(response_model=User):
        assert_type(snapshot, User)
    async for snapshot in await completions.create_partial(response_model=User):
        assert_type(snapshot, User)
    async with completions.create_partial(response_model=User) as stream:
        assert_type(await stream.final(), User)
    items = completions.create_iterable(response_model=User)
    async for item in items:
        assert_type(item, User)
    assert_type(await items.final(), list[User])
