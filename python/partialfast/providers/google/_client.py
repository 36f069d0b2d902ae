"""The client: a thin proxy around the SDK's, which knows ``response_model``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from partialfast.answer._mode import Mode
from partialfast.providers._client import AsyncClient, Client, make_client
from partialfast.providers.google._provider import GenerateContent

if TYPE_CHECKING:
    from google import genai
    from google.genai.client import AsyncClient as AsyncGenai

__all__ = ["from_genai"]


@overload
def from_genai(
    client: genai.Client,
    mode: Mode | None = ...,
    *,
    use_async: Literal[False] = ...,
    model: str | None = ...,
    **defaults: Any,
) -> Client: ...


@overload
def from_genai(
    client: genai.Client,
    mode: Mode | None = ...,
    *,
    use_async: Literal[True],
    model: str | None = ...,
    **defaults: Any,
) -> AsyncClient: ...


@overload
def from_genai(
    client: genai.Client,
    mode: Mode | None = ...,
    *,
    use_async: bool,
    model: str | None = ...,
    **defaults: Any,
) -> Client | AsyncClient: ...


@overload
def from_genai(
    client: AsyncGenai,
    mode: Mode | None = ...,
    *,
    model: str | None = ...,
    **defaults: Any,
) -> AsyncClient: ...


def from_genai(
    client: Any,
    mode: Mode | None = None,
    *,
    use_async: bool = False,
    model: str | None = None,
    **defaults: Any,
) -> Client | AsyncClient:
    """Return a client like the SDK's that takes a ``response_model``.

    Args:
        client: A ``genai.Client``, or its ``aio`` for an asynchronous one.
        mode: How the model is asked for JSON; ``None`` for a response schema. (The arguments of a
            call come whole, except on Vertex AI.)
        use_async: Whether to use the ``aio`` of a ``genai.Client``.
        model: The ``model`` of calls that do not name one.
        **defaults: Arguments for every call with a ``response_model`` that does not set them.

    Returns:
        The proxy. ``create``, ``create_partial`` and ``create_iterable`` are its own, and those of
        its ``models`` and ``chat.completions``. They take ``contents`` and ``config`` as
        ``generate_content`` does, or ``messages`` as OpenAI shapes them.

    Raises:
        TypeError: `client` is not such a client, or `mode` is not a `Mode`.
        ValueError: The provider does not know the mode.
    """
    aio = getattr(client, "aio", None)
    # The asynchronous client has no `aio` of its own.
    is_async = use_async or aio is None
    used = aio if use_async and aio is not None else client
    if getattr(getattr(used, "models", None), "generate_content_stream", None) is None:
        raise TypeError(f"from_genai takes a client such as genai.Client(), not {client!r}")
    return make_client(
        used,
        GenerateContent(used.models),
        mode,
        defaults,
        model=model,
        is_async=is_async,
        places=("models", "chat.completions"),
    )
