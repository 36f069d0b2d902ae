"""The client: a thin proxy around the SDK's, which knows ``response_model``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast, overload

from typing_extensions import Self

from partialfast.answer._aresource import AsyncResource
from partialfast.answer._mode import Mode
from partialfast.answer._options import Settings
from partialfast.answer._resource import Resource
from partialfast.answer._resources import Proxy
from partialfast.answer._seam import Provider
from partialfast.providers._stainless import Transport
from partialfast.providers.openai._chat import Chat
from partialfast.providers.openai._responses import Responses

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI
    from openai.types.chat import ChatCompletionMessageParam

__all__ = ["AsyncClient", "Client", "from_openai"]

_TRANSPORTS = ("auto", "raw", "sdk")


class _Chat(Proxy):
    """``client.chat`` of a sync client."""

    def __init__(self, sdk: Any, completions: Resource[ChatCompletionMessageParam]) -> None:
        super().__init__(sdk)
        #: Chat completions.
        self.completions = completions


class _AsyncChat(Proxy):
    """``client.chat`` of an async client."""

    def __init__(self, sdk: Any, completions: AsyncResource[ChatCompletionMessageParam]) -> None:
        super().__init__(sdk)
        #: Chat completions.
        self.completions = completions


class Client(Resource["ChatCompletionMessageParam"]):
    """An ``OpenAI`` client with ``response_model``.

    `create`, `create_partial` and `create_iterable` of the client itself are those of
    ``client.chat.completions``. What is not described here is the SDK's, untouched.

    Args:
        client: The SDK's client.
        settings: What `from_openai` was told.
        chat: What calls ``client.chat.completions``.
        responses: What calls ``client.responses``.
        asks_responses: Whether the client's own methods are those of ``client.responses``.
    """

    def __init__(
        self,
        client: Any,
        settings: Settings,
        chat: Chat,
        responses: Responses,
        *,
        asks_responses: bool = False,
    ) -> None:
        super().__init__(responses if asks_responses else chat, settings, client)
        self._asks_responses = asks_responses
        #: Chat completions are in ``client.chat.completions``.
        self.chat: _Chat = _Chat(client.chat, Resource(chat, settings, client.chat.completions))
        #: Instructor's other name of ``client.chat.completions``.
        self.messages: Resource[ChatCompletionMessageParam] = self.chat.completions
        #: The Responses API.
        self.responses: Resource = Resource(responses, settings, getattr(client, "responses", None))

    def stand_in(self, name: str) -> tuple[Provider, Settings]:
        """Return whom to ask, and how, where this is a fallback of another client."""
        resource = self.responses if name == Responses.name else self.chat.completions
        return resource.stand_in(name)

    def with_options(self, **options: Any) -> Client:
        """Return a client like this one with other options of the SDK's; also named ``copy``."""
        client = self._sdk.with_options(**options)
        chat, responses = _like(self, client, options)
        return Client(client, self._settings, chat, responses, asks_responses=self._asks_responses)

    copy = with_options

    def __enter__(self) -> Self:
        """Return the client."""
        self._sdk.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Close the SDK's client."""
        self._sdk.__exit__(exc_type, exc, exc_tb)


class AsyncClient(AsyncResource["ChatCompletionMessageParam"]):
    """An ``AsyncOpenAI`` client with ``response_model``.

    `create`, `create_partial` and `create_iterable` of the client itself are those of
    ``client.chat.completions``. What is not described here is the SDK's, untouched.

    Args:
        client: The SDK's client.
        settings: What `from_openai` was told.
        chat: What calls ``client.chat.completions``.
        responses: What calls ``client.responses``.
        asks_responses: Whether the client's own methods are those of ``client.responses``.
    """

    def __init__(
        self,
        client: Any,
        settings: Settings,
        chat: Chat,
        responses: Responses,
        *,
        asks_responses: bool = False,
    ) -> None:
        super().__init__(responses if asks_responses else chat, settings, client)
        self._asks_responses = asks_responses
        #: Chat completions are in ``client.chat.completions``.
        self.chat: _AsyncChat = _AsyncChat(
            client.chat, AsyncResource(chat, settings, client.chat.completions)
        )
        #: Instructor's other name of ``client.chat.completions``.
        self.messages: AsyncResource[ChatCompletionMessageParam] = self.chat.completions
        #: The Responses API.
        self.responses: AsyncResource = AsyncResource(
            responses, settings, getattr(client, "responses", None)
        )

    def stand_in(self, name: str) -> tuple[Provider, Settings]:
        """Return whom to ask, and how, where this is a fallback of another client."""
        resource = self.responses if name == Responses.name else self.chat.completions
        return resource.stand_in(name)

    def with_options(self, **options: Any) -> AsyncClient:
        """Return a client like this one with other options of the SDK's; also named ``copy``."""
        client = self._sdk.with_options(**options)
        chat, responses = _like(self, client, options)
        return AsyncClient(
            client, self._settings, chat, responses, asks_responses=self._asks_responses
        )

    copy = with_options

    async def __aenter__(self) -> Self:
        """Return the client."""
        await self._sdk.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Close the SDK's client."""
        await self._sdk.__aexit__(exc_type, exc, exc_tb)


def _like(
    known: Client | AsyncClient, client: Any, options: Mapping[str, Any]
) -> tuple[Chat, Responses]:
    """Return the providers of a client that is like another but for options of the SDK's."""
    chat, responses = (known.stand_in(each.name)[0] for each in (Chat, Responses))
    # Both call the same server, so what one learns holds for both.
    same = options.get("base_url") is None
    return (
        cast("Chat", chat).like(client.chat.completions, same_server=same),
        cast("Responses", responses).like(client.responses, same_server=same),
    )


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
        TypeError: `client` is not such a client, or `mode` is not a `Mode`.
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
    if mode is Mode.RESPONSES_TOOLS_WITH_INBUILT_TOOLS:
        # A model that is forced to call our function could not use OpenAI's tools.
        defaults.setdefault("tool_choice", "auto")
    settings = Settings(Mode.TOOLS if mode.is_responses else mode, defaults)
    chat = Chat(client.chat.completions, transport)
    responses = Responses(getattr(client, "responses", None), transport)
    # The SDK wraps its methods; what is asynchronous shows only underneath.
    if inspect.iscoroutinefunction(inspect.unwrap(create)):
        return AsyncClient(client, settings, chat, responses, asks_responses=mode.is_responses)
    return Client(client, settings, chat, responses, asks_responses=mode.is_responses)
