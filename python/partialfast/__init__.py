"""Typed, validated snapshots of JSON while it is being written."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._core import JsonParser, Op, __version__, loads
    from ._errors import (
        ContentFilterError,
        CorruptStreamError,
        DroppedError,
        InvalidAnswerError,
        InvalidJsonError,
        JsonError,
        OtherCallError,
        PartialFastError,
        RefusalError,
        ServerError,
        StreamError,
        StreamTimeoutError,
        TruncatedError,
    )
    from ._repairs import Repair
    from .providers.openai import Mode, from_openai
    from .typed._loops import astream, astream_items, stream, stream_items
    from .typed._ops import apply_ops, astream_ops, stream_ops
    from .typed._partial import Partial
    from .typed._state import StreamState
    from .typed._text_deltas import TextDelta, atext_deltas, text_deltas

__all__ = [
    "ContentFilterError",
    "CorruptStreamError",
    "DroppedError",
    "InvalidAnswerError",
    "InvalidJsonError",
    "JsonError",
    "JsonParser",
    "Mode",
    "Op",
    "OtherCallError",
    "Partial",
    "PartialFastError",
    "RefusalError",
    "Repair",
    "ServerError",
    "StreamError",
    "StreamState",
    "StreamTimeoutError",
    "TextDelta",
    "TruncatedError",
    "__version__",
    "apply_ops",
    "astream",
    "astream_items",
    "astream_ops",
    "atext_deltas",
    "from_openai",
    "loads",
    "stream",
    "stream_items",
    "stream_ops",
    "text_deltas",
]

#: The module of each name. A name is imported when it is first used: a program that streams text
#: does not load the client, a command can be interrupted before anything is loaded.
_HOMES = {
    name: module
    for module, names in {
        "_core": ("JsonParser", "Op", "__version__", "loads"),
        "_errors": (
            "ContentFilterError",
            "CorruptStreamError",
            "DroppedError",
            "InvalidAnswerError",
            "InvalidJsonError",
            "JsonError",
            "OtherCallError",
            "PartialFastError",
            "RefusalError",
            "ServerError",
            "StreamError",
            "StreamTimeoutError",
            "TruncatedError",
        ),
        "_repairs": ("Repair",),
        "providers.openai": ("Mode", "from_openai"),
        "typed._loops": ("astream", "astream_items", "stream", "stream_items"),
        "typed._ops": ("apply_ops", "astream_ops", "stream_ops"),
        "typed._partial": ("Partial",),
        "typed._state": ("StreamState",),
        "typed._text_deltas": ("TextDelta", "atext_deltas", "text_deltas"),
    }.items()
    for name in names
}


if not TYPE_CHECKING:
    # Out of sight of type checkers, which would take any misspelt name for one that it gives.
    def __getattr__(name: str) -> Any:
        home = _HOMES.get(name)
        if home is None:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
