"""The client that the commands ask with: from what a command line says to a batch's ``client``."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from partialfast.answer._attempts import Call
from partialfast.answer._options import CallOptions, Settings
from partialfast.answer._seam import Provider
from partialfast.answer._target import read_target
from partialfast.providers._stainless import is_plain
from partialfast.providers.openai import AsyncClient, Mode
from partialfast.providers.openai._chat import Chat
from partialfast.providers.openai._direct import DirectChat, goes_through_a_proxy
from partialfast.providers.openai._responses import Responses

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["MODES", "Endpoint", "answer_shape", "connected", "first_request"]

#: The names of ``--mode``.
MODES = tuple(mode.value for mode in Mode if not mode.is_responses)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the model is. Can be pickled, for a worker in another process.

    Args:
        base_url: The server's base URL; ``None`` for OpenAI's own.
        api_key: Its key.
        mode: How the model is asked for JSON.
        concurrency: How many requests there will be at a time.
        provider: Another provider than OpenAI, by its name; it finds its key and its place itself.
    """

    base_url: str | None
    api_key: str = field(repr=False)
    mode: str = Mode.TOOLS.value
    concurrency: int = 64
    provider: str | None = None

    @classmethod
    def of_environment(
        cls,
        base_url: str | None,
        *,
        mode: str = Mode.TOOLS.value,
        concurrency: int = 64,
        provider: str | None = None,
    ) -> Endpoint:
        """Take what is not said from where the SDK takes it.

        Args:
            base_url: The server's base URL; ``None`` for ``OPENAI_BASE_URL`` or OpenAI's own.
            mode: How the model is asked for JSON.
            concurrency: How many requests there will be at a time.
            provider: Another provider than OpenAI, by its name.

        Raises:
            ValueError: There is no key for OpenAI's own server, or the URL is not one.
        """
        if provider is not None:
            return cls(base_url, "", mode, concurrency, provider=provider)
        url = base_url or os.environ.get("OPENAI_BASE_URL") or None
        if url is not None and not url.startswith(("http://", "https://")):
            # An error of each request would be taken for a lost connection.
            raise ValueError(f"the base URL {url!r} must begin with http:// or https://")
        key = os.environ.get("OPENAI_API_KEY")
        if not key:
            if url is None:
                raise ValueError("set OPENAI_API_KEY to the key of api.openai.com")
            # Local servers need none, but the SDK does.
            key = "none"
        return cls(url, key, mode, concurrency)


@asynccontextmanager
async def connected(endpoint: Endpoint) -> AsyncGenerator[AsyncClient, None]:
    """Open a client for a batch.

    Args:
        endpoint: Where the model is.

    Yields:
        The client, closed at the end.
    """
    import openai  # noqa: PLC0415 - heavy

    # As many connections as requests, all kept: a new one can cost more than an answer.
    count = endpoint.concurrency + 8
    limits = type(openai.DEFAULT_CONNECTION_LIMITS)(
        max_connections=count, max_keepalive_connections=count
    )
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            openai.AsyncOpenAI(
                base_url=endpoint.base_url,
                api_key=endpoint.api_key,
                # The batch retries: it knows about all requests, the SDK only about one.
                max_retries=0,
                http_client=openai.DefaultAsyncHttpxClient(limits=limits),
            )
        )
        settings = Settings(Mode(endpoint.mode))
        chat = _chat(client, stack)
        yield AsyncClient(client, settings, chat, Responses(client.responses))


def _chat(client: AsyncOpenAI, stack: AsyncExitStack) -> Chat:
    """Give what calls the server: at little cost where that is possible."""
    if goes_through_a_proxy(str(client.base_url)) or not is_plain(
        client.chat.completions, "openai"
    ):
        return Chat(client.chat.completions)
    chat = DirectChat(client)
    stack.callback(chat.close)
    return chat


def first_request(mode: str, model: Any, llm: str, messages: list[Any]) -> dict[str, Any]:
    """Give the body of a request that is not sent.

    Args:
        mode: How the model is asked for JSON.
        model: The type of the value.
        llm: The model to ask.
        messages: What to ask.

    Returns:
        The body.
    """
    settings = Settings(Mode(mode))
    options = CallOptions(response_model=model, items=False, stream=True)
    chat = Chat(None)
    call = Call(chat, settings, options, {"model": llm, "messages": messages})
    return {**chat.with_usage(call.request).arguments, "stream": True}


def answer_shape(mode: str, model: Any, asked_of: type[Provider] = Chat) -> tuple[str | None, bool]:
    """Say what the text of an answer is.

    Args:
        mode: How the model is asked for JSON.
        model: The type of the value.
        asked_of: Whose rules for strict schemas hold.

    Returns:
        The property that holds the value, if it is wrapped in an object; and whether the model has
        no choice between several types.
    """
    asked = Mode(mode)
    target = read_target(
        model,
        items=False,
        tools=asked.is_tools,
        strict=asked_of.strict_schema if asked.is_strict else None,
    )
    return target.shapes[0].key, len(target.shapes) == 1
