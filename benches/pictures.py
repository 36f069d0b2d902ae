"""Draws the pictures of the pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["curves"]

# A colour each that people with any colour vision can tell apart (Okabe and Ito); a mark each for
# those who print in grey.
_STYLES: dict[str, tuple[str, str]] = {
    "partialfast, typed": ("#D55E00", "o"),
    "partialfast, untyped": ("#E69F00", "s"),
    "partialfast": ("#D55E00", "o"),
    "instructor": ("#0072B2", "^"),
    "pydantic": ("#009E73", "v"),
    "jiter": ("#56B4E9", "D"),
    "jsonriver": ("#CC79A7", "P"),
    "langchain": ("#000000", "X"),
    "aiohttp": ("#999999", "."),
}


def curves(path: Path, series: Mapping[str, Mapping[int, float]], **labels: str) -> None:
    """Draw a curve for each name, on logarithmic axes."""
    # Here, so that who draws afterwards does not hold it while measuring.
    from matplotlib import pyplot as plt

    plt.switch_backend("Agg")
    figure, axes = plt.subplots(figsize=(8, 5))
    for name, points in series.items():
        colour, mark = _STYLES[name]
        axes.plot([*points], [*points.values()], color=colour, marker=mark, label=name)
    axes.set(xscale="log", yscale="log", **labels)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,g}")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)
