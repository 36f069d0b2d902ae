"""The client: a thin proxy around the SDK's, which knows ``response_model``."""

# The SDK has none.
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from partialfast.answer._mode import Mode
from partialfast.providers._client import AsyncClient, Client, make_client
from partialfast.providers.xai._provider import Chat

if TYPE_CHECKING:
    import xai_sdk

__all__ = ["from_xai"]


@overload
def from_xai(  # pyright: ignore[reportOverlappingOverload] - both are Any without the SDK
    client: xai_sdk.Client, mode: Mode | None = ..., *, model: str | None = ..., **defaults: Any
) -> Client: ...


@overload
def from_xai(  # type: ignore[overload-cannot-match]
    client: xai_sdk.AsyncClient,
    mode: Mode | None = ...,
    *,
    model: str | None = ...,
    **defaults: Any,
) -> AsyncClient: ...


def from_xai(
    client: Any, mode: Mode | None = None, *, model: str | None = None, **defaults: Any
) -> Client | AsyncClient:
    """Return a client like the SDK's that takes a ``response_model``.

    Args:
        client: An ``xai_sdk.Client`` or ``xai_sdk.AsyncClient``.
        mode: How the model is asked for JSON; ``None`` for a schema. (Calls come whole.)
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
    if not type(client).__module__.startswith("xai_sdk."):
        raise TypeError(f"from_xai takes a client such as xai_sdk.Client(), not {client!r}")
    # Both classes are called `Client`.
    is_async = ".aio." in type(client).__module__
    return make_client(client, Chat(chat), mode, defaults, model=model, is_async=is_async)
