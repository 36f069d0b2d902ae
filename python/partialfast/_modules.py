"""Imports modules that a user names on a command line."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import sysconfig
import traceback
from pathlib import Path
from types import ModuleType

from partialfast._errors import PartialFastError

__all__ = ["ModuleError", "import_named"]


class ModuleError(PartialFastError):
    """A module cannot be imported. The message has the place in the user's own code."""


def import_named(name: str) -> ModuleType:
    """Import a module by its name or its file.

    Args:
        name: ``package.module``, or the path of a ``.py`` file. As with ``python -m``, modules are
            looked for in the current folder too.

    Returns:
        The module.

    Raises:
        ModuleError: There is none, or it raises while it is imported; ``__cause__`` is what was
            raised.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        # As `python -m` does it; the installed command does not.
        sys.path.insert(0, here)
    path = Path(name)
    if name.endswith(".py") and not path.is_file():
        raise ModuleError(f"there is no file {name}")
    try:
        return _load(path) if name.endswith(".py") else importlib.import_module(name)
    except (Exception, SystemExit) as error:
        # Whatever the user's module raises, the end of a script included.
        message = f"cannot import {name}: {type(error).__name__}: {error}{_place(error)}"
        raise ModuleError(message) from error


def _load(path: Path) -> ModuleType:
    # Not the file's own name, which may be that of a module that others need, such as `types`.
    name = f"_model_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # noqa: PT018, S101 - for the checkers
    module = importlib.util.module_from_spec(spec)
    # Where pydantic looks for what the annotations name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _place(error: BaseException) -> str:
    """Say where in the user's own code it was raised; nothing where that is not in it."""
    if isinstance(error, SyntaxError):
        # Its message names the line already.
        return ""
    # What importing consists of, and the standard library (with what is installed in it).
    library = sysconfig.get_path("stdlib")
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and not frame.filename.startswith(("<frozen", library))
    ]
    if not own:
        return ""
    # The last line of the user's, however deep in a library it was raised.
    return f' (File "{own[-1].filename}", line {own[-1].lineno})'
