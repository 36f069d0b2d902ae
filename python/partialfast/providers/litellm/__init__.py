"""LiteLLM: ``from_litellm(litellm.completion)``.

Importing this module does not import the ``litellm`` package.
"""

from __future__ import annotations

from partialfast.providers.litellm._client import from_litellm

__all__ = ["from_litellm"]
