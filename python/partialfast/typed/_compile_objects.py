"""Compiles schemas of objects with fields, and of unions, into nodes.

What the actions and closes of a node mean stands in `_plan`.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel
from pydantic_core import SchemaValidator

from partialfast.typed._compile import Action, Node, Scope, Unready, ValueCompiler
from partialfast.typed._facts import KINDS, accepts, literals, paths, runs_code, unwrap
from partialfast.typed._layout import can_allocate, has_only_fields
from partialfast.typed._partial import CONTAINERS, OPEN, partial_class
from partialfast.typed._partial_dump import build_serializer
from partialfast.typed._schema import Schema, config_of, default_of, resolve, standalone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["TypeCompiler"]

#: Types that may be shown as they are, however often.
_IMMUTABLE = (str, int, float, bool, bytes, type(None), enum.Enum)


def _without_default(fields: Iterable[tuple[str, Mapping[str, Any]]]) -> list[int]:
    """Return the indices of the fields that a document must have."""
    return [i for i, (_, field) in enumerate(fields) if default_of(field["schema"])[0] == "none"]


class TypeCompiler(ValueCompiler):
    """Compiles any type. Args are those of `ValueCompiler`."""

    # ---- objects with fields

    def _paths(self, name: str, field: Mapping[str, Any], config: Mapping[str, Any]) -> list[Any]:
        return paths(
            name, field, config, by_alias=self._options.by_alias, by_name=self._options.by_name
        )

    def _keys(
        self,
        fields: Iterable[tuple[str, Mapping[str, Any], int | None]],
        config: Mapping[str, Any],
        names: Iterable[str] = (),
    ) -> list[tuple[str, int | None, bool, bool]]:
        """Return what each key of the document belongs to.

        Args:
            fields: Names, schemas and indices; the index of what no instance keeps is ``None``.
            config: Of the class.
            names: What pydantic calls parts of the instance where a document may have more keys
                than are declared, so that such a key may have the name of a field.

        Returns:
            Keys, each with its field's index, whether another key of the field is preferred, and
            whether it takes the whole object to say what becomes of it.
        """
        keys: dict[str, tuple[int | None, bool, bool]] = {}
        for name, field, index in fields:
            for rank, (key, *steps) in enumerate(self._paths(name, field, config)):
                place = None if steps else index
                if key not in keys:
                    keys[key] = (place, place is not None and rank > 0, place is None)
                elif keys[key][0] is None:
                    keys[key] = (place, place is not None and rank > 0, True)
                elif keys[key][0] != place:
                    # It belongs to both; what is shown is the first one.
                    keys[key] = (*keys[key][:2], True)
        for name in names:
            keys.setdefault(name, (None, False, True))
        return [(key, *known) for key, known in keys.items()]

    def _fields(
        self, fields: Iterable[tuple[str, Schema]], scope: Scope
    ) -> tuple[list[tuple[Any, ...]], dict[str, Any]]:
        """Return the compiled fields, and what each reads as while it is absent."""
        compiled = []
        template: dict[str, Any] = {}
        for name, schema in fields:
            how, default = default_of(schema)
            template[name] = None
            kind = "shared"
            if how == "value":
                template[name] = default
                if not isinstance(default, _IMMUTABLE):
                    kind = "copy"
            elif how == "factory" and any(default is container for container in CONTAINERS):
                kind = "make"
            else:
                default = None
            compiled.append((name, self._child(schema, scope), kind, default))
        return compiled, template

    def _unknown(self, schema: Schema, config: Mapping[str, Any], scope: Scope) -> Any:
        behavior = schema.get("extra_behavior") or config.get("extra_fields_behavior", "ignore")
        if behavior != "allow":
            return behavior
        if "extras_keys_schema" in schema:
            # A key may become another one, so nothing is shown under it before.
            return "judge"
        return self._child(schema.get("extras_schema", {"type": "any"}), scope)

    def _type_model(self, schema: Schema, scope: Scope) -> Node:
        class_ = schema["cls"]
        config = self._config(config_of(schema))
        if schema.get("root_model"):
            return self._root_model(schema, scope)
        fields, rewrites = unwrap(schema["schema"], self._definitions)
        if fields["type"] != "model-fields" or not can_allocate(partial_class(class_)):
            return self._opaque(schema, scope)
        inside = Scope(config, class_, has_data=True)
        items = fields["fields"].items()
        compiled, template = self._fields(((n, field["schema"]) for n, field in items), inside)
        unknown = self._unknown(fields, config, inside)
        described = {
            "flavor": "model",
            "fields": compiled,
            "template": template,
            "keys": self._keys(((n, field, i) for i, (n, field) in enumerate(items)), config),
            "unknown": unknown,
            "has_extra": unknown not in ("ignore", "forbid"),
            "required": _without_default(items),
            **self._instance(schema),
        }
        on = {"object": ("object", described)}
        tentative = rewrites or bool(schema.get("custom_init"))
        closing = self._close(schema, scope, tentative=tentative)
        return self._node(schema, scope, on, tentative=tentative, **closing)

    def _close(self, schema: Schema, scope: Scope, *, tentative: bool = False) -> dict[str, Any]:
        """Return how an object of `schema` closes: put together where no user code runs.

        Where a function comes before its fields (`tentative`), they are not validated one by one,
        whosever the function is.
        """
        if self._waits(schema, scope):
            return {"close": "leave", "deferred": True}
        plain = not tentative and not runs_code(schema, self._definitions)
        return {"close": "build" if plain else "raw", "plain": plain}

    def _partial(self, schema: Schema) -> Any:
        """Return the partial class of the class of `schema`, ready to be dumped."""
        partial = partial_class(schema["cls"])
        build_serializer(partial, schema, self._definitions)
        return partial

    def _instance(self, schema: Schema) -> dict[str, Any]:
        """Return what it takes to make an instance of the partial class."""
        class_: type[BaseModel] = schema["cls"]
        partial = self._partial(schema)
        private: dict[str, Any] = {}
        for name, attribute in class_.__private_attributes__.items():
            how = attribute.default_factory
            if how is None and isinstance(cast("Any", attribute.default), _IMMUTABLE):
                private[name] = attribute.default
        slots = BaseModel.__dict__
        return {
            "class": partial,
            "complete": class_,
            "private": private if class_.__private_attributes__ else None,
            "reusable": has_only_fields(partial, frozenset()),
            "members": (
                slots["__pydantic_fields_set__"],
                slots["__pydantic_extra__"],
                slots["__pydantic_private__"],
                partial.__dict__[OPEN],
            ),
        }

    def _root_model(self, schema: Schema, scope: Scope) -> Node:
        class_ = schema["cls"]
        # It has no fields that its value could look at: those are of the model around it.
        inside = Scope(self._config(config_of(schema)), class_, has_data=scope.has_data)
        if not can_allocate(partial_class(class_)):
            return self._opaque(schema, scope)
        inner_schema, rewrites = unwrap(schema["schema"], self._definitions)
        how, _ = default_of(inner_schema)
        if how != "none":
            inner_schema = inner_schema["schema"]
        closing: dict[str, Any] = self._close(schema, scope, tentative=rewrites)
        try:
            inner = self._inner(inner_schema, inside)
            if closing["close"] != "build":
                inner = self._settled(inner)
            if inner["deferred"]:
                closing = {"close": "leave", "deferred": True}
        except Unready:
            return self._opaque(schema, scope)
        index = self._add(inner)
        described = {
            "flavor": "model",
            "fields": [("root", index, "shared", None)],
            "template": {"root": None},
            "keys": [],
            "unknown": "ignore",
            "has_extra": False,
            "required": [0],
            **self._instance(schema),
        }
        on: dict[str, Action] = {}
        for kind, action in zip(KINDS, inner["on"], strict=True):
            if isinstance(action, tuple) or action in ("text", "text-validate"):
                on[kind] = ("root", described)
            elif closing["close"] == "leave":
                on[kind] = "hide"
        return self._node(schema, scope, on, tentative=rewrites, **closing)

    def _settled(self, node: Node) -> Node:
        """Return `node` for a value that is validated by what encloses it, at the same byte."""
        on: list[Action] = []
        for action in node["on"]:
            if action == "text-validate":
                on.append("text")
            elif isinstance(action, tuple) and action[0] == "goto":
                _, index, label = action
                if self.nodes[index] is None:
                    raise Unready
                on.append(("goto", self._add(self._settled(self.nodes[index])), label))
            else:
                on.append(action)
        close = node["close"] if node["close"] == "keep" else "leave"
        return {**node, "on": on, "close": close}

    def _type_dataclass(self, schema: Schema, scope: Scope) -> Node:
        class_ = schema["cls"]
        config = self._config(config_of(schema))
        arguments, rewrites = unwrap(schema["schema"], self._definitions)
        if arguments["type"] != "dataclass-args" or not can_allocate(partial_class(class_)):
            return self._opaque(schema, scope)
        inside = Scope(config, class_, has_data=True)
        stored = [
            (field["name"], field) for field in arguments["fields"] if not field.get("init_only")
        ]
        compiled, template = self._fields(((n, field["schema"]) for n, field in stored), inside)
        # Others are for `__post_init__` to set; pydantic expects them when it dumps an instance.
        for name in schema["fields"]:
            template.setdefault(name)
        indices = {
            name: index for index, (name, field) in enumerate(stored) if field.get("init", True)
        }
        unknown = self._unknown(arguments, config, inside)
        if schema.get("slots") and isinstance(unknown, int):
            # There is no place in the instance for what the config allows.
            unknown = "judge"
        described = {
            "flavor": "slotted" if schema.get("slots") else "dataclass",
            "fields": compiled,
            "template": template,
            "keys": self._keys(
                ((f["name"], f, indices.get(f["name"])) for f in arguments["fields"]),
                config,
                template if isinstance(unknown, int) else (),
            ),
            "unknown": unknown,
            "has_extra": False,
            "class": self._partial(schema),
            "complete": class_,
            "reusable": has_only_fields(partial_class(class_), frozenset(schema["fields"])),
            "required": _without_default(stored),
        }
        on = {"object": ("object", described)}
        closing = self._close(schema, scope, tentative=rewrites)
        return self._node(schema, scope, on, tentative=rewrites, **closing)

    def _type_typed_dict(self, schema: Schema, scope: Scope) -> Node:
        config = self._config(config_of(schema))
        inside = Scope(config, schema.get("cls"), has_data=True)
        items = schema["fields"].items()
        compiled = [
            (name, self._child(field["schema"], inside), "shared", None) for name, field in items
        ]
        unknown = self._unknown(schema, config, inside)
        described = {
            "flavor": "typed-dict",
            "fields": compiled,
            "template": {},
            "keys": self._keys(
                ((n, field, i) for i, (n, field) in enumerate(items)),
                config,
                schema["fields"] if isinstance(unknown, int) else (),
            ),
            "unknown": unknown,
            "has_extra": False,
            "class": dict,
            "complete": dict,
            "required": [
                index
                for index, (_, field) in enumerate(items)
                if field.get("required", schema.get("total", True))
            ],
        }
        # A default would take the place of a key that is not there.
        has_defaults = any(field["schema"]["type"] == "default" for _, field in items)
        closing = {"close": "raw"} if has_defaults else self._close(schema, scope)
        return self._node(schema, scope, {"object": ("object", described)}, **closing)

    def _type_named_tuple(self, schema: Schema, scope: Scope) -> Node:
        class_ = schema["cls"]
        items = [(field["name"], field) for field in schema["fields"]]
        compiled, template = self._fields(((n, field["schema"]) for n, field in items), scope)
        if any(self._is_deferred(field[1]) for field in compiled):
            return self._opaque(schema, scope)
        # Others than these have defaults that can be shared.
        bare = _without_default(items)
        required = [i for i, field in enumerate(compiled) if i in bare or field[2] != "shared"]
        described = {
            "flavor": "named-tuple",
            "fields": compiled,
            "template": template,
            "keys": self._keys(((n, field, i) for i, (n, field) in enumerate(items)), {}),
            "unknown": "judge",
            "has_extra": False,
            "class": class_,
            "complete": class_,
            "required": required,
        }
        defaults = tuple(template.values())

        def fill(values: list[Any]) -> Any:
            return tuple.__new__(class_, (*values, *defaults[len(values) :]))

        array = {
            "sequence": "other",
            "class": fill,
            "first": [field[1] for field in compiled],
            "rest": None,
            "least": len(required),
        }
        on = {"object": ("object", described), "array": ("array", array)}
        # A class that inherits from a named tuple may have a constructor of its own.
        closing = self._close(schema, scope) if class_.__bases__ == (tuple,) else {"close": "raw"}
        return self._node(schema, scope, on, **closing)

    # ---- unions

    def _type_tagged_union(self, schema: Schema, scope: Scope) -> Node:
        discriminator = schema["discriminator"]
        if isinstance(discriminator, str):
            keys = [discriminator]
        elif isinstance(discriminator, list):
            paths = discriminator
            if paths and not isinstance(paths[0], list):
                paths = [paths]
            if any(len(path) > 1 for path in paths):
                return self._opaque(schema, scope)
            keys = [path[0] for path in paths]
        else:
            # A function that wants the whole object.
            return self._opaque(schema, scope)
        members: dict[Any, tuple[int, str | int]] = {}
        for tag, choice in schema["choices"].items():
            if not isinstance(choice, dict):
                return self._opaque(schema, scope)
            # Of an enum only a member that is a string or an integer itself: pydantic takes no
            # other for its value.
            if isinstance(tag, bool) or not isinstance(tag, (str, int)):
                return self._opaque(schema, scope)
            plain = tag.value if isinstance(tag, enum.Enum) else tag
            members[plain] = (self._child(choice, scope), plain)
        on = {"object": ("tagged", {"keys": keys, "members": members})}
        if self._waits(schema, scope):
            return self._node(schema, scope, on, close="leave", deferred=True)
        return self._node(schema, scope, on)

    def _type_union(self, schema: Schema, scope: Scope) -> Node:
        if "custom_error_type" in schema:
            # One error for the whole, whatever is wrong with a member.
            return self._opaque(schema, scope)
        choices = [
            choice if isinstance(choice, tuple) else (choice, None) for choice in schema["choices"]
        ]
        accepted = [accepts(choice, self._definitions) for choice, _ in choices]
        on: dict[str, Action] = {}
        deferred = self._waits(schema, scope)
        for kind in KINDS:
            takers = [i for i, kinds in enumerate(accepted) if kind in kinds]
            if len(takers) == 1:
                choice, label = choices[takers[0]]
                index = self._child(choice, scope)
                deferred |= self._is_deferred(index)
                on[kind] = ("goto", index, label or self._label(choice, scope))
            elif kind == "object" and takers:
                described = [self._alternative(choices[i][0], choices[i][1], scope) for i in takers]
                if all(described):
                    on[kind] = ("plain", described)
        if deferred:
            on = {kind: action for kind, action in on.items() if action[0] == "goto"}
            every = dict.fromkeys(KINDS, "hide")
            return self._node(schema, scope, {**every, **on}, close="leave", deferred=True)
        return self._node(schema, scope, on)

    def _label(self, schema: Schema, scope: Scope) -> str:
        """Return the name that pydantic gives a union member in an error's location."""
        resolved = resolve(schema, self._definitions)
        if resolved["type"] in ("model", "dataclass"):
            return cast("str", resolved["cls"].__name__)
        validator = SchemaValidator(
            cast("Any", standalone(schema, self._definitions)),
            cast("Any", dict(scope.config)) or None,
        )
        return validator.title

    def _alternative(
        self, schema: Schema, label: str | None, scope: Scope
    ) -> dict[str, Any] | None:
        """Return what tells an object of `schema` from the other members of a union."""
        resolved = resolve(schema, self._definitions)
        kind = resolved["type"]
        if kind == "model" and not resolved.get("root_model"):
            fields, rewrites = unwrap(resolved["schema"], self._definitions)
            if rewrites or resolved.get("custom_init") or fields["type"] != "model-fields":
                return None
            named = list(fields["fields"].items())
        elif kind == "dataclass":
            fields, rewrites = unwrap(resolved["schema"], self._definitions)
            if rewrites or fields["type"] != "dataclass-args":
                return None
            named = [(field["name"], field) for field in fields["fields"]]
        elif kind == "typed-dict":
            fields = resolved
            named = list(fields["fields"].items())
        else:
            return None
        config = self._config(config_of(resolved))
        extra = fields.get("extra_behavior") or config.get("extra_fields_behavior", "ignore")
        keys: list[str] = []
        tags: dict[str, list[Any]] = {}
        for name, field in named:
            paths = self._paths(name, field, config)
            keys.extend(path[0] for path in paths)
            values = literals(field["schema"], self._definitions)
            if values is not None and len(paths) == 1 and len(paths[0]) == 1:
                tags[paths[0][0]] = values
        return {
            "target": (self._child(schema, scope), label or self._label(schema, scope)),
            "forbid": extra == "forbid",
            "keys": keys,
            "tags": tags,
        }
