"""Finds the type to extract: a name in a module, or a JSON Schema file."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    Strict,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import CoreSchema, PydanticCustomError
from typing_extensions import NotRequired, Required, TypedDict

from partialfast.batch._needs import load
from partialfast.batch.loop._result import BatchError

__all__ = ["find_model", "schema_type"]

_MISSING = object()
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


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


def schema_type(schema: Mapping[str, Any], *, name: str) -> Any:
    """Make a type of a JSON Schema.

    Values are plain dicts and lists, valid by the schema as a whole. Properties and items have
    types of their own, so that what is invalid is found when it is complete and not at the end.

    Args:
        schema: The schema (draft 2020-12 unless it says otherwise).
        name: What the type is called if the schema has no title.

    Returns:
        The type.

    Raises:
        BatchError: It is not a JSON Schema.
        ImportError: jsonschema is not installed.
    """
    validators = load("jsonschema.validators", what="A JSON Schema")
    class_: Any = validators.validator_for({"$schema": _DIALECT, **schema})
    try:
        class_.check_schema(schema)
    except validators.exceptions.SchemaError as error:
        raise BatchError(f"not a JSON Schema: {error.message}") from error
    _refuse_dangling(class_, schema)
    title = schema.get("title")
    return _Builder(class_, schema).build(schema, title if isinstance(title, str) else name)


def _refuse_dangling(class_: Any, schema: Mapping[str, Any]) -> None:
    """Refuse a schema with a reference that leads nowhere, or out of it: nothing is fetched."""
    referencing, standard = (
        load(name, what="A JSON Schema") for name in ("referencing", "jsonschema_specifications")
    )
    dialects = load("referencing.jsonschema", what="A JSON Schema")
    resource = dialects.specification_with(class_.META_SCHEMA["$schema"]).create_resource(schema)
    waiting = [(resource, standard.REGISTRY.resolver_with_root(resource))]
    while waiting:
        resource, resolver = waiting.pop()
        if not isinstance(resource.contents, Mapping):
            continue
        for keyword in ("$ref", "$dynamicRef"):
            reference = resource.contents.get(keyword)
            if reference is None:
                continue
            try:
                resolver.lookup(reference)
            except referencing.exceptions.Unresolvable as error:
                raise BatchError(f"the reference {reference!r} leads to nothing in it") from error
        waiting += [(each, resolver.in_subresource(each)) for each in resource.subresources()]


#: Keywords whose values have names of the schema's author for keys.
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})


def _inlined(schema: Any, root: Mapping[str, Any], above: tuple[str, ...] = ()) -> Any:
    """Put definitions in the place of references; what refers to itself ends in any value.

    Pydantic knows no references but its own.
    """
    if isinstance(schema, list):
        return [_inlined(each, root, above) for each in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target = _resolve(reference, root)
        if target is None or reference in above:
            return {}
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return {**_inlined(target, root, (*above, reference)), **beside}
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key in {"$schema", "$id", "$defs", "definitions"}:
            continue
        if key in _NAMED and isinstance(value, dict):
            made[key] = {name: _inlined(each, root, above) for name, each in value.items()}
        else:
            made[key] = _inlined(value, root, above)
    return made


def _resolve(reference: str, root: Mapping[str, Any]) -> Any:
    """Find what a path within the schema stands for; ``None`` for any other reference."""
    if reference != "#" and not reference.startswith("#/"):
        # Such as an anchor.
        return None
    found: Any = root
    for step in reference[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = cast("Mapping[str, Any]", found)[key]
    return found


class _Builder:
    """Turns a schema into a type, as far as its structure is plain."""

    def __init__(self, class_: Any, root: Mapping[str, Any]) -> None:
        self._whole = class_(root, registry=load("referencing", what="A JSON Schema").Registry())
        self._root = root

    def build(self, schema: Mapping[str, Any], name: str) -> Any:
        """Make the type of the whole; it is sent as the schema that was given."""
        inner: Any = Annotated[
            self._structure(schema, name, ()),
            self._check(schema),
            WithJsonSchema(_inlined(schema, schema)),
        ]

        def core_schema(_class: Any, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
            return handler(inner)

        # A class, because a type that is one is compiled once and not for every request.
        return type(name, (), {"__get_pydantic_core_schema__": classmethod(core_schema)})

    def _check(self, schema: Any) -> AfterValidator:
        # References are relative to the root, in a part of it too.
        validator = self._whole.evolve(schema=schema)
        best_match = load("jsonschema.exceptions", what="A JSON Schema").best_match

        def check(value: Any) -> Any:
            error = best_match(validator.iter_errors(value))
            if error is not None:
                where = "".join(f"[{step!r}]" for step in error.absolute_path)
                problem = f"{where}: {error.message}" if where else error.message
                raise PydanticCustomError("json_schema", "{problem}", {"problem": problem})
            return value

        return AfterValidator(check)

    def _part(self, schema: Any, name: str, above: tuple[str, ...]) -> Any:
        return Annotated[self._structure(schema, name, above), self._check(schema)]

    def _structure(  # noqa: PLR0911 - a return for each kind of schema
        self, schema: Any, name: str, above: tuple[str, ...]
    ) -> Any:
        """Give the type by structure alone, never stricter than the schema."""
        if not isinstance(schema, Mapping):
            return Any
        reference = schema.get("$ref")
        if isinstance(reference, str):
            target = _resolve(reference, self._root)
            if reference in above or target is None:
                return Any
            return self._structure(target, name, (*above, reference))
        kind = schema.get("type")
        if kind == "string" and "enum" not in schema and "const" not in schema:
            return Annotated[str, Strict()]
        if kind == "array" and "prefixItems" not in schema and "items" in schema:
            item: Any = self._part(schema["items"], name, above)
            return Annotated[list[item], Strict()]
        if kind == "object" and isinstance(schema.get("properties"), Mapping):
            return self._object(schema, name, above)
        return Any

    def _object(self, schema: Mapping[str, Any], name: str, above: tuple[str, ...]) -> Any:
        required = schema.get("required", ())
        fields: dict[str, Any] = {}
        for key, each in schema["properties"].items():
            part: Any = self._part(each, key, above)
            fields[key] = Required[part] if key in required else NotRequired[part]
        closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
        typed_dict: Any = TypedDict
        made = typed_dict(name, fields)
        made.__pydantic_config__ = ConfigDict(extra="forbid" if closed else "allow")
        return made
