"""The command ``partialfast``.

This is where the leaves of the package meet; none of them imports another. A
subcommand's module is imported when that subcommand is asked for, and only
then: ``partialfast --help`` loads none of them.
"""

# ruff: noqa: T201 - a command talks to its user
from __future__ import annotations

import argparse
import importlib
import os
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from partialfast.demo import Endpoint

__all__ = ["COMMANDS", "Command", "CommandError", "main", "missing"]

#: The shell's convention for a program that an interrupt ended (128 + SIGINT).
_INTERRUPTED = 130
#: The shell's convention for a program whose reader went away (128 + SIGPIPE).
_NO_READER = 141


class CommandError(Exception):
    """A command cannot go on. Its message is shown without a traceback."""


@dataclass(frozen=True)
class Command:
    """A subcommand.

    Args:
        summary: What it does, in a line.
        target: Where its two functions are: ``"module"`` with ``configure(parser)`` and
            ``execute(args)``, or ``"module:prefix"`` with ``prefix_configure`` and
            ``prefix_execute``. What the second returns is the exit status; ``None`` is success.
    """

    summary: str
    target: str

    def load(
        self,
    ) -> tuple[
        Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int | None]
    ]:
        """Import the command's module.

        Returns:
            The function that adds its arguments, and the one that runs it.
        """
        module_name, _, prefix = self.target.partition(":")
        module: Any = importlib.import_module(module_name)
        stem = f"{prefix}_" if prefix else ""
        return getattr(module, f"{stem}configure"), getattr(module, f"{stem}execute")


#: The subcommands, in the order in which the help lists them.
COMMANDS: dict[str, Command] = {
    "demo": Command("stream an example into the terminal", "partialfast.cli:demo"),
    "replay": Command("serve recorded answers as OpenAI's API does", "partialfast.cli:replay"),
    "extract": Command("get a validated value from every document", "partialfast.cli._extract"),
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


def missing(error: ImportError) -> Exception:
    """Explain a package that is not installed; any other failing import is a defect.

    Args:
        error: What was raised.

    Returns:
        What to raise instead.
    """
    explained = isinstance(error.__cause__, ModuleNotFoundError)
    return CommandError(str(error)) if explained else error


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


# replay


def replay_configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``partialfast replay``."""
    from partialfast.replay import SHAPES, FaultKind  # noqa: PLC0415

    kinds = ", ".join(kind.value for kind in FaultKind)
    parser.add_argument(
        "recordings",
        nargs="*",
        metavar="RECORDING",
        help="a JSON Lines file of recordings, or the name of a built-in one (default: meeting)",
    )
    parser.add_argument("--port", type=int, default=8000, help="0 for a free one (default: 8000)")
    parser.add_argument("--rate", type=float, metavar="TOKENS_PER_S", help="default: no pause")
    parser.add_argument(
        "--chunk", type=int, metavar="CHARS", help="size of each delta (default: like a token)"
    )
    parser.add_argument(
        "--split", type=int, metavar="BYTES", help="size of each write (default: an event)"
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="FAULT",
        help=f"what goes wrong, such as drop@120 or status:429; may be repeated; one of {kinds}",
    )
    parser.add_argument(
        "--shape",
        choices=list(SHAPES),
        default="openai",
        metavar="SERVER",
        help=f"the server to imitate: {', '.join(SHAPES)} (default: openai)",
    )


def replay_execute(args: argparse.Namespace) -> None:
    """Run ``partialfast replay`` until it is interrupted."""
    from partialfast import replay  # noqa: PLC0415

    recordings: list[replay.Recording] = []
    try:
        for name in args.recordings or ["meeting"]:
            # A file wins over a built-in recording of the same name.
            known = Path(name).exists() or os.sep in name or name.endswith(".jsonl")
            recordings += replay.load(name) if known else replay.builtin(name)
        serving = replay.serve(
            recordings,
            port=args.port,
            rate=args.rate,
            chunk=args.chunk,
            split=args.split,
            faults=args.fault,
            shape=args.shape,
        )
        with serving as url:
            print(f"Serving {len(recordings)} recording(s) at {url} (Ctrl-C ends it)", flush=True)
            _wait_for_interrupt()
    except ImportError as error:
        raise missing(error) from error
    except (OSError, OverflowError, ValueError) as error:
        raise CommandError(str(error)) from error


def _wait_for_interrupt() -> None:
    # Ctrl-C is how a server is meant to end, so it ends with success.
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print(file=sys.stderr)


# demo


def demo_configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``partialfast demo``."""
    parser.add_argument(
        "--base-url", metavar="URL", help="a real OpenAI-compatible server, instead of a recording"
    )
    parser.add_argument(
        "--model",
        help="the model to ask there, with the key in OPENAI_API_KEY (default: gpt-4o-mini)",
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=90.0,
        metavar="TOKENS_PER_S",
        help="speed of the recording; 0 for as fast as possible (default: 90)",
    )


def demo_execute(args: argparse.Namespace) -> None:
    """Run ``partialfast demo``."""
    from openai import OpenAIError  # noqa: PLC0415 - heavy
    from pydantic import ValidationError  # noqa: PLC0415

    from partialfast import PartialFastError, demo  # noqa: PLC0415

    try:
        with _endpoint(args) as endpoint:
            demo.run(endpoint, out=sys.stdout, err=sys.stderr)
    except ImportError as error:
        raise missing(error) from error
    except (OpenAIError, PartialFastError, ValidationError) as error:
        raise CommandError(f"{type(error).__name__}: {error}") from error


@contextmanager
def _endpoint(args: argparse.Namespace) -> Generator[Endpoint, None, None]:
    """Find the server that was asked for, or start one with the recording."""
    from partialfast import demo, replay  # noqa: PLC0415

    if args.base_url is None and args.model is None:
        # Two characters a delta: a fast model's pieces, and enough of them to watch.
        with replay.serve(replay.builtin("meeting"), rate=args.rate or None, chunk=2) as url:
            yield demo.Endpoint(url, "replay", "gpt-4")
        return
    key = os.environ.get("OPENAI_API_KEY")
    if not key:
        if args.base_url is None:
            raise CommandError("set OPENAI_API_KEY to the key of api.openai.com")
        # Servers of one's own want none, but the SDK does.
        key = "none"
    base_url = args.base_url or os.environ.get("OPENAI_BASE_URL")
    yield demo.Endpoint(base_url, key, args.model or "gpt-4o-mini")
