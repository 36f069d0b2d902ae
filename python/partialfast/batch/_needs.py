"""Loads packages that only some uses of a batch need."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["import_extra"]


def import_extra(name: str, *, what: str, extra: str = "batch") -> Any:
    """Import a module of another package.

    Args:
        name: The module.
        what: What it is needed for, at the beginning of a sentence.
        extra: The extra of this package that installs it.

    Returns:
        The module.

    Raises:
        ImportError: It is not installed; the message says what to install.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        message = (
            f'{what} needs {error.name}, which is not installed: pip install "partialfast[{extra}]"'
        )
        raise ImportError(message, name=error.name) from error
