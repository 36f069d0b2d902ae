"""The client: a thin proxy around the SDK's, which knows ``response_model``."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, overload

from partialfast.answer._mode import Mode
from partialfast.providers._client import AsyncClient, Client, make_client
from partialfast.providers._stainless import Transport
from partialfast.providers.anthropic._provider import BedrockMessages, Messages

if TYPE_CHECKING:
    from anthropic import Anthropic, AsyncAnthropic
    from anthropic.lib.bedrock import AnthropicBedrock, AsyncAnthropicBedrock
    from anthropic.lib.vertex import AnthropicVertex, AsyncAnthropicVertex

__all__ = ["from_anthropic"]


@overload
def from_anthropic(
    client: Anthropic | AnthropicBedrock | AnthropicVertex,
    mode: Mode | None = ...,
    *,
    transport: Transport = ...,
    model: str | None = ...,
    **defaults: Any,
) -> Client: ...


@overload
def from_anthropic(  # type: ignore[overload-cannot-match]
    client: AsyncAnthropic | AsyncAnthropicBedrock | AsyncAnthropicVertex,
    mode: Mode | None = ...,
    *,
    transport: Transport = ...,
    model: str | None = ...,
    **defaults: Any,
) -> AsyncClient: ...


def from_anthropic(
    client: Any,
    mode: Mode | None = None,
    *,
    transport: Transport = "auto",
    model: str | None = None,
    **defaults: Any,
) -> Client | AsyncClient:
    """Return a client like the SDK's that takes a ``response_model``.

    Args:
        client: An ``Anthropic``, ``AnthropicBedrock`` or ``AnthropicVertex`` client, or its
            asynchronous twin.
        mode: How the model is asked for JSON; ``None`` for a forced tool.
        transport: ``"raw"`` reads the bytes of a stream; ``"sdk"`` iterates the SDK's events, for
            clients that something else observes; ``"auto"`` takes the bytes where they can be had.
        model: The ``model`` of calls that do not name one.
        **defaults: Arguments for every call with a ``response_model`` that does not set them.

    Returns:
        The proxy. ``create``, ``create_partial`` and ``create_iterable`` are its own, and those of
        its ``messages`` and ``chat.completions``.

    Raises:
        TypeError: `client` is not such a client, or `mode` is not a `Mode`.
        ValueError: The provider does not know the mode.
    """
    create = getattr(getattr(client, "messages", None), "create", None)
    if create is None:
        raise TypeError(
            f"from_anthropic takes a client such as Anthropic() or AsyncAnthropic(), not {client!r}"
        )
    # What Bedrock sends is framed in a way of its own.
    framed = any(each.__name__ == "BaseBedrockClient" for each in type(client).__mro__)
    kind = BedrockMessages if framed else Messages
    return make_client(
        client,
        kind(client.messages, transport),
        mode,
        defaults,
        model=model,
        is_async=inspect.iscoroutinefunction(inspect.unwrap(create)),
        places=("messages", "chat.completions"),
    )
