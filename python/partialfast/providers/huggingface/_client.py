"""The client: a thin proxy around HuggingFace's, which knows ``response_model``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, overload

from partialfast._core import Delta
from partialfast.answer._mode import Mode
from partialfast.answer._seam import AsyncReply, Block, Reply, Request
from partialfast.providers._client import AsyncClient, Client
from partialfast.providers._function_clients import FunctionChat, client_of_function
from partialfast.providers._http import areply_of, reply_of
from partialfast.providers._observed import aopen_observed, open_observed
from partialfast.providers.huggingface._response import response_of

if TYPE_CHECKING:
    from huggingface_hub import AsyncInferenceClient, InferenceClient

__all__ = ["from_huggingface"]


class _ChatCompletion(FunctionChat):
    """``client.chat_completion``."""

    name = "huggingface.chat_completion"

    def failed(self, error: Exception) -> Block | None:
        """Tell what the server has said of its failure, which the SDK raises as its own."""
        from huggingface_hub.errors import (  # noqa: PLC0415 - loaded, as there is a client
            TextGenerationError,
        )

        if not isinstance(error, TextGenerationError):
            return None
        said: Any = error.args[0] if error.args else str(error)
        return Delta.ServerError(said if isinstance(said, str) else json.dumps(said))

    def _open(self, request: Request) -> Reply:
        stream = self._create(request.arguments)
        http = response_of(stream)
        return open_observed(stream, self.package) if http is None else reply_of(http)

    async def _aopen(self, request: Request) -> AsyncReply:
        stream = await self._create(request.arguments)
        http = response_of(stream)
        return aopen_observed(stream, self.package) if http is None else areply_of(http)

    def usage(self, reported: Any) -> Any:
        """Make of decoded usage the object that the SDK makes of it."""
        from huggingface_hub import (  # noqa: PLC0415 - loaded, as there is a client
            ChatCompletionStreamOutputUsage as Usage,
        )

        return Usage.parse_obj_as_instance(reported) if isinstance(reported, dict) else None


@overload
def from_huggingface(
    client: InferenceClient, mode: Mode | None = ..., *, model: str | None = ..., **defaults: Any
) -> Client: ...


@overload
def from_huggingface(  # type: ignore[overload-cannot-match]
    client: AsyncInferenceClient,
    mode: Mode | None = ...,
    *,
    model: str | None = ...,
    **defaults: Any,
) -> AsyncClient: ...


def from_huggingface(
    client: Any, mode: Mode | None = None, *, model: str | None = None, **defaults: Any
) -> Client | AsyncClient:
    """Return a client like the SDK's that takes a ``response_model``.

    Args:
        client: An ``InferenceClient`` or ``AsyncInferenceClient``.
        mode: How the model is asked for JSON; ``None`` for a forced tool.
        model: The ``model`` of calls that do not name one.
        **defaults: Arguments for every call with a ``response_model`` that does not set them.

    Returns:
        The proxy. ``create``, ``create_partial`` and ``create_iterable`` are its own, and those of
        its ``chat.completions``.

    Raises:
        TypeError: `client` is not such a client, or `mode` is not a `Mode`.
        ValueError: There is no such mode.
    """
    function = getattr(client, "chat_completion", None)
    if not callable(function):
        raise TypeError(f"from_huggingface takes an InferenceClient, not {client!r}")
    return client_of_function(client, function, _ChatCompletion, mode, defaults, model=model)
