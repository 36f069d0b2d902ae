"""What type checkers make of the loops without I/O. Checked, not run."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel
from typing_extensions import assert_type

import partialfast as pf
from partialfast.typed._loops import AsyncItems, AsyncSnapshots, Items, Snapshots


class User(BaseModel):
    name: str


text = ['{"name": ', '"Ada"}']
data: Iterable[bytes] = iter([b"{", b"}"])

assert_type(pf.stream(User, text), Snapshots[User])
assert_type(pf.stream(User, data, strict=True, on_invalid="defer"), Snapshots[User])
assert_type(pf.stream(pf.Partial[User], text), Snapshots[User])
assert_type(pf.stream(list[User], text), Snapshots[list[User]])
assert_type(pf.stream_items(User, text), Items[User])
assert_type(pf.stream_items(list[User], text), Items[User])

for snapshot in pf.stream(User, text):
    assert_type(snapshot.name, str)


async def asynchronous(chunks: AsyncIterable[str]) -> None:
    assert_type(pf.astream(User, chunks), AsyncSnapshots[User])
    assert_type(pf.astream(pf.Partial[User], chunks), AsyncSnapshots[User])
    assert_type(pf.astream_items(User, chunks), AsyncItems[User])
    async for snapshot in pf.astream(User, chunks):
        assert_type(snapshot, User)


state = pf.StreamState(User)
assert_type(state, pf.StreamState[User])
assert_type(state.feed(b"{"), User | None)
assert_type(state.snapshot, User | None)
assert_type(state.finish(), User)
assert_type(state.text, str)
assert_type(state.path, tuple[str | int, ...])
assert_type(state.completed, list[tuple[str | int, ...]])
assert_type(state.done, bool)

parser = pf.JsonParser(max_depth=10)
assert_type(parser.snapshot(), Any)
assert_type(parser.done, bool)
assert_type(pf.loads(b"1"), Any)

# What must be refused. An ignore that nothing needs is an error of its own.
parser.feed(1)  # type: ignore[arg-type]
state.feed(None)  # type: ignore[arg-type]
pf.stream(User, 1)  # type: ignore[call-overload]
pf.StreamState(User, on_invalid="skip")  # type: ignore[call-overload]


class Order(BaseModel):
    number: int


assert_type(pf.stream(User | Order, text), Snapshots[User | Order])
assert_type(pf.stream(Annotated[User, "note"], text), Snapshots[User])
assert_type(pf.stream(pf.Partial[User, Literal["nested"]], text), Snapshots[User])
