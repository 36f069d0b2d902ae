"""Gemini: ``from_genai(genai.Client())``, with the Gemini API and with Vertex AI.

Importing this module does not import the ``google-genai`` package.
"""

from __future__ import annotations

from partialfast.providers.google._client import from_genai

__all__ = ["from_genai"]
