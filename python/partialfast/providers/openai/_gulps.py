"""Chat completions for a batch: a request that skips most of the SDK, read in gulps.

Nobody looks at the tokens of a batch one by one, yet each that arrives on its own wakes a task. So
the transport stops reading for a while after each read, and the socket's buffer gathers what comes
meanwhile. And of a request that is the same for every document but for one message, the SDK's own
call costs several times what all the rest does: it is sent over aiohttp as it stands, with the
SDK's headers, and its refusals are the SDK's exceptions.

What is not plainly a request of the SDK's to a server without a proxy takes the SDK's way.
"""

from __future__ import annotations

import asyncio
import sys
import urllib.request
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic_core import PydanticSerializationError, to_json
from typing_extensions import Self

from partialfast.answer._seam import AsyncReply, Request
from partialfast.providers.openai._chat import Chat
from partialfast.providers.openai._provider import body_of

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

__all__ = ["GULP_S", "ChatInGulps", "goes_through_a_proxy"]

#: Seconds between two reads. An invalid answer is found out at most so much later.
GULP_S = 0.25

#: Arguments that are the SDK's business and no part of the body.
_NOT_SENT = frozenset({"extra_headers", "extra_query", "timeout"})
#: In the event that says why an answer has ended; before that, the reason is ``null``.
_ENDINGS = (b'"finish_reason":"', b'"finish_reason": "')
#: What is read for the sake of the connection.
_REST_BYTES = 1 << 16
_REST_S = 0.1
_CLIENT_ERRORS = 400


def goes_through_a_proxy(url: str) -> bool:
    """Tell whether the environment names a proxy for a URL, which the SDK's client would use.

    Args:
        url: Where requests go.
    """
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    named = parts.scheme in proxies or "all" in proxies
    return named and not urllib.request.proxy_bypass(parts.hostname or "")


class ChatInGulps(Chat):
    """``client.chat.completions`` of a batch.

    Args:
        client: The SDK's ``AsyncOpenAI``.
        http: What sends the requests.
        gulp_s: Seconds between two reads of an answer; 0 to read what comes when it comes.
    """

    def __init__(self, client: Any, http: ClientSession, *, gulp_s: float = GULP_S) -> None:
        super().__init__(client.chat.completions)
        self._client = client
        self._http = http
        self._gulp_s = gulp_s
        self._url = f"{str(client.base_url).rstrip('/')}/chat/completions"
        headers = {**client.default_headers, **client.auth_headers}
        # The markers for arguments that are left out are objects of the SDK's.
        self._headers = {name: value for name, value in headers.items() if isinstance(value, str)}
        # To undo a compression would cost more than it saves.
        self._headers |= {"accept": "text/event-stream", "accept-encoding": "identity"}

    def like(self, resource: Any, *, same_server: bool) -> Any:
        """Return a provider for another client, which takes the SDK's way."""
        return Chat(resource, self.transport, self._known if same_server else None)

    async def _aopen(self, request: Request) -> AsyncReply:
        body = None if _NOT_SENT & request.arguments.keys() else _body(request)
        if body is None:
            return await super()._aopen(request)
        from aiohttp import ClientError  # noqa: PLC0415 - there is a session, so it is loaded

        try:
            response = await self._http.post(self._url, data=body, headers=self._headers)
            if response.status >= _CLIENT_ERRORS:
                raise self._refusal(response, await response.read())
        except (ClientError, OSError, asyncio.TimeoutError) as error:
            from openai import APIConnectionError  # noqa: PLC0415 - as above

            sent = _http_library().Request("POST", self._url)
            raise APIConnectionError(request=sent) from error
        return AsyncReply(
            blocks=_Gulps(response, self._gulp_s),
            aclose=_closing(response),
            afinish=_finishing(response),
            request=_http_library().Request("POST", self._url),
            request_id=response.headers.get("x-request-id"),
            content_type=response.headers.get("content-type"),
        )

    def _refusal(self, response: ClientResponse, body: bytes) -> Exception:
        """Make of a refusal what the SDK makes of it."""
        library = _http_library()
        made = library.Response(
            response.status,
            headers=list(response.headers.items()),
            content=body,
            request=library.Request("POST", self._url),
        )
        error: Exception = self._client._make_status_error_from_response(made)  # noqa: SLF001 - or it would be written here once more
        return error


def _http_library() -> Any:
    """Return the library that the SDK's requests and responses are of; it is loaded."""
    return sys.modules.get("httpx2") or sys.modules["httpx"]


def _body(request: Request) -> bytes | None:
    try:
        return to_json(body_of({**request.arguments, "stream": True}))
    except PydanticSerializationError:
        # Something that the SDK knows how to send.
        return None


class _Gulps:
    """The blocks of an answer.

    Args:
        response: The response.
        gulp_s: Seconds between two reads.
    """

    def __init__(self, response: ClientResponse, gulp_s: float) -> None:
        self._response = response
        self._content = response.content
        self._gulp_s = gulp_s
        self._begun = False

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> bytes:
        """Wait until a read is due, and read what has come."""
        if self._begun and self._gulp_s and not self._content.is_eof():
            await self._pause()
        self._begun = True
        block = await self._content.readany()
        if not block:
            raise StopAsyncIteration
        # What follows the end of the answer comes at once.
        if any(mark in block for mark in _ENDINGS):
            self._gulp_s = 0.0
        return block

    async def _pause(self) -> None:
        connection = self._response.connection
        protocol = connection.protocol if connection is not None else None
        if protocol is None:
            return
        protocol.pause_reading()
        try:
            await asyncio.sleep(self._gulp_s)
        finally:
            protocol.resume_reading()


def _closing(response: ClientResponse) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        response.close()

    return close


def _finishing(response: ClientResponse) -> Callable[[], Awaitable[None]]:
    async def finish() -> None:
        """Read what is left, which is little or nothing, so that the connection is used again."""
        from anyio import move_on_after  # noqa: PLC0415 - comes with the SDK, not with us

        content, left = response.content, _REST_BYTES
        with move_on_after(_REST_S):
            while left > 0 and not content.at_eof():
                left -= len(await content.readany())
        if not content.at_eof():
            response.close()
        response.release()

    return finish
