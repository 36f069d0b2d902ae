"""LiteLLM's function, over a socket."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from pydantic import BaseModel

import partialfast as pf
from partialfast import replay
from partialfast.providers.litellm import from_litellm
from partialfast.providers.openai._provider import OpenAI as OpenAIProvider

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class User(BaseModel):
    name: str
    age: int


ADA = User(name="Ada", age=36)


@pytest.fixture(scope="module")
def litellm() -> Any:
    # It asks a server for prices as it is imported.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    module = pytest.importorskip("litellm")
    module.suppress_debug_info = True
    return module


def _arguments(url: replay.Server) -> dict[str, Any]:
    return {"model": "openai/m", "base_url": str(url), "api_key": "k", "num_retries": 0}


@pytest.mark.parametrize("mode", OpenAIProvider.modes)
def test_completion(litellm: Any, mode: pf.Mode) -> None:
    with replay.serve({"text": '{"name": "Ada", "age": 36}'}) as url:
        client = from_litellm(litellm.completion, mode, **_arguments(url))
        stream = client.create_partial(User, messages="Who?")
        assert len(snapshots := list(stream)) > 3
        assert snapshots[-1] == ADA
        assert type(stream.usage).__name__ == "Usage"
        assert stream.tokens.output
        assert client.create(User, messages="Who?") == ADA


def test_acompletion(litellm: Any) -> None:
    async def run(url: replay.Server) -> None:
        client = from_litellm(litellm.acompletion, **_arguments(url))
        stream = client.create_partial(User, messages="Who?")
        assert [snapshot async for snapshot in stream][-1] == ADA
        assert await client.create(User, messages="Who?") == ADA

    with replay.serve({"text": '{"name": "Ada", "age": 36}'}) as url:
        asyncio.run(run(url))


def test_a_mistake_is_shown(litellm: Any) -> None:
    wrong = {"text": '{"name": "Ada", "age": "x"}', "times": 1}
    with replay.serve([wrong, {"text": '{"name": "Ada", "age": 36}'}]) as url:
        client = from_litellm(litellm.completion, **_arguments(url))
        stream = client.create_partial(User, messages="Who?", max_retries=1)
        assert list(stream)[-1] == ADA
        assert "valid integer" in url.exchanges[1].raw.decode()


@pytest.mark.parametrize(
    ("fault", "error"),
    [("length@12", pf.TruncatedError), ("error@12", pf.StreamError), ("drop@12", pf.StreamError)],
)
def test_endings(litellm: Any, fault: str, error: type[pf.StreamError]) -> None:
    with replay.serve({"text": '{"name": "Ada", "age": 36}'}, faults=fault) as url:
        client = from_litellm(litellm.completion, **_arguments(url))
        with pytest.raises(error) as caught:
            list(client.create_partial(User, messages="Who?"))
        assert '{"name": "Ad'.startswith(caught.value.text)
