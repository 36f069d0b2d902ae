"""Where the answer comes from: one source per way of reading it, sync and async.

A source hands out what it reads block by block and knows how to close the HTTP response. What a
block is only the `State` that reads it needs to know.
"""

from __future__ import annotations

import json
import ssl
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import AsyncGeneratorType
from typing import Any, Final, Literal, Protocol

__all__ = [
    "END",
    "AsyncSource",
    "Corrupt",
    "Lost",
    "Source",
    "Transport",
    "open_async_source",
    "open_source",
]

Transport = Literal["auto", "raw", "sdk"]

# How long, and how much, to read for the sake of the connection.
_FINISH_S = 0.1
_FINISH_BLOCKS = 16


class _End:
    """The type of `END`."""

    def __repr__(self) -> str:
        return "END"


END: Final = _End()


@dataclass(frozen=True, slots=True)
class Corrupt:
    """A block that stands for an event that cannot be read.

    Args:
        why: What is wrong with it.
    """

    why: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A block that stands for a lost connection.

    Args:
        error: The exception of the HTTP library.
    """

    error: BaseException


class Source(Protocol):
    """An open HTTP response."""

    request: Any
    request_id: str | None
    content_type: str | None

    def read(self) -> Any:
        """Return the next block, `END`, a `Corrupt` or a `Lost`."""

    def finish(self) -> None:
        """Close the response, of which nothing more is wanted, so that its connection is kept."""

    def close(self) -> None:
        """Close the response at once."""


class AsyncSource(Protocol):
    """An open HTTP response, read without blocking."""

    request: Any
    request_id: str | None
    content_type: str | None

    async def read(self) -> Any:
        """Return the next block, `END`, a `Corrupt` or a `Lost`."""

    async def afinish(self) -> None:
        """Close the response, of which nothing more is wanted, so that its connection is kept."""

    async def aclose(self) -> None:
        """Close the response at once."""


def open_source(
    resource: Any,
    kwargs: dict[str, Any],
    transport: Transport,
    *,
    made: AbstractSet[str] = frozenset(),
) -> Source:
    """Send the request and return its response.

    Args:
        resource: The SDK's ``client.chat.completions`` or ``client.responses``.
        kwargs: Arguments of its ``create``.
        transport: How to read.
        made: Names of those whose values are plain JSON.

    Returns:
        The response, of which no block has been read.

    Raises:
        openai.OpenAIError: As the SDK raises it.
        TypeError: Raw bytes are asked for, and cannot be had.
    """
    if _reads_bytes(resource, transport):
        create = resource.with_streaming_response.create
        manager = create(**_without_a_walk(kwargs, made), stream=True)
        return _RawSource(manager, manager.__enter__())
    return _SdkSource(resource.create(**kwargs, stream=True))


async def open_async_source(
    resource: Any,
    kwargs: dict[str, Any],
    transport: Transport,
    *,
    made: AbstractSet[str] = frozenset(),
) -> AsyncSource:
    """Send the request and return its response; the twin of `open_source`."""
    if _reads_bytes(resource, transport):
        create = resource.with_streaming_response.create
        manager = create(**_without_a_walk(kwargs, made), stream=True)
        return _AsyncRawSource(manager, await manager.__aenter__())
    return _AsyncSdkSource(await resource.create(**kwargs, stream=True))


def _reads_bytes(resource: Any, transport: Transport) -> bool:
    if transport == "sdk":
        return False
    # What only works like the SDK's client may answer to any name, as mocks do.
    official = type(resource).__module__.partition(".")[0] == "openai"
    available = official and hasattr(resource, "with_streaming_response")
    if transport == "raw" and not available:
        raise TypeError(
            f"transport='raw' needs the SDK's own client, not {type(resource).__qualname__}: "
            "pass transport='sdk' or 'auto'"
        )
    return available


def _without_a_walk(kwargs: dict[str, Any], made: AbstractSet[str]) -> dict[str, Any]:
    """Let the SDK send what is plain JSON as it stands.

    It walks over all arguments beside their types, to turn models into what JSON can say, which
    for a schema takes a good part of the time of a call. What comes as ``extra_body`` goes into
    the same body without that.
    """
    extra: object = kwargs.get("extra_body") or {}
    if not isinstance(extra, Mapping):
        # The SDK has something to say about it.
        return kwargs
    walked = {name: value for name, value in kwargs.items() if name not in made}
    plain = {name: kwargs[name] for name in made & kwargs.keys()}
    return {**walked, "extra_body": {**plain, **extra}}


def _transport_errors() -> tuple[type[BaseException], ...]:
    """Return the exceptions that mean a lost connection.

    The SDK works over httpx or its successor, by version and by the client that it was given, and
    turns their exceptions into its own, or does not, by version too.
    """
    errors: list[type[BaseException]] = [ssl.SSLError, ConnectionError, TimeoutError]
    for name, error in (
        ("openai", "APIConnectionError"),
        ("httpx2", "RequestError"),
        ("httpx", "RequestError"),
        ("anyio", "EndOfStream"),
    ):
        if (module := sys.modules.get(name)) is not None:
            errors.append(getattr(module, error))
    return tuple(errors)


def _lost(error: BaseException) -> Lost:
    # The SDK's exception says less than the one that it was made from.
    wrapped = type(error).__module__.partition(".")[0] == "openai"
    return Lost(error.__cause__ if wrapped and error.__cause__ is not None else error)


def _header(response: Any, name: str) -> str | None:
    headers = getattr(response, "headers", None)
    return headers.get(name) if headers is not None else None


def _is_encoded(response: Any) -> bool:
    """Tell whether the body has to be decompressed; reading it as it is takes less time."""
    return (_header(response, "content-encoding") or "identity") != "identity"


class _RawSource:
    """Reads the bytes of the response.

    Args:
        manager: The SDK's context manager of the response.
        response: What it gave.
    """

    def __init__(self, manager: Any, response: Any) -> None:
        self._manager = manager
        self._http = http = response.http_response
        self._blocks: Iterator[bytes] = http.iter_bytes() if _is_encoded(http) else http.iter_raw()
        self._at_end = False
        self.request = response.http_request
        self.request_id = _header(response, "x-request-id")
        self.content_type = _header(response, "content-type")

    def read(self) -> Any:
        try:
            block = next(self._blocks, END)
        except _transport_errors() as error:
            self._at_end = True
            return Lost(error)
        if block is END:
            self._at_end = True
        return block

    def finish(self) -> None:
        if not self._at_end and self._http.http_version == "HTTP/1.1":
            self._read_rest()
        self.close()

    def _read_rest(self) -> None:
        """Read the end of the body, for which the connection waits to be used again.

        It is about to come, if it is not there already. A server that does not send it must not
        hold the caller up, so the reading starts anew with a time limit of its own: it takes over
        where the first reading stands, which keeps the limit that it began with.
        """
        extensions = self.request.extensions
        extensions["timeout"] = {**extensions.get("timeout", {}), "read": _FINISH_S}
        deadline = time.monotonic() + _FINISH_S
        # `RuntimeError` is what a transport of the caller's raises that is read once only.
        expected: tuple[type[BaseException], ...] = (*_transport_errors(), RuntimeError)
        try:
            for _ in self._http.stream:
                if time.monotonic() > deadline:
                    break
        except expected:
            # The answer is complete without it, and closing is what comes next in any case.
            return

    def close(self) -> None:
        self._manager.__exit__(None, None, None)


class _AsyncRawSource:
    """Reads the bytes of the response.

    Args:
        manager: The SDK's context manager of the response.
        response: What it gave.
    """

    def __init__(self, manager: Any, response: Any) -> None:
        self._manager = manager
        http = response.http_response
        self._blocks: AsyncGeneratorType[bytes, None] = (
            http.aiter_bytes() if _is_encoded(http) else http.aiter_raw()
        )
        self.request = response.http_request
        self.request_id = _header(response, "x-request-id")
        self.content_type = _header(response, "content-type")

    async def read(self) -> Any:
        try:
            return await self._blocks.__anext__()
        except StopAsyncIteration:
            return END
        except _transport_errors() as error:
            return Lost(error)

    async def afinish(self) -> None:
        from anyio import move_on_after  # noqa: PLC0415 - comes with the SDK, not with us

        # A connection can be used again when the end of the body was read, which is about to come.
        # The SDK waits as long for it.
        with move_on_after(_FINISH_S):
            for _ in range(_FINISH_BLOCKS):
                if await self.read() is END:
                    break
        await self.aclose()

    async def aclose(self) -> None:
        # Another task may be waiting in it, for what fails as soon as the response is closed.
        if not self._blocks.ag_running:
            await self._blocks.aclose()
        await self._manager.__aexit__(None, None, None)


class _SdkSource:
    """Iterates the SDK's chunk objects."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._iterator: Iterator[Any] = iter(stream)
        response = getattr(stream, "response", None)
        self.request = getattr(response, "request", None)
        self.request_id = _header(response, "x-request-id")
        self.content_type = _header(response, "content-type")

    def read(self) -> Any:
        try:
            return next(self._iterator, END)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            return Corrupt(str(error))
        except _transport_errors() as error:
            return _lost(error)

    def finish(self) -> None:
        self.close()

    def close(self) -> None:
        self._stream.close()


class _AsyncSdkSource:
    """Iterates the SDK's chunk objects."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._iterator: AsyncIterator[Any] = aiter(stream)
        response = getattr(stream, "response", None)
        self.request = getattr(response, "request", None)
        self.request_id = _header(response, "x-request-id")
        self.content_type = _header(response, "content-type")

    async def read(self) -> Any:
        try:
            return await anext(self._iterator, END)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            return Corrupt(str(error))
        except _transport_errors() as error:
            return _lost(error)

    async def afinish(self) -> None:
        # The SDK has read the end.
        await self.aclose()

    async def aclose(self) -> None:
        # An asynchronous generator, as a wrapped client may give, has no `close`.
        close = getattr(self._stream, "aclose", None) or self._stream.close
        await close()
