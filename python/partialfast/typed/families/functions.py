"""Functions around a value: validators, and classes that make themselves of another type."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from partialfast.typed._compiler import Unready, family, opaque
from partialfast.typed._facts import shell, takes_info
from partialfast.typed._marks import refuse_partial
from partialfast.typed._nodes import Goto, Object
from partialfast.typed._partial_read import Accept
from partialfast.typed._schema import is_class, is_pydantics

if TYPE_CHECKING:
    from collections.abc import Callable

    from partialfast.typed._compiler import Compiler, Scope
    from partialfast.typed._nodes import Action, Close, JsonKind, Node
    from partialfast.typed._schema import Schema

__all__: list[str] = []


@family("function-after")
def _after(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    if schema["function"]["function"] is refuse_partial:
        # No text is a snapshot.
        return compiler.compile(schema["schema"], scope)
    return _wrapped(compiler, schema, scope)


@family("function-before")
def _before(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    return _wrapped(compiler, schema, scope)


@family("function-wrap")
def _wrap(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    function = schema["function"]["function"]
    if is_pydantics(function) or isinstance(function, Accept):
        # It makes something else of what it wraps (a URL, a defaultdict).
        return opaque(compiler, schema, scope)
    return _wrapped(compiler, schema, scope)


def _wrapped(compiler: Compiler, schema: Schema, scope: Scope) -> Node:
    try:
        inner = compiler.inner(schema["schema"], scope)
        return _Wrapped(compiler, schema, scope).around(inner)
    except Unready:
        return opaque(compiler, schema, scope)


def _makes_another(function: Any, owner: Any, inner: Action) -> bool:
    """Tell whether `function` belongs to a class with a schema of its own, and makes one.

    Such a class makes an instance of what it is declared by (``cls(items)``); other functions
    are taken to leave a string a string, and a list a list.

    Args:
        function: What is applied to a value.
        owner: The innermost model.
        inner: The action of the value: an object may be of that class already.
    """
    bases = inner.complete.__mro__ if isinstance(inner, Object) else ()
    maker, found, _ = getattr(function, "__qualname__", "").partition(
        ".__get_pydantic_core_schema__."
    )
    if found:
        # Such a class may be pydantic's: ``Secret``, of which nothing may be shown.
        return maker not in (base.__qualname__ for base in bases)
    if is_pydantics(function):
        return False
    if is_class(function):
        return function is not str and function not in bases
    bound = getattr(function, "__self__", None)
    if isinstance(bound, type) and bound not in bases:
        return not (isinstance(owner, type) and issubclass(owner, bound))
    return False


class _Wrapped:
    """Makes the node of a value that a function is applied to.

    Args:
        compiler: The compiler.
        schema: The function schema.
        scope: What surrounds it.
    """

    def __init__(self, compiler: Compiler, schema: Schema, scope: Scope) -> None:
        self._compiler = compiler
        self._schema = schema
        self._scope = scope
        self._function = schema["function"]["function"]
        #: Whether the function sees the value before it is validated.
        self._rewrites = schema["type"] != "function-after"
        #: What validates a container whose items are valid already.
        self._whole = None if self._rewrites else shell(schema, compiler.definitions)

    def around(self, inner: Node) -> Node:
        """Return the node of what `inner` is the node of.

        Raises:
            Unready: A part of it is being compiled.
        """
        schema, scope = self._schema, self._scope
        deferred = inner.deferred or (scope.has_data and takes_info(schema["function"]))
        on: dict[JsonKind, Action] = {
            kind: self._action(action, deferred=deferred) for kind, action in inner.on.items()
        }
        close: Close = "leave" if deferred else "raw"
        made: Callable[[], Any] | None = None
        if self._whole is not None and not deferred and inner.close in ("keep", "shell"):
            close = "shell"
            made = self._compiler.python_validator(self._whole, scope.config)
        return self._compiler.make(
            schema,
            scope,
            on,
            close=close,
            shell=made,
            tentative=inner.tentative or self._rewrites,
            deferred=deferred,
        )

    def _action(self, action: Action, *, deferred: bool) -> Action:
        another = _makes_another(self._function, self._scope.owner, action)
        if isinstance(action, Goto):
            node = self.around(self._compiler.node(action.node))
            if action.label is not None:
                # Its validator is that of the union.
                node = dataclasses.replace(node, names_member=True)
            return Goto(self._compiler.add(node), action.label)
        if not isinstance(action, str) and not another:
            return action
        if action in ("text", "text-validate") and not (another or is_pydantics(self._function)):
            # pydantic's own make something else of text: ``SecretStr``, ``Path``.
            return "text" if deferred else "text-validate"
        return "hide" if deferred or action == "hide" else "validate"
