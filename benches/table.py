"""Tables in Markdown, and rows that set a figure beside a peer's with the ratio and the goal."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from benches.measuring import head

__all__ = [
    "Goal",
    "Row",
    "at_least",
    "at_most",
    "main",
    "number",
    "put",
    "sections",
    "show",
    "table",
]


class Goal(NamedTuple):
    """A bound on a row's ratio."""

    text: str
    met: Callable[[float], bool]


def at_least(bound: float) -> Goal:
    """Require the peer to cost `bound` times as much or more."""
    return Goal(f">= {bound:,g}x", lambda ratio: ratio >= bound)


def at_most(bound: float) -> Goal:
    """Require a growth of no more than `bound`."""
    return Goal(f"<= {bound:,g}x", lambda ratio: ratio <= bound)


class Row(NamedTuple):
    """One line of a comparison. Both figures are in the unit of the section."""

    section: str
    what: str
    ours: float
    beside: str
    theirs: float
    ratio: float
    goal: Goal | None = None

    @property
    def cells(self) -> list[str]:
        """The row as text."""
        verdict = ["", ""]
        if self.goal is not None:
            verdict = [self.goal.text, "met" if self.goal.met(self.ratio) else "MISSED"]
        ours, theirs = number(self.ours), number(self.theirs)
        return [self.what, ours, self.beside, theirs, f"{number(self.ratio)}x", *verdict]


def number(value: float) -> str:
    """Return a figure with as many digits as mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def table(
    heading: Sequence[str], rows: Iterable[Sequence[str]], *, left: Collection[int] = (0,)
) -> Iterator[str]:
    """Yield the lines of a table, each as soon as its row is there.

    Args:
        heading: What is above each column.
        rows: The cells. Where it is a list, columns are as wide as their longest cell.
        left: The columns of text; the others have figures.
    """
    known = [heading, *rows] if isinstance(rows, list) else [heading]
    widths = [max(4, *map(len, column)) for column in zip(*known, strict=True)]

    def line(cells: Sequence[str]) -> str:
        sized = enumerate(zip(cells, widths, strict=True))
        padded = [text.ljust(n) if at in left else text.rjust(n) for at, (text, n) in sized]
        return f"| {' | '.join(padded)} |"

    yield line(heading)
    yield line(["-" * n if at in left else f"{'-' * (n - 1)}:" for at, n in enumerate(widths)])
    for row in rows:
        yield line(row)


def sections(rows: Iterable[Row]) -> Iterator[str]:
    """Yield a heading and a table for each section."""
    for section, found in groupby(rows, key=lambda row: row.section):
        yield from (f"## {section[0].upper()}{section[1:]}", "")
        columns = ("", "partialfast", "beside", "", "ratio", "goal", "")
        yield from table(columns, [row.cells for row in found], left=(0, 2, 6))
        yield ""


def put(page: Path, name: str, lines: Iterable[str]) -> None:
    """Replace what stands on a page between ``<!-- NAME -->`` and ``<!-- /NAME -->``.

    Raises:
        ValueError: The page has no such place, or more than one.
    """
    text = "\n".join(lines).strip("\n")
    marks = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)
    written, places = marks.subn(lambda _: f"\n{text}\n\n", page.read_text(encoding="utf-8"))
    if places != 1:
        raise ValueError(f"{page} has {places} places for {name}")
    page.write_text(written, encoding="utf-8")


def show(lines: Iterable[str], name: str = "", *, page: str | Path | None = None) -> None:
    """Print lines as they come; put them under a name on a page, where one is given."""
    shown: list[str] = []
    for line in lines:
        print(line, flush=True)
        shown.append(line)
    if page is not None:
        put(Path(page), name, shown)


def main(
    measured: Callable[[], Mapping[str, float]],
    rows: Callable[[Mapping[str, float]], Iterable[Row]],
    *packages: str,
) -> None:
    """Measure, and print the tables, or write the figures to the file on the command line."""
    about, figures = head(*packages), measured()
    if len(sys.argv) > 1:
        document = {"head": about, "figures": figures}
        Path(sys.argv[1]).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    else:
        print(about, "", *sections(rows(figures)), sep="\n")
