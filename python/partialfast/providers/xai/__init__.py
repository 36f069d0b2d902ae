"""xAI's own SDK, over gRPC: ``from_xai(xai_sdk.Client())``.

Importing this module does not import the ``xai_sdk`` package.
"""

from __future__ import annotations

from partialfast.providers.xai._client import from_xai

__all__ = ["from_xai"]
