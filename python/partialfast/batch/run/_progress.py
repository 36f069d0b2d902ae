"""What a person sees of a run: a live table on a terminal, lines anywhere else, and a summary."""

from __future__ import annotations

import asyncio
import contextlib
import textwrap
from collections.abc import AsyncGenerator, Iterator
from typing import TextIO

from typing_extensions import Self

from partialfast._repairs import counted
from partialfast.batch._needs import import_extra
from partialfast.batch.loop._meter import Figures, Meter
from partialfast.batch.run._figures import duration, escape_unprintable, latency

__all__ = ["line", "shown", "summary"]

_TERMINAL_S = 0.25
_LINES_S = 5.0


@contextlib.asynccontextmanager
async def shown(
    meter: Meter, *, out: TextIO, title: str, quiet: bool = False, every_s: float = _LINES_S
) -> AsyncGenerator[None, None]:
    """Show the figures while the block runs.

    Args:
        meter: Where the figures come from.
        out: Drawn on when it is a terminal, else given a line every few seconds.
        title: What to write above.
        quiet: Whether to show nothing.
        every_s: Seconds between two lines.

    Yields:
        Nothing.

    Raises:
        ImportError: `out` is a terminal and rich is not installed.
    """
    if quiet:
        yield
        return
    with _Terminal(out, title) if out.isatty() else _LineView(out) as view:
        ticking = asyncio.create_task(_tick(meter, view, _TERMINAL_S if out.isatty() else every_s))
        try:
            yield
        finally:
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
            view.last(meter.figures())


async def _tick(meter: Meter, view: _View, every_s: float) -> None:
    while True:
        view.show(meter.figures())
        await asyncio.sleep(every_s)


class _View:
    """Shows figures again and again."""

    def __enter__(self) -> Self:
        """Begin it."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End it."""

    def show(self, figures: Figures) -> None:
        """Show how it stands."""

    def last(self, figures: Figures) -> None:
        """Show how it ended."""


class _LineView(_View):
    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._seen = ""

    def show(self, figures: Figures) -> None:
        if not figures.in_flight and not figures.done + figures.failed:
            return
        text = line(figures)
        if text != self._seen:
            # A log that is read as it grows must not sit in a buffer.
            print(text, file=self._out, flush=True)
        self._seen = text


class _Terminal(_View):
    def __init__(self, out: TextIO, title: str) -> None:
        console = import_extra("rich.console", what="Drawing on a terminal")
        live = import_extra("rich.live", what="Drawing on a terminal")
        self._title = title
        self._live = live.Live(console=console.Console(file=out), auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._live.__exit__(None, None, None)

    def show(self, figures: Figures) -> None:
        from partialfast.batch.run._terminal import draw_progress  # noqa: PLC0415 - needs rich

        self._live.update(draw_progress(figures, title=self._title), refresh=True)

    last = show


def line(figures: Figures) -> str:
    """Give the figures as one line."""
    of = f" of {figures.total:,}" if figures.total is not None else ""
    parts = [
        f"{figures.skipped + figures.done + figures.failed:,}{of}",
        f"{figures.done:,} done, {figures.failed:,} failed, {figures.in_flight:,} in flight",
        f"{figures.items_per_s:.1f} items/s, {figures.tokens_per_s:,.0f} tokens/s",
    ]
    if figures.first_token is not None:
        parts.append(f"first token {latency(figures.first_token)}")
    if figures.whole is not None:
        parts.append(f"total {latency(figures.whole)}")
    usage = figures.usage
    parts.append(f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out")
    if figures.left_s is not None and figures.in_flight:
        parts.append(f"{duration(figures.left_s)} left")
    if figures.note:
        parts.append(figures.note)
    return escape_unprintable(" | ".join([duration(figures.elapsed_s), *parts]))


def _remarks(figures: Figures) -> Iterator[str]:
    """Say what was out of the ordinary."""
    if figures.same:
        yield f"the same as others, and not asked about: {figures.same:,}"
    if figures.cached:
        yield f"known from earlier requests: {figures.cached:,}"
    if figures.kinds:
        yield "failed: " + ", ".join(f"{count:,} {kind}" for kind, count in figures.kinds.items())
    if figures.repaired:
        answers = "answer" if figures.repaired == 1 else "answers"
        yield f"{figures.repaired:,} {answers} needed repairs: {counted(figures.repairs)}"
    if figures.frequent:
        yield "most frequent errors, with an example each:"
        for each in figures.frequent:
            message = textwrap.shorten(each.message, 160, placeholder=" …")
            yield escape_unprintable(
                f"  {each.count:,} x {each.kind}, such as {each.id}: {message}"
            )


def summary(figures: Figures) -> Iterator[str]:
    """Give the lines that stand at the end."""
    asked = figures.done + figures.failed
    of = f" of {figures.total:,}" if figures.total is not None else ""
    yield (
        f"{asked:,}{of} documents in {duration(figures.elapsed_s)}: {figures.done:,} done, "
        f"{figures.failed:,} failed"
        + (f", {figures.skipped:,} were finished before" if figures.skipped else "")
    )
    yield from _remarks(figures)
    if not asked:
        return
    seconds = max(figures.elapsed_s, 1e-9)
    usage = figures.usage
    about = "about " if usage.estimated else ""
    yield (
        f"{figures.items_per_s_overall:.1f} documents/s, "
        f"{usage.output_tokens / seconds:,.0f} output tokens/s, {figures.attempts:,} requests"
    )
    yield f"tokens: {usage.input_tokens:,} in, {about}{usage.output_tokens:,} out"
    if figures.cut:
        yield (
            f"cut off as invalid: {figures.cut:,} answers, which saved about "
            f"{figures.saved_tokens:,} output tokens"
        )
    if figures.first_token is not None:
        yield f"first token, 50th/90th/99th percentile: {latency(figures.first_token)}"
    if figures.whole is not None:
        yield f"whole document, 50th/90th/99th percentile: {latency(figures.whole)}"
