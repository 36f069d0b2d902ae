"""``partialfast demo --web``: the same example, in a browser."""

from __future__ import annotations

import argparse
import contextlib
import errno
import sys
import webbrowser

from partialfast import demo
from partialfast.cli._errors import CommandError
from partialfast.cli._value_types import port

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the page to those of ``partialfast demo``."""
    parser.add_argument(
        "--web", action="store_true", help="show it in a browser instead of the terminal"
    )
    parser.add_argument(
        "--port", type=port, default=8765, help="of the page; 0 for a free one (default: 8765)"
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="only say where the page is, and do not open it"
    )


def execute(args: argparse.Namespace, endpoint: demo.DemoEndpoint, *, editable: bool) -> None:
    """Serve the page until interrupted.

    Args:
        args: The arguments of the command line.
        endpoint: Where the model is.
        editable: Whether the page lets one change what the model is asked.

    Raises:
        CommandError: The port cannot be had.
    """

    def ready(url: str) -> None:
        print(f"The page is at {url} (Ctrl-C ends it)", flush=True)  # noqa: T201 - a command
        if not args.no_browser and sys.stdout.isatty():
            webbrowser.open(url)

    # Ctrl-C is how a server is meant to end, so it ends with success.
    with contextlib.suppress(KeyboardInterrupt):
        try:
            demo.run_web(endpoint, port=args.port, editable=editable, ready=ready)
        except BrokenPipeError:
            raise  # of standard output, which is nothing to do with the port
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CommandError(
                    f"another program listens on port {args.port}; take another with --port, or 0 "
                    "for a free one"
                ) from error
            raise CommandError(f"cannot serve the page at port {args.port}: {error}") from error
