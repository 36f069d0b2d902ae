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
(validate it from its own bytes), ``build`` (put it together of its parts, if all are there, where
that is all that pydantic would do) or ``leave`` (it can only be validated with what encloses it).
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from types import GenericAlias
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic import BaseModel

from partialfast._core import Plan
from partialfast.typed._compile import Options
from partialfast.typed._compile_objects import TypeCompiler
from partialfast.typed._partial import partial_origin
from partialfast.typed._schema import adapter_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import TypeAdapter

__all__ = ["Compiled", "compile_type"]


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
    options = Options(by_alias=by_alias, by_name=by_name, items=items)
    key = (type_, _spelled(type_), options)
    try:
        hash(key)
    except TypeError:
        # Metadata of an annotation may be anything: such a type is compiled each time.
        return _compile(type_, options)
    with _lock:
        plans = _plans_of(type_)
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
    if not isinstance(type_, GenericAlias) and isinstance(type_, type):
        # Nothing to spell, and a model would look for the attribute in Python at each new stream.
        return ()
    return tuple((part, _spelled(part)) for part in getattr(type_, "__args__", ()))


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


def _compile(type_: Any, options: Options) -> Compiled:
    adapter = adapter_for(type_)
    plan = Plan(TypeCompiler(adapter, options).nodes)
    if isinstance(type_, type) and issubclass(type_, BaseModel):
        validator = type_.__pydantic_validator__

        def is_current() -> bool:
            return type_.__pydantic_validator__ is validator
    else:

        def is_current() -> bool:
            return True

    return Compiled(plan, adapter, is_current)
