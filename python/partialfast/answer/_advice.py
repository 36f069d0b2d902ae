"""What to do about an exception of the SDK's, which is raised as it is."""

from __future__ import annotations

from typing import Any

__all__ = ["advice", "advise"]

_KEY = (
    "partialfast: the server does not accept the key; pass another to the SDK's client, or set the "
    "variable that it reads"
)
_REFUSED = (
    "partialfast: the server refused the request as it was asked in mode {mode}; another mode, or "
    "Mode.AUTO, may suit it: `partialfast doctor` shows what it honours"
)
_BUSY = (
    "partialfast: ask again later, or name somebody else to ask: fallbacks=[...]; the SDK's "
    "max_retries says how often it repeats a request"
)
_ADVICE = {
    400: _REFUSED,
    401: _KEY,
    403: _KEY,
    404: (
        "partialfast: no such model or path: look at `model` and at the client's base_url, which "
        "for a server that speaks as OpenAI's mostly ends in /v1"
    ),
    408: _BUSY,
    409: _BUSY,
    413: "partialfast: the request is too large: shorten what is said, or the schema",
    422: _REFUSED,
    429: _BUSY,
}
_SERVER_ERRORS = 500
_LOST = (
    "partialfast: no connection to the server: look at the client's base_url and at the network, "
    "or name somebody else to ask: fallbacks=[...]"
)


def advice(error: BaseException, *, mode: str, lost: bool) -> str | None:
    """Return what a user can do; ``None`` for an exception that is not about the request.

    Args:
        error: What was raised before the answer began.
        mode: How the model was asked.
        lost: Whether it means that the connection was lost.
    """
    status: Any = getattr(error, "status_code", None)
    if isinstance(status, int):
        said = _ADVICE.get(status) or (_BUSY if status >= _SERVER_ERRORS else None)
        return None if said is None else said.format(mode=mode)
    return _LOST if lost else None


def advise(error: BaseException, said: str | None) -> None:
    """Add a note to an exception (PEP 678), once.

    Args:
        error: The exception.
        said: The note; ``None`` for none.
    """
    notes: list[str] = getattr(error, "__notes__", [])
    if said is None or said in notes:
        return
    # Before Python 3.11 nothing shows them, but they are there.
    error.__notes__ = [*notes, said]  # type: ignore[attr-defined,unused-ignore]
