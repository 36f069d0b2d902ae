"""Cohere's chat: ``from_cohere(cohere.ClientV2())``.

Importing this module does not import the ``cohere`` package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partialfast._hints import refusing
from partialfast.providers.cohere._client import from_cohere

__all__ = ["from_cohere"]

if not TYPE_CHECKING:
    # Hidden from type checkers, which would take any misspelt name for one that exists.
    __getattr__ = refusing(__name__)
