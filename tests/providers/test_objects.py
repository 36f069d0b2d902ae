"""SDKs whose private attributes have gone: their objects are read, over a socket as ever."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest

from partialfast.answer._mode import Mode
from partialfast.providers.cohere._provider import Chat as Cohere
from partialfast.providers.google._provider import GenerateContent
from partialfast.providers.huggingface._client import _ChatCompletion
from partialfast.providers.ollama._provider import Chat as Ollama
from partialfast.replay import Server
from tests.either import drained
from tests.providers.cases import CASES
from tests.providers.test_providers import ADA, SAID, TEXT, play

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

BY_NAME = {case.name: case for case in CASES}


class Without:
    """An SDK's object that has not what it does not promise."""

    def __init__(self, sdk: Any, *names: str) -> None:
        self._sdk, self._names = sdk, names

    def __getattr__(self, name: str) -> Any:
        if name in self._names:
            raise AttributeError(name)
        return getattr(self._sdk, name)


def without(name: str, provider: Any) -> Any:
    if name == "google":
        return GenerateContent(Without(provider.resource, "_api_client"))
    if name == "cohere":
        return Cohere(Without(provider.client, "with_raw_response"))
    if name == "ollama":
        return Ollama(Without(provider.client, "_client"))

    # Somebody has wrapped what it returns.
    function = provider.resource.create
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def acall(**arguments: Any) -> Any:
            return _again(await function(**arguments))

        return _ChatCompletion(acall)

    @functools.wraps(function)
    def call(**arguments: Any) -> Any:
        return (chunk for chunk in function(**arguments))

    return _ChatCompletion(call)


async def _again(chunks: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for chunk in chunks:
        yield chunk


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", ["google", "cohere", "ollama", "huggingface"])
def test_objects_say_the_same(name: str, *, is_async: bool) -> None:
    case = BY_NAME[name]

    async def test(client: Any, url: Server) -> None:
        seen: list[Any] = []
        for provider in (client._provider, without(name, client._provider)):
            client._provider = provider
            client._settings.mode = Mode.MD_JSON
            stream = client.create_partial(type(ADA), model=case.model, messages=SAID)
            snapshots = await drained(stream)
            assert len(snapshots) > 3
            # Not all objects have the details of usage.
            counts = stream.tokens[:2]
            assert None not in counts
            seen.append((snapshots[-1], stream.finish_reason, counts))
        # Objects have no headers.
        assert stream.request_id is None
        assert seen[0] == seen[1]
        assert seen[1][0] == ADA
        assert len(url.exchanges) == 2

    play(case, {"text": TEXT}, test, is_async=is_async)
