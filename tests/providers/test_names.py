"""Clients by the name of their provider."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from pydantic import BaseModel

import partialfast as pf
from partialfast import replay
from partialfast.providers._names import NAMES

# The names that instructor's users write.
WRITTEN = [
    "anthropic",
    "azure_openai",
    "bedrock",
    "cerebras",
    "cohere",
    "databricks",
    "deepseek",
    "fireworks",
    "gemini",
    "google",
    "groq",
    "huggingface",
    "litellm",
    "llamacpp",
    "lmstudio",
    "mistral",
    "ollama",
    "openai",
    "openrouter",
    "perplexity",
    "together",
    "vertexai",
    "vllm",
    "xai",
]
KEYS = {
    "anthropic": "ANTHROPIC_API_KEY",
    "azure_openai": "AZURE_OPENAI_API_KEY",
    "cerebras": "CEREBRAS_API_KEY",
    "cohere": "CO_API_KEY",
    "databricks": "DATABRICKS_HOST",
    "deepseek": "DEEPSEEK_API_KEY",
    "fireworks": "FIREWORKS_API_KEY",
    "gemini": "GOOGLE_API_KEY",
    "google": "GOOGLE_API_KEY",
    "groq": "GROQ_API_KEY",
    "huggingface": "HF_TOKEN",
    "mistral": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "perplexity": "PERPLEXITY_API_KEY",
    "together": "TOGETHER_API_KEY",
    "vertexai": "GOOGLE_CLOUD_PROJECT",
    "xai": "XAI_API_KEY",
}
PACKAGES = {
    "anthropic": "anthropic",
    "bedrock": "boto3",
    "cohere": "cohere",
    "gemini": "google.genai",
    "google": "google.genai",
    "litellm": "litellm",
    "mistral": "mistralai",
    "ollama": "ollama",
    "vertexai": "google.genai",
}

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


class User(BaseModel):
    name: str
    age: int


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*KEYS.values(), "AWS_REGION", "AWS_DEFAULT_REGION", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_all_names_are_known() -> None:
    assert set(WRITTEN) <= set(NAMES)


@pytest.mark.parametrize("name", sorted(KEYS))
def test_it_says_what_to_set(name: str) -> None:
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name])
    with pytest.raises(ValueError, match=KEYS[name]):
        pf.from_provider(f"{name}/m")


_WITHOUT = """
import sys
sys.modules[{package!r}] = None
import partialfast
try:
    partialfast.from_provider({name!r}, api_key="k")
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_it_says_what_to_install(name: str) -> None:
    package = PACKAGES[name]
    program = _WITHOUT.format(package=package, name=f"{name}/m")
    said = subprocess.run(  # noqa: S603 - a program of this file's
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    extra = "google" if package == "google.genai" else name
    assert f'pip install "partialfast[{extra}]"' in said


def test_what_is_no_name_is_refused() -> None:
    with pytest.raises(ValueError, match="'nobody' is not a provider: use one of anthropic"):
        pf.from_provider("nobody/m")
    with pytest.raises(ValueError, match="names no model"):
        pf.from_provider("anthropic")


#: Arguments for the SDK's client that lead to the server, given the URL and its origin.
REACHED: dict[str, Any] = {
    "anthropic": lambda _, origin: {"base_url": origin},
    "azure_openai": lambda _, origin: {"azure_endpoint": origin, "api_version": "2024-10-21"},
    "bedrock": lambda _, origin: {
        "endpoint_url": origin,
        "region_name": "us-east-1",
        "aws_access_key_id": "a",
        "aws_secret_access_key": "b",
        "api_key": None,
    },
    "cohere": lambda _, origin: {"base_url": origin},
    "gemini": lambda _, origin: {"http_options": {"base_url": origin}},
    "google": lambda _, origin: {"http_options": {"base_url": origin}},
    "mistral": lambda _, origin: {"server_url": origin},
    "ollama": lambda _, origin: {"host": origin, "api_key": None},
    "vertexai": lambda _, origin: {"http_options": {"base_url": origin}},
}


@pytest.mark.parametrize("name", [name for name in WRITTEN if name != "litellm"])
def test_each_name_answers(name: str) -> None:
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name])
    with replay.serve({"text": '{"name": "Ada", "age": 36}'}) as url:
        arguments = REACHED.get(name, lambda url, _: {"base_url": url})(str(url), url.origin)
        arguments = {"api_key": "k", **arguments}
        given: Any = {key: value for key, value in arguments.items() if value is not None}
        # Where the path names the model, a slash in it would have to be written otherwise.
        model = "some-model" if name in REACHED else "some/model"
        with pf.from_provider(f"{name}/{model}", **given) as client:
            stream = client.create_partial(User, messages="Who?")
            assert list(stream)[-1] == User(name="Ada", age=36)
        sent = url.exchanges[-1]
        assert model in sent.path + sent.raw.decode()


ASYNCHRONOUS = ["anthropic", "bedrock", "groq", "google", "mistral", "cohere", "ollama"]


@pytest.mark.parametrize("name", ASYNCHRONOUS)
def test_each_name_answers_asynchronously(name: str) -> None:
    if name in PACKAGES:
        pytest.importorskip("aiobotocore" if name == "bedrock" else PACKAGES[name])

    async def run(url: replay.Server) -> None:
        arguments = REACHED.get(name, lambda url, _: {"base_url": url})(str(url), url.origin)
        arguments = {"api_key": "k", **arguments}
        given: Any = {key: value for key, value in arguments.items() if value is not None}
        async with pf.from_provider(f"{name}/model", async_client=True, **given) as client:
            assert await client.create(User, messages="Who?") == User(name="Ada", age=36)
            stream = client.create_partial(User, messages="Who?")
            assert [each async for each in stream][-1] == User(name="Ada", age=36)

    with replay.serve({"text": '{"name": "Ada", "age": 36}'}) as url:
        asyncio.run(run(url))


def test_bedrock_opens_itself_once() -> None:
    pytest.importorskip("aiobotocore")

    async def run(url: replay.Server) -> None:
        given = REACHED["bedrock"](str(url), url.origin)
        del given["api_key"]
        client = pf.from_provider("bedrock/m", async_client=True, **given)
        calls = (client.create(User, messages="Who?") for _ in range(3))
        assert await asyncio.gather(*calls) == [User(name="Ada", age=36)] * 3
        await client.close()
        await client.close()

    with replay.serve({"text": '{"name": "Ada", "age": 36}'}) as url:
        asyncio.run(run(url))


def test_a_mode_is_passed_on() -> None:
    with replay.serve({"text": '{"name": "Ada", "age": 36}'}) as url:
        client = pf.from_provider("vllm/m", mode=pf.Mode.JSON, base_url=str(url))
        with client:
            client.create(User, messages="Who?")
        assert url.exchanges[0].body is not None
        assert url.exchanges[0].body["response_format"] == {"type": "json_object"}
