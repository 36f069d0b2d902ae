"""Draws the form on a terminal."""

from __future__ import annotations

from pydantic import BaseModel
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from partialfast.demo._overview import FieldMark, FormProgress, FormRow, rows

__all__ = ["draw_form"]

_SIGNS = {
    FieldMark.WAITING: Text("·", style="dim"),
    FieldMark.WRITING: Text("▸", style="bold yellow"),
    FieldMark.COMPLETE: Text("✓", style="green"),
}
_STYLES = {
    FieldMark.WAITING: "dim",
    FieldMark.WRITING: "bold yellow",
    FieldMark.COMPLETE: "default",
}


def draw_form(snapshot: BaseModel | None, progress: FormProgress, *, title: str) -> RenderableType:
    """Draw a snapshot with the figures below it.

    Args:
        snapshot: The model as far as it is written; ``None`` before it has begun.
        progress: Which of its fields are complete, and the figures.
        title: What to write above.

    Returns:
        What rich prints.
    """
    form = Table.grid(padding=(0, 1))
    form.add_column(width=1)
    form.add_column(min_width=14, no_wrap=True)
    form.add_column(overflow="fold", ratio=1)
    for row in rows(snapshot, progress) if snapshot is not None else ():
        form.add_row(_SIGNS[row.mark], *_cells(row, progress))
    return Group(
        Panel(form, title=title, title_align="left", border_style="dim"),
        Text(" " + progress.summary(), style="dim"),
    )


def _cells(row: FormRow, progress: FormProgress) -> tuple[Text, Text]:
    style = _STYLES[row.mark]
    value = Text(row.text, style=style)
    if row.mark is FieldMark.WRITING and row.path == progress.path:
        value.append("▌", style="yellow")
    return Text("  " * row.depth + row.label, style=style), value
