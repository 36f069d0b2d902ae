"""``python -m partialfast``, and the command ``partialfast``."""

from __future__ import annotations

import signal
import sys

__all__ = ["run"]


def run() -> int:
    """Run the command line as a program of its own.

    Returns:
        The exit status.
    """
    # While modules are imported there is nothing to clean up: Ctrl-C ends the process at once, as
    # it does a program that is not Python's, and without a traceback.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from partialfast.cli import main  # noqa: PLC0415 - see above

    signal.signal(signal.SIGINT, before)
    return main()


if __name__ == "__main__":
    sys.exit(run())
