"""What both of OpenAI's APIs share: how they are called, what they report, how they fail."""

from __future__ import annotations

import functools
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from pydantic import TypeAdapter
from typing_extensions import Self

from partialfast._errors import ServerError
from partialfast.answer._explain import words_of
from partialfast.answer._mode import Mode
from partialfast.answer._seam import AsyncReply, Block, Provider, Reply, Request, Tokens
from partialfast.providers._stainless import (
    Transport,
    aopen_observed,
    aopen_raw,
    open_observed,
    open_raw,
    reads_bytes,
    whole,
)

__all__ = ["OpenAI"]

logger = logging.getLogger("partialfast")

_REFUSING = frozenset({400, 422})


@functools.cache
def _error_class() -> type[ServerError]:
    from openai import APIError  # noqa: PLC0415 - the caller has a client, so it is loaded

    class OpenAIServerError(ServerError, APIError):
        """The server reported that it failed: the SDK's ``APIError`` as well."""

        def __init__(self, message: str, request: Any, body: Any) -> None:
            # The SDK's `message` is the server's own.
            APIError.__init__(self, words_of(body) or message, request, body=body)
            ServerError.__init__(self, message, body=body)

        def __reduce__(self) -> tuple[Any, ...]:
            state = {name: value for name, value in self.__dict__.items() if name != "request"}
            return _remade, (str(self), self.body), state

    return OpenAIServerError


def _remade(message: str, body: Any) -> ServerError:
    return _error(message, None, body)


def _error(message: str, request: Any, body: Any) -> ServerError:
    class_: Any = _error_class()
    error: ServerError = class_(message, request, body)
    return error


@dataclass(slots=True)
class Known:
    """What was learnt about a server.

    Args:
        refuses_usage_option: Whether it refuses ``stream_options``.
    """

    refuses_usage_option: bool = False


class OpenAI(Provider):
    """One of OpenAI's APIs, or of the many servers that speak them.

    Args:
        resource: The SDK's ``client.chat.completions`` or ``client.responses``.
        transport: How to read.
        known: What was learnt about the server, shared by the clients that call it.
    """

    modes = (Mode.TOOLS, Mode.TOOLS_STRICT, Mode.JSON_SCHEMA, Mode.JSON, Mode.MD_JSON)
    # Whether usage comes in a stream only when it is asked for.
    has_usage_option: ClassVar[bool] = False

    def __init__(
        self, resource: Any, transport: Transport = "auto", known: Known | None = None
    ) -> None:
        self.resource = resource
        self.transport: Transport = transport
        self._known = known or Known()

    def like(self, resource: Any, *, same_server: bool) -> Self:
        """Return a provider for another client.

        Args:
            resource: That of the other client.
            same_server: Whether what is known of the server holds for the other, too.
        """
        return type(self)(resource, self.transport, self._known if same_server else None)

    def open(self, request: Request) -> Reply:
        """Send a request without asynchrony."""
        if not request.stream:
            return whole(self.resource.create(**request.arguments))
        sent = self.with_usage(request)
        try:
            return self._open(sent)
        except Exception as error:
            if sent is request or not self._learn(error):
                raise
        return self._open(request)

    def _open(self, request: Request) -> Reply:
        request = _in_time(request)
        if reads_bytes(self.resource, self.transport, "openai"):
            return open_raw(self.resource, request)
        return open_observed(self.resource.create(**request.arguments, stream=True), "openai")

    async def aopen(self, request: Request) -> AsyncReply:
        """Send a request; the twin of `open`."""
        if not request.stream:
            return _at_once(whole(await self.resource.create(**request.arguments)))
        sent = self.with_usage(request)
        try:
            return await self._aopen(sent)
        except Exception as error:
            if sent is request or not self._learn(error):
                raise
        return await self._aopen(request)

    async def _aopen(self, request: Request) -> AsyncReply:
        if reads_bytes(self.resource, self.transport, "openai"):
            return await aopen_raw(self.resource, request)
        stream = await self.resource.create(**request.arguments, stream=True)
        return await aopen_observed(stream, "openai")

    def with_usage(self, request: Request) -> Request:
        """Ask for usage in the stream, where it comes only then.

        Args:
            request: What is to be sent.
        """
        arguments = request.arguments
        if (
            not self.has_usage_option
            or self._known.refuses_usage_option
            or "stream_options" in arguments
        ):
            return request
        asked = {**arguments, "stream_options": {"include_usage": True}}
        made = request.made | {"stream_options"}
        return Request(asked, made, request.stream, request.first_timeout)

    def _learn(self, error: Exception) -> bool:
        """Tell whether the server refused a request because it asked for usage; remember it."""
        said = f"{error} {getattr(error, 'body', '')}"
        if getattr(error, "status_code", None) not in _REFUSING or "stream_options" not in said:
            return False
        logger.debug("%s: the server refuses stream_options; asking without", self.name)
        self._known.refuses_usage_option = True
        return True

    @property
    def left_out(self) -> tuple[type, ...]:
        """The SDK's ``NOT_GIVEN`` and ``omit``."""
        from openai import NotGiven, Omit  # noqa: PLC0415 - loaded, as there is a client

        return (NotGiven, Omit)

    def choices(self, arguments: Mapping[str, Any]) -> int:
        """Return how many answers are asked for at once."""
        return arguments.get("n") or 1

    @staticmethod
    def strict_schema(adapter: TypeAdapter[Any]) -> dict[str, Any]:
        """Return the JSON schema of a type by OpenAI's rules for strict ones."""
        # The SDK's own helper: the rules belong to the server, and the SDK follows them.
        from openai.lib._pydantic import to_strict_json_schema  # noqa: PLC0415

        return to_strict_json_schema(adapter)

    def server_error(self, message: str, said: Any, request: Any) -> ServerError:
        """Return what is both a `ServerError` and the SDK's ``APIError``."""
        return _error(message, request, said)

    def lost(self, error: BaseException) -> BaseException | None:
        """Tell whether an exception means that the connection was lost."""
        from openai import APIConnectionError  # noqa: PLC0415 - loaded, as there is a client

        if isinstance(error, APIConnectionError):
            # It says less than the one that it was made from.
            return error.__cause__ or error
        return super().lost(error)


def _in_time(request: Request) -> Request:
    """Let the SDK give up when the response does not begin in time."""
    if request.first_timeout is None or "timeout" in request.arguments:
        return request
    arguments = {**request.arguments, "timeout": request.first_timeout}
    return Request(arguments, request.made, request.stream)


def _at_once(reply: Reply) -> AsyncReply:
    async def blocks() -> AsyncIterator[Block]:
        for block in reply.blocks:
            yield block

    async def aclose() -> None:
        pass

    return AsyncReply(blocks=blocks(), aclose=aclose, request_id=reply.request_id)


def tokens(reported: Any, *, input_: str, output: str) -> Tokens:
    """Read the neutral numbers out of decoded usage.

    Args:
        reported: The usage.
        input_: What the API calls the tokens of the request.
        output: What it calls those of the answer.
    """
    if not isinstance(reported, Mapping):
        return Tokens()
    usage = cast("Mapping[str, Any]", reported)

    def number(value: Any) -> int | None:
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def detail(part: str, name: str) -> int | None:
        details = usage.get(f"{part}_details")
        return number(details.get(name)) if isinstance(details, Mapping) else None

    return Tokens(
        number(usage.get(input_)),
        number(usage.get(output)),
        detail(input_, "cached_tokens"),
        detail(output, "reasoning_tokens"),
    )
