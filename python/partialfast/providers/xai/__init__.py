"""xAI's own SDK, over gRPC: ``from_xai(xai_sdk.Client())``.

Importing this module does not import the ``xai_sdk`` package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partialfast._hints import refusing
from partialfast.providers.xai._client import from_xai

__all__ = ["from_xai"]

if not TYPE_CHECKING:
    # Hidden from type checkers, which would take any misspelt name for one that exists.
    __getattr__ = refusing(__name__)
