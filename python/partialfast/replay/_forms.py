"""How a server answers: OpenAI's two APIs in the shape of a server, or another protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from partialfast.replay import _responses
from partialfast.replay._protocols import PROTOCOLS
from partialfast.replay._protocols import Protocol as OtherProtocol
from partialfast.replay._reply import Event, Json, Reply, encode
from partialfast.replay._request import RequestError
from partialfast.replay._shapes import ChatWriter, shape_named

__all__ = ["Form", "form_of"]


class Form(Protocol):
    """What a plan is made of."""

    media_type: str
    corrupt: bytes
    ignored_choices: tuple[str, ...]

    def stream(self, reply: Reply) -> Iterator[Event]:
        """Give all events of a streamed answer."""
        ...

    def whole(self, reply: Reply) -> Json:
        """Give the answer of a request that does not stream."""
        ...

    def failure(self, reply: Reply, upto: int, *, announced: bool) -> Iterator[Event]:
        """Give what comes instead of the rest when generation dies midway."""
        ...

    def error(self, error: RequestError) -> Json:
        """Give the body of an error response."""
        ...

    def error_headers(self, error: RequestError) -> dict[str, str]:
        """Give the headers of an error response beside the content type."""
        ...

    def headers(self, reply: Reply) -> dict[str, str]:
        """Give the response headers beside the content type."""
        ...

    def encode(self, event: Event) -> bytes:
        """Write an event as it goes over the wire."""
        ...


class _OpenAI:
    """What both APIs of OpenAI's share."""

    media_type: str = "text/event-stream; charset=utf-8"
    corrupt: bytes = b'data: {"choices":[{\n\n'

    def __init__(self, shape: ChatWriter) -> None:
        self._shape = shape
        self.ignored_choices = shape.shape.ignored_choices

    def error(self, error: RequestError) -> Json:
        return self._shape.error(error)

    def error_headers(self, error: RequestError) -> dict[str, str]:
        del error
        return {}

    def headers(self, reply: Reply) -> dict[str, str]:
        return self._shape.headers(reply)

    def encode(self, event: Event) -> bytes:
        return encode(event)


class _Chat(_OpenAI):
    def stream(self, reply: Reply) -> Iterator[Event]:
        return self._shape.stream(reply)

    def whole(self, reply: Reply) -> Json:
        return self._shape.completion(reply)

    def failure(self, reply: Reply, upto: int, *, announced: bool) -> Iterator[Event]:
        del announced
        return self._shape.failure(reply, upto)


class _Responses(_OpenAI):
    def stream(self, reply: Reply) -> Iterator[Event]:
        return _responses.stream(self._shape, reply)

    def whole(self, reply: Reply) -> Json:
        return _responses.response(self._shape, reply)

    def failure(self, reply: Reply, upto: int, *, announced: bool) -> Iterator[Event]:
        return _responses.failed(self._shape, reply, upto, announced=announced)


class _Other:
    """A protocol that is not OpenAI's."""

    def __init__(self, protocol: OtherProtocol) -> None:
        self._protocol = protocol
        self.ignored_choices: tuple[str, ...] = ()
        self.media_type: str = protocol.media_type
        self.corrupt: bytes = protocol.corrupt
        self.stream = protocol.stream
        self.whole = protocol.whole
        self.error = protocol.error
        self.error_headers = protocol.error_headers
        self.headers = protocol.headers
        self.encode = protocol.encode

    def failure(self, reply: Reply, upto: int, *, announced: bool) -> Iterator[Event]:
        del announced
        return self._protocol.failure(reply, upto)


_APIS: dict[str, type[_Chat | _Responses]] = {"chat": _Chat, "responses": _Responses}


def form_of(api: str, shape: str) -> Form:
    """Find how a request is answered.

    Args:
        api: ``"chat"``, ``"responses"`` or the name of another protocol.
        shape: The server to imitate, one of `SHAPES`; other protocols have no shapes.

    Raises:
        ValueError: There is no such shape.
    """
    if (protocol := PROTOCOLS.get(api)) is not None:
        return _Other(protocol)
    return _APIS[api](shape_named(shape))
