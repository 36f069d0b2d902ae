"""The client: a thin proxy around the SDK's, which knows ``response_model``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from partialfast.answer._mode import Mode
from partialfast.providers._client import AsyncClient, Client, make_client
from partialfast.providers.cohere._provider import Chat

if TYPE_CHECKING:
    from cohere import AsyncClientV2, ClientV2

__all__ = ["from_cohere"]


@overload
def from_cohere(
    client: ClientV2, mode: Mode | None = ..., *, model: str | None = ..., **defaults: Any
) -> Client: ...


@overload
def from_cohere(  # type: ignore[overload-cannot-match]
    client: AsyncClientV2, mode: Mode | None = ..., *, model: str | None = ..., **defaults: Any
) -> AsyncClient: ...


def from_cohere(
    client: Any, mode: Mode | None = None, *, model: str | None = None, **defaults: Any
) -> Client | AsyncClient:
    """Return a client like the SDK's that takes a ``response_model``.

    Args:
        client: A ``cohere.ClientV2`` or ``cohere.AsyncClientV2``.
        mode: How the model is asked for JSON; ``None`` for tools.
        model: The ``model`` of calls that do not name one.
        **defaults: Arguments for every call with a ``response_model`` that does not set them.

    Returns:
        The proxy. ``create``, ``create_partial`` and ``create_iterable`` are its own, and those of
        its ``chat.completions``.

    Raises:
        TypeError: `client` is not such a client, or `mode` is not a `Mode`.
        ValueError: The provider does not know the mode.
    """
    name = type(client).__name__
    if getattr(client, "with_raw_response", None) is None or not name.endswith("V2"):
        raise TypeError(f"from_cohere takes a client such as cohere.ClientV2(), not {client!r}")
    is_async = name.startswith("Async")
    return make_client(client, Chat(client), mode, defaults, model=model, is_async=is_async)
