"""A job with the signals that end it and the words that are said about it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, TextIO

from partialfast.batch.loop._meter import Meter
from partialfast.batch.loop._result import BatchError
from partialfast.batch.run._figures import escape_unprintable
from partialfast.batch.run._job import Elsewhere, Job, JobOutcome, look_ahead, run_job
from partialfast.batch.run._progress import summary
from partialfast.batch.run._sample import estimate
from partialfast.batch.run._survey import Survey

__all__ = ["INTERRUPTED", "SOME_FAILED", "Session"]

#: Every document has a result, but some have failed.
SOME_FAILED = 3
#: The shell's convention for a program that an interrupt ended (128 + SIGINT).
INTERRUPTED = 130


class Session:
    """Runs a job for somebody at a terminal.

    Args:
        job: What is to be done.
        connect: Opens the client.
        err: Where people look.
        argv: The words of the command, to say how it goes on.
        elsewhere: Does the extraction, instead of this process.
        finish_live: Whether what it does not bring is asked about one by one.
    """

    def __init__(  # noqa: PLR0913 - each is of its own
        self,
        job: Job,
        connect: Callable[[], AbstractAsyncContextManager[Any]],
        *,
        err: TextIO,
        argv: Sequence[str],
        elsewhere: Elsewhere | None = None,
        finish_live: bool = False,
    ) -> None:
        self._elsewhere = elsewhere
        self._finish_live = finish_live
        self._job = job
        self._connect = connect
        self._err = err
        self._argv = argv
        self._until = asyncio.Event()
        self._meter: Meter | None = None
        self._task: asyncio.Task[JobOutcome] | None = None
        self._cancelled = False

    async def main(self, *, sample: int | None = None, go_on: bool = False) -> int:
        """Run it.

        Args:
            sample: How many documents to ask about first, chosen at random, to tell what the rest
                is like.
            go_on: Whether to go on with the rest after that.

        Returns:
            The exit status.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Windows has none of these; there Ctrl-C is an exception, and loses what is in flight.
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, self._interrupt, number)
        found = look_ahead(self._job)
        if sample is None:
            status = await self._do(found, end=not self._finish_live)
            return await self._finish(found, status) if self._finish_live else status
        if found is None:
            raise BatchError("--sample needs an input that can be read more than once")
        whole = self._job
        self._job = replace(whole, only=found.sample(sample))
        status = await self._do(found, end=False)
        if status in {0, SOME_FAILED} and self._meter is not None:
            self._say(
                *estimate(
                    self._meter.figures(),
                    total=found.count,
                    concurrency=whole.options["concurrency"],
                    prices=whole.prices,
                )
            )
            if go_on:
                self._job = replace(whole, start="resume")
                return await self._do(found)
            self._say(f"go on with: {self._resume_command()}")
        return status

    async def _finish(self, found: Survey | None, status: int) -> int:
        """Ask one by one about what a batch has not brought."""
        figures = self._meter.figures() if self._meter is not None else None
        if status not in {0, SOME_FAILED} or figures is None or figures.total is None:
            return status
        if figures.skipped + figures.done + figures.failed == figures.total:
            return status
        self._elsewhere = None
        self._job = replace(self._job, start="resume", retry_failed=False)
        return await self._do(found)

    async def _do(self, found: Survey | None, *, end: bool = True) -> int:
        """Run the job; give the exit status."""
        self._task = asyncio.create_task(self._run(found))
        try:
            outcome = await self._task
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
            self._sum_up(None)
            return INTERRUPTED
        except BatchError:
            self._sum_up(None)
            raise
        self._sum_up(outcome, end=end)
        if outcome.stopped:
            raise BatchError(outcome.stopped)
        if not outcome.finished:
            return INTERRUPTED
        return SOME_FAILED if outcome.failed else 0

    async def _run(self, found: Survey | None) -> JobOutcome:
        async with self._connect() as client:
            return await run_job(
                self._job,
                client=client,
                until=self._until,
                out=self._err,
                found=found,
                on_start=self._begin,
                elsewhere=self._elsewhere,
            )

    def _begin(self, meter: Meter) -> None:
        self._meter = meter

    def _interrupt(self, number: int) -> None:
        in_flight = self._meter.figures().in_flight if self._meter is not None else 0
        # A first Ctrl-C loses nothing that is paid for. Whoever sends a SIGTERM will not wait; and
        # a cluster that has begun with a block cannot be told to end with a part of it.
        patient = self._elsewhere is None or getattr(self._elsewhere, "finishes", False)
        at_once = number == signal.SIGTERM or not patient
        if self._until.is_set() or not in_flight or at_once:
            self._cancelled = True
            self._until.set()
            if self._task is not None:
                self._task.cancel()
            return
        self._until.set()
        if self._meter is not None:
            self._meter.note = f"finishing {in_flight} in flight; Ctrl-C again to drop them"
            if not self._err.isatty():
                print(self._meter.note, file=self._err, flush=True)

    def _sum_up(self, outcome: JobOutcome | None, *, end: bool = True) -> None:
        if self._meter is None or self._job.quiet:
            return
        self._say(*summary(self._meter.figures()))
        files = self._job.files
        ended = outcome is not None and outcome.finished
        self._say(f"values: {files.output if ended and end else files.values}")
        if outcome is not None and outcome.failed:
            self._say(f"failures: {files.errors} ({outcome.failed:,})")
        if not ended:
            self._say(f"go on with: {self._resume_command()}")

    def _say(self, *lines: str) -> None:
        for text in lines:
            print(escape_unprintable(text), file=self._err)

    def _resume_command(self) -> str:
        # A database's password must not show on the screen.
        words = [_hidden(word) for word in self._argv]
        # A sample is taken once.
        if "--sample" in words:
            place = words.index("--sample")
            del words[place : place + 2]
        left_out = {"--overwrite", "--resume", "--yes"}
        kept = [word for word in words if word not in left_out and not word.startswith("--sample=")]
        return shlex.join(["partialfast", *kept, "--resume"])


def _hidden(word: str) -> str:
    return re.sub(r"(://[^:/@]*:)[^@/]*@", r"\1...@", word)
