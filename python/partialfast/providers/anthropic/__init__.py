"""Anthropic's messages: ``from_anthropic(Anthropic())``, also on Bedrock and Vertex AI.

Importing this module does not import the ``anthropic`` package.
"""

from __future__ import annotations

from partialfast.providers.anthropic._client import from_anthropic

__all__ = ["from_anthropic"]
