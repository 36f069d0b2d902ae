"""Makes a type from a JSON Schema: plain values that the schema allows, checked early."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    TypeAdapter,
)
from pydantic.json_schema import CoreRef, JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError
from typing_extensions import NotRequired, Required, TypedDict

from partialfast.batch._needs import import_extra
from partialfast.batch.loop._result import BatchError

__all__ = ["LARGEST_SCHEMA", "schema_type"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: Bytes of a schema as it is sent, with every request.
LARGEST_SCHEMA = 1 << 18

#: Keywords whose values have names of the schema's author for keys.
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
#: Keywords whose values are not schemas, whatever they look like.
_DATA = frozenset({"const", "enum", "default", "examples", "required", "dependentRequired"})
#: Keywords that say where a schema is; when it is sent, it is elsewhere.
_PLACE = frozenset({
    "$schema", "$id", "$defs", "definitions", "$anchor", "$dynamicAnchor", "$vocabulary",
})  # fmt: skip


def schema_type(schema: Mapping[str, Any], *, name: str) -> Any:
    """Make a type from a JSON Schema.

    Values are plain dicts and lists, valid by the schema as a whole. Properties and items have
    types of their own, so that what is invalid is found when it is complete and not at the end.

    Args:
        schema: The schema (draft 2020-12 unless it says otherwise).
        name: What the type is called if the schema has no title.

    Returns:
        The type. Its JSON schema is the one that was given, with what is referred to in ``$defs``.

    Raises:
        BatchError: It is not a JSON Schema, or larger than `LARGEST_SCHEMA`.
        ImportError: jsonschema is not installed.
    """
    validators = import_extra("jsonschema.validators", what="A JSON Schema")
    class_: Any = validators.validator_for({"$schema": _DIALECT, **schema})
    try:
        class_.check_schema(schema)
    except validators.exceptions.SchemaError as error:
        raise BatchError(f"not a JSON Schema: {error.message}") from error
    resolver = _resolver(class_, schema)
    _refuse_dangling(class_, schema, resolver)
    title = schema.get("title")
    made = _Builder(class_, schema, resolver).build(title if isinstance(title, str) else name)
    size = len(json.dumps(TypeAdapter(made).json_schema()))
    if size > LARGEST_SCHEMA:
        raise BatchError(
            f"the schema is {size:,} bytes long, and would be sent with every request; "
            f"at most {LARGEST_SCHEMA:,} are"
        )
    return made


def _resolver(class_: Any, schema: Mapping[str, Any]) -> Any:
    """Give what finds the targets of references in it; nothing is fetched."""
    standard = import_extra("jsonschema_specifications", what="A JSON Schema")
    return standard.REGISTRY.resolver_with_root(_resource(class_, schema))


def _resource(class_: Any, schema: Mapping[str, Any]) -> Any:
    dialects = import_extra("referencing.jsonschema", what="A JSON Schema")
    return dialects.specification_with(class_.META_SCHEMA["$schema"]).create_resource(schema)


def _refuse_dangling(class_: Any, schema: Mapping[str, Any], resolver: Any) -> None:
    """Refuse a schema with a reference that leads nowhere, or out of it."""
    exceptions = import_extra("referencing.exceptions", what="A JSON Schema")
    waiting = [(_resource(class_, schema), resolver)]
    while waiting:
        resource, here = waiting.pop()
        if not isinstance(resource.contents, Mapping):
            continue
        for keyword in ("$ref", "$dynamicRef"):
            reference = resource.contents.get(keyword)
            if reference is None:
                continue
            try:
                here.lookup(reference)
            except exceptions.Unresolvable as error:
                raise BatchError(f"the reference {reference!r} leads nowhere in it") from error
        waiting += [(each, here.in_subresource(each)) for each in resource.subresources()]


class _Builder:
    """Turns a schema into a type, as far as its structure is plain.

    What is referred to is built once, however often: references that multiply would otherwise make
    a type of thousands of parts out of a schema of a page.

    Args:
        class_: The validator of the schema's dialect.
        root: The schema.
        resolver: Finds what its references stand for.
    """

    def __init__(self, class_: Any, root: Mapping[str, Any], resolver: Any) -> None:
        self._whole = class_(
            root, registry=import_extra("referencing", what="A JSON Schema").Registry()
        )
        self._class = class_
        self._root = root
        self._resolver = resolver
        # By the identity of what is referred to, which the root keeps alive.
        self._built: dict[int, Any] = {}

    def build(self, name: str) -> Any:
        """Make the type of the whole."""
        structure = self._structure(self._root, self._resolver, name)
        inner: Any = Annotated[structure, self._check(self._root)]
        root, resolver, class_ = self._root, self._resolver, self._class

        def core_schema(_class: Any, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
            return handler(inner)

        def json_schema(
            _class: Any, _core: CoreSchema, handler: GetJsonSchemaHandler
        ) -> JsonSchemaValue:
            return _Described(class_, handler).whole(root, resolver)

        # A class, because a type that is one is compiled once and not for every request.
        methods = {
            "__get_pydantic_core_schema__": classmethod(core_schema),
            "__get_pydantic_json_schema__": classmethod(json_schema),
        }
        return type(name, (), methods)

    def _check(self, schema: Any) -> AfterValidator:
        # References are relative to the root, in a part of it too.
        validator = self._whole.evolve(schema=schema)
        best_match = import_extra("jsonschema.exceptions", what="A JSON Schema").best_match

        def check(value: Any) -> Any:
            error = best_match(validator.iter_errors(value))
            if error is not None:
                where = "".join(f"[{step!r}]" for step in error.absolute_path)
                problem = f"{where}: {error.message}" if where else error.message
                raise PydanticCustomError("json_schema", "{problem}", {"problem": problem})
            return value

        return AfterValidator(check)

    def _part(self, schema: Any, resolver: Any, name: str) -> Any:
        return Annotated[self._structure(schema, resolver, name), self._check(schema)]

    def _structure(self, schema: Any, resolver: Any, name: str) -> Any:
        """Give the type by structure alone, never stricter than the schema."""
        # References below another `$id` are relative to another place.
        if not isinstance(schema, Mapping) or ("$id" in schema and schema is not self._root):
            return Any
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self._referred(reference, resolver, name)
        kind = schema.get("type")
        if kind == "string" and "enum" not in schema and "const" not in schema:
            return Annotated[str, Strict()]
        if kind == "array" and "prefixItems" not in schema and "items" in schema:
            item: Any = self._part(schema["items"], resolver, name)
            return Annotated[list[item], Strict()]
        if kind == "object" and isinstance(schema.get("properties"), Mapping):
            return self._object(schema, resolver, name)
        return Any

    def _referred(self, reference: str, resolver: Any, name: str) -> Any:
        found = resolver.lookup(reference)
        key = id(found.contents)
        if key not in self._built:
            # What contains itself may be any value where it recurs, and is checked all the same.
            self._built[key] = Any
            self._built[key] = self._structure(found.contents, found.resolver, name)
        return self._built[key]

    def _object(self, schema: Mapping[str, Any], resolver: Any, name: str) -> Any:
        required = schema.get("required", ())
        fields: dict[str, Any] = {}
        for key, each in schema["properties"].items():
            part: Any = self._part(each, resolver, key)
            fields[key] = Required[part] if key in required else NotRequired[part]
        closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
        typed_dict: Any = TypedDict
        made = typed_dict(name, fields)
        made.__pydantic_config__ = ConfigDict(extra="forbid" if closed else "allow")
        return made if closed else Annotated[made, _Extensible()]


class _Extensible:
    """Has properties that a schema does not name dumped with the others.

    Pydantic 2.11 reads the configuration of a typed dict to validate, and not to dump.
    """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Say in the core schema too that there may be more."""
        schema = handler(source)
        inner: Any = handler.resolve_ref_schema(schema)
        inner["extra_behavior"] = "allow"
        return schema


class _Described:
    """Describes a schema to pydantic, which keeps what is referred to among its definitions.

    Args:
        class_: The validator of the schema's dialect.
        handler: Pydantic's.
    """

    def __init__(self, class_: Any, handler: GetJsonSchemaHandler) -> None:
        # The generator is public, that a handler has it is not.
        self._generator: Any = handler.generate_json_schema  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        self._class = class_

    def whole(self, root: Any, resolver: Any) -> JsonSchemaValue:
        """Give the schema that stands at the root, where servers look for a ``type``."""
        made: JsonSchemaValue = self.describe(root, resolver)
        seen: set[str] = set()
        while (reference := made.get("$ref")) is not None and reference not in seen:
            seen.add(reference)
            target = self._generator.get_schema_from_definitions(reference)
            # A copy: pydantic would put the definitions into the definition itself.
            made = {**target, **{key: value for key, value in made.items() if key != "$ref"}}
        return made

    def describe(self, schema: Any, resolver: Any) -> Any:
        """Give the schema, with pydantic's references in place of its own."""
        if isinstance(schema, list):
            return [self.describe(each, resolver) for each in schema]
        if not isinstance(schema, Mapping):
            return schema
        if "$id" in schema:
            resolver = resolver.in_subresource(_resource(self._class, schema))
        made: dict[str, Any] = {}
        for key, value in schema.items():
            if key in {"$ref", "$dynamicRef"}:
                made["$ref"] = self._reference(value, resolver)
            elif key in _DATA:
                made[key] = value
            elif key in _NAMED and isinstance(value, Mapping):
                made[key] = {name: self.describe(each, resolver) for name, each in value.items()}
            elif key not in _PLACE:
                made[key] = self.describe(value, resolver)
        return made

    def _reference(self, reference: str, resolver: Any) -> str:
        found = resolver.lookup(reference)
        name = reference.rpartition("/")[2].lstrip("#") or "Root"
        definition, made = self._generator.get_cache_defs_ref_schema(
            CoreRef(f"{name}:{id(found.contents)}")
        )
        if definition not in self._generator.definitions:
            # Before it is described, for it may contain itself.
            self._generator.definitions[definition] = {}
            contents = found.contents
            described = (
                self.describe(contents, found.resolver) if isinstance(contents, Mapping)
                else {} if contents else {"not": {}}
            )  # fmt: skip
            self._generator.definitions[definition] = described
        path: str = made["$ref"]
        return path
