"""Scalars that JSON has itself, and values of any kind."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from tests.typed.families.checking import check


class Trims(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)
    text: str


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (int, "12"),
        (int, '"12"'),
        (int, "1e2"),
        (float, "3"),
        (float, "-0.5e-3"),
        (bool, "true"),
        (bool, '"yes"'),
        (None, "null"),
        (str, '"a\\u00e9\\n"'),
        (Annotated[str, StringConstraints(max_length=3)], '"abc"'),
        (Annotated[int, Field(gt=1)], "2"),
        (Decimal, '"1.50"'),
        (Any, '{"a": [1, "x", null]}'),
        (object, "[true]"),
        (Trims, '{"text": " ab "}'),
    ],
)
def test_it_becomes_what_pydantic_makes_of_it(type_: Any, value: str) -> None:
    check(list[type_], f"[{value}, {value}]")


@pytest.mark.parametrize("value", ["12", "-0.5", "true", "null"])
def test_it_is_never_shown_in_part(value: str) -> None:
    holder: Any = create_model("Holder", value=(Any, "absent"), after=(str, ""))
    final = check(holder, f'{{"value": {value}, "after": "x"}}')[-1].value
    for snapshot in check(holder, f'{{"value": {value}, "after": "x"}}'):
        assert snapshot.value in {"absent", final}


def test_a_text_of_plain_type_is_shown_as_it_grows() -> None:
    assert check(str, '"abc"') == ["", "a", "ab", "abc", "abc"]
    # What is trimmed is shown as it is written, and trimmed when it is complete.
    *shown, final = [snapshot.text for snapshot in check(Trims, '{"text": " ab "}')]
    assert (shown[-1], final) == ("ab", "ab")
    assert all(" ab ".startswith(text or "") for text in shown[:-1])
