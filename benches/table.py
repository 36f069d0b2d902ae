"""Rows that set a figure beside a peer's, with the ratio and the goal, and how they are printed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

__all__ = ["Goal", "Row", "at_least", "at_most", "cells", "layout", "number"]


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
    """One line of the table. Both figures are in the unit of the section."""

    section: str
    what: str
    ours: float
    beside: str
    theirs: float
    ratio: float
    goal: Goal | None = None

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "met" if self.goal.met(self.ratio) else "MISSED"


def number(value: float) -> str:
    """Return a figure with as many digits as mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as text, cell by cell."""
    return (
        row.what,
        number(row.ours),
        row.beside,
        number(row.theirs),
        f"{number(row.ratio)}x",
        row.goal.text if row.goal else "",
        row.verdict,
    )


def layout(found: Iterable[Row]) -> str:
    """Set rows as text for a terminal, a heading before each section."""
    head = ("", "partialfast", "beside", "", "ratio", "goal", "")
    lines: list[tuple[str, ...]] = []
    section = ""
    for row in found:
        if row.section != section:
            section = row.section
            lines += [("",), (section,), head]
        what, *rest = cells(row)
        lines.append((f"  {what}", *rest))
    full = [line for line in lines if len(line) == len(head)]
    widths = [max(len(line[column]) for line in full) for column in range(len(head))]
    right = {1, 3, 4, 5}
    return "\n".join(
        line[0]
        if len(line) == 1
        else "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
