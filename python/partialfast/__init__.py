"""Typed, validated snapshots of JSON while it is being written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._core import JsonParser, __version__, loads
from ._errors import (
    ContentFilterError,
    DroppedError,
    JsonError,
    PartialFastError,
    RefusalError,
    StreamError,
    TruncatedError,
)
from .typed._loops import astream, astream_items, stream, stream_items
from .typed._partial import Partial
from .typed._state import StreamState

if TYPE_CHECKING:
    from .providers.openai import Mode, from_openai

__all__ = [
    "ContentFilterError",
    "DroppedError",
    "JsonError",
    "JsonParser",
    "Mode",
    "Partial",
    "PartialFastError",
    "RefusalError",
    "StreamError",
    "StreamState",
    "TruncatedError",
    "__version__",
    "astream",
    "astream_items",
    "from_openai",
    "loads",
    "stream",
    "stream_items",
]

#: Names that come from the client layer, which needs the ``openai`` package when it is used.
_CLIENT = ("Mode", "from_openai")


def __getattr__(name: str) -> Any:
    if name in _CLIENT:
        from .providers import openai  # noqa: PLC0415 - heavy, and only for those who use the client

        return getattr(openai, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
