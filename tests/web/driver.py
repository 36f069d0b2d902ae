"""Ops without a model, and readers of what is sent: shared by the tests of this folder."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st

import partialfast as pf
from partialfast.web import Event

__all__ = [
    "Op",
    "apply",
    "batches",
    "documents",
    "events_of",
    "later",
    "ops_lines",
    "splits",
    "values_of",
]


@dataclass(frozen=True)
class Op:
    """An op, shaped like the package's."""

    op: Literal["set", "append"]
    path: tuple[str | int, ...]
    value: Any


MISSING = object()


def difference(old: Any, new: Any, path: tuple[str | int, ...] = ()) -> Iterator[Op]:
    """Compare two values the slow way, and give ops from one to the other."""
    if isinstance(old, str) and isinstance(new, str) and new.startswith(old):
        if new != old:
            yield Op("append", path, new[len(old) :])
        return
    if isinstance(old, dict) and isinstance(new, dict) and list(new)[: len(old)] == list(old):
        pairs = [(key, old.get(key, MISSING), item) for key, item in new.items()]
    elif isinstance(old, list) and isinstance(new, list) and len(new) >= len(old):
        before = [*old, *[MISSING] * (len(new) - len(old))]
        pairs = [(index, *each) for index, each in enumerate(zip(before, new, strict=True))]
    else:
        # Compared as JSON: to Python, 1 and True are equal.
        if old is MISSING or json.dumps(old) != json.dumps(new):
            yield Op("set", path, new)
        return
    for key, inner, item in pairs:
        yield from difference(inner, item, (*path, key))


def apply(ops: Iterable[Any], value: Any = None) -> Any:
    """Apply ops in the plainest way: on a copy, one after the other."""
    holder = [json.loads(json.dumps(value))]
    for op in ops:
        container: Any = holder
        key: Any = 0
        for step in op.path:
            container, key = container[key], step
        item = json.loads(json.dumps(op.value))
        if op.op == "append":
            container[key] += item
        elif isinstance(container, list) and key == len(container):
            container.append(item)
        else:
            container[key] = item
    return holder[0]


def batches(text: str, cuts: Sequence[int]) -> list[list[Op]]:
    """Give the ops of a JSON text that comes in pieces."""
    parser = pf.JsonParser()
    last: Any = MISSING
    found: list[list[Op]] = []
    for start, end in itertools.pairwise([0, *sorted(cuts), len(text)]):
        parser.feed(text[start:end].encode())
        value = parser.finish() if end == len(text) else parser.snapshot()
        if value is None and text != "null":
            continue
        ops = list(difference(last, value))
        if ops:
            found.append(ops)
        last = json.loads(json.dumps(value))
    return found


def values_of(steps: Iterable[Iterable[Op]]) -> list[Any]:
    value: Any = None
    seen: list[Any] = []
    for ops in steps:
        value = apply(ops, value)
        seen.append(value)
    return seen


_KEYS = st.one_of(
    st.text(max_size=4),
    st.sampled_from(["__proto__", "constructor", "prototype", "a/b", "m~n", "~1", "", "0", "-"]),
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=30),
    st.sampled_from(['"', "\\", "a\nb", "\r\n", "\u2028", "<script>", "Zürich 日本 🎉", "data: x"]),
)
documents = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)


@st.composite
def splits(draw: st.DrawFn) -> tuple[Any, list[list[Op]]]:
    """Draw a value, and the ops of its text in pieces."""
    value = draw(documents)
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=12))
    return value, batches(text, cuts)


async def later(items: Iterable[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item
        # Let the viewer have its turn, so that nothing is merged.
        for _ in range(4):
            await asyncio.sleep(0)


def events_of(sent: bytes) -> list[Event]:
    """Read server-sent events by the letter of the specification (WHATWG HTML, section 9.2.6)."""
    found: list[Event] = []
    for block in sent.decode().split("\n\n")[:-1]:
        fields: dict[str, Any] = {}
        for line in block.split("\n"):
            name, _, text = line.partition(":")
            text = text.removeprefix(" ")
            if name == "data" and "data" in fields:
                fields["data"] += "\n" + text
            elif name:
                fields[name] = text
        if fields:
            found.append(Event(**fields))
    return found


def ops_lines(events: Iterable[Event]) -> Iterator[tuple[list[Op], tuple[str | int, ...]]]:
    """Decode the wire `ops`, as its page describes it: the ops of an event, and where it ends."""
    path: tuple[str | int, ...] = ()
    for event in events:
        if event.data is None or event.event is not None:
            continue
        ops: list[Op] = []
        for line in event.data.split("\n"):
            said = json.loads(line)
            if isinstance(said, str):
                ops.append(Op("append", path, said))
            elif isinstance(said, list):
                path = (*path[: said[0]], *said[1:-1])
                ops.append(Op("set", path, said[-1]))
            else:
                at = said["at"] if isinstance(said["at"], list) else [said["at"]]
                path = (*path[: at[0]], *at[1:])
                if "append" in said:
                    ops.append(Op("append", path, said["append"]))
        yield ops, path
