"""Objects of the SDK's, or of what passes for it, as the JSON that they were made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

__all__ = ["as_json"]


def as_json(found: Any) -> str:
    """Write an object as JSON.

    The SDK builds its objects without validating them, so that anything may stand anywhere.

    Args:
        found: A chunk, an event or a whole answer.

    Returns:
        JSON that a reader of the core takes.

    Raises:
        RecursionError: It is nested too deeply.
    """
    return json.dumps(found, default=_plain)


def _plain(found: Any) -> Any:
    if isinstance(found, BaseModel):
        own = {name: getattr(found, name) for name in found.model_fields_set}
        return {**own, **(found.model_extra or {})}
    if isinstance(found, Mapping):
        return dict(found)  # pyright: ignore[reportUnknownArgumentType] - whatever it maps
    named = getattr(found, "__dict__", None)
    if named is None:
        return None
    return {name: value for name, value in named.items() if not name.startswith("_")}
