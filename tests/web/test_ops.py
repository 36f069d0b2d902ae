"""The package's own ops, of typed answers, on every wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, computed_field, field_serializer, field_validator

import partialfast as pf
from partialfast.web import events
from tests.web.driver import apply, events_of, ops_lines


class Item(BaseModel):
    name: str
    price: float
    tags: list[str] = []

    @field_validator("name")
    @classmethod
    def upper(cls, value: str) -> str:
        return value.upper()


class Order(BaseModel):
    id: int
    note: str = Field(alias="Note")
    items: list[Item]
    day: date | None = None
    extra: dict[str, Item] = {}

    @field_serializer("note")
    def stars(self, value: str) -> str:
        return f"*{value}*"

    @computed_field
    def total(self) -> float:
        return sum(item.price for item in self.items)


texts = st.text(max_size=12)
items = st.fixed_dictionaries(
    {"name": texts, "price": st.floats(0, 1e6), "tags": st.lists(texts, max_size=3)}
)
orders = st.fixed_dictionaries(
    {"id": st.integers(0, 9999), "Note": texts, "items": st.lists(items, max_size=4)},
    optional={"day": st.sampled_from(["2026-01-31", None]), "extra": st.dictionaries(texts, items)},
)


@st.composite
def chunked(draw: st.DrawFn) -> list[str]:
    text = json.dumps(draw(orders), ensure_ascii=draw(st.booleans()))
    size = draw(st.integers(1, 40))
    return [text[at : at + size] for at in range(0, len(text), size)]


async def feed(chunks: list[str]) -> AsyncIterator[str]:
    for chunk in chunks:
        yield chunk
        for _ in range(3):
            await asyncio.sleep(0)


def collect(chunks: list[str], wire: str, **options: Any) -> bytes:
    async def main() -> bytes:
        source = pf.astream_ops(Order, feed(chunks), **options)
        return b"".join([bytes(event) async for event in events(source, wire, every=0)])

    return asyncio.run(main())


def dumped(chunks: list[str]) -> Any:
    final = Order.model_validate_json("".join(chunks))
    return final.model_dump(mode="json", exclude_unset=True)


@given(chunked())
def test_the_ops_wire_ends_with_the_dump(chunks: list[str]) -> None:
    value: Any = None
    for ops, _ in ops_lines(events_of(collect(chunks, "ops"))):
        value = apply(ops, value)
    assert value == dumped(chunks)


@given(chunked())
def test_json_patch_ends_with_the_dump(chunks: list[str]) -> None:
    jsonpatch = pytest.importorskip("jsonpatch")
    value: Any = None
    for event in events_of(collect(chunks, "json-patch"))[:-1]:
        value = jsonpatch.JsonPatch.from_string(event.data).apply(value)
    assert value == dumped(chunks)


@given(chunked())
def test_text_of_the_document_is_what_the_model_wrote(chunks: list[str]) -> None:
    """`useObject` validates for itself; validators' changes are not for its eyes."""
    sent = collect(chunks, "ai-text", of="document")
    assert json.loads(sent) == json.loads("".join(chunks))


MEETING = {
    "users": [
        {"name": "John Doe", "email": "johndoe@email.com", "twitter": "@TechGuru44"},
        {"name": "Jane Smith", "email": "janesmith@email.com", "twitter": "@DigitalDiva88"},
        {"name": "Alex Johnson", "email": "alexj@email.com", "twitter": "@CodeMaster2023"},
    ],
    "date": "2024-03-15",
    "location": "Grand Tech Arena located at 4521 Innovation Drive",
    "budget": 50000,
    "deadline": "2024-02-20",
}


@pytest.mark.parametrize("orders", [0, 40])
def test_the_ops_wire_takes_at_most_twice_the_text(orders: int) -> None:
    """Messages of 25 characters: what 100 tokens a second make at 20 messages a second."""
    text = json.dumps({"meeting": MEETING, "more": [MEETING] * orders} if orders else MEETING)
    parser = pf.JsonParser()
    parser.take_ops()
    batches: list[list[pf.Op]] = []
    for at in range(0, len(text), 25):
        parser.feed(text[at : at + 25])
        batches.append(parser.take_ops())
    sent = collect_batches(batches)
    assert len(sent) <= 2 * len(text)


def collect_batches(batches: list[list[pf.Op]]) -> bytes:
    async def source() -> AsyncIterator[list[pf.Op]]:
        for ops in batches:
            yield ops
            for _ in range(4):
                await asyncio.sleep(0)

    async def main() -> bytes:
        return b"".join([bytes(event) async for event in events(source(), every=0)])

    return asyncio.run(main())
