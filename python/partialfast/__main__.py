"""``python -m partialfast``, and the command ``partialfast``."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False

if TYPE_CHECKING:
    import signal
else:
    # `signal` loads `enum` and what that needs, which takes longer than all that is done before
    # the program says what Ctrl-C does to it. Numbers are enough here.
    import _signal as signal

__all__ = ["run"]


def run() -> int:
    """Run the command line as a program of its own.

    Returns:
        The exit status.
    """
    # While modules are imported there is nothing to clean up: Ctrl-C ends the process at once, as
    # it does a program that is not Python's, and without a traceback. A program in the background
    # of a shell was started with interrupts ignored, and goes on ignoring them.
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _open_closed_streams()
    from partialfast.cli._main import INTERRUPTED, main  # noqa: PLC0415 - see above

    def begin() -> None:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    try:
        return main(begin=begin)
    except KeyboardInterrupt:
        # A second one, while `main` told of the first.
        return INTERRUPTED
    finally:
        # Everything is done. While Python ends, an interrupt would show a traceback again.
        if ours:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


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
