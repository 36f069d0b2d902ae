"""What the tests of the answer layer share."""

from __future__ import annotations

from tests.openai_driver import way

__all__ = ["way"]
