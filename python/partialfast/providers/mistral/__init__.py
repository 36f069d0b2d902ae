"""Mistral's chat: ``from_mistral(Mistral())``.

Importing this module does not import the ``mistralai`` package.
"""

from __future__ import annotations

from partialfast.providers.mistral._client import from_mistral

__all__ = ["from_mistral"]
