"""The client of a function of LiteLLM's, which knows ``response_model``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, overload

from partialfast.answer._mode import Mode
from partialfast.providers._client import AsyncClient, Client
from partialfast.providers._function_clients import FunctionChat, client_of_function

__all__ = ["from_litellm"]


class _Completion(FunctionChat):
    """``litellm.completion``."""

    name = "litellm.completion"

    def usage(self, reported: Any) -> Any:
        """Make of decoded usage the object that the SDK makes of it."""
        from litellm import Usage  # noqa: PLC0415 - loaded, as there is a function of it

        return Usage(**reported) if isinstance(reported, dict) else None


@overload
def from_litellm(  # pyright: ignore[reportOverlappingOverload] - what is awaited is told first
    completion: Callable[..., Coroutine[Any, Any, Any]],
    mode: Mode | None = ...,
    *,
    model: str | None = ...,
    **defaults: Any,
) -> AsyncClient: ...


@overload
def from_litellm(
    completion: Callable[..., Any],
    mode: Mode | None = ...,
    *,
    model: str | None = ...,
    **defaults: Any,
) -> Client: ...


def from_litellm(
    completion: Callable[..., Any],
    mode: Mode | None = None,
    *,
    model: str | None = None,
    **defaults: Any,
) -> Client | AsyncClient:
    """Return a client that takes a ``response_model`` and calls LiteLLM.

    Args:
        completion: ``litellm.completion``, or ``litellm.acompletion`` for an asynchronous client;
            or those of a router.
        mode: How the model is asked for JSON; ``None`` for a forced tool.
        model: The ``model`` of calls that do not name one.
        **defaults: Arguments for every call with a ``response_model`` that does not set them.

    Returns:
        The client. ``create``, ``create_partial`` and ``create_iterable`` are its own, and those of
        its ``chat.completions``.

    Raises:
        TypeError: `completion` is not a function, or `mode` is not a `Mode`.
        ValueError: There is no such mode.
    """
    if not callable(completion):
        raise TypeError(f"from_litellm takes litellm.completion, not {completion!r}")
    return client_of_function(completion, completion, _Completion, mode, defaults, model=model)
