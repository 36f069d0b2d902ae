"""How figures are written for a person."""

from __future__ import annotations

from partialfast.batch.loop._meter import Latency

__all__ = ["duration", "latency"]


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
