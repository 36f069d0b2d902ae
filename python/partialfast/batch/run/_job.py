"""A whole job: documents in, result files out. What ``partialfast extract`` runs."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from partialfast.batch.io._documents import Documents
from partialfast.batch.io._journal import Journal, Start
from partialfast.batch.io._parquet import require_pyarrow, write_parquet
from partialfast.batch.loop._aside import aside
from partialfast.batch.loop._extract import extract
from partialfast.batch.loop._meter import Figures, Meter
from partialfast.batch.loop._prompt import make_prompt
from partialfast.batch.loop._result import BatchError, Item
from partialfast.batch.run._display import shown

__all__ = ["Files", "Job", "Outcome", "Preview", "preview", "run", "show_preview"]

#: Gives the lines of finished items for items, elsewhere: see `partialfast.batch.ray`.
Elsewhere = Callable[
    [Iterator[Item], Meter, asyncio.Event], AsyncGenerator[tuple[Any, bytes], None]
]


@dataclass(frozen=True, slots=True)
class Files:
    """Where results go.

    Args:
        output: The file that was asked for.
        values: Where values are written as they complete; `output` itself for JSON Lines.
        errors: Where failures are.
    """

    output: Path
    values: Path
    errors: Path

    @classmethod
    def of(cls, output: str) -> Files:
        """Name the files.

        Args:
            output: The file that was asked for.

        Raises:
            BatchError: Its format cannot be told.
        """
        path = Path(output)
        errors = path.with_suffix(".errors.jsonl")
        if path.suffix == ".jsonl":
            return cls(path, path, errors)
        if path.suffix == ".parquet":
            return cls(path, path.with_suffix(".journal.jsonl"), errors)
        raise BatchError(f"--output {output}: its name must end in .jsonl or .parquet")

    @property
    def is_parquet(self) -> bool:
        """Whether a Parquet file is made at the end."""
        return self.output != self.values


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be done.

    Args:
        model: The type of the values.
        documents: What to read.
        files: Where results go.
        prompt: A text with fields in braces.
        llm: The model to ask.
        system: A system message.
        start: What to do with results that are there already.
        retry_failed: Whether items that failed in an earlier run are asked again.
        limit: How many documents at most, from the first.
        quiet: Whether to show nothing on the way.
        title: What the display is called.
        options: More arguments of `partialfast.batch.extract`.
    """

    model: Any
    documents: Documents
    files: Files
    prompt: str
    llm: str
    system: str | None = None
    start: Start = "new"
    retry_failed: bool = False
    limit: int | None = None
    quiet: bool = False
    title: str = "extract"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a job would do.

    Args:
        count: How many documents there are.
        first: The first of them.
        messages: What would be asked about it.
    """

    count: int
    first: Item | None
    messages: list[Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job did.

    Args:
        figures: How it went.
        finished: Whether every document has a result.
        failed: How many documents have failed, in earlier runs too.
    """

    figures: Figures
    finished: bool
    failed: int


def preview(job: Job) -> Preview:
    """Read the documents and send nothing.

    Args:
        job: What would be done.

    Returns:
        What that would be.

    Raises:
        BatchError: A document cannot be read or asked about, or has the id of another.
    """
    count, first = 0, None
    for item in _documents(job):
        first = first or item
        count += 1
    messages = make_prompt(job.prompt, system=job.system)
    return Preview(count, first, messages(first) if first is not None else [])


def _documents(job: Job) -> Iterator[Item]:
    return itertools.islice(
        job.documents.items(make_prompt(job.prompt, system=job.system)), job.limit
    )


async def run(  # noqa: PLR0913 - each has one thing to do
    job: Job,
    *,
    client: Any,
    until: asyncio.Event,
    out: TextIO,
    on_start: Callable[[Meter], None] = lambda _: None,
    elsewhere: Elsewhere | None = None,
) -> Outcome:
    """Do it.

    Args:
        job: What is to be done.
        client: As `extract` takes it.
        until: Once it is set no more documents are taken.
        out: Where the display goes.
        on_start: Told the meter when the work begins.
        elsewhere: Does the extraction, instead of this process.

    Returns:
        What was done.

    Raises:
        BatchError: It cannot be done, or not any longer. Everything that is finished is written.
        ImportError: A package that it needs is not installed.
    """
    if job.files.is_parquet:
        require_pyarrow()
        _refuse_without_journal(job)
    # Before anything is written or asked: what is wrong with the input is wrong now.
    total = preview(job).count if job.documents.is_repeatable else None
    journal = Journal(
        job.model,
        job.files.values,
        job.files.errors,
        start=job.start,
        retry_failed=job.retry_failed,
    )
    with journal:
        meter = Meter(total=total)
        on_start(meter)
        pending = _pending(job, journal, meter)
        async with shown(meter, out=out, title=job.title, quiet=job.quiet):
            if elsewhere is not None:
                async with contextlib.aclosing(elsewhere(pending, meter, until)) as lines:
                    async for result, line in lines:
                        journal.append(result, line)
            else:
                await _extract(job, journal, pending, client=client, meter=meter, until=until)
        failed = len(journal.failed)
    figures = meter.figures()
    results = figures.skipped + figures.done + figures.failed
    finished = not until.is_set() or results == total
    if finished and job.files.is_parquet:
        write_parquet(job.model, job.files.values, job.files.output)
    return Outcome(figures, finished, failed)


def _refuse_without_journal(job: Job) -> None:
    """Refuse to replace a finished file whose journal was deleted; with it, the journal refuses."""
    output, values = job.files.output, job.files.values
    if job.start != "overwrite" and output.exists() and not values.exists():
        raise BatchError(
            f"{output} is there already, without {values} to go on from: --overwrite begins anew"
        )


async def _extract(  # noqa: PLR0913 - as `run`
    job: Job,
    journal: Journal,
    pending: Iterator[Item],
    *,
    client: Any,
    meter: Meter,
    until: asyncio.Event,
) -> None:
    # Reading standard input blocks, and must not hold up what is in flight.
    results = extract(
        pending if job.documents.is_repeatable else aside(pending, name="partialfast-batch-input"),
        model=job.model,
        client=client,
        llm=job.llm,
        prompt=job.prompt,
        system=job.system,
        until=until,
        meter=meter,
        **job.options,
    )
    async with contextlib.aclosing(results) as stream:
        async for result in stream:
            written = journal.write(result)
            if result.ok and not written.ok:
                meter.spoilt(written)


def _pending(job: Job, journal: Journal, meter: Meter) -> Iterator[Item]:
    """Give the documents that have no result."""
    # What an earlier run has finished, not what this one does meanwhile.
    finished = journal.done.keys() | journal.failed.keys()
    for item in _documents(job):
        if item.id in finished:
            meter.skipped += 1
        else:
            yield item


def show_preview(found: Preview, request: dict[str, Any]) -> Iterator[str]:
    """Give the lines of a dry run.

    Args:
        found: What the job would do.
        request: The body of the first request.
    """
    yield f"{found.count:,} documents"
    if found.first is not None:
        yield f"first request (id {found.first.id}):"
        yield json.dumps(request, ensure_ascii=False, indent=2)
