"""From a type to a plan: what the builder does at each place of the document.

The plan is derived from pydantic's own core schema, the same that its validators are made from,
so that the two cannot disagree about aliases, unions, discriminators or generics. A node says for
each kind of JSON value what it turns into:

``take``            the native value is final (a JSON integer for ``int``);
``widen``           the same, as a float;
``text``            a string, shown while open;
``text-validate``   the same, validated when complete;
``validate``        absent until complete, then validated from its own bytes;
``hide``            absent until the enclosing value is complete;
``goto``            as another node says;
``root``, ``object``, ``map``, ``array``
                    a container, shown while open;
``tagged``, ``plain``
                    a union of objects, absent until its member is known.

``close`` says what a container of the node does when it is complete: nothing (``keep``: its items
were validated one by one), ``shell`` (validate the whole, but not the items again), ``raw``
(validate it from its own bytes) or ``leave`` (it can only be validated with what encloses it).
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import functools
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic import BaseModel
from pydantic_core import SchemaValidator

from ._core import Plan
from ._partial import CONTAINERS, OPEN, partial_class, partial_origin
from ._schema import (
    Definitions,
    Schema,
    adapter_for,
    config_of,
    default_of,
    is_pydantics,
    resolve,
    split,
    standalone,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import TypeAdapter

__all__ = ["Compiled", "compile_type"]

#: The kinds of JSON values, in the order in which a node lists its actions.
KINDS = ("object", "array", "string", "integer", "float", "bool", "null")
_EVERY = frozenset(KINDS)
_SCALAR_KINDS = frozenset({"string", "integer", "float", "bool"})

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
#: Types that may be shown as they are, however often.
_IMMUTABLE = (str, int, float, bool, bytes, type(None), enum.Enum)


class Compiled(NamedTuple):
    """A type, ready for streaming.

    Attributes:
        plan: What the builder walks.
        adapter: pydantic's adapter of the whole type.
        is_current: Tells whether the type is still what it was (``model_rebuild`` changes it).
    """

    plan: Plan
    adapter: TypeAdapter[Any]
    is_current: Callable[[], bool]


class _Options(NamedTuple):
    """What a plan depends on beside the type."""

    by_alias: bool | None
    by_name: bool | None
    items: bool


# --------------------------------------------------------------------------------------------
# The cache

#: Where a class keeps the plans that involve it: a plan refers to its classes, so anything else
#: that kept it would keep them alive.
_PLANS = "__partialfast_plans__"
_RECENT = 64
#: Plans of types without a class of the user's, the most recent last.
_recent: OrderedDict[Any, Compiled] = OrderedDict()
_lock = threading.RLock()


def compile_type(
    type_: Any,
    *,
    by_alias: bool | None = None,
    by_name: bool | None = None,
    items: bool = False,
) -> Compiled:
    """Compile `type_`, or return what was compiled before.

    Args:
        type_: Any type that pydantic can validate; of a partial class, the complete one is meant.
        by_alias: As in pydantic's ``validate_json``.
        by_name: As in pydantic's ``validate_json``.
        items: Whether the items of a list are to be handed out one by one.

    Returns:
        The plan and the adapter.

    Raises:
        TypeError: pydantic cannot validate `type_`.
    """
    origin = partial_origin(type_)
    if origin is not None:
        type_ = origin
    key = (type_, _Options(by_alias=by_alias, by_name=by_name, items=items))
    try:
        hash(key)
    except TypeError:
        # Metadata of an annotation may be anything: such a type is compiled each time.
        return _compile(*key)
    with _lock:
        plans = _plans_of(type_)
        made = plans.get(key)
        if made is None or not made.is_current():
            made = plans[key] = _compile(*key)
        if plans is _recent:
            _recent.move_to_end(key)
            if len(_recent) > _RECENT:
                _recent.popitem(last=False)
        return made


def _plans_of(type_: Any) -> dict[Any, Compiled]:
    """Return the dict that lives as long as the first class of the user's in `type_`."""
    pending = [type_]
    while pending:
        item = pending.pop()
        if isinstance(item, type) and (
            issubclass(item, BaseModel) or dataclasses.is_dataclass(item)
        ):
            plans = item.__dict__.get(_PLANS)
            if plans is None:
                plans = {}
                type.__setattr__(item, _PLANS, plans)
            return cast("dict[Any, Compiled]", plans)
        pending.extend(getattr(item, "__args__", ()))
    return _recent


def _compile(type_: Any, options: _Options) -> Compiled:
    adapter = adapter_for(type_)
    plan = Plan(_Compiler(adapter, options).nodes)
    if isinstance(type_, type) and issubclass(type_, BaseModel):
        validator = type_.__pydantic_validator__

        def is_current() -> bool:
            return cast("bool", type_.__pydantic_validator__ is validator)
    else:

        def is_current() -> bool:
            return True

    return Compiled(plan, adapter, is_current)


# --------------------------------------------------------------------------------------------
# The compiler


class _Scope(NamedTuple):
    """What surrounds a schema.

    Attributes:
        config: Of the innermost model, as pydantic hands it down.
        owner: The innermost model, whose methods its validators are.
        has_data: Whether a validator with ``info`` could look at sibling fields.
    """

    config: Mapping[str, Any]
    owner: Any
    has_data: bool


class _Unready(Exception):  # noqa: N818 - control flow inside this module
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


class _Compiler:
    """Compiles one type. ``nodes[0]`` is its root."""

    def __init__(self, adapter: TypeAdapter[Any], options: _Options) -> None:
        schema, self._definitions = split(adapter.core_schema)
        self._options = options
        self._by_ref: dict[Any, int] = {}
        self._any: int | None = None
        self.nodes: list[Any] = [None]
        scope = _Scope({}, None, has_data=False)
        if options.items:
            item = self._items_of(schema)
            first = self._add(self._compile(item, scope))
            array = {"sequence": "items", "class": None, "first": (), "rest": first}
            self.nodes[0] = self._node(schema, scope, {"array": ("array", array)})
        else:
            self.nodes[0] = self._compile(schema, scope)

    def _items_of(self, schema: Schema) -> Schema:
        schema = resolve(schema, self._definitions)
        while schema["type"] in ("json-or-python", "function-after", "default"):
            inner = schema.get("json_schema") or schema["schema"]
            schema = resolve(inner, self._definitions)
        if schema["type"] in ("list", "set", "frozenset", "deque", "generator"):
            return cast("Schema", schema.get("items_schema", {"type": "any"}))
        if schema["type"] == "tuple" and schema.get("variadic_item_index") == 0:
            return cast("Schema", schema["items_schema"][0])
        message = "streaming items needs a list-like type, such as `list[Model]`"
        raise TypeError(message)

    # ---- nodes

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def _node(
        self,
        schema: Schema,
        scope: _Scope,
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
            "tentative": False,
            "omit": False,
            # For the compiler only: it cannot be validated without its siblings.
            "deferred": False,
            **rest,
        }

    def _opaque(self, schema: Schema, scope: _Scope) -> Node:
        return self._node(schema, scope, {})

    def _child(self, schema: Schema, scope: _Scope) -> int:
        """Compile `schema` as a node of its own; a definition is compiled once."""
        if schema["type"] == "definition-ref":
            return self._definition(schema["schema_ref"], scope)
        return self._add(self._compile(schema, scope))

    def _definition(self, name: str, scope: _Scope) -> int:
        key = (name, id(scope.config), scope.has_data)
        if key not in self._by_ref:
            self._by_ref[key] = self._add(cast("Node", None))
            made = self._compile(self._definitions[name], scope)
            self.nodes[self._by_ref[key]] = made
        return self._by_ref[key]

    def _is_deferred(self, index: int) -> bool:
        node = self.nodes[index]
        return node is not None and bool(node["deferred"])

    def _compile(self, schema: Schema, scope: _Scope) -> Node:
        compile_ = getattr(self, "_type_" + schema["type"].replace("-", "_"), self._opaque)
        return cast("Node", compile_(schema, scope))

    # ---- scalars

    def _type_any(self, schema: Schema, scope: _Scope) -> Node:
        if self._any is None:
            self._any = self._add(cast("Node", None))
            self.nodes[self._any] = self._any_node(schema, scope)
        return self._any_node(schema, scope)

    def _any_node(self, schema: Schema, scope: _Scope) -> Node:
        array = {"sequence": "list", "class": None, "first": (), "rest": self._any}
        values = {"class": None, "keys": None, "values": self._any}
        on = dict.fromkeys(KINDS, "take")
        containers = {"object": ("map", values), "array": ("array", array)}
        return self._node(schema, scope, {**on, **containers}, close="keep")

    def _type_none(self, schema: Schema, scope: _Scope) -> Node:
        return self._node(schema, scope, {"null": "take"})

    def _type_bool(self, schema: Schema, scope: _Scope) -> Node:
        return self._node(schema, scope, {"bool": "take"})

    def _type_int(self, schema: Schema, scope: _Scope) -> Node:
        plain = schema.keys() <= _HARMLESS
        return self._node(schema, scope, {"integer": "take"} if plain else {})

    def _type_float(self, schema: Schema, scope: _Scope) -> Node:
        finite = not schema.get("allow_inf_nan", scope.config.get("allow_inf_nan", True))
        if finite or not schema.keys() <= _HARMLESS | {"allow_inf_nan"}:
            return self._opaque(schema, scope)
        return self._node(schema, scope, {"float": "take", "integer": "widen"})

    def _type_str(self, schema: Schema, scope: _Scope) -> Node:
        plain = schema.keys() <= _HARMLESS and not any(
            scope.config.get(key) for key in _STRING_CONFIG
        )
        return self._node(schema, scope, {"string": "text" if plain else "text-validate"})

    # ---- wrappers

    def _type_definition_ref(self, schema: Schema, scope: _Scope) -> Node:
        index = self._definition(schema["schema_ref"], scope)
        goto = ("goto", index, None)
        return self._node(
            schema, scope, dict.fromkeys(KINDS, goto), deferred=self._is_deferred(index)
        )

    def _type_definitions(self, schema: Schema, scope: _Scope) -> Node:
        schema, definitions = split(schema)
        self._definitions.update(definitions)
        return self._compile(schema, scope)

    def _type_nullable(self, schema: Schema, scope: _Scope) -> Node:
        node = self._compile(schema["schema"], scope)
        on = dict(zip(KINDS, node["on"], strict=True))
        hidden = on["null"] == "hide"
        return {**node, "on": list({**on, "null": "hide" if hidden else "take"}.values())}

    def _type_json_or_python(self, schema: Schema, scope: _Scope) -> Node:
        return self._compile(schema["json_schema"], scope)

    def _type_default(self, schema: Schema, scope: _Scope) -> Node:
        on_error = schema.get("on_error", "raise")
        if on_error == "raise":
            return self._compile(schema["schema"], scope)
        # What is invalid in here is no error, so nothing in here may raise by itself.
        target = schema if on_error == "default" else schema["schema"]
        try:
            inner = self._inner(schema["schema"], scope)
        except _Unready:
            return self._opaque(target, scope)
        validator = self._opaque(target, scope)["validator"]
        close = inner["close"] if inner["close"] == "leave" else "raw"
        omit = on_error == "omit"
        return {
            **inner,
            "validator": validator,
            "close": close,
            "tentative": True,
            "omit": omit,
        }

    def _type_generator(self, schema: Schema, scope: _Scope) -> Node:
        # Its value is an iterator that validates as it goes: dumping a snapshot would use it up.
        return self._node(schema, scope, dict.fromkeys(KINDS, "hide"), close="leave", deferred=True)

    # ---- functions

    def _inner(self, schema: Schema, scope: _Scope) -> Node:
        """Compile what a function wraps, as a copy that can be changed."""
        return self._compile(resolve(schema, self._definitions), scope)

    def _needs_data(self, schema: Schema, scope: _Scope) -> bool:
        return scope.has_data and schema["function"]["type"] == "with-info"

    def _keeps_text(self, function: Any, scope: _Scope) -> bool:
        """Tell whether a string that `function` is applied to is declared as a string.

        pydantic's own functions, and those of a class with a schema of its own, make something
        else of it (``SecretStr``, ``Path``); the user's validators are taken to leave it text.
        """
        if isinstance(function, type) or is_pydantics(function):
            return False
        if "__get_pydantic_core_schema__" in getattr(function, "__qualname__", ""):
            return False
        bound = getattr(function, "__self__", None)
        if isinstance(bound, type):
            return isinstance(scope.owner, type) and issubclass(scope.owner, bound)
        return True

    def _type_function_after(self, schema: Schema, scope: _Scope) -> Node:
        shell = self._shell(schema)
        return self._wrapped(schema, scope, rewrites=False, shell=shell)

    def _type_function_before(self, schema: Schema, scope: _Scope) -> Node:
        return self._wrapped(schema, scope, rewrites=True, shell=None)

    def _type_function_wrap(self, schema: Schema, scope: _Scope) -> Node:
        if is_pydantics(schema["function"]["function"]):
            # It makes something else of what it wraps (a URL, a defaultdict).
            return self._opaque(schema, scope)
        return self._wrapped(schema, scope, rewrites=True, shell=None)

    def _type_function_plain(self, schema: Schema, scope: _Scope) -> Node:
        if self._needs_data(schema, scope):
            on = dict.fromkeys(KINDS, "hide")
            return self._node(schema, scope, on, close="leave", deferred=True)
        return self._opaque(schema, scope)

    def _wrapped(
        self, schema: Schema, scope: _Scope, *, rewrites: bool, shell: Schema | None
    ) -> Node:
        """Return the node of a value that a function of the user's is applied to.

        Args:
            schema: The function schema.
            scope: What surrounds it.
            rewrites: Whether the function sees the value before it is validated.
            shell: The schema to validate a container with whose items are validated already.
        """
        try:
            inner = self._inner(schema["schema"], scope)
            return self._apply(schema, scope, inner, rewrites=rewrites, shell=shell)
        except _Unready:
            return self._opaque(schema, scope)

    def _apply(
        self, schema: Schema, scope: _Scope, inner: Node, *, rewrites: bool, shell: Schema | None
    ) -> Node:
        deferred = self._needs_data(schema, scope) or inner["deferred"]
        keeps_text = self._keeps_text(schema["function"]["function"], scope)
        on: dict[str, Action] = {}
        for kind, action in zip(KINDS, inner["on"], strict=True):
            if isinstance(action, tuple) and action[0] == "goto":
                _, index, label = action
                target = self.nodes[index]
                if target is None:
                    raise _Unready
                made = self._apply(schema, scope, target, rewrites=rewrites, shell=shell)
                on[kind] = ("goto", self._add(made), label)
            elif isinstance(action, tuple):
                on[kind] = action
            elif action in ("text", "text-validate") and keeps_text:
                on[kind] = "text" if deferred else "text-validate"
            else:
                on[kind] = "hide" if deferred or action == "hide" else "validate"
        shells = shell is not None and not rewrites and inner["close"] in ("keep", "shell")
        close = "leave" if deferred else "shell" if shells else "raw"
        make = functools.partial(_validate_python, shell, self._definitions, scope.config)
        return self._node(
            schema,
            scope,
            on,
            close=close,
            shell=make if close == "shell" else None,
            tentative=inner["tentative"] or rewrites,
            deferred=deferred,
        )

    def _shell(self, schema: Schema) -> Schema | None:
        """Return `schema` for a container whose items need no validation, if there is such."""
        made = {key: value for key, value in schema.items() if key != "ref"}
        kind = schema["type"]
        if kind == "definition-ref":
            return self._shell(resolve(schema, self._definitions))
        if kind in ("list", "set", "frozenset", "deque"):
            return {**made, "items_schema": {"type": "any"}}
        if kind == "tuple" and "variadic_item_index" in schema:
            return {**made, "items_schema": [{"type": "any"}], "variadic_item_index": 0}
        if kind in ("dict", "ordered-dict"):
            return {**made, "keys_schema": {"type": "any"}, "values_schema": {"type": "any"}}
        if kind == "json-or-python":
            return self._shell(schema["json_schema"])
        no_info = kind == "function-after" and schema["function"]["type"] == "no-info"
        if no_info or kind in ("nullable", "default"):
            inner = self._shell(schema["schema"])
            return None if inner is None else {**made, "schema": inner}
        return None

    # ---- containers

    def _whole(self, schema: Schema, children: Iterable[int]) -> dict[str, Any]:
        """Return how a container closes whose items are validated one by one."""
        if any(self._is_deferred(child) for child in children):
            return {"close": "leave", "deferred": True}
        if not any(key in schema for key in _CONSTRAINTS):
            return {"close": "keep"}
        shell = self._shell(schema)
        if shell is None:
            return {"close": "raw"}
        make = functools.partial(_validate_python, shell, self._definitions, {})
        return {"close": "shell", "shell": make}

    def _sequence(
        self, schema: Schema, scope: _Scope, sequence: str, class_: Any = None
    ) -> Node:
        item = self._child(schema.get("items_schema", {"type": "any"}), scope)
        array = {"sequence": sequence, "class": class_, "first": (), "rest": item}
        on = {"array": ("array", array)}
        return self._node(schema, scope, on, **self._whole(schema, [item]))

    def _type_list(self, schema: Schema, scope: _Scope) -> Node:
        return self._sequence(schema, scope, "list")

    def _type_set(self, schema: Schema, scope: _Scope) -> Node:
        return self._sequence(schema, scope, "set")

    def _type_frozenset(self, schema: Schema, scope: _Scope) -> Node:
        return self._sequence(schema, scope, "frozenset")

    def _type_deque(self, schema: Schema, scope: _Scope) -> Node:
        node = self._sequence(schema, scope, "other", collections.deque)
        # `maxlen` of the deque comes from the constraint: pydantic makes it, not we.
        return {**node, "close": "raw"} if node["close"] == "shell" else node

    def _type_tuple(self, schema: Schema, scope: _Scope) -> Node:
        items = [self._child(item, scope) for item in schema["items_schema"]]
        variadic = schema.get("variadic_item_index")
        if variadic is None:
            array = {"sequence": "tuple", "class": None, "first": items, "rest": None}
            # The number of items is to be checked as well.
            whole: dict[str, Any] = {"close": "raw"}
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
                whole = {"close": "raw"}
        else:
            # Which item is which is only known at the end.
            return self._opaque(schema, scope)
        return self._node(schema, scope, {"array": ("array", array)}, **whole)

    def _map(self, schema: Schema, scope: _Scope, class_: Any = None) -> Node:
        values = self._child(schema.get("values_schema", {"type": "any"}), scope)
        keys_schema = schema.get("keys_schema", {"type": "any"})
        keys = None
        plain = self._compile(resolve(keys_schema, self._definitions), scope)
        deferred = plain["deferred"]
        if plain["on"][KINDS.index("string")] not in ("take", "text"):
            one_key = {"type": "dict", "keys_schema": keys_schema, "values_schema": {"type": "any"}}
            keys = functools.partial(
                _validate_json, one_key, self._definitions, scope.config
            )
        whole = self._whole(schema, [values])
        if deferred:
            return self._node(
                schema, scope, dict.fromkeys(KINDS, "hide"), close="leave", deferred=True
            )
        table = {"class": class_, "keys": keys, "values": values}
        return self._node(schema, scope, {"object": ("map", table)}, **whole)

    def _type_dict(self, schema: Schema, scope: _Scope) -> Node:
        return self._map(schema, scope)

    def _type_ordered_dict(self, schema: Schema, scope: _Scope) -> Node:
        return self._map(schema, scope, OrderedDict)

    # ---- objects with fields

    def _paths(self, name: str, field: Mapping[str, Any], config: Mapping[str, Any]) -> list[Any]:
        """Return where pydantic looks for a field, the preferred place first."""
        by_alias, by_name = self._options.by_alias, self._options.by_name
        if by_alias is None:
            by_alias = config.get("validate_by_alias", True)
        if by_name is None:
            by_name = config.get("validate_by_name", config.get("populate_by_name", False))
        alias = field.get("validation_alias")
        paths: list[Any] = []
        if alias is not None and by_alias:
            if isinstance(alias, str):
                paths.append([alias])
            elif alias and isinstance(alias[0], (str, int)):
                paths.append(list(alias))
            else:
                paths.extend(alias)
        if alias is None or by_name:
            paths.append([name])
        return paths

    def _keys(
        self, fields: Iterable[tuple[str, Mapping[str, Any], int | None]], config: Mapping[str, Any]
    ) -> list[tuple[str, int | None, bool]]:
        """Return each key that belongs to a field, that field's index, and if it is second best."""
        keys: dict[str, tuple[int | None, bool]] = {}
        for name, field, index in fields:
            for rank, path in enumerate(self._paths(name, field, config)):
                key = path[0]
                if len(path) > 1 or index is None:
                    keys.setdefault(key, (None, False))
                elif keys.get(key, (None, False))[0] is None:
                    keys[key] = (index, rank > 0)
        return [(key, index, lenient) for key, (index, lenient) in keys.items()]

    def _fields(
        self, fields: Iterable[tuple[str, Schema]], scope: _Scope
    ) -> tuple[list[tuple[Any, ...]], dict[str, Any]]:
        """Return the compiled fields, and what each reads as while it is absent."""
        compiled = []
        template = {}
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

    def _unknown(self, schema: Schema, config: Mapping[str, Any], scope: _Scope) -> Any:
        behavior = schema.get("extra_behavior") or config.get("extra_fields_behavior", "ignore")
        if behavior == "allow":
            return self._child(schema.get("extras_schema", {"type": "any"}), scope)
        return behavior

    def _unwrap(self, schema: Schema) -> tuple[Schema, bool]:
        """Return the fields' schema inside a model's, and whether a function comes before it."""
        rewrites = False
        schema = resolve(schema, self._definitions)
        while schema["type"] in ("function-before", "function-wrap", "function-after"):
            rewrites |= schema["type"] != "function-after"
            schema = resolve(schema["schema"], self._definitions)
        return schema, rewrites

    def _type_model(self, schema: Schema, scope: _Scope) -> Node:
        class_ = schema["cls"]
        config = config_of(schema)
        if schema.get("root_model"):
            return self._root_model(schema, scope)
        fields, rewrites = self._unwrap(schema["schema"])
        if fields["type"] != "model-fields":
            return self._opaque(schema, scope)
        inside = _Scope(config, class_, has_data=True)
        items = fields["fields"].items()
        compiled, template = self._fields(((n, field["schema"]) for n, field in items), inside)
        unknown = self._unknown(fields, config, inside)
        described = {
            "flavor": "model",
            "fields": compiled,
            "template": template,
            "keys": self._keys(((n, field, i) for i, (n, field) in enumerate(items)), config),
            "unknown": unknown,
            "has_extra": isinstance(unknown, int),
            **self._instance(class_),
        }
        on = {"object": ("object", described)}
        tentative = rewrites or bool(schema.get("custom_init"))
        return self._node(schema, scope, on, tentative=tentative)

    def _instance(self, class_: type[BaseModel]) -> dict[str, Any]:
        """Return what it takes to make an instance of the partial class."""
        partial = partial_class(class_)
        private = {}
        for name, attribute in class_.__private_attributes__.items():
            how = attribute.default_factory
            if how is None and isinstance(attribute.default, _IMMUTABLE):
                private[name] = attribute.default
        slots = BaseModel.__dict__
        return {
            "class": partial,
            "private": private if class_.__private_attributes__ else None,
            "members": (
                slots["__pydantic_fields_set__"],
                slots["__pydantic_extra__"],
                slots["__pydantic_private__"],
                partial.__dict__[OPEN],
            ),
        }

    def _root_model(self, schema: Schema, scope: _Scope) -> Node:
        class_ = schema["cls"]
        inside = _Scope(config_of(schema), class_, has_data=False)
        inner_schema, rewrites = self._unwrap(schema["schema"])
        how, _ = default_of(inner_schema)
        if how != "none":
            inner_schema = inner_schema["schema"]
        try:
            inner = self._settled(self._inner(inner_schema, inside))
        except _Unready:
            return self._opaque(schema, scope)
        index = self._add(inner)
        described = {
            "flavor": "model",
            "fields": [("root", index, "shared", None)],
            "template": {"root": None},
            "keys": [],
            "unknown": "ignore",
            "has_extra": False,
            **self._instance(class_),
        }
        on = {
            kind: ("root", described)
            for kind, action in zip(KINDS, inner["on"], strict=True)
            if isinstance(action, tuple) or action == "text"
        }
        return self._node(schema, scope, on, tentative=rewrites)

    def _settled(self, node: Node) -> Node:
        """Return `node` for a value that is validated by what encloses it, at the same byte."""
        on = []
        for action in node["on"]:
            if action == "text-validate":
                on.append("text")
            elif isinstance(action, tuple) and action[0] == "goto":
                _, index, label = action
                if self.nodes[index] is None:
                    raise _Unready
                on.append(("goto", self._add(self._settled(self.nodes[index])), label))
            else:
                on.append(action)
        close = node["close"] if node["close"] == "keep" else "leave"
        return {**node, "on": on, "close": close}

    def _type_dataclass(self, schema: Schema, scope: _Scope) -> Node:
        class_ = schema["cls"]
        config = config_of(schema) or scope.config
        arguments, rewrites = self._unwrap(schema["schema"])
        if arguments["type"] != "dataclass-args":
            return self._opaque(schema, scope)
        inside = _Scope(config, class_, has_data=True)
        stored = [
            (field["name"], field)
            for field in arguments["fields"]
            if field.get("init", True) and not field.get("init_only")
        ]
        compiled, template = self._fields(((n, field["schema"]) for n, field in stored), inside)
        indices = {name: index for index, (name, _) in enumerate(stored)}
        # In the order of the class, with those that the document cannot give.
        defaults = {
            field.name: None if field.default is dataclasses.MISSING else field.default
            for field in dataclasses.fields(class_)
        }
        described = {
            "flavor": "slotted" if schema.get("slots") else "dataclass",
            "fields": compiled,
            "template": {**defaults, **template},
            "keys": self._keys(
                ((f["name"], f, indices.get(f["name"])) for f in arguments["fields"]), config
            ),
            "unknown": self._unknown(arguments, config, inside),
            "has_extra": False,
            "class": partial_class(class_),
        }
        return self._node(schema, scope, {"object": ("object", described)}, tentative=rewrites)

    def _type_typed_dict(self, schema: Schema, scope: _Scope) -> Node:
        config = {**scope.config, **config_of(schema)}
        inside = _Scope(config, schema.get("cls"), has_data=True)
        items = schema["fields"].items()
        compiled = [
            (name, self._child(field["schema"], inside), "shared", None) for name, field in items
        ]
        described = {
            "flavor": "typed-dict",
            "fields": compiled,
            "template": {},
            "keys": self._keys(((n, field, i) for i, (n, field) in enumerate(items)), config),
            "unknown": self._unknown(schema, config, inside),
            "has_extra": False,
            "class": dict,
        }
        return self._node(schema, scope, {"object": ("object", described)})

    def _type_named_tuple(self, schema: Schema, scope: _Scope) -> Node:
        class_ = schema["cls"]
        items = [(field["name"], field) for field in schema["fields"]]
        compiled, template = self._fields(((n, field["schema"]) for n, field in items), scope)
        if any(self._is_deferred(field[1]) for field in compiled):
            return self._opaque(schema, scope)
        described = {
            "flavor": "named-tuple",
            "fields": compiled,
            "template": template,
            "keys": self._keys(((n, field, i) for i, (n, field) in enumerate(items)), {}),
            "unknown": "ignore",
            "has_extra": False,
            "class": class_,
        }
        defaults = tuple(template.values())

        def fill(values: list[Any]) -> Any:
            return tuple.__new__(class_, (*values, *defaults[len(values) :]))

        array = {
            "sequence": "other",
            "class": fill,
            "first": [field[1] for field in compiled],
            "rest": None,
        }
        return self._node(
            schema, scope, {"object": ("object", described), "array": ("array", array)}
        )

    # ---- unions

    def _type_tagged_union(self, schema: Schema, scope: _Scope) -> Node:
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
        members: dict[Any, tuple[int, str]] = {}
        for tag, choice in schema["choices"].items():
            if not isinstance(choice, dict):
                return self._opaque(schema, scope)
            plain = tag.value if isinstance(tag, enum.Enum) else tag
            if isinstance(plain, bool) or not isinstance(plain, (str, int)):
                return self._opaque(schema, scope)
            members[plain] = (self._child(choice, scope), str(plain))
        on = {"object": ("tagged", {"keys": keys, "members": members})}
        return self._node(schema, scope, on)

    def _type_union(self, schema: Schema, scope: _Scope) -> Node:
        choices = [
            choice if isinstance(choice, tuple) else (choice, None) for choice in schema["choices"]
        ]
        accepted = [self._accepts(choice, frozenset()) for choice, _ in choices]
        on: dict[str, Action] = {}
        deferred = False
        for kind in KINDS:
            takers = [i for i, kinds in enumerate(accepted) if kind in kinds]
            if len(takers) == 1:
                choice, label = choices[takers[0]]
                index = self._child(choice, scope)
                deferred |= self._is_deferred(index)
                on[kind] = ("goto", index, label or self._label(choice, scope))
            elif kind == "object" and takers:
                described = [self._alternative(*choices[i], scope) for i in takers]
                if all(described):
                    on[kind] = ("plain", described)
        if deferred:
            on = {kind: action for kind, action in on.items() if action[0] == "goto"}
            every = dict.fromkeys(KINDS, "hide")
            return self._node(schema, scope, {**every, **on}, close="leave", deferred=True)
        return self._node(schema, scope, on)

    def _label(self, schema: Schema, scope: _Scope) -> str:
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
        self, schema: Schema, label: str | None, scope: _Scope
    ) -> dict[str, Any] | None:
        """Return what tells an object of `schema` from the other members of a union."""
        resolved = resolve(schema, self._definitions)
        kind = resolved["type"]
        if kind == "model" and not resolved.get("root_model"):
            fields, rewrites = self._unwrap(resolved["schema"])
            if rewrites or resolved.get("custom_init") or fields["type"] != "model-fields":
                return None
            named = list(fields["fields"].items())
        elif kind == "dataclass":
            fields, rewrites = self._unwrap(resolved["schema"])
            if rewrites or fields["type"] != "dataclass-args":
                return None
            named = [(field["name"], field) for field in fields["fields"]]
        elif kind == "typed-dict":
            fields = resolved
            named = list(fields["fields"].items())
        else:
            return None
        config = {**scope.config, **config_of(resolved)}
        extra = fields.get("extra_behavior") or config.get("extra_fields_behavior", "ignore")
        keys = []
        tags = {}
        for name, field in named:
            paths = self._paths(name, field, config)
            keys.extend(path[0] for path in paths)
            values = self._literals(field["schema"])
            if values is not None and len(paths) == 1 and len(paths[0]) == 1:
                tags[paths[0][0]] = values
        return {
            "target": (self._child(schema, scope), label or self._label(schema, scope)),
            "forbid": extra == "forbid",
            "keys": keys,
            "tags": tags,
        }

    def _literals(self, schema: Schema) -> list[Any] | None:
        """Return the scalars that a field of type ``Literal`` takes, if they can tell members."""
        schema = resolve(schema, self._definitions)
        if schema["type"] == "default" and schema.get("on_error", "raise") == "raise":
            schema = resolve(schema["schema"], self._definitions)
        if schema["type"] != "literal":
            return None
        values = [v.value if isinstance(v, enum.Enum) else v for v in schema["expected"]]
        if any(isinstance(v, bool) or not isinstance(v, (str, int)) for v in values):
            return None
        return values

    def _accepts(self, schema: Schema, seen: frozenset[str]) -> frozenset[str]:
        """Return the kinds of JSON values that `schema` might accept; all, where in doubt."""
        kind = schema["type"]
        if kind in _ACCEPTS:
            return _ACCEPTS[kind]
        if kind == "str":
            return frozenset({"string", "integer", "float"})
        if kind == "definition-ref":
            name = schema["schema_ref"]
            if name in seen:
                return _EVERY
            return self._accepts(self._definitions[name], seen | {name})
        if kind == "nullable":
            return self._accepts(schema["schema"], seen) | {"null"}
        if kind in ("default", "function-after", "custom-error"):
            if schema.get("on_error", "raise") != "raise":
                return _EVERY
            return self._accepts(schema["schema"], seen)
        if kind == "json-or-python":
            return self._accepts(schema["json_schema"], seen)
        if kind == "lax-or-strict":
            lax = self._accepts(schema["lax_schema"], seen)
            return lax | self._accepts(schema["strict_schema"], seen)
        if kind == "model":
            inner, rewrites = self._unwrap(schema["schema"])
            if rewrites or schema.get("custom_init"):
                return _EVERY
            if schema.get("root_model"):
                return self._accepts(inner, seen)
            return frozenset({"object"})
        if kind == "dataclass":
            _, rewrites = self._unwrap(schema["schema"])
            return _EVERY if rewrites else frozenset({"object"})
        if kind == "tagged-union":
            return _EVERY
        if kind == "union":
            parts = (c[0] if isinstance(c, tuple) else c for c in schema["choices"])
            return frozenset().union(*(self._accepts(part, seen) for part in parts))
        return _EVERY


_OBJECT = frozenset({"object"})
_ARRAY = frozenset({"array"})
_STRING = frozenset({"string"})
#: The kinds that each simple schema might accept, strict or not.
_ACCEPTS: dict[str, frozenset[str]] = {
    "none": frozenset({"null"}),
    "bool": _SCALAR_KINDS,
    "int": _SCALAR_KINDS,
    "float": _SCALAR_KINDS,
    "decimal": _SCALAR_KINDS,
    "date": _SCALAR_KINDS,
    "time": _SCALAR_KINDS,
    "datetime": _SCALAR_KINDS,
    "timedelta": _SCALAR_KINDS,
    "complex": _SCALAR_KINDS,
    "bytes": _STRING,
    "uuid": _STRING,
    "url": _STRING,
    "multi-host-url": _STRING,
    "json": _STRING,
    "list": _ARRAY,
    "set": _ARRAY,
    "frozenset": _ARRAY,
    "deque": _ARRAY,
    "tuple": _ARRAY,
    "dict": _OBJECT,
    "ordered-dict": _OBJECT,
    "counter": _OBJECT,
    "typed-dict": _OBJECT,
    "named-tuple": _OBJECT | _ARRAY,
}
