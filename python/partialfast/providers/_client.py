"""A provider's client with ``response_model``: what all providers but OpenAI's share."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import TracebackType
from typing import Any, cast

from typing_extensions import Self

from partialfast.answer._aresource import AsyncResource
from partialfast.answer._mode import Mode
from partialfast.answer._options import Settings
from partialfast.answer._resource import Resource
from partialfast.answer._resources import Proxy
from partialfast.answer._seam import Provider

__all__ = ["AsyncClient", "Client", "make_client"]


class _Namespace(Proxy):
    """A part of a client: our own methods, else the SDK's."""

    def __init__(self, sdk: Any, ours: Mapping[str, Any]) -> None:
        super().__init__(sdk)
        self.__dict__.update(ours)


class Client(Resource):
    """A client of a provider's SDK with ``response_model``.

    What is not described here is the SDK's, untouched.

    Args:
        client: The SDK's client.
        provider: What calls it.
        settings: What the client was told.
        places: Where `create` and its variants are as well, such as ``"chat.completions"``.
    """

    def __init__(
        self, client: Any, provider: Provider, settings: Settings, places: tuple[str, ...]
    ) -> None:
        super().__init__(provider, settings, client)
        self.__dict__.update(_placed(client, places, Resource(provider, settings, client)))

    def __enter__(self) -> Self:
        """Return the client."""
        if (enter := getattr(self._sdk, "__enter__", None)) is not None:
            enter()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Close the SDK's client."""
        if (leave := getattr(self._sdk, "__exit__", None)) is not None:
            leave(exc_type, exc, exc_tb)
        elif (close := getattr(self._sdk, "close", None)) is not None:
            close()


class AsyncClient(AsyncResource):
    """An asynchronous client of a provider's SDK with ``response_model``; see `Client`."""

    def __init__(
        self, client: Any, provider: Provider, settings: Settings, places: tuple[str, ...]
    ) -> None:
        super().__init__(provider, settings, client)
        self.__dict__.update(_placed(client, places, AsyncResource(provider, settings, client)))

    async def __aenter__(self) -> Self:
        """Return the client."""
        if (enter := getattr(self._sdk, "__aenter__", None)) is not None:
            await enter()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Close the SDK's client."""
        if (leave := getattr(self._sdk, "__aexit__", None)) is not None:
            await leave(exc_type, exc, exc_tb)
            return
        close = getattr(self._sdk, "aclose", None) or getattr(self._sdk, "close", None)
        if close is not None:
            closing: Any = close()
            if inspect.isawaitable(closing):
                await closing


def _placed(sdk: Any, places: tuple[str, ...], ours: Any) -> dict[str, Any]:
    """Return the attributes that hold `ours` at some places, one or two names deep."""
    found: dict[str, Any] = {}
    for place in places:
        first, _, second = place.partition(".")
        # The SDK may have other things there.
        there = None if isinstance(sdk, type) else getattr(sdk, first, None)
        if second:
            found[first] = _Namespace(there, {second: ours})
        else:
            methods = ("create", "create_partial", "create_iterable")
            kin = {name: getattr(ours, name) for name in methods}
            found[first] = _Namespace(there, kin)
    return found


def make_client(  # noqa: PLR0913 - each is said by the provider
    client: Any,
    provider: Provider,
    mode: Mode | None,
    defaults: dict[str, Any],
    *,
    model: str | None,
    is_async: bool,
    places: tuple[str, ...] = ("chat.completions",),
) -> Client | AsyncClient:
    """Make the client that a ``from_...`` function returns.

    Args:
        client: The SDK's.
        provider: What calls it.
        mode: How the model is asked for JSON; ``None`` for the provider's best, as `Mode.AUTO` is
            where nothing has to be found out.
        defaults: Arguments for every call that does not set them.
        model: The ``model`` of calls that do not name one.
        is_async: Whether the SDK's client is asynchronous.
        places: Where `create` and its variants are besides the client itself.

    Raises:
        TypeError: `mode` is not a `Mode`.
        ValueError: The provider does not know the mode.
    """
    chosen = provider.modes[0] if mode is None else mode
    if not isinstance(cast("object", chosen), Mode):
        known = ", ".join(f"Mode.{each.name}" for each in provider.modes)
        raise TypeError(f"mode must be one of {known}: {mode!r}")
    if chosen not in provider.modes and chosen is not Mode.AUTO:
        known = ", ".join(f"Mode.{each.name}" for each in provider.modes)
        raise ValueError(f"{provider.name} knows the modes {known}, not Mode.{chosen.name}")
    if model is not None:
        defaults["model"] = model
    settings = Settings(chosen, defaults)
    kind = AsyncClient if is_async else Client
    return kind(client, provider, settings, places)
