"""What the pages show: tables, rows of a figure beside a peer's with ratio and goal, and curves."""

from __future__ import annotations

import operator
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tabulate import tabulate

__all__ = ["Row", "curves", "number", "put", "section", "table"]

# Colours that people with any colour vision tell apart, and marks for those who print in grey.
_STYLE, _MARKS = "tableau-colorblind10", "os^vDPX."
_BOUNDS = {">=": operator.ge, "<=": operator.le}


class Row(NamedTuple):
    """A figure beside another, both in the unit of the section.

    Attributes:
        what: What was measured.
        ours: Our figure.
        beside: Who the other figure is of.
        theirs: The other figure.
        ratio: Theirs over ours; where growth is bounded, ours over theirs.
        goal: A bound on the ratio, such as ``>= 30``; none if empty.
    """

    what: str
    ours: float
    beside: str
    theirs: float
    ratio: float
    goal: str = ""

    @property
    def cells(self) -> list[str]:
        """The row as text."""
        goal, verdict = "", ""
        if self.goal:
            sign, bound = self.goal.split()
            goal = f"{sign} {float(bound):,g}x"
            verdict = "met" if _BOUNDS[sign](self.ratio, float(bound)) else "MISSED"
        ours, theirs, ratio = map(number, (self.ours, self.theirs, self.ratio))
        return [self.what, ours, self.beside, theirs, f"{ratio}x", goal, verdict]


def number(value: float) -> str:
    """Return a figure with as many digits as mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def table(
    heading: Sequence[str], rows: Iterable[Sequence[str]], *, left: Collection[int] = (0,)
) -> str:
    """Return a table.

    Args:
        heading: What is above each column.
        rows: The cells.
        left: The columns of text; the others have figures.
    """
    sides = ["left" if at in left else "right" for at in range(len(heading))]
    return str(tabulate([*rows], heading, tablefmt="pipe", colalign=sides, disable_numparse=True))


def section(title: str, rows: Iterable[Row]) -> Iterator[str]:
    """Yield a heading and a table, if there are rows."""
    if cells := [row.cells for row in rows]:
        yield f"## {title}"
        yield table(["", "partialfast", "beside", "", "ratio", "goal", ""], cells, left=(0, 2, 6))


def put(page: Path, name: str, text: str) -> None:
    """Replace what stands on a page between ``<!-- NAME -->`` and ``<!-- /NAME -->``.

    Raises:
        ValueError: The page has no such place, or more than one.
    """
    marks = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)
    written, places = marks.subn(lambda _: f"\n{text}\n\n", page.read_text(encoding="utf-8"))
    if places != 1:
        raise ValueError(f"{page} has {places} places for {name}")
    page.write_text(written, encoding="utf-8")


def curves(path: Path, series: Mapping[str, Mapping[int, float]], **labels: str) -> None:
    """Draw a curve for each name, on logarithmic axes."""
    # Here, so that who draws afterwards does not hold it while measuring.
    from matplotlib import pyplot as plt

    plt.switch_backend("Agg")
    with plt.style.context(_STYLE):
        figure, axes = plt.subplots(figsize=(8, 5))
    for (name, points), mark in zip(series.items(), _MARKS, strict=False):
        axes.plot([*points], [*points.values()], marker=mark, label=name)
    axes.set(xscale="log", yscale="log", **labels)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,g}")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)
