"""How partial instances are dumped.

The schema of a model expects every field. For a partial instance it is changed in three ways:
every field may be ``None``; what is inside (models, dataclasses) is dumped by its own class, which
is partial or not; and the user's serializers, which expect complete data, are only called on values
that are complete. Everything else, aliases, exclusions, config, stays as it is.
"""

from __future__ import annotations

import collections
import functools
from typing import TYPE_CHECKING, Any, cast

from pydantic import PydanticUserError
from pydantic_core import PydanticSerializationError, SchemaSerializer, core_schema

from partialfast.typed._marks import open_field, partial_origin
from partialfast.typed._schema import (
    Definitions,
    Schema,
    adapter_for,
    config_of,
    default_of,
    is_pydantics,
    is_stdlib_dataclass,
    parts,
    resolve,
    split,
    standalone,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["DUMPED_AS", "PartialSerializer", "build_serializer", "rewritten"]

_ANY: Schema = {"type": "any"}

#: Schemas, with a type of defaults that each dumps.
_OBVIOUS = {("any", str), ("bool", bool), ("float", float), ("int", int), ("str", str)}

#: Schemas with two sides, and the side that dumping uses.
DUMPED_AS = {"json-or-python": "json_schema", "lax-or-strict": "strict_schema"}


class PartialSerializer:
    """The ``__pydantic_serializer__`` of a partial class until it is built, on first use.

    Args:
        origin: The complete class.
    """

    def __init__(self, origin: type[Any]) -> None:
        self._origin = origin

    def __get__(self, instance: Any, owner: type[Any]) -> SchemaSerializer:
        """Build the serializer, for attribute access on the class or an instance."""
        schema, definitions = split(adapter_for(self._origin).core_schema)
        return _build(owner, schema, definitions)


def build_serializer(partial: type[Any], schema: Schema, definitions: Definitions) -> None:
    """Give a partial class its serializer before anything asks for it.

    pydantic-core looks the serializer of a nested value up by itself, and takes any exception to
    mean that there is none: an interrupt that comes while Python builds it, or only returns it,
    would be lost and the dump would fail instead. So no snapshot is made of a class without one; of
    the classes of a type that no document has, none is built.

    Args:
        partial: The partial class.
        schema: The core schema of the complete class, as part of whatever type is compiled.
        definitions: What it may refer to.
    """
    if isinstance(partial.__dict__["__pydantic_serializer__"], PartialSerializer):
        _build(partial, schema, definitions)


def rewritten(schema: Schema, definitions: Definitions) -> Schema:
    """Return `schema` as it dumps values that may be incomplete, ready to be built.

    Args:
        schema: Of a value that is a part of a partial instance.
        definitions: What it may refer to.
    """
    rewriter = _DumpRewriter(definitions)
    made = rewriter.rewrite(schema)
    return standalone(made, rewriter.definitions())


def _build(partial: type[Any], schema: Schema, definitions: Definitions) -> SchemaSerializer:
    built = _serializer(partial, schema, definitions)
    type.__setattr__(partial, "__pydantic_serializer__", built)
    return built


def _serializer(partial: type[Any], schema: Schema, definitions: Definitions) -> SchemaSerializer:
    """Return a serializer of partial instances of the class that `schema` is of."""
    schema = _beneath_functions(schema, definitions)
    rewriter = _DumpRewriter(definitions)
    made = rewriter.own(schema, partial)
    return SchemaSerializer(
        cast("Any", standalone(made, rewriter.definitions())), cast("Any", config_of(schema))
    )


def _beneath_functions(schema: Schema, definitions: Definitions) -> Schema:
    """Return `schema` without the functions before, after and around it."""
    schema = resolve(schema, definitions)
    while schema["type"].startswith("function-"):
        schema = resolve(schema["schema"], definitions)
    return schema


class _DumpRewriter:
    """Rewrites schemas for dumping incomplete values."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._rewritten: dict[str, Schema] = {}

    def definitions(self) -> Definitions:
        """Return the definitions that the rewritten schema may refer to.

        They are the rewritten ones, each under a name of its own; and the others, for parts of a
        schema that no value goes through, whose references have to lead somewhere all the same.
        """
        return {**self._definitions, **self._rewritten}

    def own(self, schema: Schema, partial: type[Any]) -> Schema:
        """Return the schema of `partial` itself, from the model or dataclass `schema`."""
        made: Schema = {"type": schema["type"], "cls": partial, "config": schema.get("config", {})}
        if schema.get("root_model"):
            made["root_model"] = True
            made["schema"] = self._field(schema["schema"], config_of(schema))
        elif schema["type"] == "dataclass":
            inner = _beneath_functions(schema["schema"], self._definitions)
            made["fields"] = schema["fields"]
            made["slots"] = schema.get("slots", False)
            made["schema"] = {
                **inner,
                "computed_fields": [],
                "fields": [self._member(field, config_of(schema)) for field in inner["fields"]],
            }
        else:
            inner = _beneath_functions(schema["schema"], self._definitions)
            made["schema"] = {
                **inner,
                "computed_fields": [],
                "fields": {
                    name: self._member(field, config_of(schema))
                    for name, field in inner["fields"].items()
                },
            }
            if "extras_schema" in inner:
                made["schema"]["extras_schema"] = _ANY
        made["schema"].pop("ref", None)
        return made

    def _member(self, field: Mapping[str, Any], config: Mapping[str, Any]) -> Schema:
        """Return a field of a model, dataclass or typed dict, for instances that lack some."""
        made = {**field, "schema": self._field(field["schema"], config)}
        excludes = field.get("serialization_exclude_if")
        if excludes is not None:
            made["serialization_exclude_if"] = lambda value: (
                _is_validated(value) and excludes(value)
            )
        return made

    def _field(self, schema: Schema, config: Mapping[str, Any]) -> Schema:
        """Return the schema of a field that may be absent, open or complete."""
        default: Schema = {}
        rewrite = self.rewrite
        if schema["type"] == "default":
            # Kept outermost: it is where `exclude_defaults` looks.
            default = {k: v for k, v in schema.items() if k != "serialization"}
            if schema.get("validate_default", config.get("validate_default")):
                # Until then the default is what the user wrote, of any type.
                rewrite = self._or_any
            if not _is_method(schema) and "serialization" in schema:
                schema = {**schema["schema"], "serialization": schema["serialization"]}
            else:
                schema = schema["schema"]
        if _is_method(schema):
            # That serializer had replaced what pydantic would use.
            open_: Schema = {"type": "any", "serialization": _by_type()}
        else:
            open_ = {"type": "nullable", "schema": rewrite(schema)}
            if self._meets(schema, _has_users_serializer) and not self._meets(schema, _needs_data):
                complete = _Lazy.of(schema, self._definitions)
                open_ = {"type": "any", "serialization": _guard(complete, open_)}
            if "default" in default and not self._dumps(open_, default["default"]):
                open_ = {"type": "any", "serialization": _guard_default(default["default"], open_)}
        return {**default, "schema": open_} if default else open_

    def _dumps(self, schema: Schema, default: Any) -> bool:
        """Tell whether a default is dumped as `schema` says, without a warning.

        pydantic does not validate it: it may be of another type than its field is declared with.
        """
        if default is None or (schema["type"], type(default)) in _OBVIOUS:
            return True
        if schema["type"] == "nullable":
            return self._dumps(schema["schema"], default)
        if _is_method(schema):
            # It goes to a function of the user's only when it was received.
            schema = schema["serialization"]["schema"]
        # As one of several: pydantic is stricter in a union, and in a member of one.
        either: Schema = {"type": "union", "choices": [schema, {"type": "none"}]}
        return self._is_dumped(either, default)

    def _is_dumped(self, schema: Schema, value: Any) -> bool:
        made = SchemaSerializer(cast("Any", standalone(schema, self.definitions())))
        try:
            made.to_python(value, mode="json", warnings="error")
            made.to_python(value, warnings="error")
        except Exception:  # noqa: BLE001 - any means that it is dumped in another way
            return False
        return True

    def _meets(self, schema: Schema, condition: Callable[[Schema], bool]) -> bool:
        """Tell whether `condition` holds for `schema` or a part of it, down to models."""
        pending = [schema]
        seen: set[int] = set()
        while pending:
            item = pending.pop()
            if id(item) in seen:
                continue
            seen.add(id(item))
            if condition(item):
                return True
            if item["type"] == "definition-ref":
                pending.append(self._definitions[item["schema_ref"]])
            elif item["type"] not in ("model", "dataclass"):
                pending.extend(parts(item))
        return False

    def rewrite(self, schema: Schema) -> Schema:
        """Return `schema` for a value that may be incomplete, without the user's serializers."""
        kind = schema["type"]
        if kind == "definition-ref":
            return self._reference(schema["schema_ref"])
        if kind == "model" or (kind == "dataclass" and not _varies(schema["cls"])):
            return _ANY
        made = {key: value for key, value in schema.items() if key != "ref"}
        if _has_users_serializer(made):
            del made["serialization"]
            complete = _Lazy.of(schema, self._definitions)
            return {"type": "any", "serialization": _guard_part(complete, self.rewrite(made))}
        if kind in DUMPED_AS:
            # As pydantic-core does it: of two schemas for validation, one says how to dump.
            return {**self.rewrite(schema[DUMPED_AS[kind]]), **self._dumped_by(schema)}
        special = {
            "dataclass": self._dataclass,
            "named-tuple": self._named_tuple,
            "tagged-union": self._union,
            "tuple": self._tuple,
            "typed-dict": self._typed_dict,
            "union": self._union,
        }.get(kind)
        if special is not None:
            return {**special(made), **self._dumped_by(schema)}
        for key in ("schema", "items_schema", "keys_schema", "values_schema", "json_schema"):
            if isinstance(made.get(key), dict):
                made[key] = self.rewrite(made[key])
        return {**made, **self._dumped_by(schema)}

    def _dumped_by(self, schema: Schema) -> Schema:
        """Return what a function of pydantic's in `schema` says about dumping, rewritten."""
        if "serialization" not in schema:
            return {}
        made = {
            key: self.rewrite(value) if key in ("schema", "return_schema") else value
            for key, value in schema["serialization"].items()
        }
        return {"serialization": made}

    def _reference(self, name: str) -> Schema:
        target = resolve(self._definitions[name], self._definitions)
        if target["type"] == "model":
            return _ANY
        renamed = f"{name}:partial"
        if renamed not in self._rewritten:
            self._rewritten[renamed] = {}
            self._rewritten[renamed] = {**self.rewrite(self._definitions[name]), "ref": renamed}
        return {"type": "definition-ref", "schema_ref": renamed}

    def _typed_dict(self, schema: Schema) -> Schema:
        fields = {
            name: {**self._member(field, config_of(schema)), "required": False}
            for name, field in schema["fields"].items()
        }
        made = {**schema, "fields": fields, "total": False, "computed_fields": []}
        if "extras_schema" in schema:
            made["extras_schema"] = self.rewrite(schema["extras_schema"])
        return made

    def _named_tuple(self, schema: Schema) -> Schema:
        fields = [{**field, "schema": self._item(field["schema"])} for field in schema["fields"]]
        return {**schema, "fields": fields}

    def _item(self, schema: Schema) -> Schema:
        """Return the schema of an item of a named tuple, which is open or complete.

        Its class is the same in both cases. So an item that is not there, which reads as its
        default, is dumped as in the end: pydantic gives a `Secret` that is ``None`` as a text.
        """
        made = self.rewrite(schema)
        if (
            default_of(schema) == ("value", None)
            and not self._meets(schema, _has_users_serializer)
            and self._is_dumped(made, None)
        ):
            return made
        return {"type": "nullable", "schema": made}

    def _dataclass(self, schema: Schema) -> Schema:
        """Dump instances, partial or not, by this schema: elsewhere the class may have another."""
        class_ = schema["cls"]
        serializers = {class_: _Lazy.of(schema, self._definitions)}

        def dump(value: Any, info: Any) -> Any:
            found = type(value)
            if found not in serializers and partial_origin(found) is class_:
                make = functools.partial(_serializer, found, schema, self._definitions)
                serializers[found] = _Lazy(make)
            serializer = serializers.get(found)
            return value if serializer is None else serializer.dump(value, info)

        return {
            "type": "any",
            "serialization": {"type": "function-plain", "function": dump, "info_arg": True},
        }

    def _tuple(self, schema: Schema) -> Schema:
        items = [self.rewrite(item) for item in schema["items_schema"]]
        if "variadic_item_index" in schema:
            return {**schema, "items_schema": items}
        # With a last item that may be there any number of times, pydantic takes fewer of the others
        # without a warning.
        nullable = [{"type": "nullable", "schema": item} for item in items]
        return {**schema, "items_schema": [*nullable, _ANY], "variadic_item_index": len(items)}

    def _union(self, schema: Schema) -> Schema:
        choices = schema["choices"]
        members = choices.values() if isinstance(choices, dict) else choices
        rewritten: list[Schema] = []
        for member in members:
            inner = member[0] if isinstance(member, tuple) else member
            if not isinstance(inner, dict):
                continue
            made = self.rewrite(inner)
            if _has_users_serializer(made):
                # It takes whatever comes to it, which may be another member's value.
                made = {**made, "serialization": {**made["serialization"], "schema": _ANY}}
            if made != _ANY or _ANY not in rewritten:
                rewritten.append(made)
        # What no other member takes is dumped by its own type.
        rewritten.sort(key=lambda member: member["type"] == "any")
        return {"type": "union", "choices": rewritten} if len(rewritten) > 1 else rewritten[0]

    def _or_any(self, schema: Schema) -> Schema:
        """Return `schema`, rewritten, for what may be something else as well."""
        return self._union({"choices": [schema, _ANY]})


def _varies(class_: type[Any]) -> bool:
    """Tell whether how instances of a dataclass are dumped depends on where they are.

    For those of the standard library it depends on the config around them, and for a generic one on
    its parameters.
    """
    return is_stdlib_dataclass(class_) or bool(getattr(class_, "__parameters__", ()))


def _is_method(schema: Schema) -> bool:
    """Tell whether the serializer is a method of the model: it would meet holes in ``self``."""
    return bool(schema.get("serialization", {}).get("is_field_serializer"))


def _has_users_serializer(schema: Schema) -> bool:
    function = schema.get("serialization", {}).get("function")
    return function is not None and not is_pydantics(function)


def _needs_data(schema: Schema) -> bool:
    """Tell whether a value is validated only with its siblings, which its validator may look at."""
    function = schema.get("function", {})
    with_info = isinstance(function, dict) and function.get("type") == "with-info"
    return with_info and not is_pydantics(function["function"])


#: Options that pydantic has since 2.12.
_SINCE_2_12 = tuple(
    name for name in ("exclude_computed_fields",) if hasattr(core_schema.SerializationInfo, name)
)


class _Lazy:
    """A serializer that is built when it is first used.

    Args:
        make: Builds it.
    """

    def __init__(self, make: Callable[[], SchemaSerializer]) -> None:
        self._make = make
        self._built: SchemaSerializer | None = None

    @classmethod
    def of(cls, schema: Schema, definitions: Definitions) -> _Lazy:
        """Return the serializer of a schema that may refer to `definitions`."""
        return cls(lambda: SchemaSerializer(cast("Any", standalone(schema, definitions))))

    def dump(self, value: Any, info: Any) -> Any:
        """Return `value` dumped as `info`, of the dump under way, asks."""
        if self._built is None:
            self._built = self._make()
        return self._built.to_python(
            value,
            mode=info.mode,
            include=info.include,
            exclude=info.exclude,
            by_alias=info.by_alias,
            exclude_unset=info.exclude_unset,
            exclude_defaults=info.exclude_defaults,
            exclude_none=info.exclude_none,
            **{name: getattr(info, name) for name in _SINCE_2_12},
            round_trip=info.round_trip,
            serialize_as_any=info.serialize_as_any,
            context=info.context,
            # They would ignore what the caller said about them, which `info` does not tell.
            warnings=False,
        )


#: Types of scalars that JSON has itself, so that they may not be validated.
_NATIVE = (str, int, float, bool, type(None))
#: What is filled while it is open, whichever class of these it is: also a named tuple.
_FILLED = (list, dict, tuple, set, frozenset, collections.deque)


def _is_validated(value: Any) -> bool:
    """Tell, from `value` alone, whether it is complete and valid: only validation makes it."""
    class_ = type(value)
    if class_ in _NATIVE or isinstance(value, _FILLED):
        return False
    return partial_origin(class_) is None


def _guard(complete: _Lazy, incomplete: Schema) -> Schema:
    """Return a serializer of a field that calls the user's code on complete values only.

    Args:
        complete: The field's own serializer.
        incomplete: That of a value that is absent or open.
    """

    def dump(instance: Any, value: Any, handler: Callable[[Any], Any], info: Any) -> Any:
        name = info.field_name
        # A dataclass does not tell what was received: there, the value itself has to.
        received = name in getattr(instance, "__pydantic_fields_set__", ())
        settled = received and open_field(instance) not in (name, True)
        return complete.dump(value, info) if settled else handler(value)

    return {
        "type": "function-wrap",
        "function": dump,
        "is_field_serializer": True,
        "info_arg": True,
        "schema": incomplete,
    }


def _guard_default(default: Any, schema: Schema) -> Schema:
    """Return a serializer of a field that dumps its default by the default's own type.

    Args:
        default: What the field reads as while it is absent.
        schema: That of what is received.
    """
    by_type = _Lazy.of({"type": "any", "serialization": _by_type()}, {})

    def dump(instance: Any, value: Any, handler: Callable[[Any], Any], info: Any) -> Any:
        received = getattr(instance, "__pydantic_fields_set__", None)
        # A mutable default was copied, and a dataclass does not tell what was received.
        absent = info.field_name not in received if received is not None else value == default
        if not absent:
            return handler(value)
        try:
            return by_type.dump(value, info)
        except (PydanticSerializationError, PydanticUserError):
            # Nothing can dump it, such as a class: it is treated as no default.
            return None

    return {
        "type": "function-wrap",
        "function": dump,
        "is_field_serializer": True,
        "info_arg": True,
        "schema": schema,
    }


def _guard_part(complete: _Lazy, incomplete: Schema) -> Schema:
    """Return a serializer that calls the user's code on what only validation can have made.

    Args:
        complete: That of the value, with the user's function.
        incomplete: The same for a value that may be open.
    """

    def dump(value: Any, handler: Callable[[Any], Any], info: Any) -> Any:
        if _is_validated(value):
            return complete.dump(value, info)
        # The user's function had replaced how pydantic dumps it, if it is a deque before 2.12.
        return _dumped_or_by_type(value, handler, info)

    return {"type": "function-wrap", "function": dump, "info_arg": True, "schema": incomplete}


def _by_type() -> Schema:
    """Return a serializer that goes by the value's own type, not by the declared one."""
    return {
        "type": "function-wrap",
        "function": _dumped_or_by_type,
        "info_arg": True,
        "schema": _ANY,
    }


def _dumped_or_by_type(value: Any, handler: Callable[[Any], Any], info: Any) -> Any:
    try:
        return handler(value)
    except PydanticSerializationError as error:
        # A type that not every serializer knows, such as a URL: it has a schema of its own.
        try:
            adapter = adapter_for(type(value))
        except TypeError:
            raise error from None
        return adapter.dump_python(value, mode=info.mode)
