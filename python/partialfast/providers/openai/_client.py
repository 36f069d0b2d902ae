"""The client: a thin proxy around the SDK's, which knows ``response_model``."""

from __future__ import annotations

import inspect
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast, overload

from typing_extensions import Self

from partialfast.answer._mode import Mode
from partialfast.providers.openai._call import CHAT, RESPONSES, Settings
from partialfast.providers.openai._resources import AsyncResource, Proxy, Resource
from partialfast.providers.openai._transport import Transport

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

__all__ = ["AsyncClient", "Client", "from_openai"]

_TRANSPORTS = ("auto", "raw", "sdk")


class _Chat(Proxy):
    """``client.chat`` of a sync client."""

    @cached_property
    def completions(self) -> Resource:
        """Chat completions."""
        return Resource(self._resource.completions, self._settings, CHAT)


class _AsyncChat(Proxy):
    """``client.chat`` of an async client."""

    @cached_property
    def completions(self) -> AsyncResource:
        """Chat completions."""
        return AsyncResource(self._resource.completions, self._settings, CHAT)


class Client(Resource):
    """An ``OpenAI`` client with ``response_model``.

    `create`, `create_partial` and `create_iterable` of the client itself are those of
    ``client.chat.completions``. What is not described here is the SDK's, untouched.

    Args:
        client: The SDK's client.
        settings: What `from_openai` was told.
    """

    def __init__(self, client: Any, settings: Settings) -> None:
        super().__init__(client.chat.completions, settings, CHAT)
        self._client = client

    def __getattr__(self, name: str) -> Any:
        """Return the attribute of the SDK's client."""
        if name.startswith("__") or name == "_client":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._client, name)

    @cached_property
    def chat(self) -> _Chat:
        """Chat completions are in ``client.chat.completions``."""
        return _Chat(self._client.chat, self._settings)

    @cached_property
    def responses(self) -> Resource:
        """The Responses API."""
        return Resource(self._client.responses, self._settings, RESPONSES)

    def with_options(self, **options: Any) -> Client:
        """Return a client like this one with other options of the SDK's; also named ``copy``."""
        client = self._client.with_options(**options)
        return Client(client, self._settings.for_client_with(options))

    copy = with_options

    def __enter__(self) -> Self:
        """Return the client."""
        self._client.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Close the SDK's client."""
        self._client.__exit__(exc_type, exc, exc_tb)


class AsyncClient(AsyncResource):
    """An ``AsyncOpenAI`` client with ``response_model``.

    `create`, `create_partial` and `create_iterable` of the client itself are those of
    ``client.chat.completions``. What is not described here is the SDK's, untouched.

    Args:
        client: The SDK's client.
        settings: What `from_openai` was told.
    """

    def __init__(self, client: Any, settings: Settings) -> None:
        super().__init__(client.chat.completions, settings, CHAT)
        self._client = client

    def __getattr__(self, name: str) -> Any:
        """Return the attribute of the SDK's client."""
        if name.startswith("__") or name == "_client":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._client, name)

    @cached_property
    def chat(self) -> _AsyncChat:
        """Chat completions are in ``client.chat.completions``."""
        return _AsyncChat(self._client.chat, self._settings)

    @cached_property
    def responses(self) -> AsyncResource:
        """The Responses API."""
        return AsyncResource(self._client.responses, self._settings, RESPONSES)

    def with_options(self, **options: Any) -> AsyncClient:
        """Return a client like this one with other options of the SDK's; also named ``copy``."""
        client = self._client.with_options(**options)
        return AsyncClient(client, self._settings.for_client_with(options))

    copy = with_options

    async def __aenter__(self) -> Self:
        """Return the client."""
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Close the SDK's client."""
        await self._client.__aexit__(exc_type, exc, exc_tb)


@overload
def from_openai(
    client: OpenAI,
    mode: Mode = ...,
    *,
    transport: Transport = ...,
    model: str | None = ...,
    **defaults: Any,
) -> Client: ...


@overload
def from_openai(
    client: AsyncOpenAI,
    mode: Mode = ...,
    *,
    transport: Transport = ...,
    model: str | None = ...,
    **defaults: Any,
) -> AsyncClient: ...


def from_openai(
    client: OpenAI | AsyncOpenAI,
    mode: Mode = Mode.TOOLS,
    *,
    transport: Transport = "auto",
    model: str | None = None,
    **defaults: Any,
) -> Client | AsyncClient:
    """Return a client like the SDK's that takes a ``response_model``.

    Args:
        client: An ``OpenAI`` or ``AsyncOpenAI`` client, Azure's included, or an object that works
            like one.
        mode: How the model is asked for JSON.
        transport: ``"raw"`` reads the bytes of a stream; ``"sdk"`` iterates the SDK's chunk
            objects, for clients that something else observes; ``"auto"`` takes the bytes where
            they can be had.
        model: The ``model`` of calls that do not name one.
        **defaults: Arguments for every call with a ``response_model`` that does not set them.

    Returns:
        The proxy: `Client` or `AsyncClient`.

    Raises:
        TypeError: `client` is no such client, or `mode` no `Mode`.
        ValueError: `transport` is unknown.
    """
    if not isinstance(cast("object", mode), Mode):
        known = ", ".join(f"Mode.{each.name}" for each in Mode)
        raise TypeError(f"mode must be one of {known}: {mode!r}")
    if transport not in _TRANSPORTS:
        raise ValueError(f"transport must be one of {', '.join(_TRANSPORTS)}: {transport!r}")
    create = getattr(getattr(getattr(client, "chat", None), "completions", None), "create", None)
    if create is None:
        raise TypeError(
            f"from_openai takes a client such as OpenAI() or AsyncOpenAI(), not {client!r}"
        )
    if model is not None:
        defaults["model"] = model
    settings = Settings(mode, transport, defaults)
    # The SDK wraps its methods; what is asynchronous shows only underneath.
    if inspect.iscoroutinefunction(inspect.unwrap(create)):
        return AsyncClient(client, settings)
    return Client(client, settings)
