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
from dataclasses import dataclass
from typing import Any, NoReturn

from partialfast.cli._errors import CommandError

__all__ = ["COMMANDS", "Command", "main"]

#: The shell's convention for a program that an interrupt ended (128 + SIGINT).
_INTERRUPTED = 130
#: The shell's convention for a program whose reader went away (128 + SIGPIPE).
_NO_READER = 141


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
    "stubs": Command("write types of snapshots for type checkers", "partialfast.cli._stubs"),
    "salvage": Command("validate answers that other jobs recorded", "partialfast.cli._salvage"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments; those of the process by default.

    Returns:
        The exit status: 0 for success, 1 for a failure that was explained on
        standard error, 130 after Ctrl-C, 141 when nobody reads the output, or what the
        command says.

    Raises:
        SystemExit: The arguments cannot be understood (status 2), or help or
            the version was asked for (status 0).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        args = _parse(arguments)
        status: int | None = args.execute(args)
    except CommandError as error:
        print(f"partialfast: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # The terminal has echoed ^C; what follows starts on a line of its own.
        print(file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more at exit, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _NO_READER
    return status or 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
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
            subparser.set_defaults(execute=execute)
    return parser.parse_args(arguments)


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
