"""Clients in whose functions' place something else stands: it sees all, and may give less."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai.resources.chat.completions import Completions
from pydantic import BaseModel

import partialfast as pf
from partialfast import replay
from tests.openai_driver import open_sync

pytestmark = pytest.mark.network

SAID = "Who is it?"


class User(BaseModel):
    name: str
    age: int


ADA = User(name="Ada", age=36)


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("given", ["iterator of a list", "generator", "without close"])
def test_what_a_wrapper_gives_is_read_to_its_end(api: str, given: str) -> None:
    seen: list[dict[str, Any]] = []
    ended: list[bool] = []

    class Bare:
        """Iterates, and can do nothing else."""

        def __init__(self, chunks: Any) -> None:
            self._chunks = iter(chunks)

        def __iter__(self) -> Any:
            return self

        def __next__(self) -> Any:
            return next(self._chunks)

    def watched(stream: Any) -> Any:
        yield from stream
        ended.append(True)

    with replay.serve({"text": ADA.model_dump_json()}) as url, open_sync(str(url)) as sdk:
        part: Any = sdk.chat.completions if api == "chat" else sdk.responses
        create = part.create

        def observed(**arguments: Any) -> Any:
            seen.append(arguments)
            stream = watched(create(**arguments))
            if given == "iterator of a list":
                return iter(list(stream))
            return stream if given == "generator" else Bare(stream)

        part.create = observed
        client: Any = pf.from_openai(sdk, model="gpt-4")
        ours = client.chat.completions if api == "chat" else client.responses
        said = {"messages" if api == "chat" else "input": [{"role": "user", "content": SAID}]}
        assert ours.create_partial(response_model=User, **said).final() == ADA
        part.create = create
    (arguments,) = seen
    assert arguments["stream"] is True
    assert "User" in str(arguments["tools"])
    assert "tool_choice" in arguments
    assert "tools" not in (arguments.get("extra_body") or {})
    assert ended == [True]


class Proxy:
    """Stands in for the SDK's resource, and has all that it has."""

    def __init__(self, resource: Any) -> None:
        self._resource = resource

    def __getattr__(self, name: str) -> Any:
        return getattr(self._resource, name)

    def create(self, **arguments: Any) -> Any:
        return self._resource.create(**arguments)


class Mine(Completions):
    """A class of the caller's."""


STANDS_IN: dict[str, Any] = {"proxy": Proxy, "subclass": lambda given: Mine(given._client)}


@pytest.mark.parametrize("kind", STANDS_IN)
def test_what_stands_in_for_the_sdk_fails_as_it_does(kind: str) -> None:
    answers = [{"text": ADA.model_dump_json(), "times": 1}]
    answers += [{**answers[0], "fault": fault} for fault in ("error@5", "drop@5", "status:503")]
    said: dict[str, Any] = {"messages": SAID, "model": "gpt-4", "response_model": User}
    with replay.serve(answers) as url, open_sync(str(url)) as sdk:
        chat: Any = sdk.chat
        chat.completions = STANDS_IN[kind](chat.completions)
        client = pf.from_openai(sdk)
        assert client.create_partial(**said).final() == ADA
        with pytest.raises(pf.ServerError) as server_error:
            client.create_partial(**said).final()
        assert isinstance(server_error.value, openai.APIError)
        with pytest.raises(pf.DroppedError):
            client.create_partial(**said).final()
        with pytest.raises(openai.InternalServerError):
            client.create_partial(**said).final()
