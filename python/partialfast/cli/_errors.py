"""How a command says that it cannot go on."""

from __future__ import annotations

__all__ = ["CommandError", "missing"]


class CommandError(Exception):
    """A command cannot go on. Its message is shown without a traceback."""


def missing(error: ImportError) -> Exception:
    """Explain a package that is not installed; any other failing import is a defect.

    Args:
        error: What was raised.

    Returns:
        What to raise instead.
    """
    explained = isinstance(error.__cause__, ModuleNotFoundError)
    return CommandError(str(error)) if explained else error
