"""How answers are read through the SDKs that Stainless generates: those of OpenAI, Anthropic, Groq.

Such an SDK gives a response without making objects of it (``with_streaming_response``): its bytes
are read as they come. A client that something else observes is read by its objects (`_observed`).
Either way one reader makes deltas of them, within one set of limits.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import FunctionType
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from partialfast.answer._seam import AsyncReply, Reply, Request
from partialfast.providers._http import ID_HEADER, areply_of, read_for, reply_of

__all__ = [
    "Transport",
    "aopen_raw",
    "in_time",
    "is_plain",
    "open_raw",
    "reads_bytes",
    "server_of",
    "take_time_again",
]

Transport = Literal["auto", "raw", "sdk"]

# What the model is told, by the names that the APIs have for it.
_MESSAGES: Final = ("messages", "input")
_SCALARS: Final[frozenset[type]] = frozenset({str, int, float, bool, type(None)})
# Messages are nested no deeper, but for what a tool was told.
_DEPTH: Final = 16


def is_plain(resource: Any, package: str) -> bool:
    """Tell whether a resource is the SDK's own and nothing observes it.

    Observers replace the SDK's function with one of their own. What only works like the SDK's
    client may answer to any name, as mocks do.

    Args:
        resource: Such as ``client.chat.completions``.
        package: The SDK's package.
    """
    owner = type(resource).__module__.partition(".")[0]
    client = getattr(resource, "_client", None)
    package = package.partition(".")[0]
    return (
        owner == package
        and _is_own(resource, "create", package)
        and _is_own(client, "request", package)
        and _is_own(client, "post", package)
    )


def _is_own(owner: Any, name: str, package: str) -> bool:
    # As it is there, not as `owner` gives it: a proxy may answer to any name.
    own: Mapping[str, Any] = getattr(owner, "__dict__", {})
    function: Any = own[name] if name in own else getattr(type(owner), name, None)
    # The SDK's decorators are functions of the SDK's, too. An observer's has the name of what it
    # replaces, but belongs to another module. The proxies that observers use claim to be functions.
    while type(function) is FunctionType:
        if function.__globals__.get("__name__", "").partition(".")[0] != package:
            return False
        wrapped = function.__dict__.get("__wrapped__")
        if wrapped is None:
            return True
        function = wrapped
    return False


def reads_bytes(resource: Any, transport: Transport, package: str) -> bool:
    """Tell whether the bytes of a response are read.

    Args:
        resource: Such as ``client.chat.completions``.
        transport: What the caller wants.
        package: The SDK's package.

    Raises:
        TypeError: Bytes are wanted, and cannot be had.
    """
    if transport == "sdk":
        return False
    official = type(resource).__module__.startswith(f"{package}.")
    if transport == "raw":
        if official and hasattr(resource, "with_streaming_response"):
            return True
        raise TypeError(
            f"transport='raw' needs the SDK's own client, not {type(resource).__qualname__}: "
            "pass transport='sdk' or 'auto'"
        )
    return is_plain(resource, package) and hasattr(resource, "with_streaming_response")


def _without_a_walk(request: Request, *, observed: bool) -> dict[str, Any]:
    """Let the SDK send what is plain JSON as it stands.

    It walks over all arguments beside their types, to turn models into what JSON can say, which
    for a schema or a message takes a good part of the time of a call. What comes as ``extra_body``
    goes into the same body unexamined.

    Args:
        request: What to send.
        observed: Whether somebody may look at the arguments of ``create``, for messages too.
    """
    arguments = request.arguments
    extra: object = arguments.get("extra_body") or {}
    if not isinstance(extra, (dict, Mapping)):
        # It is for the SDK to refuse it.
        return arguments
    walked = {name: value for name, value in arguments.items() if name not in request.made}
    plain = {name: arguments[name] for name in request.made & arguments.keys()}
    for name in () if observed else _MESSAGES:
        said = walked.get(name)
        if isinstance(said, list) and _is_json(said, _DEPTH):
            # Something has to be in their place: the SDK asks for it.
            plain[name], walked[name] = said, []
    return {**walked, "extra_body": {**plain, **extra}}


def _is_json(value: Any, depth: int) -> bool:
    """Tell whether a value is JSON as it stands, in which the SDK has nothing to turn into it."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if not depth:
        return False
    if kind is list:
        return all(_is_json(each, depth - 1) for each in value)
    return (
        kind is dict
        and all(type(key) is str for key in value)
        and all(_is_json(each, depth - 1) for each in value.values())
    )


def server_of(resource: Any) -> tuple[str, int | None] | None:
    """Return host and port of the server that a resource is of; ``None`` where it does not say.

    Args:
        resource: Such as ``client.chat.completions``.
    """
    url = urlsplit(str(getattr(getattr(resource, "_client", None), "base_url", "")))
    if not url.hostname:
        return None
    return url.hostname, url.port or {"http": 80, "https": 443}.get(url.scheme)


def take_time_again(reply: Reply, resource: Any) -> None:
    """Let reading take as long as the client allows, after `in_time`.

    Args:
        reply: Of which nothing has been read: the limit counts from the first read.
        resource: Such as ``client.chat.completions``.
    """
    timeout = getattr(getattr(resource, "_client", None), "timeout", None)
    read_for(reply, getattr(timeout, "read", timeout))


def open_raw(
    resource: Any, request: Request, *, observed: bool, id_header: str = ID_HEADER
) -> Reply:
    """Send a request and read the bytes of its response.

    Args:
        resource: Such as ``client.chat.completions``.
        request: What to send.
        observed: Whether somebody may look at the arguments of ``create``.
        id_header: The header that names the request.
    """
    manager = _manager(resource, request, observed=observed)
    http = manager.__enter__().http_response
    close = functools.partial(manager.__exit__, None, None, None)
    return reply_of(http, close=close, id_header=id_header)


async def aopen_raw(
    resource: Any, request: Request, *, observed: bool, id_header: str = ID_HEADER
) -> AsyncReply:
    """Send a request and read the bytes of its response; the twin of `open_raw`."""
    manager = _manager(resource, request, observed=observed)
    http = (await manager.__aenter__()).http_response
    close = functools.partial(manager.__aexit__, None, None, None)
    return areply_of(http, close=close, id_header=id_header)


def _manager(resource: Any, request: Request, *, observed: bool) -> Any:
    arguments = _without_a_walk(request, observed=observed)
    return resource.with_streaming_response.create(**arguments, stream=True)


def in_time(request: Request) -> Request:
    """Let the SDK give up when the response does not begin in time."""
    if request.first_timeout is None or "timeout" in request.arguments:
        return request
    arguments = {**request.arguments, "timeout": request.first_timeout}
    return Request(arguments, request.made, request.stream)
