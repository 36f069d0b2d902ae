"""HuggingFace's inference: ``from_huggingface(InferenceClient())``.

Importing this module does not import the ``huggingface_hub`` package.
"""

from __future__ import annotations

from partialfast.providers.huggingface._client import from_huggingface

__all__ = ["from_huggingface"]
