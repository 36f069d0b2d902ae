"""From the model to the browser: an answer on the wires that front ends speak.

`sse` gives a response for Starlette and FastAPI (extra ``web``), `events` the events for any other
framework, `Hub` one answer for many viewers, and `module` the browser's side. The wires are the
modules of `partialfast.web.wires`; docs/web.md describes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from partialfast.web._browser import MODULE, TYPES
from partialfast.web._event import Event, Piece
from partialfast.web._events import HEARTBEAT_S, Events, events
from partialfast.web._hub import Hub, UnfinishedError
from partialfast.web._ops_source import Source
from partialfast.web._outcome import Outcome, OutcomeKind
from partialfast.web._wire import Encoder, Wire, wire_names

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = [
    "MODULE",
    "TYPES",
    "Encoder",
    "Event",
    "Events",
    "Hub",
    "Outcome",
    "OutcomeKind",
    "Piece",
    "Source",
    "UnfinishedError",
    "Wire",
    "events",
    "module",
    "sse",
    "wire_names",
]


def sse(  # noqa: PLR0913 - options by name
    source: Source | Hub,
    wire: str | Wire = "ops",
    *,
    every: float = 0.05,
    heartbeat: float = HEARTBEAT_S,
    expose_errors: bool = False,
    headers: Mapping[str, str] | None = None,
    by_alias: bool | None = None,
) -> Response:
    """Answer a request with an answer of a model's, while it comes.

    An error before the first byte (wrong key, rate limit) becomes its HTTP status. A client that
    goes away closes the model's response, unless a hub has other viewers.

    Args:
        source: A stream of a client's, an iterable of ops, or a `Hub`.
        wire: The name of the wire, or the wire with options of its own.
        every: Seconds between two messages, at least; 0 for one at each batch of ops. Of a hub, the
            hub's own counts.
        heartbeat: After how many seconds without anything to send a sign of life is sent.
        expose_errors: Whether an ending says what the exception said, which may hold what the
            server said or what the model wrote.
        headers: Headers to be added.
        by_alias: Whether the fields of a client's stream go by their alias. Of a hub, the hub's own
            counts. Wires that send JSON text send what the model writes.

    Returns:
        A response of Starlette's.

    Raises:
        ImportError: Starlette is not installed.
        TypeError: `source` or `wire` is not one of those.
        ValueError: There is no wire of that name, or a number makes no sense.
    """
    answer = _starlette().AnswerResponse
    made = events(
        source,
        wire,
        every=every,
        heartbeat=heartbeat,
        expose_errors=expose_errors,
        by_alias=by_alias,
    )
    response: Response = answer(made, detail=expose_errors, headers=headers)
    return response


async def module(request: Request) -> Response:
    """Serve the browser module; for ``app.add_route("/partialfast.js", module)``.

    Args:
        request: The request.

    Returns:
        The module.

    Raises:
        ImportError: Starlette is not installed.
    """
    response: Response = await _starlette().module(request)
    return response


def _starlette() -> Any:
    try:
        from partialfast.web import _response  # noqa: PLC0415 - the one part that needs Starlette
    except ModuleNotFoundError as error:
        raise ImportError(
            f"a response needs {error.name}, which is not installed: "
            'pip install "partialfast[web]"; `partialfast.web.events` does without',
            name=error.name,
        ) from error
    return _response
