"""How Mistral's chat is read: it speaks as OpenAI's does, with contents in parts."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from partialfast._errors import ServerError
from partialfast.answer._seam import AsyncReply, Provider, Reply, Request
from partialfast.providers._failures import failure_class
from partialfast.providers._http import areply_of, read_for, reply_of
from partialfast.providers._observed import at_once, whole
from partialfast.providers.openai._chat import Chat

__all__ = ["MistralChat"]


@functools.cache
def _error_class() -> Any:
    from mistralai.client.errors import MistralError  # noqa: PLC0415 - the caller has a client

    def fill(error: Any, words: str, request: Any) -> None:
        del request
        error.message, error.status_code = words, 0
        error.headers, error.raw_response = {}, None

    return failure_class(MistralError, fill, _error)


def _error(message: str, body: Any, request: Any = None) -> ServerError:
    error: ServerError = _error_class()(message, body, request)
    return error


class MistralChat(Chat):
    """``client.chat``."""

    name = "mistral.chat"
    # Usage comes without being asked for.
    has_usage_option = False

    @property
    def vendor(self) -> str:
        """OpenTelemetry's name for who is asked (``gen_ai.provider.name``)."""
        return "mistral_ai"

    def plain(self, sdk: Any, arguments: Mapping[str, Any]) -> Any:
        """Make the SDK's own call, which may be asynchronous by its name alone."""
        awaits = hasattr(sdk, "_partialfast_async")
        return (self.resource.complete_async if awaits else self.resource.complete)(**arguments)

    def open(self, request: Request) -> Reply:
        """Send a request without asynchrony."""
        arguments = _in_time(request)
        if not request.stream:
            return whole(self.resource.complete(**arguments))
        stream = self.resource.stream(**arguments)
        header = "mistral-correlation-id"
        reply = reply_of(stream.response, close=stream.response.close, id_header=header)
        if arguments is not request.arguments:
            own = getattr(self.resource.sdk_configuration, "timeout_ms", None)
            read_for(reply, None if own is None else own / 1000)
        return reply

    async def aopen(self, request: Request) -> AsyncReply:
        """Send a request; the twin of `open`."""
        arguments = _in_time(request)
        if not request.stream:
            answer = await self.resource.complete_async(**arguments)
            return at_once(whole(answer))
        stream = await self.resource.stream_async(**arguments)
        header = "mistral-correlation-id"
        return areply_of(stream.response, close=stream.response.aclose, id_header=header)

    @property
    def left_out(self) -> tuple[type, ...]:
        """The SDK's ``UNSET``."""
        from mistralai.client.types import UNSET  # noqa: PLC0415 - loaded, as there is a client

        return (type(UNSET),)

    def usage(self, reported: Any) -> Any:
        """Make of decoded usage the object that the SDK makes of it."""
        from mistralai.client.models import UsageInfo  # noqa: PLC0415 - as above

        return UsageInfo.model_validate(reported) if isinstance(reported, dict) else None

    def server_error(self, message: str, said: Any, request: Any) -> ServerError:
        """Return what is both a `StreamError` and the SDK's ``MistralError``."""
        del request
        return _error(message, said)

    def lost(self, error: BaseException) -> BaseException | None:
        """Tell whether an exception means that the connection was lost."""
        return Provider.lost(self, error)


def _in_time(request: Request) -> dict[str, Any]:
    """Let the SDK give up when the response does not begin in time."""
    if request.first_timeout is None or "timeout_ms" in request.arguments:
        return request.arguments
    return {**request.arguments, "timeout_ms": round(request.first_timeout * 1000)}
