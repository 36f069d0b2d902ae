"""Clients of what is asked like OpenAI's chat, by one function, and gives objects of its own."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from partialfast._errors import ServerError
from partialfast.answer._seam import AsyncReply, Block, Provider, Reply, Request
from partialfast.providers._client import AsyncClient, Client, make_client
from partialfast.providers.openai import Mode
from partialfast.providers.openai._chat import Chat

__all__ = ["FunctionChat", "client_of_function"]


@dataclass(slots=True)
class _Resource:
    """A function in place of ``client.chat.completions``."""

    create: Callable[..., Any]


class FunctionChat(Chat):
    """A function that takes what ``chat.completions.create`` takes.

    Args:
        function: The function.
    """

    name = "chat"

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(_Resource(function), "sdk")

    def plain(self, sdk: Any, arguments: Mapping[str, Any]) -> Any:
        """Make the SDK's own call."""
        del sdk
        return self.resource.create(**arguments)

    def failed(self, error: Exception) -> Block | None:
        """Return what an exception of the SDK's says about the answer; ``None`` if nothing.

        Args:
            error: What was raised in the middle of a stream.
        """
        del error
        return None

    def open(self, request: Request) -> Reply:
        """Send a request without asynchrony."""
        reply = super().open(request)
        reply.blocks = self._read(reply.blocks)
        return reply

    async def aopen(self, request: Request) -> AsyncReply:
        """Send a request; the twin of `open`."""
        reply = await super().aopen(request)
        reply.blocks = self._aread(reply.blocks)
        return reply

    def _read(self, blocks: Iterator[Block]) -> Iterator[Block]:
        try:
            yield from blocks
        except Exception as error:
            if (said := self.failed(error)) is None:
                raise
            yield said

    async def _aread(self, blocks: AsyncIterator[Block]) -> AsyncIterator[Block]:
        try:
            async for block in blocks:
                yield block
        except Exception as error:
            if (said := self.failed(error)) is None:
                raise
            yield said

    def server_error(self, message: str, said: Any, request: Any) -> ServerError:
        """Return a `StreamError`."""
        return Provider.server_error(self, message, said, request)


def client_of_function(  # noqa: PLR0913 - each is said by the caller
    sdk: Any,
    function: Callable[..., Any],
    kind: type[FunctionChat],
    mode: Mode | None,
    defaults: dict[str, Any],
    *,
    model: str | None,
) -> Client | AsyncClient:
    """Return a client of a function, asynchronous where that is.

    Args:
        sdk: What the client stands for.
        function: What is called.
        kind: The provider.
        mode: How the model is asked for JSON; ``None`` for a forced tool.
        defaults: Arguments for every call that does not set them.
        model: The ``model`` of calls that do not name one.
    """
    # Decorators hide what is asynchronous.
    is_async = inspect.iscoroutinefunction(inspect.unwrap(function))
    return make_client(sdk, kind(function), mode, defaults, model=model, is_async=is_async)
