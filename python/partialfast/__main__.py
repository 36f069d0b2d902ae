"""``python -m partialfast``, and the command ``partialfast``."""

from __future__ import annotations

import os
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
    _open_closed_streams()
    from partialfast.cli import main  # noqa: PLC0415 - see above

    signal.signal(signal.SIGINT, before)
    return main()


def _open_closed_streams() -> None:
    """Let what was closed before the program began (``>&-``) take what is written, and lose it.

    Python has `None` there, which no library expects. The system would give the number of a closed
    stream to the next file that is opened, and messages would be written into that.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest number that is free: this stream's own.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


if __name__ == "__main__":
    sys.exit(run())
