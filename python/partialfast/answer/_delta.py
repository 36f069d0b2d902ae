"""The words of `partialfast._core.Delta`, as types."""

from __future__ import annotations

from typing import Literal

__all__ = ["Outcome", "Part"]

Part = Literal["text", "refusal", "reasoning", "call"]
Outcome = Literal["whole", "cut_off", "filtered", "refused", "failed", "unknown"]
