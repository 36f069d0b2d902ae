"""Where the demo's model is, and the client that asks it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from partialfast.providers import from_provider
from partialfast.providers.openai import Mode
from partialfast.replay import Server

__all__ = ["DemoEndpoint", "replayed"]


@dataclass(frozen=True)
class DemoEndpoint:
    """Where the model is.

    Args:
        base_url: The server's base URL; ``None`` for the provider's own.
        api_key: Its key; "" where the provider's own variable has it.
        model: The model to ask.
        provider: The provider, by its name; ``None`` for OpenAI and what speaks like it.
        arguments: More for the client of another provider's SDK.
        mode: How the model is asked for JSON; ``None`` for the provider's default.
        asked: More arguments of each call.
    """

    base_url: str | None
    api_key: str = field(repr=False)
    model: str
    provider: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict, repr=False)
    mode: Mode | None = None
    asked: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """What to call it."""
        return self.base_url or self.provider or "api.openai.com"

    def client(self, *, is_async: bool) -> Any:
        """Make a client of another provider's SDK.

        Args:
            is_async: Whether it is asynchronous.

        Raises:
            ImportError: The SDK is not installed.
            ValueError: Its key is not set.
        """
        arguments = dict(self.arguments)
        if self.api_key:
            arguments["api_key"] = self.api_key
        if self.mode is not None:
            arguments["mode"] = self.mode
        name = f"{self.provider}/{self.model}"
        return from_provider(name, async_client=is_async, **arguments)


def replayed(provider: str, url: Server) -> DemoEndpoint:
    """Return the endpoint of a provider whose part a replay server plays.

    Args:
        provider: The provider.
        url: The server.
    """
    origin = url.origin
    aws = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
    # How each SDK is told where its server is.
    arguments: dict[str, dict[str, Any]] = {
        "anthropic": {"base_url": origin},
        "azure_openai": {"azure_endpoint": origin, "api_version": "2024-10-21"},
        "bedrock": {"endpoint_url": origin, **aws},
        "cohere": {"base_url": origin},
        "gemini": {"http_options": {"base_url": origin}},
        "google": {"http_options": {"base_url": origin}},
        "mistral": {"server_url": origin},
        "ollama": {"host": origin},
        "vertexai": {"http_options": {"base_url": origin}},
    }
    key = "" if provider in {"bedrock", "ollama"} else "replay"
    # LiteLLM is told the provider behind it by the name of the model.
    model = "openai/replay" if provider == "litellm" else "replay"
    own = arguments.get(provider, {"base_url": str(url)})
    return DemoEndpoint(None, key, model, provider, own)
