"""Chat completions for a batch: a request without the SDK's detours.

Of a request that is the same for every document but for one message, the SDK's own call costs
several times what all the rest does. So it is sent as it stands, with the SDK's headers, over
connections that are read only when somebody asks; and its refusals are the SDK's exceptions.

What is not plainly a request of the SDK's to a server without a proxy takes the SDK's way.
"""

from __future__ import annotations

import contextlib
import ssl
import sys
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import PydanticSerializationError, to_json

from partialfast.answer._seam import AsyncReply, Request
from partialfast.providers._connections import Connections, Response
from partialfast.providers.openai._chat import Chat
from partialfast.providers.openai._provider import body_of

__all__ = ["DirectChat", "goes_through_a_proxy"]

#: Arguments that are the SDK's business and no part of the body.
_NOT_SENT = frozenset({"extra_headers", "extra_query", "timeout"})
# How long to read on for the sake of the connection.
_REST_S = 0.1
_REDIRECTIONS = 300
_REFUSALS = 400


def goes_through_a_proxy(url: str) -> bool:
    """Tell whether the environment names a proxy for a URL, which the SDK's client knows of.

    Args:
        url: Where requests go.
    """
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    named = parts.scheme in proxies or "all" in proxies
    return named and not urllib.request.proxy_bypass(parts.hostname or "")


class DirectChat(Chat):
    """``client.chat.completions`` of a batch.

    Args:
        client: The SDK's ``AsyncOpenAI``, whose key is a text.
    """

    def __init__(self, client: Any) -> None:
        super().__init__(client.chat.completions)
        self._client = client
        self._url = f"{str(client.base_url).rstrip('/')}/chat/completions"
        headers = {**client.default_headers, **client.auth_headers}
        # Those that say that something is left out are objects of the SDK's.
        sent = {name: value for name, value in headers.items() if isinstance(value, str)}
        # To undo a compression would cost more than it saves.
        sent |= {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        self._connections = Connections(self._url, sent, _context(self._url))
        self._takes_detour = False
        # What exceptions of the SDK's want to hold; it is the same for all.
        self._asked = _http_library().Request("POST", self._url)

    def like(self, resource: Any, *, same_server: bool) -> Any:
        """Return a provider for another client, which takes the SDK's way."""
        return Chat(resource, self.transport, self._known if same_server else None)

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    async def _aopen(self, request: Request) -> AsyncReply:
        if self._takes_detour or _NOT_SENT & request.arguments.keys():
            return await super()._aopen(request)
        body = _body(request)
        if body is None:
            return await super()._aopen(request)
        try:
            response = await self._connections.post(body)
            status = response.head.status
            refusal = await response.read() if status >= _REFUSALS else b""
        except OSError as error:
            from openai import APIConnectionError  # noqa: PLC0415 - there is a client

            raise APIConnectionError(request=self._asked) from error
        if status >= _REFUSALS:
            raise self._refusal(response, refusal)
        coding = response.head.get("content-encoding") or "identity"
        if status >= _REDIRECTIONS or coding.lower() != "identity":
            # It goes elsewhere, or compresses all the same: the SDK knows what to do.
            response.close()
            self._takes_detour = True
            return await super()._aopen(request)
        return AsyncReply(
            blocks=response,
            aclose=_closing(response),
            afinish=_finishing(response),
            request=self._asked,
            request_id=response.head.get("x-request-id"),
            content_type=response.head.get("content-type"),
            gate=response.gate,
        )

    def _refusal(self, response: Response, body: bytes) -> Exception:
        """Make of a refusal what the SDK makes of it."""
        made = _http_library().Response(
            response.head.status,
            headers=[each for each in response.head.headers if each[0] != "transfer-encoding"],
            content=body,
            request=self._asked,
        )
        error: Exception = self._client._make_status_error_from_response(made)  # noqa: SLF001 - or it would be written here once more
        return error


def _http_library() -> Any:
    """Return the library that the SDK's requests and responses are of; it is loaded.

    Both can be: httpx2 is the newer SDKs', and something else may have loaded it as well.
    """
    from openai import DefaultAsyncHttpxClient  # noqa: PLC0415 - there is a client

    made_of: type = DefaultAsyncHttpxClient.__mro__[1]
    return sys.modules[made_of.__module__.partition(".")[0]]


def _context(url: str) -> ssl.SSLContext | None:
    if not url.startswith("https:"):
        return None
    # As the SDK's own client encrypts.
    context: ssl.SSLContext = _http_library().create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _body(request: Request) -> bytes | None:
    try:
        return to_json(body_of({**request.arguments, "stream": True}))
    except PydanticSerializationError:
        # Something that the SDK knows how to send.
        return None


def _closing(response: Response) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        response.close()

    return close


def _finishing(response: Response) -> Callable[[], Awaitable[None]]:
    async def finish() -> None:
        """Read what is left, which is little or nothing, so that the connection is used again."""
        if not response.is_done:
            from anyio import move_on_after  # noqa: PLC0415 - comes with the SDK, not with us

            # The answer is complete without it.
            with move_on_after(_REST_S), contextlib.suppress(OSError):
                await response.read()
        response.close()

    return finish
