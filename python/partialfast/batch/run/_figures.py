"""How figures are written for a person."""

from __future__ import annotations

import re

from partialfast.batch.loop._meter import Latency

__all__ = ["duration", "escape_unprintable", "latency"]

#: What a terminal acts upon, or what changes the order in which text is read: control characters,
#: line separators, directions (Unicode Standard Annex 9), halves of surrogate pairs.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def latency(percentiles: Latency) -> str:
    """Write percentiles, the unit once."""
    return f"{percentiles.p50:.2f}/{percentiles.p90:.2f}/{percentiles.p99:.2f} s"


def duration(seconds: float) -> str:
    """Write a duration as a person says it."""
    if seconds < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02} h" if hours else f"{minutes}:{seconds:02} min"


def escape_unprintable(text: str, *, lines: bool = False) -> str:
    """Escape what a terminal would act upon instead of showing it.

    Names of files, ids and what a server says are written by others.

    Args:
        text: The text.
        lines: Whether it may have several lines.

    Returns:
        The text, with escapes as in a Python literal.
    """

    def escaped(found: re.Match[str]) -> str:
        character = found[0]
        if lines and character in "\n\t":
            return character
        return character.encode("unicode_escape").decode()

    return _UNPRINTABLE.sub(escaped, text)
