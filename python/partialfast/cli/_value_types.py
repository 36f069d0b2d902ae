"""Kinds of values that several commands take as arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeVar

from partialfast.cli._errors import CommandError

__all__ = ["add_reading", "natural", "not_negative", "port", "positive", "reading_of"]

N = TypeVar("N", int, float)


def positive(kind: Callable[[str], N]) -> Callable[[str], N]:
    """Take a finite number above zero.

    Args:
        kind: ``int`` or ``float``.

    Returns:
        What argparse calls with the text.
    """

    def read(text: str) -> N:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"must be positive: {text}")
        return value

    # What argparse calls it when the text is not a number at all.
    read.__name__ = "number"
    return read


def not_negative(text: str) -> float:
    """Take a finite number that is zero or above."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must not be negative: {text}")
    return value


def natural(text: str) -> int:
    """Take a whole number that is zero or above."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must not be negative: {text}")
    return value


def port(text: str) -> int:
    """Take the number of a port; zero is any that is free."""
    value = int(text)
    if not 0 <= value < 1 << 16:
        raise argparse.ArgumentTypeError(f"a port is 0 to 65535: {text}")
    return value


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how answers are read; docs/lenient.md says what they mean.

    Args:
        parser: The parser of a command.
    """
    parser.add_argument(
        "--lenient",
        action="store_true",
        help="read what is not quite JSON too, wherever it can mean one thing only "
        "(docs/lenient.md); each value says what was repaired",
    )
    parser.add_argument(
        "--guess-quotes",
        action="store_true",
        help="with --lenient, also guess which quotes inside a string are text",
    )
    parser.add_argument(
        "--coerce",
        action="store_true",
        help="with --lenient, also help where the type tells for certain what was meant",
    )
    parser.add_argument(
        "--max-repairs",
        type=natural,
        metavar="N",
        help="with --lenient, how many repairs an answer may need",
    )


def reading_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return how answers are read: arguments of `partialfast.StreamState`.

    Args:
        args: What `add_reading` added.

    Raises:
        CommandError: A part of lenient reading was asked for without it.
    """
    parts = {
        "guess_quotes": args.guess_quotes,
        "coerce": args.coerce,
        "max_repairs": args.max_repairs is not None,
    }
    if not args.lenient:
        for name, asked in parts.items():
            if asked:
                raise CommandError(f"--{name.replace('_', '-')} goes with --lenient")
        return {}
    found: dict[str, Any] = {"lenient": "quotes" if args.guess_quotes else True}
    if args.coerce:
        found["coerce"] = True
    if args.max_repairs is not None:
        found["max_repairs"] = args.max_repairs
    return found


not_negative.__name__ = natural.__name__ = "number"
