"""Ollama's own protocol: ``from_ollama(ollama.Client())``.

Importing this module does not import the ``ollama`` package.
"""

from __future__ import annotations

from partialfast.providers.ollama._client import from_ollama

__all__ = ["from_ollama"]
