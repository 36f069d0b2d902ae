"""``partialfast extract``: a file of documents into a file of validated models."""

# ruff: noqa: T201 - a command talks to its user
from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import TypeAdapter

from partialfast.batch import BatchError, EndpointLimiter
from partialfast.batch.io._attachments import Attachments
from partialfast.batch.io._cache import AnswerCache
from partialfast.batch.io._documents import INPUT_FORMATS, MOST_BYTES, open_documents
from partialfast.batch.io._model import find_model
from partialfast.batch.io._output import Files
from partialfast.batch.io._outputs import ROWS_PER_FILE, open_output
from partialfast.batch.io._regular import read_short_text
from partialfast.batch.io._split import Merged, PartMerger, Split, SplitDocuments
from partialfast.batch.io._uploads import Uploads
from partialfast.batch.loop._extract import Prepare
from partialfast.batch.loop._prompt import placeholders
from partialfast.batch.run._by_batch import ByBatch
from partialfast.batch.run._figures import escape_unprintable
from partialfast.batch.run._job import Elsewhere, Job, look_ahead, show_request
from partialfast.batch.run._session import Session
from partialfast.batch.run._spending import Budget, FailureLimit, Prices, check_budget
from partialfast.batch.run._worker import Setup
from partialfast.batch.run._workers import Workers, worker_count
from partialfast.cli import _asking
from partialfast.cli._errors import CommandError, missing, without_v1
from partialfast.cli._value_types import add_reading, natural, positive, reading_of
from partialfast.providers._batches import BatchProvider
from partialfast.providers._commands import connected, first_request, settled
from partialfast.providers._names import asking, provider_in
from partialfast.providers.anthropic._batches import AnthropicBatches
from partialfast.providers.anthropic._provider import Messages
from partialfast.providers.anthropic._uploads import HEADERS, AnthropicUploads
from partialfast.providers.openai import Mode
from partialfast.providers.openai._attachments import attachment
from partialfast.providers.openai._batches import OpenAIBatches
from partialfast.providers.openai._chat import Chat
from partialfast.providers.openai._command_client import Endpoint, answer_shape
from partialfast.providers.openai._provider import body_of
from partialfast.providers.openai._uploads import OpenAIUploads

__all__ = ["configure", "execute"]


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
    parser.add_argument(
        "--workers",
        metavar="N|auto",
        help="processes that ask (default: 1); auto: as many as there are cores, if --concurrency "
        "is more than one can carry",
    )
    parser.add_argument(
        "--batch-api",
        action="store_true",
        help="ask through the provider's batch endpoint: at half the price, within a day",
    )
    parser.add_argument(
        "--finish-live",
        action="store_true",
        help="with --batch-api, ask one by one about what the first batch does not bring",
    )
    parser.add_argument(
        "--poll",
        type=positive(float),
        default=30.0,
        metavar="S",
        help="seconds between two looks at the batches (default: 30)",
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with the results in OUTPUT")
    again.add_argument("--overwrite", action="store_true", help="forget the results in OUTPUT")
    parser.add_argument(
        "--accept-changes",
        action="store_true",
        help="with --resume, go on although the model, the prompt or documents have changed",
    )
    parser.add_argument(
        "--retry-failed", action="store_true", help="with --resume, ask failed documents again"
    )
    parser.add_argument(
        "--limit", type=positive(int), metavar="N", help="the first N documents only"
    )
    _configure_money(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="show the first request and the count, send nothing"
    )
    parser.add_argument("--quiet", action="store_true", help="show errors only")


def _configure_money(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sample",
        type=positive(int),
        metavar="N",
        help="ask about N documents at random, say what the whole would cost, and stop",
    )
    parser.add_argument("--yes", action="store_true", help="with --sample, go on without asking")
    parser.add_argument(
        "--max-failures",
        type=_read("a number or a percentage", FailureLimit.of),
        metavar="N|P%",
        help="stop when more documents have failed (a percentage counts from the 20th on)",
    )
    parser.add_argument(
        "--budget",
        type=_read("a number of tokens (2M) or an amount of money ($5)", Budget.of),
        metavar="AMOUNT",
        help="stop before more is spent, earlier runs included: tokens, or money with --prices",
    )
    parser.add_argument(
        "--prices",
        type=_read("two prices", Prices.of),
        metavar="IN,OUT",
        help="what a million tokens cost, read and written",
    )
    parser.add_argument(
        "--cache",
        metavar="FOLDER",
        help="keep answers there, and ask for none that is there already",
    )


def _read(what: str, read: Callable[[str], Any]) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        return read(text)

    # What argparse calls it when it is something else.
    convert.__name__ = what
    return convert


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
        help="JSON Lines, CSV, Parquet, a folder of texts, HTML, DOCX, or - for standard input",
    )
    parser.add_argument(
        "--input-format",
        choices=INPUT_FORMATS,
        help="default: by the name; jsonl on standard input",
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="FILE",
        help="a .jsonl or .parquet file, a folder/ of Parquet files, or a table of a database, "
        "sqlite:///FILE?table=NAME; failures go beside it, for out.jsonl to out.errors.jsonl",
    )
    parser.add_argument(
        "--rows-per-file",
        type=positive(int),
        default=ROWS_PER_FILE,
        metavar="N",
        help=f"rows of a file of a folder (default: {ROWS_PER_FILE:,})",
    )
    parser.add_argument(
        "--max-document",
        type=positive(int),
        default=MOST_BYTES,
        metavar="BYTES",
        help=f"the longest document that is read (default: {MOST_BYTES:,})",
    )
    parser.add_argument(
        "--prompt",
        required=True,
        metavar="TEXT",
        help="with fields of the document in braces: 'Get the meeting from: {text}'; "
        "@FILE reads it from a file",
    )
    parser.add_argument(
        "--system", metavar="TEXT", help="a system message; @FILE reads it from a file"
    )
    parser.add_argument(
        "--split",
        type=positive(int),
        metavar="TOKENS",
        help="cut long documents into parts of about so many tokens, and merge their values",
    )
    parser.add_argument(
        "--overlap",
        type=natural,
        metavar="TOKENS",
        help="what a part has of the one before (default: a tenth)",
    )
    parser.add_argument(
        "--split-field", default="text", metavar="FIELD", help="what is cut (default: text)"
    )
    parser.add_argument(
        "--merge",
        action="append",
        default=[],
        metavar="LIST[:KEY]",
        help="a list of which the items of all parts are wanted, each key once; may be repeated",
    )
    parser.add_argument(
        "--attach",
        metavar="FIELD",
        help="the field that names images (.png .jpg .webp .gif) or PDFs to go with the prompt; "
        "path for a folder of them",
    )
    parser.add_argument(
        "--upload",
        action="store_true",
        help="upload each attached file once and name it in the requests, rather than send it with "
        "each of them; what it is called there is kept in NAME.uploads.jsonl",
    )
    parser.add_argument(
        "--id",
        metavar="FIELD",
        help="the field that is the document's id (default: id, else the number of the record)",
    )


def _configure_how(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--llm",
        required=True,
        metavar="NAME",
        help="the model to ask; PROVIDER/NAME for another provider, such as anthropic/NAME",
    )
    parser.add_argument(
        "--base-url", metavar="URL", help="the server (default: OPENAI_BASE_URL, or OpenAI's own)"
    )
    _asking.configure(parser)
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
    add_reading(parser)


def execute(args: argparse.Namespace) -> int:
    """Run ``partialfast extract``.

    Returns:
        The exit status.
    """
    try:
        args.provider = _provider(args)
        if args.provider is not None:
            args.llm = args.llm.partition("/")[2]
        if args.mode is None:
            asked = "openai" if args.provider is None else args.provider
            args.mode = asking(asked).modes[0].value
        args.said = args.asked = _asked(args)
        endpoint = Endpoint.of_environment(
            args.base_url,
            mode=args.mode,
            concurrency=args.concurrency,
            provider=args.provider,
        )
        # What is asked for is written down as it was said: another time it may mean another mode.
        args.told = args.mode
        if args.mode == Mode.AUTO.value:
            endpoint = _settle(args, endpoint)
        job = _job(args, endpoint)
        if args.dry_run:
            found = look_ahead(job)
            messages = found.messages if found is not None else []
            request = first_request(
                args.mode, job.model, args.llm, messages, provider=args.provider
            )
            for text in show_request(found, body_of({**request, **_sent(args)})):
                print(escape_unprintable(text, lines=True))
            return 0
        by_batch = _by_batch(args, job, endpoint) if args.batch_api else None
        session = Session(
            job,
            lambda: connected(endpoint),
            err=sys.stderr,
            argv=sys.argv[1:],
            elsewhere=by_batch or _elsewhere(args, job, endpoint),
            finish_live=args.finish_live,
        )
        status = asyncio.run(session.main(sample=args.sample, go_on=args.yes))
    except ImportError as error:
        raise missing(error) from error
    except (BatchError, ValueError, TypeError) as error:
        not_found = getattr(error.__cause__, "status_code", None) == HTTPStatus.NOT_FOUND
        advice = without_v1(args.base_url) if not_found else ""
        raise CommandError(f"{error}{advice}") from error
    if by_batch is not None and not args.quiet:
        print(by_batch.saved(job.prices), file=sys.stderr)
    return status


def _provider(args: argparse.Namespace) -> str | None:
    """Return the provider that the model's name begins with."""
    found = provider_in(args.llm)
    if args.base_url is not None or (found == "openai" and os.environ.get("OPENAI_BASE_URL")):
        # A server of one's own may name its models like that.
        return None
    if found not in {None, "openai", "anthropic"} and args.batch_api:
        raise BatchError(f"--batch-api is for OpenAI and Anthropic, not for {found}")
    return found


def _asked(args: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of each call that say how the model is asked."""
    said = _asking.said(args, mode=Mode(args.mode))
    if said and args.provider is not None and not isinstance(asking(args.provider), Chat):
        flags = " and ".join(f"--{name.replace('_', '-')}" for name in said)
        raise BatchError(f"{flags} are for OpenAI's chat completions, not for {args.provider}")
    return said


def _settle(args: argparse.Namespace, endpoint: Endpoint) -> Endpoint:
    """Find out how to ask, and ask so from here on."""
    # A dry run sends nothing: it shows what is known.
    how = asyncio.run(settled(endpoint, args.llm, asks=not args.dry_run))
    args.mode = how.mode.value
    args.asked = {**how.arguments, **args.asked}
    if not how.mode.is_tools:
        args.asked.pop("tool_choice", None)
    return replace(endpoint, mode=args.mode)


def _elsewhere(args: argparse.Namespace, job: Job, endpoint: Endpoint) -> Elsewhere | None:
    """Find out which processes do the work; nothing if it is this one alone."""
    if args.ray:
        if args.workers not in {None, "1"}:
            raise BatchError("--workers is for one machine, and does not go with --ray")
        return _on_ray(args, job, endpoint)
    count = worker_count(args.workers or "1", concurrency=args.concurrency)
    if count == 1:
        return None
    rest = dict(job.options)
    limiter = EndpointLimiter(rpm=rest.pop("rpm"), tpm=rest.pop("tpm"))
    streams = rest.pop("concurrency") // count
    answers = job.answers
    setup = Setup(
        model=args.model,
        llm=job.llm,
        endpoint=replace(endpoint, concurrency=streams),
        streams=streams,
        arguments=rest,
        cache=answers.recipe if isinstance(answers, AnswerCache) else None,
        path=list(sys.path),
    )
    return Workers(setup, count=count, messages=job.messages(), limiter=limiter)


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


def _by_batch(args: argparse.Namespace, job: Job, endpoint: Endpoint) -> ByBatch:
    if args.ray or args.cache or args.sample is not None:
        raise BatchError("--batch-api goes with neither --ray, --cache nor --sample")
    if not job.documents.is_repeatable:
        raise BatchError("--batch-api needs an input that can be read more than once")
    asked_of, batches = (
        (Messages, AnthropicBatches) if args.provider == "anthropic" else (Chat, OpenAIBatches)
    )
    key, _ = answer_shape(args.mode, job.model, asked_of)

    @contextlib.asynccontextmanager
    async def opened() -> AsyncGenerator[BatchProvider, None]:
        async with connected(endpoint) as client:
            yield batches(
                client,
                mode=args.mode,
                model=job.model,
                llm=job.llm,
                options=_sent(args),
            )

    errors = job.files.errors
    return ByBatch(
        errors.with_name(errors.name.replace(".errors.jsonl", ".batches")),
        opened,
        model=job.model,
        key=key,
        messages=job.messages(),
        max_retries=args.max_retries,
        finish_live=args.finish_live,
        overwrite=args.overwrite,
        poll_s=args.poll,
        reading=reading_of(args),
    )


def _job(args: argparse.Namespace, endpoint: Endpoint) -> Job:
    for name in ("retry_failed", "accept_changes"):
        if getattr(args, name) and not args.resume:
            raise BatchError(f"--{name.replace('_', '-')} goes with --resume")
    if args.finish_live and not args.batch_api:
        raise BatchError("--finish-live goes with --batch-api")
    if args.upload:
        _check_upload(args)
    if args.yes and args.sample is None:
        raise BatchError("--yes goes with --sample")
    check_budget(args.budget, args.prices)
    told, options, reading = _told(args), _sent(args), reading_of(args)
    model = find_model(args.model)
    # What cannot be asked for is said before anything is read or written.
    request = first_request(args.mode, model, args.llm, [], provider=args.provider)
    files = open_output(args.output, rows_per_file=args.rows_per_file)
    split = _split(args)
    if split is not None:
        parts = files.errors.with_name(files.errors.name.replace(".errors.", ".parts."))
        merger = PartMerger(args.merge)
        merger.check(model)
        files = Files(parts, files.errors, Merged(files.values, merger, files.sink))
    prompt = _words(args.prompt, what="the prompt")
    if not placeholders(prompt) and args.attach is None:
        raise BatchError(
            "the prompt names no field of the documents, so that all would be asked the same: "
            "write {text}, or the name of another field, in braces"
        )
    system = _words(args.system, what="the system message") if args.system else None
    settings = {
        "model": args.model,
        "schema": TypeAdapter(model).json_schema(),
        "prompt": prompt,
        "system": system,
        "attach": args.attach,
        "split": None if split is None else [split.tokens, split.overlap, split.field],
        "merge": args.merge,
        "llm": args.llm,
        "mode": args.told,
        "base_url": args.provider or _place(endpoint.base_url),
        "options": told,
        # Results of earlier versions do not say that they were read strictly.
        **({"reading": reading} if reading else {}),
    }
    documents = open_documents(
        args.input,
        input_format=args.input_format,
        id_field=args.id,
        written=files.written,
        most_bytes=args.max_document,
        attached=args.attach is not None,
    )
    return Job(
        model=model,
        documents=documents if split is None else SplitDocuments(documents, split),
        files=files,
        prompt=prompt,
        llm=args.llm,
        system=system,
        attach=_attachments(args),
        prepare=_uploads(args, files.errors) if args.upload else None,
        settings=settings,
        start="resume" if args.resume else "overwrite" if args.overwrite else "new",
        accept_changes=args.accept_changes,
        retry_failed=args.retry_failed,
        limit=args.limit,
        failures=args.max_failures,
        budget=args.budget,
        prices=args.prices,
        answers=_cache(args, model, {**request, **options, "base_url": settings["base_url"]}),
        quiet=args.quiet,
        title=f"{args.input} → {files.output} with {args.llm}",
        options={
            "concurrency": args.concurrency,
            "rpm": args.rpm,
            "tpm": args.tpm,
            "max_retries": args.max_retries,
            "timeout_s": args.timeout,
            "options": {**options, **reading},
        },
    )


def _told(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line says that the server is told besides model and messages."""
    given = {"temperature": args.temperature, "max_tokens": args.max_tokens}
    return {**{name: value for name, value in given.items() if value is not None}, **args.said}


def _sent(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the server is told besides the model and the messages."""
    return {**_told(args), **args.asked}


def _split(args: argparse.Namespace) -> Split | None:
    if args.split is None:
        if args.merge or args.overlap is not None:
            raise BatchError("--overlap and --merge go with --split")
        return None
    if args.ray:
        raise BatchError("--split cannot be used with --ray")
    overlap = args.split // 10 if args.overlap is None else args.overlap
    return Split(args.split, overlap, args.split_field)


#: Providers besides those that speak as OpenAI does whose requests can hold images and PDFs.
_ATTACHING = frozenset({"anthropic", "bedrock", "gemini", "google", "vertexai"})


def _check_upload(args: argparse.Namespace) -> None:
    if args.attach is None:
        raise BatchError("--upload goes with --attach")
    if args.batch_api or args.workers not in {None, "1"}:
        raise BatchError("--upload goes with neither --batch-api nor --workers")
    if args.provider == "anthropic":
        args.asked = {**args.asked, "extra_headers": HEADERS}
    elif args.provider not in {None, "openai"}:
        raise BatchError(
            f"--upload is for OpenAI and Anthropic, not for {args.provider}: without it, files "
            "go with the requests"
        )


def _uploads(args: argparse.Namespace, errors: Path) -> Callable[[Any], Prepare]:
    """Give what makes of a client what uploads attachments."""
    kind = AnthropicUploads if args.provider == "anthropic" else OpenAIUploads
    path = errors.with_name(errors.name.replace(".errors.jsonl", ".uploads.jsonl"))
    return lambda client: Uploads(path, kind(client))


def _attachments(args: argparse.Namespace) -> Attachments | None:
    if args.attach is None:
        return None
    if args.ray:
        raise BatchError("--attach reads files of this machine, and cannot be used with --ray")
    if args.provider is not None and not (
        args.provider in _ATTACHING or isinstance(asking(args.provider), Chat)
    ):
        raise BatchError(f"--attach sends images and PDFs, which {args.provider} does not take")
    source = Path(args.input)
    # A folder's paths are relative to the current one; a file's, to the file.
    here = args.input == "-" or source.is_dir()
    return Attachments(args.attach, Path() if here else source.parent, attachment)


def _place(url: str | None) -> str | None:
    """Give the endpoint as far as it says which models answer there."""
    parts = urlsplit(url or "")
    # Servers of this machine get another port whenever they start.
    if parts.hostname in {"127.0.0.1", "localhost", "::1"}:
        return urlunsplit(parts._replace(netloc="localhost"))
    # A key may stand in it.
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host)) if url else None


def _cache(args: argparse.Namespace, model: Any, request: Mapping[str, Any]) -> AnswerCache | None:
    if args.cache is None:
        return None
    if args.ray:
        raise BatchError("--cache is for one machine, and cannot be used with --ray")
    key, is_one = answer_shape(args.mode, model)
    if not is_one:
        raise BatchError(
            "--cache cannot be used with a union of models: the text of an answer does not say "
            "which of them it is"
        )
    return AnswerCache(Path(args.cache), model, key=key, request=request, reading=reading_of(args))


def _words(text: str, *, what: str) -> str:
    return read_short_text(Path(text[1:]), what=what) if text.startswith("@") else text
