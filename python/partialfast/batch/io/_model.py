"""Finds the type to extract: a name in a module, or a JSON Schema file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

from partialfast._modules import ModuleError, import_named
from partialfast._not_json import not_json
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
    try:
        found: Any = import_named(place)
    except ModuleError as error:
        raise BatchError(str(error)) from error.__cause__
    for step in attribute.split("."):
        found = getattr(found, step, _MISSING)
        if found is _MISSING:
            raise BatchError(f"{place} has no {attribute}")
    try:
        # The second half is for a model that names what was not defined when it was made.
        adapter = TypeAdapter(found)
        adapter.rebuild()
    except (PydanticUserError, PydanticUndefinedAnnotation, TypeError) as error:
        raise BatchError(f"{name} is not a type that pydantic can validate: {error}") from error
    if adapter.core_schema["type"] == "call":
        # Pydantic would call it, with the arguments that the model writes.
        raise BatchError(f"{name} is a function, and no type")
    return found


def _from_schema_file(path: Path) -> Any:
    try:
        # Some editors put a byte order mark before it.
        schema = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BatchError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise BatchError(f"{path}: {not_json(error)}") from error
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
