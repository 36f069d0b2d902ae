"""Anthropic's messages: ``from_anthropic(Anthropic())``, also on Bedrock and Vertex AI.

Importing this module does not import the ``anthropic`` package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partialfast._hints import refusing
from partialfast.providers.anthropic._client import from_anthropic

__all__ = ["from_anthropic"]

if not TYPE_CHECKING:
    # Hidden from type checkers, which would take any misspelt name for one that exists.
    __getattr__ = refusing(__name__)
