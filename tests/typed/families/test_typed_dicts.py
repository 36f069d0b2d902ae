"""Typed dicts."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import pydantic
import pytest
from pydantic import (
    PlainSerializer,
    create_model,
)
from typing_extensions import TypedDict

from tests.typed.families.checking import check

T = TypeVar("T")


def _from_second(text: str) -> str:
    return text[1] + text


class Entry(TypedDict, extra_items=Annotated[str, PlainSerializer(_from_second)]):  # type: ignore[call-arg]
    name: str


@pytest.mark.skipif(pydantic.VERSION < "2.12", reason="pydantic leaves such items out before 2.12")
def test_a_serializer_of_extra_items_sees_what_is_complete() -> None:
    model: Any = create_model("Holder", entry=(Entry, ...))
    final = check(model, '{"entry": {"name": "a", "other": "bcd"}}')[-1]
    assert final.model_dump() == {"entry": {"name": "a", "other": "cbcd"}}
