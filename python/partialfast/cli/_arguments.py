"""Kinds of values that several commands take as arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

__all__ = ["natural", "not_negative", "positive"]

N = TypeVar("N", int, float)


def positive(kind: Callable[[str], N]) -> Callable[[str], N]:
    """Take a finite number above zero.

    Args:
        kind: ``int`` or ``float``.

    Returns:
        What argparse calls with the text.
    """

    def read(text: str) -> N:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"must be positive: {text}")
        return value

    # What argparse calls it when the text is no number at all.
    read.__name__ = "number"
    return read


def not_negative(text: str) -> float:
    """Take a finite number that is zero or above."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must not be negative: {text}")
    return value


def natural(text: str) -> int:
    """Take a whole number that is zero or above."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must not be negative: {text}")
    return value


not_negative.__name__ = natural.__name__ = "number"
