"""Writes the types of snapshots for type checkers: classes whose fields may be ``None``.

A partial class is made at run time. A checker cannot see it, and takes a snapshot of ``M`` for an
``M`` that has everything. What is written here tells it the truth: to a checker each class is one
of its own with optional fields, at run time it is ``pf.Partial[M]``.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ForwardRef, Literal, TypeGuard, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import TypeAliasType, is_typeddict

from partialfast.typed._schema import is_class

__all__ = ["snapshot_module"]

_HEAD = '''"""Types of the snapshots of {module}, for type checkers.

Written by ``partialfast stubs {module}``; write it anew when the models change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

'''


def snapshot_module(module: types.ModuleType) -> str:
    """Write a module with the snapshot type of each model of a module.

    Args:
        module: Where the models are defined. Models of other modules that their fields lead to are
            written as well.

    Returns:
        The source of the module: for each model ``M`` a class ``PartialM``.

    Raises:
        ValueError: The module defines no pydantic model and no dataclass.
    """
    roots = [
        value
        for value in vars(module).values()
        # A parametrized generic is found by what names it.
        if _is_described(value)
        and value.__module__ == module.__name__
        and "[" not in value.__name__
    ]
    if not roots:
        raise ValueError(f"{module.__name__} defines no pydantic model and no dataclass")
    writer = _Writer(roots)
    bodies = [writer.write(found) for found in writer.found]
    checked = "".join(f"\n{_indented(body)}" for body in bodies)
    made = "".join(
        f"    {writer.names[found]} = pf.Partial[{writer.of_module(found)}]\n"
        for found in writer.found
        if not is_typeddict(found)
    )
    imports = "".join(f"import {name}\n" for name in sorted(writer.modules))
    listed = "".join(f'    "{name}",\n' for name in sorted(writer.names.values()))
    # A typed dict has no partial class: its snapshots are dicts.
    dicts = "".join(
        f"    {writer.names[found]} = dict\n" for found in writer.found if is_typeddict(found)
    )
    return (
        _HEAD.format(module=module.__name__)
        + f"{imports}\nimport partialfast as pf\n\n__all__ = [\n{listed}]\n\nif TYPE_CHECKING:\n"
        + checked
        + f"\nelse:\n{made}{dicts}"
    )


class _Writer:
    """Writes classes, and gathers what they lead to."""

    def __init__(self, roots: Iterable[type]) -> None:
        self.names: dict[type, str] = {}
        self.found: list[type] = []
        self.modules = {"dataclasses", "pydantic", "typing"}
        for root in roots:
            self._visit(root)

    def _visit(self, found: type) -> None:
        if found in self.names:
            return
        name = "Partial" + "".join(part if part.isidentifier() else "_" for part in found.__name__)
        taken = set(self.names.values())
        number = 2
        chosen = name
        while chosen in taken:
            chosen, number = f"{name}{number}", number + 1
        self.names[found] = chosen
        self.found.append(found)
        for annotation in _fields(found).values():
            for inner in _classes(annotation):
                self._visit(inner)

    def write(self, found: type) -> str:
        """Write one class."""
        lines = [
            f"{name}: {self._optional(found, annotation)}"
            for name, annotation in _fields(found).items()
        ]
        for name, annotation in _computed(found):
            lines += ["@property", f"def {name}(self) -> {self._optional(found, annotation)}: ..."]
        body = "".join(f"    {line}\n" for line in lines or ["..."])
        return f"{self._opening(found)}\n{_docstring(found)}{body}"

    def _opening(self, found: type) -> str:
        name = self.names[found]
        if is_typeddict(found):
            return f"class {name}(typing.TypedDict, total=False):"
        if dataclasses.is_dataclass(found) and not issubclass(found, BaseModel):
            return f"@dataclasses.dataclass\nclass {name}:"
        return f"class {name}(pydantic.BaseModel):"

    def _optional(self, found: type, annotation: Any) -> str:
        text = self._annotation(annotation)
        if is_typeddict(found) or text in {"None", "typing.Any"} or text.endswith("| None"):
            # Absent keys of a typed dict are not there; they are not None.
            return text
        return f"{text} | None"

    def _annotation(self, annotation: Any) -> str:  # noqa: PLR0911 - a case for each form of type
        if annotation is None or annotation is type(None):
            return "None"
        if is_class(annotation) and annotation in self.names:
            return self.names[annotation]
        origin, arguments = get_origin(annotation), get_args(annotation)
        if isinstance(annotation, TypeAliasType):
            return self._annotation(annotation.__value__)
        if origin is typing.Annotated or origin in _QUALIFIERS:
            return self._annotation(arguments[0])
        if origin is Union or origin is types.UnionType:
            return self._union([self._annotation(member) for member in arguments])
        if origin is Literal:
            values = ", ".join(self._literal(value) for value in arguments)
            return f"typing.Literal[{values}]"
        if isinstance(origin, type) and arguments:
            inner = ", ".join("..." if a is ... else self._annotation(a) for a in arguments)
            return f"{self._class(origin)}[{inner}]"
        if isinstance(annotation, TypeVar):
            return self._annotation(annotation.__bound__) if annotation.__bound__ else "typing.Any"
        if is_class(annotation):
            return self._class(annotation)
        return "typing.Any"

    @staticmethod
    def _union(members: Iterable[str]) -> str:
        written = dict.fromkeys(members)
        if "typing.Any" in written:
            return "typing.Any"
        # At the end, where a reader looks for it.
        without = [text for text in written if text != "None"]
        return " | ".join([*without, "None"] if "None" in written else without)

    def _whole(self, annotation: Any) -> str:
        """Write an annotation unchanged, not as a snapshot shows it."""
        names, self.names = self.names, {}
        try:
            return self._annotation(annotation)
        finally:
            self.names = names

    def _literal(self, value: Any) -> str:
        if isinstance(value, enum.Enum):
            return f"{self._class(type(value))}.{value.name}"
        return json.dumps(value) if isinstance(value, str) else repr(value)

    def _class(self, found: type) -> str:
        if found.__module__ == "builtins":
            return found.__qualname__
        if "<" in found.__qualname__ or not inspect.getmodule(found):
            return "typing.Any"
        return self.of_module(found)

    def of_module(self, found: type) -> str:
        """Write a class by its module, which is imported."""
        generic: Mapping[str, Any] = getattr(found, "__pydantic_generic_metadata__", {})
        if generic.get("origin") is not None:
            arguments = ", ".join(self._whole(argument) for argument in generic["args"])
            return f"{self.of_module(generic['origin'])}[{arguments}]"
        self.modules.add(found.__module__)
        return f"{found.__module__}.{found.__qualname__}"


#: What surrounds a type in a class body and says nothing about the value.
_QUALIFIERS = (
    typing.ClassVar,
    typing.Final,
    *(
        getattr(module, name)
        for module in (typing, __import__("typing_extensions"))
        for name in ("Required", "NotRequired", "ReadOnly")
        if hasattr(module, name)
    ),
)


def _is_described(value: Any) -> TypeGuard[type[Any]]:
    return is_class(value) and (
        (issubclass(value, BaseModel) and value is not BaseModel)
        or dataclasses.is_dataclass(value)
        or is_typeddict(value)
    )


def _fields(found: type) -> Mapping[str, Any]:
    if issubclass(found, BaseModel):
        # It may name classes that were defined after it.
        found.model_rebuild(raise_errors=False)
        return {name: field.annotation for name, field in found.model_fields.items()}
    hints = typing.get_type_hints(found, include_extras=True)
    if dataclasses.is_dataclass(found):
        return {field.name: hints[field.name] for field in dataclasses.fields(found)}
    return hints


def _computed(found: type) -> Iterator[tuple[str, Any]]:
    if issubclass(found, BaseModel):
        for name, field in found.model_computed_fields.items():
            annotation = field.return_type
            if isinstance(annotation, str | ForwardRef):
                function = field.wrapped_property.fget
                annotation = typing.get_type_hints(function).get("return", Any)
            yield name, annotation


def _classes(annotation: Any) -> Iterator[type]:
    """Find the models, dataclasses and typed dicts that an annotation names."""
    if isinstance(annotation, TypeAliasType):
        yield from _classes(annotation.__value__)
    elif _is_described(annotation) and "<" not in annotation.__qualname__:
        yield annotation
    elif not isinstance(annotation, ForwardRef):
        for inner in get_args(annotation):
            yield from _classes(inner)


def _docstring(found: type) -> str:
    return f'    """A snapshot of `{found.__module__}.{found.__qualname__}`."""\n\n'


def _indented(text: str) -> str:
    return "".join(
        f"    {line}" if line.strip() else line for line in text.splitlines(keepends=True)
    )
