"""The client that the commands ask with: from what a command line says to a batch's ``client``."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from partialfast.answer._attempts import Call
from partialfast.answer._options import Options, Settings
from partialfast.answer._target import read_target
from partialfast.providers.openai import AsyncClient, Mode, from_openai
from partialfast.providers.openai._chat import Chat

__all__ = ["MODES", "Endpoint", "answer_shape", "connected", "first_request"]

#: The names of ``--mode``.
MODES = tuple(mode.value for mode in Mode)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the model is. Can be pickled, for a worker in another process.

    Args:
        base_url: The server's base URL; ``None`` for OpenAI's own.
        api_key: Its key.
        mode: How the model is asked for JSON.
        concurrency: How many requests there will be at a time.
    """

    base_url: str | None
    api_key: str
    mode: str = Mode.TOOLS.value
    concurrency: int = 64

    @classmethod
    def of_environment(
        cls, base_url: str | None, *, mode: str = Mode.TOOLS.value, concurrency: int = 64
    ) -> Endpoint:
        """Take what is not said from where the SDK takes it.

        Args:
            base_url: The server's base URL; ``None`` for ``OPENAI_BASE_URL`` or OpenAI's own.
            mode: How the model is asked for JSON.
            concurrency: How many requests there will be at a time.

        Raises:
            ValueError: There is no key for OpenAI's own server, or the URL is none.
        """
        url = base_url or os.environ.get("OPENAI_BASE_URL") or None
        if url is not None and not url.startswith(("http://", "https://")):
            # What goes wrong for each request would be taken for a lost connection.
            raise ValueError(f"the base URL {url!r} must begin with http:// or https://")
        key = os.environ.get("OPENAI_API_KEY")
        if not key:
            if url is None:
                raise ValueError("set OPENAI_API_KEY to the key of api.openai.com")
            # Servers of one's own want none, but the SDK does.
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

    # As many connections as requests, all kept: a new one costs more than many an answer.
    limits = type(openai.DEFAULT_CONNECTION_LIMITS)(
        max_connections=endpoint.concurrency + 8,
        max_keepalive_connections=endpoint.concurrency + 8,
    )
    try:
        # Half the CPU time for each token, where it is installed.
        http_client: Any = openai.DefaultAioHttpClient(limits=limits)
    except RuntimeError:
        http_client = openai.DefaultAsyncHttpxClient(limits=limits)
    async with openai.AsyncOpenAI(
        base_url=endpoint.base_url,
        api_key=endpoint.api_key,
        # The batch retries, for it knows of all requests what the SDK knows of one.
        max_retries=0,
        http_client=http_client,
    ) as client:
        yield from_openai(client, Mode(endpoint.mode))


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
    options = Options(response_model=model, items=False, stream=True)
    chat = Chat(None)
    call = Call(chat, settings, options, {"model": llm, "messages": messages})
    return {**chat.with_usage(call.request).arguments, "stream": True}


def answer_shape(mode: str, model: Any) -> tuple[str | None, bool]:
    """Say what the text of an answer is.

    Args:
        mode: How the model is asked for JSON.
        model: The type of the value.

    Returns:
        The property that holds the value, if it is wrapped in an object; and whether the model has
        no choice between several types.
    """
    asked = Mode(mode)
    target = read_target(
        model,
        items=False,
        tools=asked.is_tools,
        strict=Chat.strict_schema if asked.is_strict else None,
    )
    return target.shapes[0].key, len(target.shapes) == 1
