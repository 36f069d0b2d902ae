"""What a person sees of a snapshot: what is there, what is open, and nothing that is absent."""

from __future__ import annotations

import io

from pydantic import BaseModel, ConfigDict, Field, RootModel, SecretStr
from rich.console import Console

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


def test_rich_shows_within_others_what_repr_shows() -> None:
    (snapshot, _) = pf.stream(Order, ['{"title": "A', '"}'])
    console = Console(file=io.StringIO(), width=200)
    with console.capture() as captured:
        console.print([snapshot])
    assert captured.get() == "[PartialOrder(title='A'…)]\n"


def test_a_parser_says_how_far_it_is() -> None:
    parser = pf.JsonParser()
    shown = [repr(parser)]
    for chunk in ('{"a": [1, "x', '"', "]}"):
        parser.feed(chunk)
        shown.append(repr(parser))
    assert shown == [
        "<JsonParser, open>",
        "<JsonParser, inside ('a', 1)>",
        "<JsonParser, inside ('a',)>",
        "<JsonParser, complete>",
    ]


def test_streams_and_states_say_how_far_they_are() -> None:
    chunks = ['{"title": "A', '", "items": [{"na', 'me": "x"}]}']
    stream = pf.stream(Order, chunks)
    shown = [repr(stream), *(repr(stream) for _ in stream)]
    assert shown == [
        "<Snapshots of <StreamState Order, 0 bytes, open>>",
        "<Snapshots of <StreamState Order, 12 bytes, inside ('title',)>>",
        "<Snapshots of <StreamState Order, 29 bytes, inside ('items', 0)>>",
        "<Snapshots of <StreamState Order, 40 bytes, complete>>",
    ]
    assert repr(pf.StreamState(list[int])) == "<StreamState list[int], 0 bytes, open>"
