"""Cohere's chat: ``from_cohere(cohere.ClientV2())``.

Importing this module does not import the ``cohere`` package.
"""

from __future__ import annotations

from partialfast.providers.cohere._client import from_cohere

__all__ = ["from_cohere"]
