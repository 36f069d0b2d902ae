"""The client: a thin proxy around the SDK's, which knows ``response_model``."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, overload

from partialfast.answer._mode import Mode
from partialfast.providers._client import AsyncClient, Client, make_client
from partialfast.providers.ollama._provider import Chat

if TYPE_CHECKING:
    from ollama import AsyncClient as AsyncOllama
    from ollama import Client as Ollama

__all__ = ["from_ollama"]


@overload
def from_ollama(
    client: Ollama, mode: Mode | None = ..., *, model: str | None = ..., **defaults: Any
) -> Client: ...


@overload
def from_ollama(  # type: ignore[overload-cannot-match]
    client: AsyncOllama, mode: Mode | None = ..., *, model: str | None = ..., **defaults: Any
) -> AsyncClient: ...


def from_ollama(
    client: Any, mode: Mode | None = None, *, model: str | None = None, **defaults: Any
) -> Client | AsyncClient:
    """Return a client like the SDK's that takes a ``response_model``.

    Args:
        client: An ``ollama.Client`` or ``ollama.AsyncClient``.
        mode: How the model is asked for JSON; ``None`` for a schema. (Calls come whole, and cannot
            be forced.)
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
    if not callable(chat) or getattr(client, "generate", None) is None:
        raise TypeError(f"from_ollama takes a client such as ollama.Client(), not {client!r}")
    is_async = inspect.iscoroutinefunction(chat)
    return make_client(client, Chat(client), mode, defaults, model=model, is_async=is_async)
