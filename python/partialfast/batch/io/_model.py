"""Finds the type to extract: a name in a module, or a JSON Schema file."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

from partialfast.batch.io._schema_type import schema_type
from partialfast.batch.loop._result import BatchError

__all__ = ["find_model"]

_MISSING = object()


def find_model(name: str) -> Any:
    """Find a type by what ``--model`` says.

    Args:
        name: ``package.module:Name``, ``file.py:Name``, or a JSON Schema file.

    Returns:
        A type that pydantic can validate.

    Raises:
        BatchError: There is no such module, name or file, or it is not such a type.
        ImportError: It is a JSON Schema file and jsonschema is not installed.
    """
    if name.endswith(".json"):
        return _from_schema_file(Path(name))
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise BatchError(
            f"--model {name!r} is neither package.module:Name, file.py:Name nor a .json file"
        )
    found: Any = _module(place)
    for step in attribute.split("."):
        found = getattr(found, step, _MISSING)
        if found is _MISSING:
            raise BatchError(f"{place} has no {attribute}")
    try:
        # The second half is for a model that names what was not defined when it was made.
        TypeAdapter(found).rebuild()
    except (PydanticUserError, PydanticUndefinedAnnotation, TypeError) as error:
        raise BatchError(f"{name} is not a type that pydantic can validate: {error}") from error
    return found


def _module(place: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        # As `python -m` does it; the installed command does not.
        sys.path.insert(0, here)
    path = Path(place)
    if place.endswith(".py") and not path.is_file():
        raise BatchError(f"there is no file {place}")
    try:
        return _load_file(path) if place.endswith(".py") else importlib.import_module(place)
    except (Exception, SystemExit) as error:
        # Whatever the user's module raises, be it the end of a script; the cause has its traceback.
        raise BatchError(f"cannot import {place}: {type(error).__name__}: {error}") from error


def _load_file(path: Path) -> Any:
    # Not the file's own name, which may be that of a module that others need, such as `types`.
    name = f"_model_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # noqa: PT018, S101 - for the checkers
    module = importlib.util.module_from_spec(spec)
    # Where pydantic looks for what the annotations name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _from_schema_file(path: Path) -> Any:
    try:
        # Some editors put a byte order mark before it.
        schema = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BatchError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise BatchError(f"{path}: not JSON: {error}") from error
    except RecursionError as error:
        raise BatchError(f"{path}: nested too deeply") from error
    if not isinstance(schema, dict):
        raise BatchError(f"{path}: a JSON Schema is an object")
    try:
        return schema_type(schema, name=path.stem)
    except BatchError as error:
        raise BatchError(f"{path}: {error}") from error
    except RecursionError as error:
        raise BatchError(f"{path}: nested too deeply") from error
