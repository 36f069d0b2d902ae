"""From a type to a plan: what the builder does at each place of the document.

The plan is derived from pydantic's own core schema, the same that its validators are made from,
so that the two cannot disagree about aliases, unions, discriminators or generics. `_nodes` says
what a plan can say, and `families` how each family of schemas says it.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import gc
from collections import OrderedDict
from types import GenericAlias
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaError

from partialfast._core import Plan
from partialfast.typed import families
from partialfast.typed._compiler import CompileOptions, Compiler
from partialfast.typed._items import items_of
from partialfast.typed._marks import asks_for_nested, kept_by, lock, partial_origin
from partialfast.typed._nodes import Array
from partialfast.typed._schema import adapter_for, config_of, is_class, split
from partialfast.typed._whole_errors import WholeErrors

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from pydantic import TypeAdapter

    from partialfast.typed._nodes import Action, JsonKind, Node

__all__ = ["Compiled", "compile_type"]

# Importing them registers them.
_ = families


class Compiled(NamedTuple):
    """A type, ready for streaming.

    Attributes:
        plan: What the builder walks.
        adapter: pydantic's adapter of the whole type.
        made_of: The classes that the type names, not those of their fields, each with the validator
            that it had.
        length_check: Validates a list by its length alone, where items are streamed one by one and
            the type has such a constraint.
        validate: The whole type's own ``validate_json``.
        errors: Makes its errors.
        hooks: What the builder calls: see ``_core.pyi``, at `StateCore.start`.
    """

    plan: Plan
    adapter: TypeAdapter[Any]
    made_of: tuple[tuple[type[Any], Any], ...]
    length_check: Callable[[Any], Any] | None
    validate: Callable[..., Any]
    errors: WholeErrors
    hooks: tuple[Any, ...]

    def is_current(self) -> bool:
        """Tell whether the named classes are what they were; ``model_rebuild`` changes them."""
        return all(_validator_of(class_) is validator for class_, validator in self.made_of)


_RECENT = 64
#: Plans of types without a class of the user's, the most recent last.
_recent: OrderedDict[Any, Compiled] = OrderedDict()


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
        items: Whether the items of a list are to be handed out one by one; a type that is not a
            list is that of an item.

    Returns:
        The plan and the adapter.

    Raises:
        TypeError: pydantic cannot validate `type_`, or it takes the whole list to do so.
    """
    origin = partial_origin(type_)
    if origin is not None:
        type_ = origin
    options = CompileOptions(
        by_alias=by_alias, by_name=by_name, items=items, nested=asks_for_nested(type_)
    )
    key = (type_, _spelled(type_), options)
    try:
        hash(key)
    except TypeError:
        # The metadata of an annotation may be unhashable: such a type is compiled each time.
        return _compile(type_, options)
    plans = _plans_of(type_)
    if plans is not _recent:
        # Without the lock, which threads that begin a stream of one type each would wait for.
        made = plans.get(key)
        if made is not None and made.is_current():
            return made
    with lock:
        made = plans.get(key)
        if made is None or not made.is_current():
            made = plans[key] = _compile(type_, options)
        if plans is _recent:
            _recent.move_to_end(key)
            if len(_recent) > _RECENT:
                _recent.popitem(last=False)
        return made


def _spelled(type_: Any) -> tuple[Any, ...]:
    """Return what tells types apart that are equal but not the same to pydantic.

    ``A | B`` equals ``B | A``, yet pydantic tries the members in their order.
    """
    if is_class(type_):
        # Nothing to spell, and a model would look for the attribute in Python at each new stream.
        return ()
    return tuple((part, _spelled(part)) for part in getattr(type_, "__args__", ()))


def _classes_in(type_: Any) -> Iterator[type[Any]]:
    """Yield the models and dataclasses that the expression `type_` names."""
    pending = [type_]
    while pending:
        item = pending.pop()
        if is_class(item):
            if issubclass(item, BaseModel) or dataclasses.is_dataclass(item):
                yield cast("type[Any]", item)
        else:
            pending.extend(getattr(item, "__args__", ()))


def _validator_of(class_: type[Any]) -> Any:
    return class_.__dict__.get("__pydantic_validator__")


def _plans_of(type_: Any) -> dict[Any, Compiled]:
    """Return the dict that lives as long as the first class of the user's in `type_`."""
    class_ = next(_classes_in(type_), None)
    return _recent if class_ is None else cast("dict[Any, Compiled]", kept_by(class_).plans)


@contextlib.contextmanager
def _collector_paused() -> Generator[None]:
    """Keep the cyclic garbage collector from running.

    Nearly all that a compiler makes is kept; to look for what is not, each time some hundred more
    objects are there, is half of the time that a type of 250 classes takes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _compile(type_: Any, options: CompileOptions) -> Compiled:
    with _collector_paused():
        return _compile_anew(type_, options)


def _compile_anew(type_: Any, options: CompileOptions) -> Compiled:
    adapter = adapter_for(type_)
    length_check: Callable[[Any], Any] | None = None
    if options.items:
        listed = items_of(*split(adapter.core_schema))
        if listed is None:
            type_ = GenericAlias(list, (type_,))
            adapter = adapter_for(type_)
        else:
            length_check = listed.length_check()
    made_of = tuple((class_, _validator_of(class_)) for class_ in _classes_in(type_))
    compiler = Compiler(adapter.core_schema, options)
    root = compiler.reserve()
    compiler.put(root, _items_root(compiler) if options.items else _root(compiler))
    compiler.finish()
    validator = adapter.validator
    errors = WholeErrors(validator.title, config_of(compiler.resolve(compiler.schema)))
    return Compiled(
        Plan(compiler.nodes),
        adapter,
        made_of,
        length_check,
        validator.validate_json,
        errors,
        (errors.relocate, errors.forbidden, ValidationError, SchemaError, _copied),
    )


def _copied(default: Any) -> Any:
    """Return a copy of a field's default, or the default itself where there is no copying it.

    pydantic copies it only when the document has ended without the field, so a default that
    cannot be copied (an iterator) is not an error before that.
    """
    try:
        return copy.deepcopy(default)
    except Exception:  # noqa: BLE001 - whatever the user's class raises
        return default


def _root(compiler: Compiler) -> Node:
    plain = not compiler.facts.runs_code(compiler.schema)
    return dataclasses.replace(compiler.compile(compiler.schema, compiler.top), plain=plain)


def _items_root(compiler: Compiler) -> Node:
    listed = items_of(compiler.schema, compiler.definitions)
    if listed is None:
        message = "streaming items needs a list-like type, such as `list[Model]`"
        raise TypeError(message)
    array = Array("items", rest=compiler.child(listed.item, compiler.top))
    on: dict[JsonKind, Action] = {"array": array}
    return compiler.make(compiler.schema, compiler.top, on)
