"""The providers, each as its own SDK's client of a replay server."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from partialfast.replay import Server
from tests.either import value_of

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """A provider.

    Args:
        name: What it is called.
        client: Makes its client, of which the resources are closed with the stack.
        model: The model to ask.
        shape: The server to imitate, where it speaks as OpenAI's.
        whole_calls: Whether calls come whole.
        usage: Name of the SDK's class for usage.
        request_id: Whether responses have an id.
        refuses: Whether it tells refusals from other endings.
        filters: Whether it tells filters.
        error: Name of the SDK's class that errors in mid-stream are as well.
    """

    name: str
    client: Callable[[Server, bool, AsyncExitStack], Any]
    model: str = "m-1"
    shape: str = "openai"
    whole_calls: bool = False
    usage: str = "dict"
    request_id: bool = True
    filters: bool = True
    error: str = ""

    @asynccontextmanager
    async def connected(self, url: Server, *, is_async: bool) -> AsyncGenerator[Any, None]:
        """Open a client."""
        async with AsyncExitStack() as stack:
            with warnings.catch_warnings():
                # The SDKs warn of things in themselves as they are loaded.
                warnings.simplefilter("ignore")
                made = self.client(url, is_async, stack)
            yield await value_of(made)


def _module(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


def _closing(client: Any, stack: AsyncExitStack) -> Any:
    """Close an SDK's client at the end."""
    close = getattr(client, "aclose", None) or client.close

    async def closed() -> None:
        await value_of(close())

    stack.push_async_callback(closed)
    return client


def _anthropic(kind: str, needs: str, address: str, **keys: str) -> Any:
    """Return what makes a client of one of the SDK's classes, which needs a module."""

    def make(url: Server, is_async: bool, stack: AsyncExitStack) -> Any:  # noqa: FBT001
        from partialfast.providers.anthropic import from_anthropic

        sdk = _module("anthropic")
        _module(needs)
        class_ = getattr(sdk, f"Async{kind}" if is_async else kind)
        client = class_(base_url=getattr(url, address), max_retries=0, **keys)
        return from_anthropic(_closing(client, stack))

    return make


_CLAUDE = _anthropic("Anthropic", "anthropic", "origin", api_key="k")
_BEDROCK_CLAUDE = _anthropic(
    "AnthropicBedrock", "boto3", "origin",
    aws_access_key="a", aws_secret_key="b", aws_region="us-east-1",
)  # fmt: skip
_VERTEX_CLAUDE = _anthropic(
    "AnthropicVertex", "google.auth", "url",
    project_id="p", region="us-east5", access_token="t",
)  # fmt: skip


def _google(url: Server, is_async: bool, stack: AsyncExitStack) -> Any:  # noqa: FBT001
    from partialfast.providers.google import from_genai

    sdk = _module("google.genai")
    client = sdk.Client(api_key="k", http_options={"base_url": url.origin})
    _closing(client.aio if is_async else client, stack)
    return from_genai(client, use_async=is_async)


async def _bedrock(url: Server, is_async: bool, stack: AsyncExitStack) -> Any:  # noqa: FBT001
    from partialfast.providers.bedrock import from_bedrock

    sdk = _module("botocore.config")
    options: dict[str, Any] = {
        "endpoint_url": url.origin,
        "region_name": "us-east-1",
        "aws_access_key_id": "a",
        "aws_secret_access_key": "b",
    }
    if is_async:
        session = _module("aiobotocore.session").get_session()
        config = _module("aiobotocore.config").AioConfig(retries={"total_max_attempts": 1})
        opened = session.create_client("bedrock-runtime", **options, config=config)
        return from_bedrock(await stack.enter_async_context(opened))
    config = sdk.Config(retries={"total_max_attempts": 1})
    client = _module("boto3").client("bedrock-runtime", **options, config=config)
    return from_bedrock(_closing(client, stack))


def _mistral(url: Server, is_async: bool, stack: AsyncExitStack) -> Any:  # noqa: FBT001
    from partialfast.providers.mistral import from_mistral

    sdk = _module("mistralai.client")
    client = sdk.Mistral(api_key="k", server_url=url.origin)
    if is_async:
        stack.push_async_exit(client.__aexit__)
    else:
        stack.push(client.__exit__)
    return from_mistral(client, use_async=is_async)


def _cohere(url: Server, is_async: bool, stack: AsyncExitStack) -> Any:  # noqa: FBT001
    from partialfast.providers.cohere import from_cohere

    sdk, httpx = _module("cohere"), _module("httpx")
    http = _closing(httpx.AsyncClient() if is_async else httpx.Client(), stack)
    kind = sdk.AsyncClientV2 if is_async else sdk.ClientV2
    quiet = {"log_warning_experimental_features": False}
    return from_cohere(kind(api_key="k", base_url=url.origin, httpx_client=http, **quiet))


def _ollama(url: Server, is_async: bool, stack: AsyncExitStack) -> Any:  # noqa: FBT001
    from partialfast.providers.ollama import from_ollama

    sdk = _module("ollama")
    client = (sdk.AsyncClient if is_async else sdk.Client)(host=url.origin)
    if not is_async:
        stack.push(client.__exit__)
    else:
        stack.push_async_exit(client.__aexit__)
    return from_ollama(client)


def _huggingface(url: Server, is_async: bool, stack: AsyncExitStack) -> Any:  # noqa: FBT001
    from partialfast.providers.huggingface import from_huggingface

    sdk = _module("huggingface_hub")
    kind = sdk.AsyncInferenceClient if is_async else sdk.InferenceClient
    client = kind(base_url=str(url), api_key="k")
    if is_async:
        _closing(client, stack)
    return from_huggingface(client)


def _look_alike(module: str, sync: str, asynchronous: str) -> Any:
    def make(url: Server, is_async: bool, stack: AsyncExitStack) -> Any:  # noqa: FBT001
        from partialfast.providers.openai import from_openai

        sdk = _module(module)
        kind = getattr(sdk, asynchronous if is_async else sync)
        # These add the path themselves.
        extra = {"warm_tcp_connection": False} if sync == "Cerebras" else {}
        client = kind(base_url=url.origin, api_key="k", max_retries=0, **extra)
        return from_openai(_closing(client, stack))

    return make


CASES = [
    Case("anthropic", _CLAUDE, "claude", usage="Usage", filters=False, error="APIError"),
    Case(
        "anthropic_bedrock",
        _BEDROCK_CLAUDE,
        "anthropic.claude-v1:0",
        usage="Usage",
        filters=False,
        error="APIError",
    ),
    Case(
        "anthropic_vertex",
        _VERTEX_CLAUDE,
        "claude",
        usage="Usage",
        filters=False,
        error="APIError",
    ),
    Case(
        "google",
        _google,
        "gemini",
        whole_calls=True,
        usage="GenerateContentResponseUsageMetadata",
        request_id=False,
        error="APIError",
    ),
    Case("bedrock", _bedrock, "amazon.nova-v1:0", error="EventStreamError"),
    Case(
        "mistral",
        _mistral,
        shape="mistral",
        whole_calls=True,
        usage="UsageInfo",
        error="MistralError",
    ),
    Case("cohere", _cohere, usage="Usage", error="ApiError"),
    Case(
        "ollama",
        _ollama,
        whole_calls=True,
        request_id=False,
        filters=False,
        error="ResponseError",
    ),
    Case(
        "huggingface",
        _huggingface,
        usage="ChatCompletionStreamOutputUsage",
    ),
    Case(
        "groq",
        _look_alike("groq", "Groq", "AsyncGroq"),
        usage="CompletionUsage",
        error="APIError",
    ),
    Case(
        "together",
        _look_alike("together", "Together", "AsyncTogether"),
        usage="CompletionUsage",
        error="APIError",
    ),
    Case(
        "cerebras",
        _look_alike("cerebras.cloud.sdk", "Cerebras", "AsyncCerebras"),
        usage="CompletionUsage",
        error="APIError",
    ),
    Case(
        "fireworks",
        _look_alike("fireworks", "Fireworks", "AsyncFireworks"),
        usage="CompletionUsage",
        error="APIError",
    ),
]
