"""Looking into values of any type: what they hold, and whether that grew."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Container, Mapping
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from partialfast.typed._partial import partial_origin

from ._code import DEFAULTS

__all__ = ["check_growth", "instances", "members", "picture"]

_SEQUENCES = (list, tuple, collections.deque)
_SETS = (set, frozenset)


def members(value: Any) -> dict[Any, Any] | None:
    """Return what stands in a container, by key; ``None`` for what has no parts.

    Of a model only what was received; of others, which do not tell, all that they have.
    """
    if isinstance(value, BaseModel):
        found = {
            name: value.__dict__[name] for name in value.model_fields_set if name in value.__dict__
        }
        found.update(value.__pydantic_extra__ or {})
        return found
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        found = {name: getattr(value, name) for name in names if hasattr(value, name)}
        found.update(getattr(value, "__dict__", {}))
        return found
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, _SEQUENCES):
        return dict(enumerate(value))
    inner = getattr(value, "inner", None)
    return None if inner is None else {"inner": inner}


def picture(value: Any) -> Any:
    """Return all that can be told of `value`, types included, as something to compare."""
    return type(value), _content(value)


def _content(value: Any) -> Any:
    if isinstance(value, BaseModel):
        dicts = (value.__dict__, value.__pydantic_extra__, value.__pydantic_private__)
        return sorted(value.model_fields_set), [picture(held) for held in dicts]
    if isinstance(value, _SETS):
        return sorted(repr(picture(item)) for item in value)
    if isinstance(value, Mapping):
        return [(picture(key), picture(item)) for key, item in value.items()]
    if isinstance(value, (SecretStr, SecretBytes)):
        return value.get_secret_value()
    parts = members(value)
    if parts is None:
        return repr(value)
    return getattr(value, "maxlen", None), [(key, picture(item)) for key, item in parts.items()]


def instances(value: Any) -> list[Any]:
    """Return `value` and all that stands in it, whatever it was received as."""
    found = [value]
    for item in found:
        parts = item.__dict__ if isinstance(item, BaseModel) else members(item)
        found.extend((parts or {}).values())
        if isinstance(item, BaseModel):
            found.extend((item.__pydantic_extra__ or {}).values())
    return found


def check_growth(
    before: Any, after: Any, path: tuple[Any, ...] = (), *, at_end: bool = True
) -> None:
    """Check that `after` shows all that `before` showed.

    Args:
        before: A snapshot.
        after: The next one.
        path: Where they stand in the whole.
        at_end: Whether only the open end may have changed. Where code of the user's may still
            rewrite a value, what is shown of it is not validated, and more of it may be later.

    Raises:
        AssertionError: Something vanished, changed its type or its value.
    """
    if before is after:
        return
    where = f"at {path}: {before!r} became {after!r}"
    # An open instance becomes a complete one.
    assert type(after) in (type(before), partial_origin(type(before))), where
    old, new = members(before), members(after)
    if type(before) is str:
        assert after.startswith(before), where
    elif isinstance(before, _SETS):
        assert before <= after, where
    elif old is None or new is None:
        assert picture(before) == picture(after), where
    else:
        _check_members(before, (old, new), path, at_end=at_end)


def _check_members(
    before: Any,
    parts: tuple[dict[Any, Any], dict[Any, Any]],
    path: tuple[Any, ...],
    *,
    at_end: bool,
) -> None:
    old, new = parts
    tells = not dataclasses.is_dataclass(before) and not hasattr(before, "_fields")
    # A constructor of the user's reads the keys once more, without the options of the call.
    kept: Container[Any] = old
    if isinstance(before, BaseModel) and type(before).__pydantic_custom_init__:
        kept = type(before).model_fields
    for index, (key, item) in enumerate(old.items()):
        where = (*path, key)
        if not tells and item in DEFAULTS:
            # It does not tell what was received: a default gives way to what comes.
            continue
        if key not in kept:
            continue
        assert key in new, f"{where} vanished: {item!r}"
        if at_end and tells and isinstance(before, _SEQUENCES) and index < len(old) - 1:
            assert picture(item) == picture(new[key]), where
        check_growth(item, new[key], where, at_end=at_end)
