"""Who may ask the server, and how much they may send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from partialfast.replay._ask import RequestError

__all__ = ["MOST_BODY", "admit", "check_size"]

#: What a request may have: a file of requests for a batch is the largest that is meant to come.
MOST_BODY: Final = 1 << 26
_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


def admit(headers: Mapping[str, str]) -> None:
    """Refuse a request that is not meant for a server on loopback, or that is too large.

    A page in a browser can send requests here, under a name of its own that it lets point to this
    machine ("DNS rebinding"); the name is in the ``Host`` header.
    """
    host = name = headers.get("host", "").lower()
    if ":" in name and not name.endswith("]"):
        name = name.rpartition(":")[0]
    if name not in _HOSTS and not name.endswith(".localhost"):
        raise RequestError(421, f"This server answers on loopback only, not as {host[:200]!r}")
    check_size(int(headers.get("content-length", 0)))


def check_size(size: int) -> None:
    """Refuse a body that is too large, announced or received."""
    if size > MOST_BODY:
        raise RequestError(413, f"The body of a request may have {MOST_BODY:,} bytes at most")
