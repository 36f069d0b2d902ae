"""The client: a thin proxy around the SDK's, which knows ``response_model``."""

from __future__ import annotations

import inspect
from typing import Any

from partialfast.answer._mode import Mode
from partialfast.providers._client import make_client
from partialfast.providers.bedrock._provider import Converse

__all__ = ["from_bedrock"]


def from_bedrock(
    client: Any, mode: Mode | None = None, *, model: str | None = None, **defaults: Any
) -> Any:
    """Return a client like the SDK's that takes a ``response_model``.

    Args:
        client: ``boto3.client("bedrock-runtime")``, or what ``aioboto3`` gives for an asynchronous
            one, inside its ``async with``.
        mode: How the model is asked for JSON; ``None`` for a forced tool.
        model: The ``modelId`` of calls that do not name one.
        **defaults: Arguments for every call with a ``response_model`` that does not set them.

    Returns:
        The proxy, a `Client`, or an `AsyncClient` for a client of ``aioboto3``. (Neither SDK has
        types to tell them by.) ``create``, ``create_partial`` and
        ``create_iterable`` are its own, and those of its ``chat.completions``. They take what
        ``converse`` takes, or ``messages`` as OpenAI shapes them, and ``model`` for ``modelId``.

    Raises:
        TypeError: `client` is not such a client, or `mode` is not a `Mode`.
        ValueError: The provider does not know the mode.
    """
    if getattr(client, "converse_stream", None) is None:
        raise TypeError(
            f'from_bedrock takes a client such as boto3.client("bedrock-runtime"), not {client!r}'
        )
    is_async = inspect.iscoroutinefunction(inspect.unwrap(client.converse)) or hasattr(
        type(client), "__aenter__"
    )
    return make_client(client, Converse(client), mode, defaults, model=model, is_async=is_async)
