"""Walks through JSON schemas, for tests of the rules that providers have for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["parts"]


def parts(schema: Any) -> Iterator[Any]:
    """Yield a schema and all that stand in it."""
    yield schema
    for name in ("properties", "$defs"):
        for inner in schema.get(name, {}).values():
            yield from parts(inner)
    for inner in schema.get("anyOf", []):
        yield from parts(inner)
    if "items" in schema:
        yield from parts(schema["items"])
