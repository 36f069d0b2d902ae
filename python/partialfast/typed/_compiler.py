"""From a core schema to the nodes of a plan: what all families of schemas share.

Each family registers the function that compiles a schema of its type; see `families`. A schema of
any other type is opaque: absent until it is complete, and then what pydantic makes of it.

A class is compiled after what refers to it, from a queue, so that it does not matter how deeply
classes are nested. What needs the node of a part at once (a function around it) asks for it with
`Compiler.node`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from pydantic_core import SchemaValidator

from partialfast.typed._dumping import value_dump
from partialfast.typed._facts import KINDS, Facts
from partialfast.typed._lenient import help_of
from partialfast.typed._nodes import Node
from partialfast.typed._schema import Definitions, Schema, config_of, resolve, split, standalone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from partialfast.typed._nodes import Action, JsonKind

__all__ = ["CompileOptions", "Compiler", "Family", "Scope", "Unready", "family"]

Config: TypeAlias = "Mapping[str, Any]"


class CompileOptions(NamedTuple):
    """What a plan depends on besides the type."""

    by_alias: bool | None
    by_name: bool | None
    items: bool
    nested: bool


class Scope(NamedTuple):
    """What surrounds a schema.

    Attributes:
        config: Of the innermost model, as pydantic hands it down.
        owner: The innermost model, whose methods its validators are.
        has_data: Whether a validator with ``info`` could look at sibling fields.
    """

    config: Config
    owner: Any
    has_data: bool


class Unready(Exception):  # noqa: N818 - control flow inside the compiler
    """The node of a schema that contains itself was asked for."""


#: Compiles a schema of one type in its scope.
Family: TypeAlias = "Callable[[Compiler, Schema, Scope], Node]"

_families: dict[str, Family] = {}


def family(*types: str) -> Callable[[Family], Family]:
    """Register the function that compiles schemas of `types`."""

    def register(compile_: Family) -> Family:
        _families.update(dict.fromkeys(types, compile_))
        return compile_

    return register


def _make_validator(schema: Schema, definitions: Definitions, config: Config) -> SchemaValidator:
    return SchemaValidator(
        cast("Any", standalone(schema, definitions)), cast("Any", dict(config)) or None
    )


def _validate_json(schema: Schema, definitions: Definitions, config: Config) -> Any:
    return _make_validator(schema, definitions, config).validate_json


def _validate_python(schema: Schema, definitions: Definitions, config: Config) -> Any:
    return _make_validator(schema, definitions, config).validate_python


class Compiler:
    """Compiles one type.

    Args:
        core_schema: pydantic's core schema of the type.
        options: What else the plan depends on.

    Attributes:
        nodes: The result. The first is the root.
        definitions: What the schemas may refer to.
        facts: What is asked of the schemas.
        options: As given.
    """

    def __init__(self, core_schema: Any, options: CompileOptions) -> None:
        self.schema: Schema
        self.definitions: Definitions
        self.schema, self.definitions = split(core_schema)
        self.options = options
        self.facts: Facts = Facts(self.schema, self.definitions)
        self._nodes: list[Node | None] = []
        self._queue: deque[int] = deque()
        #: What is not compiled yet, by its index.
        self._pending: dict[int, tuple[Schema, Scope]] = {}
        #: By identity: pydantic repeats the schema of a class that is used twice.
        self._known: dict[Any, int] = {}
        self._configs: dict[Any, Config] = {}
        self.top: Scope = Scope(self.config({}), None, has_data=False)

    @property
    def nodes(self) -> list[Node]:
        """The compiled nodes, after `finish`."""
        return cast("list[Node]", self._nodes)

    def finish(self) -> None:
        """Compile all that is still to be compiled."""
        while self._queue:
            index = self._queue.popleft()
            if index in self._pending:
                self.node(index)

    # ---- scopes

    def config(self, config: Config) -> Config:
        """Return the config of a class, the same object for the same content.

        Nothing is handed down from the class around it: pydantic does that where it has to, when
        it makes the schema. What a definition compiles to depends on the config, so it is found
        by that object. The title is left out: it only names errors, which get the root's, and
        would name the members of a union after the model around it.
        """
        own = {name: value for name, value in config.items() if name != "title"}
        try:
            key = frozenset(own.items())
        except TypeError:
            # A type that pydantic does not document, so nobody else uses it.
            return own
        return self._configs.setdefault(key, own)

    def waits(self, schema: Schema, scope: Scope) -> bool:
        """Tell whether a value can only be validated with its siblings."""
        return scope.has_data and self.facts.needs_data(schema)

    def is_deferred(self, schema: Schema, scope: Scope) -> bool:
        """Tell whether a value stays absent until what encloses it is complete."""
        return self.waits(schema, scope) or self.facts.iterates(schema)

    def resolve(self, schema: Schema) -> Schema:
        """Return what `schema` refers to, if it is a reference."""
        return resolve(schema, self.definitions)

    # ---- nodes

    def add(self, node: Node) -> int:
        """Add a node and return its index."""
        self._nodes.append(node)
        return len(self._nodes) - 1

    def reserve(self) -> int:
        """Return the index of a node that `put` is to fill in."""
        self._nodes.append(None)
        return len(self._nodes) - 1

    def put(self, index: int, node: Node) -> None:
        """Fill in a node that was reserved."""
        self._nodes[index] = node

    def child(self, schema: Schema, scope: Scope) -> int:
        """Return the index of the node of `schema`, one for all places where it means the same."""
        schema = self.resolve(schema)
        config, owner, has_data = scope.config, scope.owner, self.waits(schema, scope)
        if schema["type"] in ("model", "dataclass", "typed-dict") and config_of(schema):
            # It has a config of its own, and its validators are its own methods.
            config, owner = self.top.config, None
        key = (id(schema), id(config), id(owner), has_data)
        if key not in self._known:
            self._known[key] = self._later(schema, Scope(config, owner, has_data))
        return self._known[key]

    def _later(self, schema: Schema, scope: Scope) -> int:
        index = self.reserve()
        self._pending[index] = (schema, scope)
        self._queue.append(index)
        return index

    def node(self, index: int) -> Node:
        """Return a node, compiled now if need be.

        Raises:
            Unready: It is being compiled.
        """
        waiting = self._pending.pop(index, None)
        if waiting is not None:
            self._nodes[index] = self.compile(*waiting)
        made = self._nodes[index]
        if made is None:
            raise Unready
        return made

    def compile(self, schema: Schema, scope: Scope) -> Node:
        """Return the node of `schema`.

        Raises:
            Unready: It contains itself, with nothing in between that is read piece by piece.
        """
        made = _families.get(schema["type"], opaque)(self, schema, scope)
        # Some return the node of what they wrap.
        made.dump = value_dump(schema, self.definitions, scope.config)
        made.help = functools.partial(help_of, schema, self.facts, self.definitions)
        return made

    def inner(self, schema: Schema, scope: Scope) -> Node:
        """Return a node for a value that `schema` is a part of, for the caller to change.

        Raises:
            Unready: As `compile`.
        """
        if schema["type"] == "definition-ref":
            # Found again if it contains itself.
            return dataclasses.replace(self.node(self.child(schema, scope)))
        return self.compile(schema, scope)

    def make(
        self, schema: Schema, scope: Scope, on: Mapping[JsonKind, Action], **rest: Any
    ) -> Node:
        """Return a node; kinds that `on` does not name are validated when complete."""
        every: dict[JsonKind, Action] = {kind: on.get(kind, "validate") for kind in KINDS}
        help_ = functools.partial(help_of, schema, self.facts, self.definitions)
        return Node(every, self.validator(schema, scope), help=help_, **rest)

    def validator(self, schema: Schema, scope: Scope) -> Callable[[], Any]:
        """Return what makes the ``validate_json`` of `schema`."""
        return functools.partial(_validate_json, schema, self.definitions, scope.config)

    def python_validator(self, schema: Schema, config: Config) -> Callable[[], Any]:
        """Return what makes the ``validate_python`` of `schema`."""
        return functools.partial(_validate_python, schema, self.definitions, config)

    def hidden(self, schema: Schema, scope: Scope) -> Node:
        """Return a node of what is absent until the enclosing value is complete."""
        on: dict[JsonKind, Action] = dict.fromkeys(KINDS, "hide")
        return self.make(schema, scope, on, close="leave", deferred=True)

    def label(self, schema: Schema, scope: Scope) -> Any:
        """Return the name that pydantic gives a union member in an error's location.

        For other members than classes, the member's own validator is asked, when an error needs it.
        """
        resolved = self.resolve(schema)
        if resolved["type"] in ("model", "dataclass"):
            return cast("str", resolved["cls"].__name__)

        @functools.cache
        def title() -> str:
            return _make_validator(schema, self.definitions, scope.config).title

        return title


def opaque(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    """Return a node of what is absent until it is complete, and then pydantic's."""
    if compiler.is_deferred(schema, scope):
        return compiler.hidden(schema, scope)
    return compiler.make(schema, scope, {})
