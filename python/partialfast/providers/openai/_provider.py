"""What both of OpenAI's APIs share: how they are called, what they report, how they fail."""

from __future__ import annotations

import functools
import importlib
import inspect
import logging
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from pydantic import TypeAdapter
from typing_extensions import Self

from partialfast._errors import ServerError
from partialfast.answer._mode import Mode
from partialfast.answer._seam import AsyncReply, Provider, Reply, Request, Settled, Tokens
from partialfast.providers._failures import failure_class
from partialfast.providers._observed import aopen_observed, at_once, open_observed, whole
from partialfast.providers._refusals import bounded_refusals
from partialfast.providers._stainless import (
    Transport,
    aopen_raw,
    in_time,
    open_raw,
    reads_bytes,
    server_of,
    take_time_again,
)
from partialfast.providers.openai._kept import KeptFacts
from partialfast.typed._strict_schema import strict_schema

__all__ = ["OpenAI", "body_of", "tokens"]

logger = logging.getLogger("partialfast")

_REFUSING = frozenset({400, 422})
_USAGE_OPTION = "stream_options"


def _takes(function: Any, name: str) -> bool:
    """Tell whether a function has a parameter of this name, or takes any."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return True
    return name in parameters or any(
        each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()
    )


@functools.cache
def _left_out(package: str) -> tuple[type, ...]:
    # The caller has a client, so it is loaded.
    module: Any = importlib.import_module(package)
    found = (getattr(module, name, None) for name in ("NotGiven", "Omit"))
    return tuple(kind for kind in found if kind is not None)


@functools.cache
def _error_class(package: str) -> Any:
    base: Any = importlib.import_module(package).APIError

    def fill(error: Any, words: str, request: Any) -> None:
        # The SDK's `message` is the server's own.
        base.__init__(error, words, request, body=error.body)

    return failure_class(base, fill, functools.partial(_error, package))


def _error(package: str, message: str, body: Any, request: Any = None) -> ServerError:
    error: ServerError = _error_class(package)(message, body, request)
    return error


@dataclass(slots=True)
class ServerFacts:
    """What was learnt about a server.

    Args:
        refuses_usage_option: Whether it refuses ``stream_options``.
        settled: How `Mode.AUTO` asks, for each API and model.
    """

    refuses_usage_option: bool = False
    settled: dict[tuple[str, str], Settled] = field(default_factory=dict)
    #: Held while one thread finds out what others wait to know.
    asking: threading.Lock = field(default_factory=threading.Lock)
    _locks: dict[Any, Any] = field(default_factory=dict)

    def lock(self) -> Any:
        """Return the same for the tasks of the event loop that runs."""
        from anyio import Lock  # noqa: PLC0415 - comes with the SDK, not with us
        from anyio.lowlevel import current_token  # noqa: PLC0415

        return self._locks.setdefault(current_token(), Lock())


class OpenAI(Provider):
    """One of OpenAI's APIs, or of the many servers that speak them.

    Args:
        resource: The SDK's ``client.chat.completions`` or ``client.responses``.
        transport: How to read.
        known: What was learnt about the server, shared by the clients that call it.
    """

    modes: ClassVar[Sequence[Mode]] = (
        Mode.TOOLS,
        Mode.TOOLS_STRICT,
        Mode.JSON_SCHEMA,
        Mode.JSON,
        Mode.MD_JSON,
    )
    # Whether usage comes in a stream only when it is asked for.
    has_usage_option: ClassVar[bool] = False
    # Whether it is the Responses API.
    has_instructions: ClassVar[bool] = False

    def __init__(
        self, resource: Any, transport: Transport = "auto", known: ServerFacts | None = None
    ) -> None:
        self.resource = resource
        self.transport: Transport = transport
        self._known = known or ServerFacts()

    def like(self, resource: Any, *, same_server: bool) -> Self:
        """Return a provider for another client.

        Args:
            resource: That of the other client.
            same_server: Whether what is known of the server holds for the other, too.
        """
        return type(self)(resource, self.transport, self._known if same_server else None)

    @property
    def vendor(self) -> str:
        """OpenTelemetry's name for who is asked (``gen_ai.provider.name``)."""
        client = type(getattr(self.resource, "_client", None)).__name__
        # Those that are made like OpenAI's are called after their vendors.
        return "azure.ai.openai" if "Azure" in client else self.package.partition(".")[0]

    @property
    def server(self) -> tuple[str, int | None] | None:
        """Host and port of the server."""
        return server_of(self.resource)

    def settle(self, arguments: Mapping[str, Any]) -> Settled:
        """Find out how to ask, unless it is known for the model."""
        from partialfast.providers.openai import _probe  # noqa: PLC0415 - it asks through this

        model = str(arguments.get("model"))
        key = (self.name, model)
        # Of several threads, only one asks.
        with self._known.asking:
            if key not in self._known.settled:
                steps = _probe.settling(responses=self.has_instructions, kept=self.kept(model))
                self._known.settled[key] = _probe.drive(
                    steps, lambda trial: _probe.try_out(self, trial, model)
                )
                self._log_settled(key)
        return self._known.settled[key]

    async def asettle(self, arguments: Mapping[str, Any]) -> Settled:
        """Find out how to ask; the twin of `settle`."""
        from partialfast.providers.openai import _probe  # noqa: PLC0415 - it asks through this

        model = str(arguments.get("model"))
        key = (self.name, model)
        if key in self._known.settled:
            return self._known.settled[key]
        # Of several tasks, only one asks.
        async with self._known.lock():
            if key not in self._known.settled:
                steps = _probe.settling(responses=self.has_instructions, kept=self.kept(model))
                try:
                    trial = next(steps)
                    while True:
                        trial = steps.send(await _probe.atry_out(self, trial, model))
                except StopIteration as end:
                    self._known.settled[key] = end.value
                self._log_settled(key)
        return self._known.settled[key]

    def known(self, arguments: Mapping[str, Any]) -> Settled | None:
        """Return how to ask as far as it is known, and ask nothing.

        Args:
            arguments: The caller's.
        """
        from partialfast.providers.openai import _probe  # noqa: PLC0415 - as above

        kept = self.kept(str(arguments.get("model")))
        steps = _probe.settling(responses=self.has_instructions, kept=kept)
        try:
            next(steps)
        except StopIteration as end:
            found: Settled = end.value
            return found
        return None

    def kept(self, model: str) -> KeptFacts | None:
        """Return what is kept of the endpoint between runs; ``None`` where it has no URL.

        Args:
            model: The model.
        """
        url = getattr(getattr(self.resource, "_client", None), "base_url", None)
        return None if url is None else KeptFacts(str(url), self.name, model)

    def _log_settled(self, key: tuple[str, str]) -> None:
        how = self._known.settled[key]
        logger.debug("%s: asking %.100r in mode %s", self.name, key[1], how.mode.name)

    def plain(self, sdk: Any, arguments: Mapping[str, Any]) -> Any:
        """Make the SDK's own call, for the client itself as for its part."""
        del sdk
        return self.resource.create(**arguments)

    def open(self, request: Request) -> Reply:
        """Send a request without asynchrony."""
        with bounded_refusals(self.resource):
            return self._open_or_learn(request)

    def _open_or_learn(self, request: Request) -> Reply:
        if not request.stream:
            return whole(self.resource.create(**request.arguments))
        sent = self.with_usage(request)
        try:
            return self._open(sent)
        except Exception as error:
            if sent is request or not self._learn(error):
                raise
        return self._open(request)

    def _open(self, request: Request) -> Reply:
        timed = in_time(request)
        if timed is not request and not _takes(self.resource.create, "timeout"):
            # Not every client that works like the SDK's has a limit for it.
            timed = request
        if reads_bytes(self.resource, self.transport, self.package):
            reply = open_raw(self.resource, timed, observed=self.transport == "raw")
        else:
            reply = open_observed(self._create(timed.arguments), self.package)
        if timed is not request:
            take_time_again(reply, self.resource)
        return reply

    async def aopen(self, request: Request) -> AsyncReply:
        """Send a request; the twin of `open`."""
        with bounded_refusals(self.resource):
            return await self._aopen_or_learn(request)

    async def _aopen_or_learn(self, request: Request) -> AsyncReply:
        if not request.stream:
            return at_once(whole(await self.resource.create(**request.arguments)))
        sent = self.with_usage(request)
        try:
            return await self._aopen(sent)
        except Exception as error:
            if sent is request or not self._learn(error):
                raise
        return await self._aopen(request)

    async def _aopen(self, request: Request) -> AsyncReply:
        if reads_bytes(self.resource, self.transport, self.package):
            return await aopen_raw(self.resource, request, observed=self.transport == "raw")
        return aopen_observed(await self._create(request.arguments), self.package)

    def _create(self, arguments: Mapping[str, Any]) -> Any:
        """Call the SDK for a stream of its objects."""
        create = self.resource.create
        if _USAGE_OPTION in arguments and not _takes(create, _USAGE_OPTION):
            # The SDK does not know what its server does.
            extra = {_USAGE_OPTION: arguments[_USAGE_OPTION], **(arguments.get("extra_body") or {})}
            rest = {name: value for name, value in arguments.items() if name != _USAGE_OPTION}
            arguments = {**rest, "extra_body": extra}
        return create(**arguments, stream=True)

    @functools.cached_property
    def package(self) -> str:
        """The package of the SDK: OpenAI's, or one that is generated as it is."""
        for class_ in type(self.resource).__mro__:
            # Such as `cerebras.cloud.sdk.resources.chat.completions`; others may have modules of
            # such a name as well.
            package, is_resource, _ = class_.__module__.partition(".resources")
            if is_resource and hasattr(sys.modules.get(package), "APIConnectionError"):
                return package
        # What merely works like it, or stands in for it.
        return "openai"

    def with_usage(self, request: Request) -> Request:
        """Ask for usage in the stream, where it only comes if asked for.

        Args:
            request: What is to be sent.
        """
        arguments = request.arguments
        if (
            not self.has_usage_option
            or self._known.refuses_usage_option
            or "stream_options" in arguments
        ):
            return request
        asked = {**arguments, "stream_options": {"include_usage": True}}
        made = request.made | {"stream_options"}
        return Request(asked, made, request.stream, request.first_timeout)

    def _learn(self, error: Exception) -> bool:
        """Tell whether the server refused a request because it asked for usage; remember it."""
        said = f"{error} {getattr(error, 'body', '')}"
        if getattr(error, "status_code", None) not in _REFUSING or "stream_options" not in said:
            return False
        logger.debug("%s: the server refuses stream_options; asking without", self.name)
        self._known.refuses_usage_option = True
        return True

    @property
    def left_out(self) -> tuple[type, ...]:
        """The SDK's ``NOT_GIVEN`` and ``omit``."""
        return _left_out(self.package)

    def choices(self, arguments: Mapping[str, Any]) -> int:
        """Return how many answers are asked for at once."""
        return arguments.get("n") or 1

    @staticmethod
    def strict_schema(adapter: TypeAdapter[Any]) -> dict[str, Any]:
        """Return the JSON schema of a type by OpenAI's rules for strict ones."""
        return strict_schema(adapter.json_schema())

    def server_error(self, message: str, said: Any, request: Any) -> ServerError:
        """Return what is both a `ServerError` and the SDK's ``APIError``."""
        return _error(self.package, message, said, request)

    def lost(self, error: BaseException) -> BaseException | None:
        """Tell whether an exception means that the connection was lost."""
        # Loaded, as there is a client.
        package: Any = importlib.import_module(self.package)
        if isinstance(error, package.APIConnectionError):
            # It says less than the exception that caused it.
            lost: BaseException = error
            return lost.__cause__ or lost
        return super().lost(error)


def body_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body that the SDK makes of the arguments of a call.

    Args:
        arguments: Those that go into the body, with ``extra_body``.
    """
    body = dict(arguments)
    extra: Mapping[str, Any] = body.pop("extra_body", None) or {}
    return {**body, **extra}


def tokens(reported: Any, *, input_: str, output: str) -> Tokens:
    """Read the neutral numbers out of decoded usage.

    Args:
        reported: The usage.
        input_: What the API calls the tokens of the request.
        output: What it calls those of the answer.
    """
    if not isinstance(reported, Mapping):
        return Tokens()
    usage = cast("Mapping[str, Any]", reported)

    def number(value: Any) -> int | None:
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def detail(part: str, name: str) -> int | None:
        details = usage.get(f"{part}_details")
        return number(details.get(name)) if isinstance(details, Mapping) else None

    return Tokens(
        number(usage.get(input_)),
        number(usage.get(output)),
        detail(input_, "cached_tokens"),
        detail(output, "reasoning_tokens"),
    )
