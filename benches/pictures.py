"""Draws the pictures of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["bars", "curves"]

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
    "no parser": ("#999999", "."),
}


@contextmanager
def _axes(path: Path, height: float, **labels: str) -> Generator[Any, None, None]:
    # Here, so that what draws afterwards does not hold it while it measures.
    from matplotlib import pyplot as plt

    plt.switch_backend("Agg")
    figure, axes = plt.subplots(figsize=(8, height))
    yield axes
    axes.set(**labels)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def curves(path: Path, series: Mapping[str, Mapping[int, float]], **labels: str) -> None:
    """Draw a curve for each name, on logarithmic axes."""
    with _axes(path, 5, **labels) as axes:
        for name, points in series.items():
            colour, mark = _STYLES[name]
            axes.plot([*points], [*points.values()], color=colour, marker=mark, label=name)
        axes.set(xscale="log", yscale="log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:,g}")
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend()


def bars(path: Path, sizes: Mapping[str, float], **labels: str) -> None:
    """Draw a bar for each name, those of this package in a colour of their own."""
    with _axes(path, 3.2, **labels) as axes:
        colours = ["#D55E00" if "partialfast" in name else "#0072B2" for name in sizes]
        drawn = axes.barh([*sizes], [*sizes.values()], color=colours)
        axes.bar_label(drawn, fmt="%.0f", padding=4)
        axes.margins(x=0.1)
        axes.invert_yaxis()
