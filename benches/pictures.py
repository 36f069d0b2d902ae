"""Draws the pictures of docs/benchmarks.md from the measured figures."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

__all__ = ["draw"]

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
_MEMORY = {
    "loads_stdlib": "json.loads, once",
    "untyped_stream": "partialfast, untyped,\nevery chunk",
    "validate_pydantic": "model_validate_json, once",
    "typed_stream": "partialfast, typed,\nevery chunk",
}


@contextmanager
def _axes(path: Path, height: float, **labels: str) -> Generator[Any, None, None]:
    figure, axes = plt.subplots(figsize=(8, height))
    yield axes
    axes.set(**labels)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _lines(path: Path, series: Mapping[str, Mapping[str, float]], **labels: str) -> None:
    with _axes(path, 5, **labels) as axes:
        for name, points in series.items():
            colour, mark = _STYLES[name]
            xs = [float(x) for x in points]
            axes.plot(xs, list(points.values()), color=colour, marker=mark, label=name)
        axes.set(xscale="log", yscale="log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend()


def draw(growth: Mapping[str, Any], memory: Mapping[str, float], out: Path) -> None:
    """Draw ``cost.png``, ``delay.png`` and ``memory.png``.

    Args:
        growth: The figures of `benches.growth`.
        memory: Those of `benches.memory`, in MB.
        out: The folder for the pictures.
    """
    mpl.use("Agg")
    out.mkdir(parents=True, exist_ok=True)
    _lines(
        out / "cost.png",
        growth["costs"],
        xlabel="document, thousand characters",
        ylabel="CPU time per chunk, microseconds",
        title="A snapshot at every chunk (orders)",
    )
    _lines(
        out / "delay.png",
        growth["delays"],
        xlabel="concurrent streams of 50 chunks a second",
        ylabel="event loop late by, ms (99th percentile)",
        title="Typed snapshots in one event loop (orders-10k)",
    )
    labels = {"xlabel": "peak resident growth, MB", "title": "A 10 MB document"}
    with _axes(out / "memory.png", 3.2, **labels) as axes:
        colours = ["#D55E00" if "stream" in name else "#0072B2" for name in _MEMORY]
        sizes = [memory[name] for name in _MEMORY]
        bars = axes.barh(list(_MEMORY.values()), sizes, color=colours)
        axes.bar_label(bars, fmt="%.0f", padding=4)
        axes.margins(x=0.1)
        axes.invert_yaxis()
