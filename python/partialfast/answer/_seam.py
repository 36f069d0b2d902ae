"""What a provider has to say: the seam between one answer and the API that it comes from.

A provider subclasses `Provider`. It says

- how to ask for a value in a mode: `Provider.ask`;
- how to send the request and read what comes: `Provider.open` and its twin `Provider.aopen`, which
  give a `Reply` or `AsyncReply`, an iterator of blocks and how to close it;
- what a mistake looks like to the model: `Provider.correct`;
- and, where they differ from the defaults, what its usage, its errors and its lost connections are.

A block is what one read brought: bytes of the dialect that `Provider.dialect` names, cut anywhere;
one decoded event of that dialect, such as the JSON of an SDK's chunk object (`str`, or an `Event`
where its name matters too); or, from a provider whose bytes cannot be had and whose dialect the
core does not know, a `Delta`. An answer that was not streamed is a reply of one block: its JSON.

Snapshots, items, retries, time limits, fallbacks and the verdict at the end are the same for all.
"""

from __future__ import annotations

import ssl
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from pydantic import TypeAdapter

from partialfast._core import Delta
from partialfast._errors import ServerError
from partialfast.answer._gate import Gate
from partialfast.answer._mode import Mode
from partialfast.answer._target import Target

__all__ = [
    "AsyncReply",
    "Block",
    "Event",
    "Mistake",
    "Provider",
    "Question",
    "Reply",
    "Request",
    "Settled",
    "Tokens",
]


# HTTP: request timeout, too many requests, and the errors of a server.
_BUSY = frozenset({408, 429})
_SERVER_ERRORS = 500


class Event(NamedTuple):
    """One decoded event.

    Args:
        data: The JSON text of its data.
        name: What it is called (the ``event`` field of a server-sent event); "" where it has none.
    """

    data: str
    name: str = ""


Block = bytes | str | Event | Delta


@dataclass(frozen=True, slots=True)
class Question:
    """What the caller asks for.

    Args:
        arguments: The caller's arguments for the SDK, to be added to.
        target: What the model may write. ``target.shapes`` are JSON objects, each with ``name``,
            ``description`` and JSON ``schema``; with a tools mode the model chooses one when there
            are several, otherwise there is one.
        mode: How it is asked for.
        stream: Whether the answer is streamed.
    """

    # Here and below they are left out of the `repr`: ``extra_headers`` can hold keys.
    arguments: Mapping[str, Any] = field(repr=False)
    target: Target
    mode: Mode
    stream: bool


@dataclass(frozen=True, slots=True)
class Request:
    """A request to send.

    Args:
        arguments: What `Provider.ask` made of the caller's, with corrections of earlier attempts.
        made: The names of those that none of the caller's has a part in.
        stream: Whether the answer is to be streamed.
        first_timeout: Seconds that the response may take to begin; ``None`` for the SDK's own.
    """

    arguments: dict[str, Any] = field(repr=False)
    made: frozenset[str]
    stream: bool
    first_timeout: float | None = None


@dataclass(slots=True, kw_only=True)
class Reply:
    """An answer that is coming, or that is there.

    Args:
        blocks: What is read, block by block. What it raises because the connection was lost is
            told by `Provider.lost`; anything else reaches the caller.
        close: Closes the response at once. It is called once.
        finish: Closes the response of which nothing more is wanted, so that its connection can be
            used again; `close` where there is none.
        wake: Makes a read that blocks in another thread fail at once; `close` where there is none.
        request: The HTTP request, for exceptions of the SDK's that want it.
        request_id: The server's name for the request.
        content_type: Of the response.
        completion: The SDK's object of an answer that is there at once.
    """

    blocks: Iterator[Block]
    close: Callable[[], Any] = lambda: None
    finish: Callable[[], Any] | None = None
    wake: Callable[[], Any] | None = None
    request: Any = None
    request_id: str | None = None
    content_type: str | None = None
    completion: Any = None


@dataclass(slots=True, kw_only=True)
class AsyncReply:
    """An answer that is coming, read without blocking.

    Args:
        blocks: As those of a `Reply`.
        aclose: Closes the response at once. It is called once. It may be called while a read waits,
            which fails then, unless `interrupts`.
        afinish: Closes the response of which nothing more is wanted, so that its connection can be
            used again; `aclose` where there is none.
        interrupts: Whether a read that waits has to be cancelled before `aclose` is called: nothing
            else can end it.
        request: The HTTP request, for exceptions of the SDK's that want it.
        request_id: The server's name for the request.
        content_type: Of the response.
        completion: The SDK's object of an answer that is there at once.
        gate: What stands before each read from the network; ``None`` where nothing can.
    """

    blocks: AsyncIterator[Block]
    aclose: Callable[[], Awaitable[Any]]
    afinish: Callable[[], Awaitable[Any]] | None = None
    interrupts: bool = False
    request: Any = None
    request_id: str | None = None
    content_type: str | None = None
    completion: Any = None
    gate: Gate | None = None


@dataclass(frozen=True, slots=True)
class Mistake:
    """An answer that was wrong, to be shown to the model.

    Args:
        text: What the model wrote.
        explanation: What is wrong with it, in words for the model.
        name: The function that it called, as it was offered; ``None`` where it called none.
        call_id: The server's id of the call; ``None`` unless its arguments are a whole JSON text,
            so that they can be sent back as arguments: chat templates parse them.
    """

    text: str
    explanation: str
    name: str | None = None
    call_id: str | None = None


class Tokens(NamedTuple):
    """Token usage, whatever the provider; a number is ``None`` where it was not reported.

    Args:
        input: Of the request, those that were cached included.
        output: Of the answer, its reasoning included.
        cached: Of the input, those that were read from a cache.
        reasoning: Of the output, those that were spent on reasoning.
    """

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    reasoning: int | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """How `Mode.AUTO` asks.

    Args:
        mode: The mode.
        arguments: What is sent besides, unless the caller says otherwise.
    """

    mode: Mode
    arguments: Mapping[str, Any] = field(repr=False)


class Provider(ABC):
    """One API of a provider, with the SDK's client that calls it.

    Attributes:
        name: For messages and the log, such as ``"anthropic.messages"``.
        dialect: The core's name for what the API streams; ``None`` for a provider that gives
            nothing but `Delta` objects.
        modes: How it can be asked, the default first.
        operation: OpenTelemetry's name for what it does (``gen_ai.operation.name``).
    """

    name: ClassVar[str]
    dialect: ClassVar[str | None] = None
    modes: ClassVar[Sequence[Mode]] = (Mode.TOOLS,)
    operation: ClassVar[str] = "chat"

    @property
    def vendor(self) -> str:
        """OpenTelemetry's name for who is asked (``gen_ai.provider.name``)."""
        return self.name.partition(".")[0]

    @property
    def server(self) -> tuple[str, int | None] | None:
        """Host and port of the server; ``None`` where they are not known."""
        return None

    @property
    def left_out(self) -> tuple[type, ...]:
        """Types of the SDK's whose instances say that an argument is left out; none by default."""
        return ()

    def plain(self, sdk: Any, arguments: Mapping[str, Any]) -> Any:
        """Make the SDK's own call, for which no type was given.

        Args:
            sdk: The SDK's object that the resource was made with.
            arguments: The caller's.

        Returns:
            What the SDK returns.
        """
        return sdk.create(**arguments)

    @abstractmethod
    def ask(self, question: Question) -> dict[str, Any]:
        """Add to the caller's arguments what asks for the target.

        Args:
            question: What is asked for.

        Returns:
            The arguments of the request.

        Raises:
            TypeError: An argument of the caller's contradicts the mode.
        """

    def open(self, request: Request) -> Reply:
        """Send a request without asynchrony.

        Args:
            request: What to send.

        Returns:
            The reply, of which nothing has been read.

        Raises:
            Exception: As the SDK raises it.
        """
        del request
        raise TypeError(f"{self.name} can only be asked asynchronously")

    async def aopen(self, request: Request) -> AsyncReply:
        """Send a request; the twin of `open`.

        Args:
            request: What to send.

        Returns:
            The reply, of which nothing has been read.

        Raises:
            Exception: As the SDK raises it.
        """
        del request
        raise TypeError(f"{self.name} can only be asked without asynchrony")

    @abstractmethod
    def correct(self, arguments: Mapping[str, Any], mistake: Mistake) -> dict[str, Any]:
        """Show the model its mistake.

        Args:
            arguments: Those of the request that was answered wrong.
            mistake: The answer and what is wrong with it.

        Returns:
            The arguments of the next request.
        """

    def settle(self, arguments: Mapping[str, Any]) -> Settled:
        """Find out how to ask, for `Mode.AUTO`; without asynchrony.

        Args:
            arguments: The caller's.

        Returns:
            How to ask: by default in the first of `modes`.

        Raises:
            Exception: As the SDK raises it.
        """
        del arguments
        return Settled(self.modes[0], {})

    async def asettle(self, arguments: Mapping[str, Any]) -> Settled:
        """Find out how to ask, for `Mode.AUTO`; the twin of `settle`.

        Args:
            arguments: The caller's.

        Returns:
            How to ask: by default in the first of `modes`.

        Raises:
            Exception: As the SDK raises it.
        """
        return Provider.settle(self, arguments)

    def choices(self, arguments: Mapping[str, Any]) -> int:
        """Tell how many answers are asked for at once.

        Args:
            arguments: The caller's.

        Returns:
            The number: by default 1.
        """
        del arguments
        return 1

    def offers_tools(self, arguments: Mapping[str, Any]) -> bool:
        """Tell whether the caller offers tools of their own.

        A call of one of those is then not taken for the answer: the name of the function has to be
        the one that was offered for it.

        Args:
            arguments: The caller's.

        Returns:
            Whether there are any: by default whether ``tools`` is among the arguments.
        """
        return bool(arguments.get("tools"))

    @staticmethod
    def strict_schema(adapter: TypeAdapter[Any]) -> dict[str, Any]:
        """Return the JSON schema of a type by the provider's rules for strict ones.

        Args:
            adapter: The type.

        Returns:
            The schema: by default as pydantic makes it.

        Raises:
            NotStrictError: The rules cannot say what the type takes; the schema is then sent as
                pydantic makes it, and not as a strict one (`Shape.strict`).
        """
        return adapter.json_schema()

    def usage(self, reported: Any) -> Any:
        """Make of decoded usage the object that the SDK makes of it.

        Args:
            reported: The JSON that a `Delta.Usage` had.

        Returns:
            What the caller gets as ``stream.usage``: by default the same.
        """
        return reported

    def tokens(self, reported: Any) -> Tokens:
        """Read the neutral numbers out of decoded usage.

        Args:
            reported: The JSON that a `Delta.Usage` had.

        Returns:
            What the caller gets as ``stream.tokens``: by default no number.
        """
        del reported
        return Tokens()

    def server_error(self, message: str, said: Any, request: Any) -> ServerError:
        """Return the exception for an error that the server reported in its answer.

        Args:
            message: What is said to the caller, with the server's own words.
            said: What the server said: decoded JSON, or text.
            request: `Reply.request` of what it was said in.

        Returns:
            A `ServerError`, and the SDK's exception at once where it has one for this.
        """
        del request
        return ServerError(message, body=said)

    def is_unavailable(self, error: BaseException) -> bool:
        """Tell whether an exception of `open` means that somebody else may do better.

        Args:
            error: What was raised before the answer began.

        Returns:
            Whether a fallback is asked: by default after a lost connection, and where
            ``error.status_code`` says that the server is busy or fails.
        """
        status: Any = getattr(error, "status_code", None)
        busy = isinstance(status, int) and (status in _BUSY or status >= _SERVER_ERRORS)
        return busy or self.lost(error) is not None

    def lost(self, error: BaseException) -> BaseException | None:
        """Tell whether an exception of `Reply.blocks` means that the connection was lost.

        Args:
            error: What was raised.

        Returns:
            The exception of the transport that says most about it; ``None`` for any other failure.
            By default, those of httpx, its successor and aiohttp, and of Python itself are known.
        """
        return error if isinstance(error, transport_errors()) else None


def transport_errors() -> tuple[type[BaseException], ...]:
    """Return what the usual transports raise when a connection is lost.

    Most SDKs work over httpx, its successor or aiohttp, by version and by the client that they are
    given, and turn their exceptions into their own, or do not, by version too.
    """
    errors: list[type[BaseException]] = [ssl.SSLError, ConnectionError, TimeoutError]
    for name, error in (
        ("httpx2", "RequestError"),
        ("httpx", "RequestError"),
        ("aiohttp", "ClientError"),
        ("anyio", "EndOfStream"),
    ):
        if (module := sys.modules.get(name)) is not None:
            errors.append(getattr(module, error))
    return tuple(errors)
