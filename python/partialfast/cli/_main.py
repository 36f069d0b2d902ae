"""The command line: which subcommands there are, and what every one of them does alike.

A subcommand is one file beside this one, with ``configure(parser)`` and ``execute(args)``. It is
imported when it is asked for, and only then: ``partialfast --help`` loads none of them.
"""

# ruff: noqa: T201 - a command talks to its user
from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from partialfast.cli._errors import CommandError

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

__all__ = ["COMMANDS", "INTERRUPTED", "Command", "main"]

#: The shell's convention for a program that an interrupt ended (128 + SIGINT).
INTERRUPTED = 130
#: The shell's convention for a program whose reader went away (128 + SIGPIPE).
_NO_READER = 141
#: "An internal software error has been detected" (EX_SOFTWARE of sysexits.h).
_DEFECT = 70


@dataclass(frozen=True)
class Command:
    """A subcommand.

    Args:
        summary: What it does, in a line.
        module: The module with its ``configure(parser)`` and ``execute(args)``. What the second
            returns is the exit status; ``None`` is success.
    """

    summary: str
    module: str

    def load(
        self,
    ) -> tuple[
        Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int | None]
    ]:
        """Import the command's module.

        Returns:
            The function that adds its arguments, and the one that runs it.
        """
        module: Any = importlib.import_module(self.module)
        return module.configure, module.execute


#: The subcommands, in the order in which the help lists them.
COMMANDS: dict[str, Command] = {
    "demo": Command("stream an example into the terminal", "partialfast.cli._demo"),
    "replay": Command("serve recorded answers as OpenAI's API does", "partialfast.cli._replay"),
    "extract": Command("get a validated value from every document", "partialfast.cli._extract"),
    "doctor": Command("tell what an endpoint honours", "partialfast.cli._doctor"),
    "stubs": Command("write types of snapshots for type checkers", "partialfast.cli._stubs"),
    "salvage": Command("validate answers that other jobs recorded", "partialfast.cli._salvage"),
}


def main(argv: Sequence[str] | None = None, *, begin: Callable[[], None] = lambda: None) -> int:
    """Run the command line.

    Args:
        argv: The arguments; those of the process by default.
        begin: Called when the command is loaded and its arguments are understood, before it runs.
            Until then there is nothing that an interrupt would have to clean up.

    Returns:
        The exit status: 0 for success, 1 for a failure that was explained on standard error, 70
        for a defect of the package, 130 after Ctrl-C, 141 when nobody reads the output, or what
        the command says.

    Raises:
        SystemExit: The arguments cannot be understood (status 2), or help or
            the version was asked for (status 0).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = False
    try:
        args = _parse(arguments)
        debug = args.debug
        begin()
        status: int | None = args.execute(args)
        _flush_output()
    except KeyboardInterrupt:
        # The terminal has echoed ^C; what follows starts on a line of its own.
        _tell("")
        return INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return _NO_READER
    except Exception as error:
        if debug:
            raise
        from partialfast.batch.run._figures import escape_unprintable  # noqa: PLC0415 - for errors alone

        _tell(f"partialfast: {escape_unprintable(_explain(error), lines=True)}")
        if isinstance(error, OSError):
            _discard_output()
        return 1 if isinstance(error, (CommandError, OSError)) else _DEFECT
    return status or 0


def _explain(error: Exception) -> str:
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror or error}"
    return (
        f"this should not have happened: {type(error).__name__}: {error}\n"
        "Run the same command with --debug for the traceback, and report it, please."
    )


def _tell(text: str) -> None:
    """Write to standard error, which may be closed, or full as well."""
    with suppress(OSError, ValueError):
        if sys.stderr is not None:
            print(text, file=sys.stderr)


def _flush_output() -> None:
    """Find out here what cannot be written any more, not while Python exits."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _discard_output() -> None:
    # Python flushes standard output once more at exit, which must not fail again.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="partialfast",
        description="Typed, validated snapshots of JSON while a language model is writing it.",
    )
    parser.add_argument("--version", action=_Version, help="show the version and exit")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    for name, command in COMMANDS.items():
        # Not capitalize(): it would write OpenAI small.
        sentence = f"{command.summary[0].upper()}{command.summary[1:]}."
        subparser = subparsers.add_parser(name, help=command.summary, description=sentence)
        if name == chosen:
            configure, execute = command.load()
            configure(subparser)
            subparser.add_argument(
                "--debug", action="store_true", help="show the traceback of an error"
            )
            subparser.set_defaults(execute=execute)
    if chosen is not None and chosen not in COMMANDS:
        from partialfast._hints import OF_COMMANDS  # noqa: PLC0415 - for a wrong one alone

        if chosen in OF_COMMANDS:
            parser.error(
                f"there is no command {chosen!r}: instead of it, use {OF_COMMANDS[chosen]}"
            )
    try:
        return parser.parse_args(arguments)
    except SystemExit:
        # Help and the version are output like any other.
        _flush_output()
        raise


class _Parser(argparse.ArgumentParser):
    """Says when help cannot be written, and shows wrong arguments as they may be shown.

    argparse's own is silent about the first from 3.12 on.
    """

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Write the help.

        Args:
            file: Where to; standard output by default.
        """
        target = sys.stdout if file is None else file
        if target is not None:
            target.write(self.format_help())

    def error(self, message: str) -> NoReturn:
        """Print the message without what a terminal would act upon, and exit.

        It holds arguments that are not taken, which may be names of files that a shell filled in.
        """
        from partialfast.batch.run._figures import escape_unprintable  # noqa: PLC0415 - for errors alone

        super().error(escape_unprintable(message))


class _Version(argparse.Action):
    """Shows the version, which the compiled module holds; argparse's own wants it beforehand."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:  # noqa: A002
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> NoReturn:
        """Print the version and exit."""
        del namespace, values, option_string
        from partialfast import __version__  # noqa: PLC0415

        print(f"partialfast {__version__}")
        parser.exit()
