"""The client: a thin proxy around the SDK's, which knows ``response_model``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from partialfast.answer._mode import Mode
from partialfast.providers._client import AsyncClient, Client, make_client
from partialfast.providers.mistral._provider import MistralChat

if TYPE_CHECKING:
    from mistralai.client import Mistral

__all__ = ["from_mistral"]


@overload
def from_mistral(
    client: Mistral,
    mode: Mode | None = ...,
    *,
    use_async: Literal[False] = ...,
    model: str | None = ...,
    **defaults: Any,
) -> Client: ...


@overload
def from_mistral(
    client: Mistral,
    mode: Mode | None = ...,
    *,
    use_async: Literal[True],
    model: str | None = ...,
    **defaults: Any,
) -> AsyncClient: ...


@overload
def from_mistral(
    client: Mistral,
    mode: Mode | None = ...,
    *,
    use_async: bool,
    model: str | None = ...,
    **defaults: Any,
) -> Client | AsyncClient: ...


def from_mistral(
    client: Any,
    mode: Mode | None = None,
    *,
    use_async: bool = False,
    model: str | None = None,
    **defaults: Any,
) -> Client | AsyncClient:
    """Return a client like the SDK's that takes a ``response_model``.

    Args:
        client: A ``Mistral`` client, which is synchronous and asynchronous at once.
        mode: How the model is asked for JSON; ``None`` for a forced tool.
        use_async: Whether to use what is asynchronous.
        model: The ``model`` of calls that do not name one.
        **defaults: Arguments for every call with a ``response_model`` that does not set them.

    Returns:
        The proxy. ``create``, ``create_partial`` and ``create_iterable`` are its own, and those of
        its ``chat.completions``.

    Raises:
        TypeError: `client` is not such a client, or `mode` is not a `Mode`.
        ValueError: The provider does not know the mode.
    """
    chat = getattr(client, "chat", None)
    if getattr(chat, "stream_async", None) is None:
        raise TypeError(f"from_mistral takes a client such as Mistral(), not {client!r}")
    return make_client(client, MistralChat(chat), mode, defaults, model=model, is_async=use_async)
