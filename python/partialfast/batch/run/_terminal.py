"""Draws the figures on a terminal."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from partialfast.batch.loop._meter import Figures
from partialfast.batch.run._figures import duration, escape_unprintable, latency

__all__ = ["draw_progress"]


def draw_progress(figures: Figures, *, title: str) -> RenderableType:
    """Draw the figures.

    Args:
        figures: How the run stands.
        title: What to write above.

    Returns:
        What rich prints.
    """
    finished = figures.skipped + figures.done + figures.failed
    bar = Table.grid(expand=True, padding=(0, 1))
    bar.add_column(ratio=1)
    bar.add_column(justify="right", no_wrap=True)
    of = "" if figures.total is None else f" of {figures.total:,}"
    left = "" if figures.left_s is None else f", {duration(figures.left_s)} left"
    # Without a total it moves to and fro.
    total = None if figures.total is None else max(1, figures.total)
    bar.add_row(
        ProgressBar(total=total, completed=finished, pulse=total is None),
        f"{finished:,}{of}{left}",
    )
    table = Table.grid(padding=(0, 2))
    for _ in range(4):
        table.add_column(no_wrap=True)
    failed = Text(f"{figures.failed:,}", style="bold red" if figures.failed else "default")
    usage = figures.usage
    first, whole = figures.first_token, figures.whole
    for left_label, left_value, right_label, right_value in (
        ("done", Text(f"{figures.done:,}", style="green"), "items/s", f"{figures.items_per_s:.1f}"),
        ("failed", failed, "output tokens/s", f"{figures.tokens_per_s:,.0f}"),
        (
            "in flight",
            f"{figures.in_flight:,}",
            "first token p50/p90/p99",
            latency(first) if first else "-",
        ),
        (
            "finished before",
            f"{figures.skipped:,}",
            "whole document p50/p90/p99",
            latency(whole) if whole else "-",
        ),
        (
            "elapsed",
            duration(figures.elapsed_s),
            "tokens in, out",
            f"{usage.input_tokens:,}, {usage.output_tokens:,}",
        ),
    ):
        table.add_row(Text(left_label, style="dim"), left_value,
                      Text(right_label, style="dim"), right_value)  # fmt: skip
    parts: list[RenderableType] = [bar, table]
    if figures.kinds:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in figures.kinds.items())
        parts.append(Text(f"failures: {kinds}", style="red"))
    if figures.note:
        parts.append(Text(escape_unprintable(figures.note), style="yellow"))
    # As text, for a name in brackets would be taken for markup.
    head = Text(escape_unprintable(title))
    return _Narrower(Panel(Group(*parts), title=head, title_align="left", border_style="dim"))


class _Narrower:
    """Leaves room at the end of each line for the ``^C`` that a terminal shows.

    In the last column it would wrap, and all that is drawn after it would be a line too low.
    """

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console
        yield Constrain(self._inner, max(1, options.max_width - len("^C^C") - 1))
