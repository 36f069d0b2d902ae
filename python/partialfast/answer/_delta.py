"""What every dialect says, in Python; the core's readers say it with the same objects."""

from __future__ import annotations

from typing import Literal

from partialfast._core import Delta

__all__ = ["Delta", "Outcome", "Part"]

Part = Literal["text", "refusal", "reasoning", "call"]
Outcome = Literal["whole", "cut_off", "filtered", "refused", "failed", "unknown"]
