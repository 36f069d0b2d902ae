"""Compiles schemas of scalars, wrappers, functions and plain containers into nodes.

What the actions and closes of a node mean stands in `_plan`.
"""

from __future__ import annotations

import collections
import functools
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic_core import SchemaValidator

from partialfast.typed._facts import KINDS, items_of, needs_data, runs_code, shell, takes_info
from partialfast.typed._schema import Definitions, Schema, is_pydantics, resolve, split, standalone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import TypeAdapter

__all__ = ["Action", "Node", "Options", "Scope", "Unready", "ValueCompiler"]

Action = Any
Node = dict[str, Any]

#: Keys of a scalar schema that constrain nothing.
_HARMLESS = frozenset(
    {"type", "strict", "ref", "metadata", "serialization", "coerce_numbers_to_str", "regex_engine"}
)
#: Config entries that change what a plain string becomes.
_STRING_CONFIG = (
    "str_max_length",
    "str_min_length",
    "str_strip_whitespace",
    "str_to_lower",
    "str_to_upper",
)
#: Keys of a container schema that ask something of the whole.
_CONSTRAINTS = ("min_length", "max_length")


class Options(NamedTuple):
    """What a plan depends on beside the type."""

    by_alias: bool | None
    by_name: bool | None
    items: bool


class Scope(NamedTuple):
    """What surrounds a schema.

    Attributes:
        config: Of the innermost model, as pydantic hands it down.
        owner: The innermost model, whose methods its validators are.
        has_data: Whether a validator with ``info`` could look at sibling fields.
    """

    config: Mapping[str, Any]
    owner: Any
    has_data: bool


class Unready(Exception):  # noqa: N818 - control flow inside this module
    """A node that is being compiled was asked for."""


def _validate_json(schema: Schema, definitions: Definitions, config: Mapping[str, Any]) -> Any:
    validator = SchemaValidator(
        cast("Any", standalone(schema, definitions)), cast("Any", dict(config)) or None
    )
    return validator.validate_json


def _validate_python(schema: Schema, definitions: Definitions, config: Mapping[str, Any]) -> Any:
    validator = SchemaValidator(
        cast("Any", standalone(schema, definitions)), cast("Any", dict(config)) or None
    )
    return validator.validate_python


class ValueCompiler:
    """Compiles one type. ``nodes[0]`` is its root.

    Args:
        adapter: pydantic's adapter of the type.
        options: What else the plan depends on.
    """

    def __init__(self, adapter: TypeAdapter[Any], options: Options) -> None:
        schema, self._definitions = split(adapter.core_schema)
        self._options = options
        self._by_ref: dict[Any, int] = {}
        self._configs: dict[frozenset[tuple[str, Any]], Mapping[str, Any]] = {}
        self._any: int | None = None
        self.nodes: list[Any] = [None]
        scope = Scope(self._config({}), None, has_data=False)
        if options.items:
            item = items_of(schema, self._definitions)
            first = self._add(self._compile(item, scope))
            array = {"sequence": "items", "class": None, "first": (), "rest": first}
            self.nodes[0] = self._node(schema, scope, {"array": ("array", array)})
        else:
            self.nodes[0] = self._compile(schema, scope)
            self.nodes[0]["plain"] = not runs_code(schema, self._definitions)

    def _config(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the config of a class, the same object for the same content.

        Nothing is handed down from the class around it: pydantic does that where it has to, when
        it makes the schema. What a definition compiles to depends on the config, so it is found
        by that object. The title is left out: it only names errors, which get the root's, and
        would name the members of a union after the model around it.
        """
        own = {name: value for name, value in config.items() if name != "title"}
        return self._configs.setdefault(frozenset(own.items()), own)

    # ---- nodes

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _node(
        self,
        schema: Schema,
        scope: Scope,
        on: Mapping[str, Action],
        *,
        close: str = "raw",
        **rest: Any,
    ) -> Node:
        """Return a node; kinds that `on` does not name are validated when complete."""
        config = scope.config
        return {
            "on": [on.get(kind, "validate") for kind in KINDS],
            "validator": functools.partial(_validate_json, schema, self._definitions, config),
            "shell": None,
            "close": close,
            "plain": False,
            "tentative": False,
            "omit": False,
            # For the compiler only: it cannot be validated without its siblings.
            "deferred": False,
            **rest,
        }

    def _opaque(self, schema: Schema, scope: Scope) -> Node:
        if self._waits(schema, scope):
            return self._hidden(schema, scope)
        return self._node(schema, scope, {})

    def _hidden(self, schema: Schema, scope: Scope) -> Node:
        """Return a node of what is absent until the enclosing value is complete."""
        on = dict.fromkeys(KINDS, "hide")
        return self._node(schema, scope, on, close="leave", deferred=True)

    def _waits(self, schema: Schema, scope: Scope) -> bool:
        """Tell whether a value can only be validated with its siblings."""
        return scope.has_data and needs_data(schema, self._definitions)

    def _child(self, schema: Schema, scope: Scope) -> int:
        """Compile `schema` as a node of its own; a definition is compiled once."""
        if schema["type"] == "definition-ref":
            return self._definition(schema["schema_ref"], scope)
        return self._add(self._compile(schema, scope))

    def _definition(self, name: str, scope: Scope) -> int:
        key = (name, id(scope.config), scope.has_data)
        if key not in self._by_ref:
            self._by_ref[key] = self._add(cast("Node", None))
            made = self._compile(self._definitions[name], scope)
            self.nodes[self._by_ref[key]] = made
        return self._by_ref[key]

    def _is_deferred(self, index: int) -> bool:
        node = self.nodes[index]
        return node is not None and bool(node["deferred"])

    def _compile(self, schema: Schema, scope: Scope) -> Node:
        compile_ = getattr(self, "_type_" + schema["type"].replace("-", "_"), self._opaque)
        return cast("Node", compile_(schema, scope))

    # ---- scalars

    def _type_any(self, schema: Schema, scope: Scope) -> Node:
        if self._any is None:
            self._any = self._add(cast("Node", None))
            self.nodes[self._any] = self._any_node(schema, scope)
        return self._any_node(schema, scope)

    def _any_node(self, schema: Schema, scope: Scope) -> Node:
        array = {"sequence": "list", "class": None, "first": (), "rest": self._any}
        values = {"class": None, "keys": None, "values": self._any}
        on: dict[str, Action] = dict.fromkeys(KINDS, "take")
        containers = {"object": ("map", values), "array": ("array", array)}
        return self._node(schema, scope, {**on, **containers}, close="keep")

    def _type_none(self, schema: Schema, scope: Scope) -> Node:
        return self._node(schema, scope, {"null": "take"})

    def _type_bool(self, schema: Schema, scope: Scope) -> Node:
        return self._node(schema, scope, {"bool": "take"})

    def _type_int(self, schema: Schema, scope: Scope) -> Node:
        plain = schema.keys() <= _HARMLESS
        return self._node(schema, scope, {"integer": "take"} if plain else {})

    def _type_float(self, schema: Schema, scope: Scope) -> Node:
        finite = not schema.get("allow_inf_nan", scope.config.get("allow_inf_nan", True))
        if finite or not schema.keys() <= _HARMLESS | {"allow_inf_nan"}:
            return self._opaque(schema, scope)
        return self._node(schema, scope, {"float": "take", "integer": "widen"})

    def _type_str(self, schema: Schema, scope: Scope) -> Node:
        plain = schema.keys() <= _HARMLESS and not any(
            scope.config.get(key) for key in _STRING_CONFIG
        )
        return self._node(schema, scope, {"string": "text" if plain else "text-validate"})

    # ---- wrappers

    def _type_definition_ref(self, schema: Schema, scope: Scope) -> Node:
        index = self._definition(schema["schema_ref"], scope)
        goto = ("goto", index, None)
        return self._node(
            schema, scope, dict.fromkeys(KINDS, goto), deferred=self._is_deferred(index)
        )

    def _type_definitions(self, schema: Schema, scope: Scope) -> Node:
        schema, definitions = split(schema)
        self._definitions.update(definitions)
        return self._compile(schema, scope)

    def _type_nullable(self, schema: Schema, scope: Scope) -> Node:
        node = self._compile(schema["schema"], scope)
        on = dict(zip(KINDS, node["on"], strict=True))
        hidden = on["null"] == "hide"
        return {**node, "on": list({**on, "null": "hide" if hidden else "take"}.values())}

    def _type_json_or_python(self, schema: Schema, scope: Scope) -> Node:
        return self._compile(schema["json_schema"], scope)

    def _type_default(self, schema: Schema, scope: Scope) -> Node:
        on_error = schema.get("on_error", "raise")
        if on_error == "raise":
            return self._compile(schema["schema"], scope)
        # What is invalid here is no error: it is left out, or the default takes its place. What
        # was shown of it before would vanish then, so nothing is.
        inner = self._inner(schema["schema"], scope)
        if inner["deferred"]:
            return {**inner, "on": ["hide"] * len(KINDS)}
        if on_error == "default":
            return self._opaque(schema, scope)
        return {**self._opaque(schema["schema"], scope), "omit": True}

    def _type_generator(self, schema: Schema, scope: Scope) -> Node:
        # Its value is an iterator that validates as it goes: dumping a snapshot would use it up.
        return self._hidden(schema, scope)

    # ---- functions

    def _inner(self, schema: Schema, scope: Scope) -> Node:
        """Compile what a function wraps, as a copy that can be changed."""
        return self._compile(resolve(schema, self._definitions), scope)

    def _makes_another(self, function: Any, scope: Scope, inner: Action) -> bool:
        """Tell whether `function` belongs to a class with a schema of its own, and makes one.

        Such a class makes an instance of what it is declared by (``cls(items)``); other functions
        are taken to leave a string a string, and a list a list.

        Args:
            function: What is applied to a value.
            scope: What surrounds it.
            inner: The action of the value: an object may be of that class already.
        """
        described = inner[1] if isinstance(inner, tuple) and inner[0] in ("object", "root") else {}
        bases = getattr(described.get("complete"), "__mro__", ())
        owner, found, _ = getattr(function, "__qualname__", "").partition(
            ".__get_pydantic_core_schema__."
        )
        if found:
            # Such a class may be pydantic's: ``Secret``, of which nothing may be shown.
            return owner not in (base.__qualname__ for base in bases)
        if is_pydantics(function):
            return False
        if isinstance(function, type):
            return function is not str and function not in bases
        bound = getattr(function, "__self__", None)
        if isinstance(bound, type) and bound not in bases:
            return not (isinstance(scope.owner, type) and issubclass(scope.owner, bound))
        return False

    def _type_function_after(self, schema: Schema, scope: Scope) -> Node:
        whole = shell(schema, self._definitions)
        return self._wrapped(schema, scope, rewrites=False, whole=whole)

    def _type_function_before(self, schema: Schema, scope: Scope) -> Node:
        return self._wrapped(schema, scope, rewrites=True, whole=None)

    def _type_function_wrap(self, schema: Schema, scope: Scope) -> Node:
        if is_pydantics(schema["function"]["function"]):
            # It makes something else of what it wraps (a URL, a defaultdict).
            return self._opaque(schema, scope)
        return self._wrapped(schema, scope, rewrites=True, whole=None)

    def _wrapped(
        self, schema: Schema, scope: Scope, *, rewrites: bool, whole: Schema | None
    ) -> Node:
        """Return the node of a value that a function of the user's is applied to.

        Args:
            schema: The function schema.
            scope: What surrounds it.
            rewrites: Whether the function sees the value before it is validated.
            whole: The schema to validate a container with whose items are validated already.
        """
        try:
            inner = self._inner(schema["schema"], scope)
            return self._apply(schema, scope, inner, rewrites=rewrites, whole=whole)
        except Unready:
            return self._opaque(schema, scope)

    def _apply(
        self, schema: Schema, scope: Scope, inner: Node, *, rewrites: bool, whole: Schema | None
    ) -> Node:
        deferred = inner["deferred"] or (scope.has_data and takes_info(schema["function"]))
        function = schema["function"]["function"]
        on: dict[str, Action] = {}
        for kind, action in zip(KINDS, inner["on"], strict=True):
            another = self._makes_another(function, scope, action)
            if isinstance(action, tuple) and action[0] == "goto":
                _, index, label = action
                target = self.nodes[index]
                if target is None:
                    raise Unready
                made = self._apply(schema, scope, target, rewrites=rewrites, whole=whole)
                on[kind] = ("goto", self._add(made), label)
            elif isinstance(action, tuple) and not another:
                on[kind] = action
            elif action in ("text", "text-validate") and not (another or is_pydantics(function)):
                # pydantic's own make something else of text: ``SecretStr``, ``Path``.
                on[kind] = "text" if deferred else "text-validate"
            else:
                on[kind] = "hide" if deferred or action == "hide" else "validate"
        close, make = "leave" if deferred else "raw", None
        if whole is not None and not (deferred or rewrites) and inner["close"] in ("keep", "shell"):
            close = "shell"
            make = functools.partial(_validate_python, whole, self._definitions, scope.config)
        return self._node(
            schema,
            scope,
            on,
            close=close,
            shell=make,
            tentative=inner["tentative"] or rewrites,
            deferred=deferred,
        )

    # ---- containers

    def _whole(self, schema: Schema, children: Iterable[int]) -> dict[str, Any]:
        """Return how a container closes whose items are validated one by one."""
        if any(self._is_deferred(child) for child in children):
            return {"close": "leave", "deferred": True}
        if not any(key in schema for key in _CONSTRAINTS):
            return {"close": "keep"}
        whole = shell(schema, self._definitions)
        if whole is None:
            return {"close": "raw"}
        make = functools.partial(_validate_python, whole, self._definitions, {})
        return {"close": "shell", "shell": make}

    def _sequence(self, schema: Schema, scope: Scope, sequence: str, class_: Any = None) -> Node:
        item = self._child(schema.get("items_schema", {"type": "any"}), scope)
        array = {"sequence": sequence, "class": class_, "first": (), "rest": item}
        on = {"array": ("array", array)}
        return self._node(schema, scope, on, **self._whole(schema, [item]))

    def _type_list(self, schema: Schema, scope: Scope) -> Node:
        return self._sequence(schema, scope, "list")

    def _type_set(self, schema: Schema, scope: Scope) -> Node:
        return self._sequence(schema, scope, "set")

    def _type_frozenset(self, schema: Schema, scope: Scope) -> Node:
        return self._sequence(schema, scope, "frozenset")

    def _type_deque(self, schema: Schema, scope: Scope) -> Node:
        return self._sequence(schema, scope, "other", collections.deque)

    def _type_tuple(self, schema: Schema, scope: Scope) -> Node:
        items = [self._child(item, scope) for item in schema["items_schema"]]
        variadic = schema.get("variadic_item_index")
        if variadic is None:
            array: dict[str, Any] = {
                "sequence": "tuple",
                "class": None,
                "first": items,
                "rest": None,
            }
            # The number of items is to be checked as well.
            whole: dict[str, Any] = {"close": "build"}
            if any(self._is_deferred(item) for item in items):
                whole = {"close": "leave", "deferred": True}
        elif variadic == len(items) - 1:
            array = {
                "sequence": "tuple",
                "class": None,
                "first": items[:-1],
                "rest": items[-1],
            }
            whole = self._whole(schema, items)
            if len(items) > 1 and whole["close"] != "leave":
                whole = {"close": "build" if whole["close"] == "keep" else "raw"}
        else:
            # Which item is which is only known at the end.
            return self._opaque(schema, scope)
        return self._node(schema, scope, {"array": ("array", array)}, **whole)

    def _map(self, schema: Schema, scope: Scope, class_: Any = None) -> Node:
        values = self._child(schema.get("values_schema", {"type": "any"}), scope)
        keys_schema = schema.get("keys_schema", {"type": "any"})
        keys = None
        plain = self._compile(resolve(keys_schema, self._definitions), scope)
        deferred = plain["deferred"]
        if plain["on"][KINDS.index("string")] not in ("take", "text"):
            one_key = {"type": "dict", "keys_schema": keys_schema, "values_schema": {"type": "any"}}
            keys = functools.partial(_validate_json, one_key, self._definitions, scope.config)
        whole = self._whole(schema, [values])
        if deferred:
            return self._hidden(schema, scope)
        table = {"class": class_, "keys": keys, "values": values}
        return self._node(schema, scope, {"object": ("map", table)}, **whole)

    def _type_dict(self, schema: Schema, scope: Scope) -> Node:
        return self._map(schema, scope)

    def _type_ordered_dict(self, schema: Schema, scope: Scope) -> Node:
        return self._map(schema, scope, OrderedDict)
