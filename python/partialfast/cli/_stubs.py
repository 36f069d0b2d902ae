"""``partialfast stubs``: write the types of a module's snapshots for type checkers."""

# ruff: noqa: T201 - a command talks to its user
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from partialfast._modules import ModuleError, import_named
from partialfast.cli._errors import CommandError
from partialfast.typed._snapshot_types import snapshot_module

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``partialfast stubs``."""
    parser.description = (
        "Write a module with a class PartialM for each model M of MODULE, whose fields may be "
        "None: what a snapshot is. At run time it is pf.Partial[M]."
    )
    parser.add_argument("module", metavar="MODULE", help="where the models are: my_package.models")
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="the file to write (default: beside MODULE, as M_partial.py)",
    )


def execute(args: argparse.Namespace) -> None:
    """Run ``partialfast stubs``."""
    try:
        module = import_named(args.module)
        source = snapshot_module(module)
    except (ModuleError, ValueError) as error:
        raise CommandError(str(error)) from error
    output = Path(args.output) if args.output else _beside(module.__file__, args.module)
    try:
        output.write_text(source, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write {output}: {error.strerror}") from error
    from partialfast.batch.run._figures import escape_unprintable  # noqa: PLC0415 - for this line alone

    print(escape_unprintable(f"Wrote {output}"), file=sys.stderr)


def _beside(file: str | None, name: str) -> Path:
    if file is None:
        raise CommandError(f"{name} is not a file: say where to write with --output")
    path = Path(file)
    # The models of a package's own `__init__` are imported by the package's name.
    return path.with_name(f"{name.rpartition('.')[2]}_partial.py")
