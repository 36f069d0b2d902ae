"""Ending a response over HTTP/2, where other responses come over the same connection.

HTTPX forgets a stream that is closed early: the server is told nothing and goes on writing, at the
caller's expense, and a read that waits in another thread or task goes on waiting. What RFC 9113
(section 5.4.2) has for it is a RST_STREAM frame, here with CANCEL. A PING goes with it: its answer
is what wakes the reader.

httpcore has no function for that, so this reaches into its connection. Where that is not built as
it is known, nothing is sent, which is what would happen anyway.
"""

from __future__ import annotations

import sys
from typing import Any, Final

__all__ = ["acancel", "cancel", "is_http2"]

_CANCEL: Final = 8
_PING: Final = b"partfast"
_PARTS: Final = ("_events", "_h2_state", "_write_outgoing_data")
# A response is a few wrappers around the stream.
_MOST_WRAPPERS: Final = 8


def is_http2(http: Any) -> bool:
    """Tell whether a response comes over HTTP/2.

    Args:
        http: The response.
    """
    return getattr(http, "http_version", None) == "HTTP/2"


def cancel(http: Any) -> None:
    """Tell the server that the rest of a response is not wanted, and wake whoever reads it.

    Args:
        http: The response. If it does not come over HTTP/2, or all of it has come, nothing is done.
    """
    stream = _stream(http)
    if stream is not None and _reset(stream):
        stream._connection._write_outgoing_data(stream._request)  # noqa: SLF001 - see above


async def acancel(http: Any) -> None:
    """Tell the server that the rest of a response is not wanted; the twin of `cancel`."""
    stream = _stream(http)
    if stream is not None and _reset(stream):
        await stream._connection._write_outgoing_data(stream._request)  # noqa: SLF001 - see above


def _stream(http: Any) -> Any:
    """Return httpcore's stream of a response over HTTP/2; ``None`` where there is none."""
    if not is_http2(http):
        return None
    found = getattr(http, "stream", None)
    for _ in range(_MOST_WRAPPERS):
        connection = getattr(found, "_connection", None)
        if connection is not None and hasattr(found, "_stream_id"):
            is_known = hasattr(found, "_request") and all(
                hasattr(connection, part) for part in _PARTS
            )
            return found if is_known else None
        found = getattr(found, "_stream", None) or getattr(found, "_httpcore_stream", None)
    return None


def _reset(stream: Any) -> bool:
    """Make the frames; tell whether there are any to be sent."""
    h2: Any = sys.modules["h2"]
    connection, number = stream._connection, stream._stream_id  # noqa: SLF001 - see above
    state = connection._h2_state  # noqa: SLF001
    try:
        state.reset_stream(number, error_code=_CANCEL)
        state.ping(_PING)
    except h2.exceptions.ProtocolError:
        # All of it has come, or the connection is lost.
        return False
    # A read that was cancelled has closed the response already, so that nobody reads.
    events = connection._events.get(number)  # noqa: SLF001
    if events is None:
        return True
    # Whoever reads takes it for the server's. Its constructor differs between versions of h2.
    event = h2.events.StreamReset.__new__(h2.events.StreamReset)
    event.stream_id, event.error_code, event.remote_reset = number, _CANCEL, False
    events.append(event)
    return True
