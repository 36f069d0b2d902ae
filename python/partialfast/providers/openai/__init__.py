"""The client for OpenAI's API and those like it: ``from_openai(OpenAI())``.

Importing this module does not import the ``openai`` package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partialfast._hints import refusing
from partialfast.answer._astream import AsyncItemStream, AsyncStream, AsyncValue
from partialfast.answer._attempt import Attempt
from partialfast.answer._mode import Mode
from partialfast.answer._stream import ItemStream, Stream
from partialfast.providers.openai._client import AsyncClient, Client, from_openai

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

if not TYPE_CHECKING:
    # Hidden from type checkers, which would take any misspelt name for one that exists.
    __getattr__ = refusing(__name__)
