"""The client: a thin proxy around the SDK's, which knows ``response_model``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from typing_extensions import Self

from partialfast.answer._mode import Mode
from partialfast.answer._options import Settings
from partialfast.answer._resources import Proxy, ResourceBase
from partialfast.answer._seam import Provider
from partialfast.providers._stainless import Transport
from partialfast.providers.openai._acalls import AsyncCalls
from partialfast.providers.openai._calls import Calls
from partialfast.providers.openai._chat import Chat
from partialfast.providers.openai._responses import Responses

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

__all__ = ["AsyncClient", "Client", "from_openai"]

Asked = TypeVar("Asked")

_TRANSPORTS = ("auto", "raw", "sdk")


class _Chat(Proxy, Generic[Asked]):
    """``client.chat`` of a client."""

    def __init__(self, sdk: Any, completions: Asked) -> None:
        super().__init__(sdk)
        #: Chat completions.
        self.completions = completions


class _Client(ResourceBase, Generic[Asked]):
    """What a client has, be it asynchronous or not: `_resource` is what is called of it.

    Args:
        client: The SDK's client.
        settings: What `from_openai` was told.
        chat: What calls ``client.chat.completions``.
        responses: What calls ``client.responses``.
        asks_responses: Whether the client's own methods are those of ``client.responses``.
    """

    _resource: Any

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
        completions: Asked = self._resource(chat, settings, client.chat.completions)
        #: Chat completions are in ``client.chat.completions``.
        self.chat: _Chat[Asked] = _Chat(client.chat, completions)
        #: Instructor's other name for ``client.chat.completions``.
        self.messages: Asked = completions
        #: The Responses API.
        self.responses: Asked = self._resource(
            responses, settings, getattr(client, "responses", None)
        )

    def stand_in(self, name: str) -> tuple[Provider, Settings]:
        """Return whom to ask, and how, where this is a fallback of another client."""
        resource: Any = self.responses if name == Responses.name else self.chat.completions
        asked: tuple[Provider, Settings] = resource.stand_in(name)
        return asked

    def with_options(self, **options: Any) -> Self:
        """Return a client like this one with other options of the SDK's; also named ``copy``."""
        client = self._sdk.with_options(**options)
        chat, responses = _like(self, client, options)
        return type(self)(
            client, self._settings, chat, responses, asks_responses=self._asks_responses
        )

    copy = with_options


class Client(_Client[Calls], Calls):
    """An ``OpenAI`` client with ``response_model``.

    `create`, `create_partial` and `create_iterable` of the client itself are those of
    ``client.chat.completions``. What is not described here is the SDK's, untouched.
    """

    _resource = Calls

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


class AsyncClient(_Client[AsyncCalls], AsyncCalls):
    """An ``AsyncOpenAI`` client with ``response_model``.

    `create`, `create_partial` and `create_iterable` of the client itself are those of
    ``client.chat.completions``. What is not described here is the SDK's, untouched.
    """

    _resource = AsyncCalls

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


def _like(known: _Client[Any], client: Any, options: Mapping[str, Any]) -> tuple[Chat, Responses]:
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
