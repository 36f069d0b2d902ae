"""What a person sees of a snapshot: what is there, what is open, and nothing that is absent."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, RootModel, SecretStr

import partialfast as pf


class Item(BaseModel):
    name: str
    price: float = 1.0


class Order(BaseModel):
    model_config = ConfigDict(extra="allow")

    title: str
    key: SecretStr = SecretStr("")
    items: list[Item] = []
    notes: str = "none"
    hidden: str = Field("", repr=False)


class Items(RootModel[list[Item]]):
    pass


def test_a_snapshot_shows_what_is_there_and_what_is_open() -> None:
    chunks = [
        '{"title": "A',
        'B", "key": "xyz", "hidden": "h", "items": [{"name": "x',
        '", "price": 3',
        '}], "more": 1, "notes": "he',
        'llo"}',
    ]
    shown = [repr(snapshot) for snapshot in pf.stream(Order, chunks)]
    secret, items = "key=SecretStr('**********')", "items=[Item(name='x', price=3.0)]"
    assert shown == [
        "PartialOrder(title='A'…)",
        f"PartialOrder(title='AB', {secret}, items=[PartialItem(name='x'…)]…)",
        f"PartialOrder(title='AB', {secret}, items=[PartialItem(name='x')]…)",
        f"PartialOrder(title='AB', {secret}, {items}, notes='he'…, more=1)",
        f"Order(title='AB', {secret}, {items}, notes='hello', more=1)",
    ]


def test_a_root_model_shows_its_value() -> None:
    shown = [repr(snapshot) for snapshot in pf.stream(Items, ['[{"name": "x', '"}]'])]
    assert shown == [
        "PartialItems([PartialItem(name='x'…)]…)",
        "Items(root=[Item(name='x', price=1.0)])",
    ]
