"""``partialfast replay``: serve recorded answers as a provider does."""

# ruff: noqa: T201 - a command talks to its user
from __future__ import annotations

import argparse
import errno
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

from partialfast import replay
from partialfast.cli._errors import CommandError, missing
from partialfast.cli._value_types import port, positive

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``partialfast replay``."""
    kinds = ", ".join(kind.value for kind in replay.FaultKind)
    parser.add_argument(
        "recordings",
        nargs="*",
        metavar="RECORDING",
        help="a JSON Lines file of recordings, or the name of a built-in one (default: meeting)",
    )
    parser.add_argument("--port", type=port, default=8000, help="0 for a free one (default: 8000)")
    for option, number, unit, said in (
        ("--rate", float, "TOKENS_PER_S", "default: no pause"),
        ("--chunk", int, "CHARS", "size of each delta (default: like a token)"),
        ("--split", int, "BYTES", "size of each write (default: an event)"),
    ):
        parser.add_argument(option, type=positive(number), metavar=unit, help=said)
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="FAULT",
        help=f"what goes wrong, such as drop@120 or status:429; may be repeated; one of {kinds}",
    )
    parser.add_argument(
        "--shape",
        choices=list(replay.SHAPES),
        default="openai",
        metavar="SERVER",
        help=f"the server to imitate: {', '.join(replay.SHAPES)} (default: openai)",
    )


def execute(args: argparse.Namespace) -> None:
    """Run ``partialfast replay`` until it is interrupted."""
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
            # Ctrl-C is how a server is meant to end, so it ends with success.
            with suppress(KeyboardInterrupt):
                threading.Event().wait()
            print(file=sys.stderr)
    except ImportError as error:
        raise missing(error) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"another program listens on port {args.port}; take another with --port, or 0 for "
                "a free one"
            ) from error
        raise
    except ValueError as error:
        raise CommandError(str(error)) from error
