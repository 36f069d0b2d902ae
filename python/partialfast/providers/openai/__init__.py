"""The client for OpenAI's API and its likes: ``from_openai(OpenAI())``.

Importing this module does not import the ``openai`` package.
"""

from __future__ import annotations

from partialfast.answer._mode import Mode
from partialfast.providers.openai._call import Attempt
from partialfast.providers.openai._client import AsyncClient, Client, from_openai
from partialfast.providers.openai._stream import (
    AsyncItemStream,
    AsyncStream,
    AsyncValue,
    ItemStream,
    Stream,
)

__all__ = [
    "AsyncClient",
    "AsyncItemStream",
    "AsyncStream",
    "AsyncValue",
    "Attempt",
    "Client",
    "ItemStream",
    "Mode",
    "Stream",
    "from_openai",
]
