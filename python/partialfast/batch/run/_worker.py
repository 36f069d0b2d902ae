"""A process that extracts for another: what `partialfast.batch.run._workers` starts.

It speaks through its standard input and output, in messages of pickled tuples. All of it comes from
the process that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import struct
import sys
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from partialfast.batch.io._cache import AnswerCache
from partialfast.batch.io._model import find_model
from partialfast.batch.io._rows import encode_result
from partialfast.batch.loop._collector import collecting_seldom
from partialfast.batch.loop._extract import extract
from partialfast.batch.loop._limits import RateLimiter
from partialfast.batch.loop._result import BatchError, EndpointError, Item, without_content

if TYPE_CHECKING:
    from partialfast.providers.openai._command_client import Endpoint

__all__ = ["Setup", "read_message", "write_message"]

_SIZE = struct.Struct(">Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a worker is to do.

    Args:
        model: The name of the type.
        llm: The model to ask.
        endpoint: Where it is.
        streams: How many requests at a time.
        arguments: More arguments of `partialfast.batch.extract`.
        cache: The folder, the key, the request and the reading of the cache, if there is one.
        path: Where modules are looked for.
    """

    model: str
    llm: str
    endpoint: Endpoint
    streams: int
    arguments: Mapping[str, Any] = field(default_factory=dict)
    cache: tuple[str, str | None, Mapping[str, Any], Mapping[str, Any]] | None = None
    path: list[str] = field(default_factory=list)


async def read_message(reader: asyncio.StreamReader) -> Any:
    """Read a message; ``None`` where the other side has ended.

    Args:
        reader: Where it comes from.
    """
    try:
        (size,) = _SIZE.unpack(await reader.readexactly(_SIZE.size))
        return pickle.loads(await reader.readexactly(size))  # noqa: S301 - our own
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def write_message(writer: asyncio.StreamWriter, message: Any) -> None:
    """Write a message.

    Args:
        writer: Where it goes.
        message: What can be pickled.
    """
    data = pickle.dumps(message)
    writer.write(_SIZE.pack(len(data)) + data)


class _RemoteLimiter(RateLimiter):
    """The limits that the other process keeps for all workers."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0

    async def _call(self, name: str, *arguments: Any) -> Any:
        self._number += 1
        number = self._number
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        write_message(self._writer, ("call", number, name, arguments))
        try:
            return await reply
        finally:
            del self._waiting[number]

    def answered(self, number: int, value: Any, error: str | None) -> None:
        """Take the reply to a call."""
        reply = self._waiting.get(number)
        if reply is None or reply.done():
            return
        if error is not None:
            reply.set_exception(EndpointError(error))
        else:
            reply.set_result(value)

    async def admit(self, tokens: float) -> int:
        number: int = await self._call("admit", tokens)
        return number

    async def succeeded(self, probe: int) -> None:
        await self._call("succeeded", probe)

    async def throttled(self, probe: int, retry_after_s: float | None, reason: str) -> None:
        await self._call("throttled", probe, retry_after_s, reason)

    async def failed(self, probe: int, reason: str) -> bool:
        doubted: bool = await self._call("failed", probe, reason)
        return doubted

    async def returned(self, probe: int) -> None:
        if probe:
            await self._call("returned", probe)

    async def settle(self, tokens: float) -> None:
        await self._call("settle", tokens)


async def _work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    from partialfast.providers._commands import connected  # noqa: PLC0415 - it imports the client

    setup: Setup = await read_message(reader)
    sys.path[:] = setup.path
    model = find_model(setup.model)
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    cache = None
    if setup.cache is not None:
        folder, key, request, reading = setup.cache
        cache = AnswerCache(Path(folder), model, key=key, request=request, reading=reading)
    limiter = _RemoteLimiter(writer)
    items: asyncio.Queue[Item | None] = asyncio.Queue()

    async def listen() -> None:
        while (message := await read_message(reader)) is not None:
            kind, *rest = message
            if kind == "item":
                items.put_nowait(rest[0])
            elif kind == "reply":
                limiter.answered(*rest)
            else:
                items.put_nowait(None)
        # Without the other process, there is nobody to work for.
        os._exit(1)

    async def documents() -> AsyncGenerator[Item, None]:
        while (item := await items.get()) is not None:
            yield item

    listening = asyncio.create_task(listen())
    async with connected(setup.endpoint) as client:
        results = extract(
            documents(),
            model=model,
            client=client,
            llm=setup.llm,
            prompt=lambda item: list(item.fields["messages"]),
            limiter=limiter,
            concurrency=setup.streams,
            answers=cache,
            **setup.arguments,
        )
        with collecting_seldom():
            async with contextlib.aclosing(results) as stream:
                async for result in stream:
                    light, line = encode_result(adapter, result)
                    light = without_content(light)
                    write_message(writer, ("result", light, line))
                    await writer.drain()
    listening.cancel()
    write_message(writer, ("end",))
    await writer.drain()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    # What a model's module prints must not come between the messages.
    output = os.dup(1)
    os.dup2(2, 1)
    reader = asyncio.StreamReader(limit=1 << 26)
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(0), "rb", buffering=0)
    )
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(output, "wb", buffering=0)
    )
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    try:
        await _work(reader, writer)
    except Exception as error:  # noqa: BLE001 - said by the other process
        kind = type(error) if isinstance(error, BatchError) else BatchError
        write_message(writer, ("error", kind, str(error) or type(error).__name__))
        await writer.drain()


if __name__ == "__main__":
    # An interrupt is for the other process, which decides what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_main())
