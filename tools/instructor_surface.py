"""Lists the public surface of an installed instructor, as JSON.

    python tools/instructor_surface.py > tests/data/instructor.json

To be run with the Python of an environment that has instructor; it needs nothing of this project.
A test holds `partialfast` to what is listed, and docs/instructor-names.md says what became of it.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
import sys
import typing
import warnings
from importlib.metadata import version
from types import ModuleType
from typing import Any

_VARIABLES = (typing.TypeVar, typing.ParamSpec)


def _modules(package: ModuleType) -> list[ModuleType]:
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    names = [package.__name__, *(each.name for each in found)]
    return [importlib.import_module(name) for name in names if "._" not in name]


def _names(module: ModuleType) -> list[str]:
    """Give what a module declares as public; where it declares nothing, what is instructor's."""
    declared: list[str] | None = getattr(module, "__all__", None)
    names = declared if declared is not None else _own(module)
    return sorted({name for name in names if not isinstance(getattr(module, name), _VARIABLES)})


def _own(module: ModuleType) -> list[str]:
    names: list[str] = []
    for name in dir(module):
        value = getattr(module, name)
        if name.isidentifier() and not name.startswith("_") and not inspect.ismodule(value):
            home = getattr(value, "__module__", None)
            if isinstance(home, str) and home.partition(".")[0] == "instructor":
                names.append(name)
    return names


def _methods(class_: type) -> dict[str, list[str]]:
    return {
        name: [each for each in inspect.signature(method).parameters if each != "self"]
        for name in ("create", "create_partial", "create_iterable", "create_with_completion")
        if (method := getattr(class_, name))
    }


def _commands(app: Any) -> list[str]:
    from typer.main import get_command  # noqa: PLC0415 - comes with instructor

    found: list[str] = []
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]
        inner = getattr(command, "commands", None)
        found += [f"{name} {each}" for each in inner] if inner else [name]
    return sorted(found)


def _main() -> None:
    warnings.simplefilter("ignore")
    # Its command line makes a client when it is imported.
    os.environ.setdefault("OPENAI_API_KEY", "none")
    instructor = importlib.import_module("instructor")
    client = instructor.Instructor
    fields = set(inspect.get_annotations(client)) | {"kwargs"}
    attributes = {name for name in dir(client) if not name.startswith("_")} | fields
    names = {module.__name__: _names(module) for module in _modules(instructor)}
    surface = {
        "version": version("instructor"),
        "modules": {
            name: listed
            for name, listed in names.items()
            # A function that is a command is called from the shell.
            if not name.startswith("instructor.cli")
        },
        "modes": list(instructor.Mode.__members__),
        "client": sorted(attributes),
        "arguments": _methods(client),
        "events": [
            each.value for each in importlib.import_module("instructor.core.hooks").HookName
        ],
        "commands": _commands(importlib.import_module("instructor.cli.cli").app),
    }
    json.dump(surface, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    _main()
