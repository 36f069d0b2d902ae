"""``partialfast extract``: a file of documents into a file of validated models."""

# ruff: noqa: T201 - a command talks to its user
from __future__ import annotations

import argparse
import asyncio
import contextlib
import shlex
import signal
import sys
from pathlib import Path
from typing import TextIO

from partialfast.batch import BatchError, Meter
from partialfast.batch.io._documents import FORMATS, open_documents
from partialfast.batch.io._model import find_model
from partialfast.batch.run._display import summary
from partialfast.batch.run._job import Elsewhere, Files, Job, Outcome, preview, run, show_preview
from partialfast.cli._arguments import natural, positive
from partialfast.cli._errors import CommandError, missing
from partialfast.providers.openai._endpoint import MODES, Endpoint, connected, first_request

__all__ = ["configure", "execute"]

#: Every document has a result, but some have failed.
SOME_FAILED = 3
_INTERRUPTED = 130


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``partialfast extract``."""
    parser.description = (
        "Ask a model for a validated value for every document of a file, many at a time. "
        "Results are written as they complete; whatever ends the run, --resume goes on with it. "
        "Exit status: 0 every document has a value, 3 some have failed, 1 the run could not "
        "begin or go on, 130 it was interrupted."
    )
    _configure_what(parser)
    _configure_how(parser)
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="work on a Ray cluster: its address, auto for that of this machine, local for a new "
        "one; the limits hold for all of it",
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with the results in OUTPUT")
    again.add_argument("--overwrite", action="store_true", help="forget the results in OUTPUT")
    parser.add_argument(
        "--retry-failed", action="store_true", help="with --resume, ask failed documents again"
    )
    parser.add_argument(
        "--limit", type=positive(int), metavar="N", help="the first N documents only"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show the first request and the count, send nothing"
    )
    parser.add_argument("--quiet", action="store_true", help="show errors only")


def _configure_what(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        required=True,
        metavar="TYPE",
        help="what to extract: package.module:Model, file.py:Model, or a JSON Schema file",
    )
    parser.add_argument(
        "--input",
        required=True,
        metavar="PATH",
        help="JSON Lines, CSV, Parquet, a folder of text files, or - for standard input",
    )
    parser.add_argument(
        "--input-format", choices=FORMATS, help="default: by the name; jsonl on standard input"
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="FILE",
        help="a .jsonl or .parquet file; failures go beside it, for out.jsonl to out.errors.jsonl",
    )
    parser.add_argument(
        "--prompt",
        required=True,
        metavar="TEXT",
        help="with fields of the document in braces: 'Get the meeting from: {text}'; "
        "@FILE reads it from a file",
    )
    parser.add_argument("--system", metavar="TEXT", help="a system message")
    parser.add_argument(
        "--id",
        metavar="FIELD",
        help="the field that is the document's id (default: id, else the number of the record)",
    )


def _configure_how(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--llm", required=True, metavar="NAME", help="the model to ask")
    parser.add_argument(
        "--base-url", metavar="URL", help="the server (default: OPENAI_BASE_URL, or OpenAI's own)"
    )
    parser.add_argument(
        "--mode", choices=MODES, default="tools", help="how to ask for JSON (default: tools)"
    )
    parser.add_argument(
        "--concurrency",
        type=positive(int),
        default=64,
        metavar="N",
        help="requests at a time (default: 64)",
    )
    parser.add_argument("--rpm", type=positive(float), metavar="N", help="requests per minute")
    parser.add_argument("--tpm", type=positive(float), metavar="N", help="tokens per minute")
    parser.add_argument(
        "--max-retries",
        type=natural,
        default=2,
        metavar="N",
        help="attempts after the first, per document (default: 2)",
    )
    parser.add_argument(
        "--timeout", type=positive(float), metavar="S", help="seconds that an answer may take"
    )
    parser.add_argument("--temperature", type=float, metavar="T", help="default: the server's")
    parser.add_argument(
        "--max-tokens", type=positive(int), metavar="N", help="limit of an answer's tokens"
    )


def execute(args: argparse.Namespace) -> int:
    """Run ``partialfast extract``.

    Returns:
        The exit status.
    """
    try:
        job = _job(args)
        if args.dry_run:
            found = preview(job)
            request = first_request(args.mode, job.model, args.llm, found.messages)
            for text in show_preview(found, {**request, **job.options["options"]}):
                print(text)
            return 0
        # What cannot be asked for is said before results are touched.
        first_request(args.mode, job.model, args.llm, [])
        endpoint = Endpoint.of_environment(
            args.base_url, mode=args.mode, concurrency=args.concurrency
        )
        elsewhere = _on_ray(args, job, endpoint) if args.ray else None
        return asyncio.run(_Run(job, endpoint, sys.stderr, elsewhere).main())
    except ImportError as error:
        raise missing(error) from error
    except (BatchError, ValueError, TypeError) as error:
        raise CommandError(str(error)) from error


def _on_ray(args: argparse.Namespace, job: Job, endpoint: Endpoint) -> Elsewhere:
    from partialfast.batch.ray import lines_from  # noqa: PLC0415 - for those who have a cluster

    return lines_from(
        args.ray,
        model=args.model,
        llm=job.llm,
        endpoint=endpoint,
        prompt=job.prompt,
        system=job.system,
        arguments=job.options,
    )


def _job(args: argparse.Namespace) -> Job:
    if args.retry_failed and not args.resume:
        raise BatchError("--retry-failed goes with --resume")
    options = {"temperature": args.temperature, "max_tokens": args.max_tokens}
    model, files = find_model(args.model), Files.of(args.output)
    return Job(
        model=model,
        documents=open_documents(
            args.input,
            input_format=args.input_format,
            id_field=args.id,
            written=(files.output, files.values, files.errors),
        ),
        files=files,
        prompt=_prompt(args.prompt),
        llm=args.llm,
        system=args.system,
        start="resume" if args.resume else "overwrite" if args.overwrite else "new",
        retry_failed=args.retry_failed,
        limit=args.limit,
        quiet=args.quiet,
        title=f"{args.input} → {args.output} with {args.llm}",
        options={
            "concurrency": args.concurrency,
            "rpm": args.rpm,
            "tpm": args.tpm,
            "max_retries": args.max_retries,
            "timeout_s": args.timeout,
            "options": {name: value for name, value in options.items() if value is not None},
        },
    )


def _prompt(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise BatchError(f"cannot read the prompt {text[1:]}: {error.strerror}") from error


class _Run:
    """A job with the signals that end it.

    Args:
        job: What is to be done.
        endpoint: Where the model is.
        err: Where people look.
        elsewhere: Does the extraction, instead of this process.
    """

    def __init__(
        self, job: Job, endpoint: Endpoint, err: TextIO, elsewhere: Elsewhere | None = None
    ) -> None:
        self._elsewhere = elsewhere
        self._job = job
        self._endpoint = endpoint
        self._err = err
        self._until = asyncio.Event()
        self._meter: Meter | None = None
        self._task: asyncio.Task[Outcome] | None = None
        self._cancelled = False

    async def main(self) -> int:
        """Run it; give the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Windows has none of these; there Ctrl-C is an exception, and loses what is in flight.
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, self._interrupt, number)
        self._task = asyncio.create_task(self._run())
        try:
            outcome = await self._task
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
            self._sum_up(None)
            return _INTERRUPTED
        except BatchError:
            self._sum_up(None)
            raise
        self._sum_up(outcome)
        if not outcome.finished:
            return _INTERRUPTED
        return SOME_FAILED if outcome.failed else 0

    async def _run(self) -> Outcome:
        async with connected(self._endpoint) as client:
            return await run(
                self._job,
                client=client,
                until=self._until,
                out=self._err,
                on_start=self._begin,
                elsewhere=self._elsewhere,
            )

    def _begin(self, meter: Meter) -> None:
        self._meter = meter

    def _interrupt(self, number: int) -> None:
        in_flight = self._meter.figures().in_flight if self._meter is not None else 0
        # A first Ctrl-C loses nothing that is paid for. Whoever sends a SIGTERM will not wait; and
        # a cluster that has begun with a block cannot be told to end with a part of it.
        at_once = number == signal.SIGTERM or self._elsewhere is not None
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

    def _sum_up(self, outcome: Outcome | None) -> None:
        if self._meter is None or self._job.quiet:
            return
        for text in summary(self._meter.figures()):
            print(text, file=self._err)
        files = self._job.files
        ended = outcome is not None and outcome.finished
        written = files.output if ended else files.values
        print(f"values: {written}", file=self._err)
        if outcome is not None and outcome.failed:
            print(f"failures: {files.errors} ({outcome.failed:,})", file=self._err)
        if not ended:
            print(f"go on with: {_resume_command(sys.argv)}", file=self._err)


def _resume_command(argv: list[str]) -> str:
    words = [word for word in argv[1:] if word not in {"--overwrite", "--resume"}]
    return shlex.join(["partialfast", *words, "--resume"])
