"""Mistral's chat: ``from_mistral(Mistral())``.

Importing this module does not import the ``mistralai`` package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partialfast._hints import refusing
from partialfast.providers.mistral._client import from_mistral

__all__ = ["from_mistral"]

if not TYPE_CHECKING:
    # Hidden from type checkers, which would take any misspelt name for one that exists.
    __getattr__ = refusing(__name__)
