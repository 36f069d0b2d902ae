"""Draws the pictures of docs/benchmarks.md from the measured figures."""

from __future__ import annotations

import json
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


def _lines(path: Path, series: dict[str, dict[str, float]], **labels: str) -> None:
    figure, axes = plt.subplots(figsize=(8, 5))
    for name, points in series.items():
        colour, mark = _STYLES[name]
        xs = [float(x) for x in points]
        axes.plot(xs, list(points.values()), color=colour, marker=mark, label=name)
    axes.set(xscale="log", yscale="log", **labels)
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.xaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.yaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda y, _: f"{y:,g}"))
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _bars(path: Path, memory: dict[str, int]) -> None:
    figure, axes = plt.subplots(figsize=(8, 3.2))
    names = list(_MEMORY)
    colours = ["#D55E00" if "stream" in name else "#0072B2" for name in names]
    bars = axes.barh(
        [_MEMORY[name] for name in names], [memory[name] / 1e6 for name in names], color=colours
    )
    axes.bar_label(bars, fmt="%.0f", padding=4)
    axes.margins(x=0.1)
    axes.invert_yaxis()
    axes.set(xlabel="peak resident growth, MB", title="A 10 MB document")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw(measured: Path, out: Path) -> dict[str, str]:
    """Draw every picture.

    Args:
        measured: The folder of ``growth.json`` and ``memory.json``.
        out: The folder for the pictures.

    Returns:
        What each picture shows, by the name of its file.
    """
    mpl.use("Agg")
    growth: dict[str, Any] = json.loads((measured / "growth.json").read_text(encoding="utf-8"))
    memory: dict[str, int] = json.loads((measured / "memory.json").read_text(encoding="utf-8"))
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
    _bars(out / "memory.png", memory)
    return {
        "cost.png": "cost of a chunk against the size of the document, on log axes",
        "delay.png": "delay of the event loop against the number of concurrent streams",
        "memory.png": "peak memory of a 10 MB document",
    }
