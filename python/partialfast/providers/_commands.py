"""The client that the commands ask with, whoever the provider is."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from partialfast.answer._attempts import Call
from partialfast.answer._options import CallOptions, Settings
from partialfast.answer._seam import Settled
from partialfast.providers import _names
from partialfast.providers.openai import Mode, _command_client
from partialfast.providers.openai._chat import Chat
from partialfast.providers.openai._command_client import Endpoint
from partialfast.providers.openai._provider import OpenAI

__all__ = ["connected", "first_request", "settled"]


@asynccontextmanager
async def connected(endpoint: Endpoint) -> AsyncGenerator[Any, None]:
    """Open a client for a batch.

    Args:
        endpoint: Where the model is.

    Yields:
        The client, closed at the end.
    """
    if endpoint.provider is None:
        async with _command_client.connected(endpoint) as client:
            yield client
        return
    # The batch retries: it knows about all requests, the SDK only about one.
    once = {"max_retries": 0} if _names.takes_retries(endpoint.provider) else {}
    name = f"{endpoint.provider}/the-model-of-each-call"
    mode = Mode(endpoint.mode)
    async with _names.from_provider(name, async_client=True, mode=mode, **once) as other:
        yield other


def first_request(
    mode: str, model: Any, llm: str, messages: list[Any], *, provider: str | None
) -> dict[str, Any]:
    """Give the body of a request that is not sent.

    Args:
        mode: How the model is asked for JSON.
        model: The type of the value.
        llm: The model to ask.
        messages: What to ask.
        provider: Another provider than OpenAI, by its name.

    Returns:
        The body.
    """
    if provider is None:
        return _command_client.first_request(mode, model, llm, messages)
    settings = Settings(Mode(mode))
    options = CallOptions(response_model=model, items=False, stream=True)
    arguments = {"model": llm, "messages": messages}
    call = Call(_names.asking(provider), settings, options, arguments)
    return {**call.request.arguments, "stream": True}


async def settled(endpoint: Endpoint, llm: str, *, asks: bool) -> Settled:
    """Find out how `Mode.AUTO` asks a model.

    Args:
        endpoint: Where it is.
        llm: The model.
        asks: Whether requests may be sent; else it is what is known from before, or the default.

    Raises:
        Exception: As the SDK raises it.
    """
    async with connected(endpoint) as client:
        provider, _ = client.stand_in(Chat.name)
        if asks:
            how: Settled = await provider.asettle({"model": llm})
            return how
        known = provider.known({"model": llm}) if isinstance(provider, OpenAI) else None
        return known or Settled(provider.modes[0], {})
