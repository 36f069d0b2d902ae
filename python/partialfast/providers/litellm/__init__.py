"""LiteLLM: ``from_litellm(litellm.completion)``.

Importing this module does not import the ``litellm`` package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partialfast._hints import refusing
from partialfast.providers.litellm._client import from_litellm

__all__ = ["from_litellm"]

if not TYPE_CHECKING:
    # Hidden from type checkers, which would take any misspelt name for one that exists.
    __getattr__ = refusing(__name__)
