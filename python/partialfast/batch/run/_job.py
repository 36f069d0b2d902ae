"""A whole job: documents in, result files out. What ``partialfast extract`` runs."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from partialfast.batch.io._attachments import Attachments
from partialfast.batch.io._documents import Documents
from partialfast.batch.io._journal import Journal, Start
from partialfast.batch.io._manifest import Manifest
from partialfast.batch.io._output import Files, checked_rows
from partialfast.batch.loop._aside import aside
from partialfast.batch.loop._collector import collecting_seldom
from partialfast.batch.loop._extract import Prepare, extract
from partialfast.batch.loop._meter import Figures, Meter
from partialfast.batch.loop._prompt import Message, make_prompt
from partialfast.batch.loop._protocols import Answers
from partialfast.batch.loop._result import BatchError, Item
from partialfast.batch.run._loader import Loader
from partialfast.batch.run._progress import shown
from partialfast.batch.run._spending import Budget, FailureLimit, Prices, SpendingGuard
from partialfast.batch.run._survey import Survey, digest_of, reconcile, refuse_others, survey
from partialfast.batch.run._twins import Twins

__all__ = ["Elsewhere", "Job", "JobOutcome", "look_ahead", "run_job", "show_request"]

#: Gives the lines of finished items for items, elsewhere: see `partialfast.batch.ray`.
Elsewhere = Callable[
    [Iterator[Item], Meter, asyncio.Event], AsyncGenerator[tuple[Any, bytes], None]
]

#: Characters of a token, before anything is known.
_CHARACTERS = 4.0


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
        attach: Finds what goes with a document.
        settings: What determines the answers, for the manifest.
        start: What to do with results that are there already.
        accept_changes: Whether to go on with results of other settings.
        retry_failed: Whether items that failed in an earlier run are asked again.
        limit: How many documents at most, from the first.
        only: The documents that are asked about; ``None`` for all.
        failures: How many may fail before the run stops.
        budget: What the job may spend.
        prices: What tokens cost.
        answers: Those that are known already.
        prepare: Makes of a client what is done to messages before they are sent.
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
    attach: Attachments | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    start: Start = "new"
    accept_changes: bool = False
    retry_failed: bool = False
    limit: int | None = None
    only: frozenset[str] | None = None
    failures: FailureLimit | None = None
    budget: Budget | None = None
    prices: Prices | None = None
    answers: Answers | None = None
    prepare: Callable[[Any], Prepare] | None = None
    quiet: bool = False
    title: str = "extract"
    options: dict[str, Any] = field(default_factory=dict)

    def messages(self) -> Callable[[Item], list[Message]]:
        """Give what turns a document into what is asked about it."""
        return make_prompt(self.prompt, system=self.system, attach=self.attach)


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What a job did.

    Args:
        figures: How it went.
        finished: Whether every document has a result.
        failed: How many documents have failed, in earlier runs too.
        stopped: Why no more documents were taken, if not at their end.
    """

    figures: Figures
    finished: bool
    failed: int
    stopped: str = ""


def look_ahead(job: Job) -> Survey | None:
    """Read the documents and send nothing.

    Args:
        job: What would be done.

    Returns:
        What that would be; ``None`` if the documents can be read only once.

    Raises:
        BatchError: A document cannot be read or asked about, or has the id of another; or there is
            none.
    """
    if not job.documents.is_repeatable:
        return None
    return survey(job.documents, job.messages(), limit=job.limit)


async def run_job(  # noqa: PLR0913 - each has one thing to do
    job: Job,
    *,
    client: Any,
    until: asyncio.Event,
    out: TextIO,
    found: Survey | None = None,
    on_start: Callable[[Meter], None] = lambda _: None,
    elsewhere: Elsewhere | None = None,
) -> JobOutcome:
    """Do it.

    Args:
        job: What is to be done.
        client: As `extract` takes it.
        until: Once it is set no more documents are taken.
        out: Where the display goes.
        found: What `look_ahead` gave; looked up if it is missing.
        on_start: Told the meter when the work begins.
        elsewhere: Does the extraction, instead of this process.

    Returns:
        What was done.

    Raises:
        BatchError: It cannot be done, or not any longer. Everything that is finished is written.
        ImportError: A package that it needs is not installed.
    """
    if job.files.sink is not None:
        job.files.sink.prepare(
            job.model,
            overwrite=job.start == "overwrite",
            has_journal=job.files.values.exists(),
        )
    # Before anything is written or asked: what is wrong with the input is wrong now.
    found = found or look_ahead(job)
    manifest = Manifest(job.files.manifest, job.files.output)
    if not (job.start == "resume" and job.accept_changes):
        refuse_others(manifest)
    with Journal(
        job.model,
        job.files.values,
        job.files.errors,
        start=job.start,
        retry_failed=job.retry_failed,
    ) as journal:
        number = reconcile(
            journal,
            manifest,
            job.settings,
            model=job.model,
            found=found,
            is_whole=job.limit is None,
            accept=job.accept_changes,
        )
        if found is not None:
            manifest.note(
                input=job.documents.where, documents=found.count, fingerprint=found.fingerprint
            )
        working = _Work(job, journal, found, number)
        on_start(working.meter)
        async with (
            shown(working.meter, out=out, title=job.title, quiet=job.quiet),
            Loader(job.model, job.files).running(),
        ):
            with collecting_seldom():
                await working.do(client=client, until=until, elsewhere=elsewhere)
        failed = len(journal.failed)
    figures = working.meter.figures()
    results = figures.skipped + figures.done + figures.failed
    stopped = working.guard.stopped
    ended = not until.is_set() and not stopped
    finished = ended or results == figures.total
    if finished and job.only is None and job.files.sink is not None:
        records = checked_rows(job.model, job.files.values)
        job.files.sink.write(record for _, record in records)
    return JobOutcome(figures, finished, failed, stopped)


class _Work:
    """The documents of a job on their way to their results.

    Args:
        job: What is to be done.
        journal: Where results go.
        found: All documents, if they can be read twice.
        number: The number of the run.
    """

    def __init__(self, job: Job, journal: Journal, found: Survey | None, number: int) -> None:
        self._job = job
        self._journal = journal
        self._number = number
        self._messages = job.messages()
        total = None
        if found is not None:
            total = found.count if job.only is None else len(job.only)
        self.meter = Meter(total=total)
        rows = [*journal.done.values(), *journal.failed.values()]
        self.guard = SpendingGuard(
            failures=job.failures,
            budget=job.budget,
            prices=job.prices,
            spent=(sum(row.tokens[0] for row in rows), sum(row.tokens[1] for row in rows)),
            earlier=len(rows),
            prompt_tokens=found.characters / found.count / _CHARACTERS if found else 0.0,
        )
        self._twins = Twins(journal, number)

    async def do(self, *, client: Any, until: asyncio.Event, elsewhere: Elsewhere | None) -> None:
        """Ask about all that has no result."""
        pending = self._pending()
        if elsewhere is not None:
            allowed = self.guard.allowed_at_once(pending)
            async with contextlib.aclosing(elsewhere(allowed, self.meter, until)) as lines:
                async for result, line in lines:
                    self._finish(result, line)
        else:
            async with contextlib.aclosing(self._extracted(pending, client, until)) as results:
                async for result in results:
                    self._finish(result, None)
        self._finish_twins()

    def _extracted(
        self, pending: Iterator[Item], client: Any, until: asyncio.Event
    ) -> AsyncGenerator[Any, None]:
        job = self._job
        items: AsyncIterator[Item]
        if job.documents.is_repeatable:
            items = self.guard.allowed(pending)
        else:
            # Reading standard input blocks, and must not hold up what is in flight.
            items = aside(self.guard.allowed_at_once(pending), name="partialfast-batch-input")
        return extract(
            items,
            model=job.model,
            client=client,
            llm=job.llm,
            prompt=self._messages,
            until=until,
            meter=self.meter,
            answers=job.answers,
            prepare=None if job.prepare is None else job.prepare(client),
            **job.options,
        )

    def _finish(self, result: Any, line: bytes | None) -> None:
        """Write a result, and those of documents that are the same."""
        request = self._twins.request(result.id)
        if line is None:
            written = self._journal.write(result, run=self._number, request=request)
            if result.ok and not written.ok:
                self.meter.spoilt(written)
            result = written
        else:
            self._journal.append(result, line, run=self._number, request=request)
        self.guard.finished(result)
        self._twins.finished(result.id)
        self._finish_twins()

    def _finish_twins(self) -> None:
        for id_, line, request in self._twins.ready():
            ok = self._journal.copy(id_, line, run=self._number, request=request)
            self.meter.copied(None if ok else json.loads(line)["error"]["kind"])

    def _pending(self) -> Iterator[Item]:
        """Give the documents that have no result, and are not the same as another."""
        job, journal = self._job, self._journal
        # What an earlier run has finished, not what this one does meanwhile.
        finished = {**journal.done, **journal.failed}
        asked: list[Message] = []

        def check(item: Item) -> None:
            nonlocal asked
            asked = self._messages(item)

        for item in itertools.islice(job.documents.items(check), job.limit):
            if job.only is not None and item.id not in job.only:
                continue
            request = digest_of(asked)
            row = finished.get(item.id)
            if row is None:
                if self._twins.is_first(item.id, request):
                    yield item
                continue
            self.meter.skipped += 1
            if row.run == self._number and row.request != request and not job.accept_changes:
                # For what can be read only once, this shows no earlier.
                raise BatchError(
                    f"the document {item.id!r} has changed since it was asked about; "
                    "--accept-changes keeps its result, --overwrite begins anew"
                )


def show_request(found: Survey | None, request: dict[str, Any]) -> Iterator[str]:
    """Give the lines of a dry run.

    Args:
        found: What the job would do.
        request: The body of the first request.
    """
    if found is None or found.first is None:
        yield "documents that can be read only once are not read"
        return
    yield f"{found.count:,} documents"
    yield f"first request (id {found.first.id}):"
    yield json.dumps(request, ensure_ascii=False, indent=2, default=_encoded)


def _encoded(value: object) -> str:
    """Write the bytes of a file as SDKs that take bytes send them in JSON."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"a request cannot hold {value!r}")
