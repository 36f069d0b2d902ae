"""What every family is held to: pydantic, at every place of a cut."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, TypeAdapter

import partialfast as pf
from tests.chunkings import bytewise, chunkings
from tests.generation import picture

__all__ = ["check", "with_unit"]


def check(type_: Any, text: str) -> list[Any]:
    """Hold streams of `text` to what pydantic makes of it, and use every snapshot.

    Returns:
        The snapshots, one for each byte that changed something.
    """
    expected = picture(TypeAdapter(type_).validate_json(text))
    for chunks in chunkings(text.encode(), random_count=2):
        assert picture(pf.stream(type_, chunks).final()) == expected
    snapshots = list(pf.stream(type_, bytewise(text)))
    for snapshot in snapshots:
        repr(snapshot)
        if isinstance(snapshot, BaseModel):
            snapshot.model_dump()
            snapshot.model_dump(mode="json", by_alias=True)
            snapshot.model_dump_json(exclude_unset=True)
    return snapshots


def with_unit(length: int) -> str:
    """Write a length; a serializer whose result shows that it was called."""
    return f"{length} m"
