"""``partialfast salvage``: validate the answers that other jobs recorded."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from partialfast._repairs import counted
from partialfast.batch import BatchError
from partialfast.batch.io._model import find_model
from partialfast.batch.io._recorded import RECORDED_FORMATS
from partialfast.batch.run._figures import escape_unprintable
from partialfast.batch.run._salvage import Salvaged, salvage
from partialfast.batch.run._session import SOME_FAILED
from partialfast.cli._errors import CommandError, missing
from partialfast.cli._value_types import add_reading, reading_of

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``partialfast salvage``."""
    parser.description = (
        "Validate recorded answers of a model. Whole ones become lines with a value, those that "
        "were cut off lines with a partial one; all others go beside them, for out.jsonl to "
        "out.errors.jsonl. Exit status: 0 all are whole, 3 some are not, 1 the file cannot be read "
        "or written."
    )
    parser.add_argument("file", metavar="FILE", help="the recorded answers")
    parser.add_argument(
        "--model",
        required=True,
        metavar="TYPE",
        help="what they are: package.module:Model, file.py:Model, or a JSON Schema file",
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="a .jsonl file")
    parser.add_argument(
        "--format",
        choices=RECORDED_FORMATS,
        help="text: an answer a line; string: the same as JSON strings; batch: results of OpenAI's "
        "or Anthropic's batches; sse: recorded streams (default: told by the first line)",
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes (default: one for each core)"
    )
    add_reading(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace OUTPUT")


def execute(args: argparse.Namespace) -> int:
    """Run ``partialfast salvage``.

    Returns:
        The exit status.
    """
    from partialfast.answer._target import read_target  # noqa: PLC0415 - heavy

    try:
        output, errors = _outputs(args)
        # How the client asks for a value that is not an object, so that it can be found again.
        target = read_target(find_model(args.model), items=False, tools=False, strict=None)
        found = salvage(
            Path(args.file),
            model=args.model,
            output=output,
            errors=errors,
            key=target.shapes[0].key,
            kind=args.format,
            workers=args.workers,
            reading=reading_of(args),
        )
    except ImportError as error:
        raise missing(error) from error
    except (BatchError, TypeError) as error:
        raise CommandError(str(error)) from error
    _report(found, output)
    return 0 if found.counts["complete"] == found.counts.total() else SOME_FAILED


def _outputs(args: argparse.Namespace) -> tuple[Path, Path]:
    """Name the files for values and for failures; refuse to write over anything of worth."""
    output = Path(args.output)
    if output.suffix != ".jsonl":
        raise BatchError(f"--output {output}: its name must end in .jsonl")
    if args.workers is not None and args.workers < 1:
        raise BatchError(f"--workers must be at least 1: {args.workers}")
    source, errors = Path(args.file), output.with_suffix(".errors.jsonl")
    for path in (output, errors):
        if not path.exists():
            continue
        if source.exists() and path.samefile(source):
            raise BatchError(f"results would go to the input: {path}; name another --output")
        if path.stat().st_size and not args.overwrite:
            raise BatchError(f"{path} is there already: --overwrite replaces it")
    return output, errors


def _report(found: Salvaged, output: Path) -> None:
    counts = found.counts
    whole, cut = counts["complete"], counts["partial"]
    others = ", ".join(
        f"{count:,} {kind}"
        for kind, count in counts.most_common()
        if kind not in {"complete", "partial"}
    )
    err = sys.stderr
    print(f"{counts.total():,} answers ({found.format}): {whole:,} complete, {cut:,} partial"
          + (f", {others}" if others else ""), file=err)  # fmt: skip
    print(
        f"{found.size / 1e6:.1f} MB in {found.seconds:.2f} s: {found.megabytes_per_s:.1f} MB/s "
        f"with {found.workers} process{'es' if found.workers > 1 else ''}",
        file=err,
    )
    if found.repaired:
        answers = "answer" if found.repaired == 1 else "answers"
        print(f"{found.repaired:,} {answers} needed repairs: {counted(found.repairs)}", file=err)
    print(escape_unprintable(f"values: {output}"), file=err)
    if others:
        print(escape_unprintable(f"failures: {output.with_suffix('.errors.jsonl')}"), file=err)
