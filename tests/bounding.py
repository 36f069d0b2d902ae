"""Inputs that an attacker would send, each at any size.

Each case is a function of its size that returns what happened: an error's kind and place, or what
came out. `tests/core/test_bounds.py` runs them small, ``benches/bounds.py`` at full size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

import partialfast as pf
from partialfast._core import Delta, EventReader
from partialfast.answer._asked import NOTHING, Asked
from partialfast.answer._pace import Pace
from partialfast.answer._reader import AnswerReader
from partialfast.answer._target import read_target
from partialfast.answer._text import DEFAULTS
from partialfast.providers.openai._chat import Chat

__all__ = ["CASES", "Case"]

MIB = 1 << 20


class Case(NamedTuple):
    """A case, its full size, and what must come of it.

    Attributes:
        run: Takes the size; returns what happened.
        size: The size in the table.
        small: A size that takes well under a second.
        unit: What the size counts.
        outcome: What must happen, whatever the size.
        grows: Whether the time may grow with the size, linearly; else it is bounded.
    """

    run: Callable[[int], str]
    size: int
    small: int
    unit: str
    outcome: str
    grows: bool


def _fed(feed: Callable[[Any], Any], chunks: Iterator[Any]) -> str:
    """Feed all chunks; return the error if there is one."""
    try:
        for chunk in chunks:
            feed(chunk)
    except pf.JsonError as error:
        return f"{error.kind} at {error.offset:,}"
    return "accepted"


def _blocks(first: bytes, unit: bytes, size: int) -> Iterator[bytes]:
    """Yield `first` and then `size` bytes of `unit`, in blocks, never holding them all."""
    yield first
    block = unit * (min(size, MIB) // len(unit))
    for _ in range(size // len(block)):
        yield block


def brackets(size: int) -> str:
    return _fed(pf.JsonParser().feed, iter([b"[" * size]))


def brackets_allowed(size: int) -> str:
    parser = pf.JsonParser(max_depth=size)
    said = _fed(parser.feed, iter([b"[" * size]))
    assert parser.snapshot() is not None
    parser.feed(b"]" * size)
    assert parser.finish() is not None
    return said


def number(size: int) -> str:
    return _fed(pf.JsonParser().feed, _blocks(b"[", b"1", size))


def key(size: int) -> str:
    return _fed(pf.JsonParser().feed, _blocks(b'{"', b"k", size))


def string(size: int) -> str:
    parser = pf.JsonParser(max_bytes=16 * MIB)
    return _fed(parser.feed, _blocks(b'"', b"s", size))


class Ignoring(BaseModel):
    known: int = 0


def ignored_string(size: int) -> str:
    state = pf.StreamState(Ignoring, max_bytes=16 * MIB)
    return _fed(state.feed, _blocks(b'{"other":"', b"s", size))


def space(size: int) -> str:
    parser = pf.JsonParser(max_bytes=16 * MIB)
    return _fed(parser.feed, _blocks(b"[", b" ", size))


def one_byte_chunks(size: int) -> str:
    parser = pf.JsonParser()
    parser.feed(b'{"open":"')
    feed, byte = parser.feed, b"x"
    for _ in range(size):
        feed(byte)
    parser.feed(b'"}')
    value: Any = parser.finish()
    assert len(value["open"]) == size
    return "accepted"


class Row(BaseModel):
    n: int
    text: str = ""


def one_byte_typed(size: int) -> str:
    state = pf.StreamState(list[Row])
    text = b'{"n":12345,"text":"some words"},'
    state.feed(b"[")
    for at in range(size):
        state.feed(text[at % len(text) : at % len(text) + 1])
    assert state.snapshot is not None
    return "accepted"


def keys(size: int) -> str:
    parser = pf.JsonParser()
    parser.feed(b"{")
    for at in range(size):
        parser.feed(b'"key-%d":%d,' % (at, at))
        if at % (size // 100) == 0:
            parser.snapshot()
    parser.feed(b'"last":0}')
    value: Any = parser.finish()
    assert len(value) == size + 1
    return "accepted"


def typed_keys(size: int) -> str:
    state = pf.StreamState(dict[str, int])
    state.feed(b"{")
    for at in range(size):
        state.feed(b'"key-%d":%d,' % (at, at))
    state.feed(b'"last":0}')
    assert len(state.finish()) == size + 1
    return "accepted"


def check(value: str) -> str:
    return value


class Checked(BaseModel):
    """Validated from its own bytes at each level, because a validator of the user's is in it."""

    name: Annotated[str, AfterValidator(check)] = ""
    values: list[int] = []
    child: Checked | None = None


def _typed(model: type[BaseModel], document: bytes, piece: int = 4096) -> str:
    state = pf.StreamState(model)
    for at in range(0, len(document), piece):
        state.feed(document[at : at + piece])
    state.finish()
    return "accepted"


def nested_models(size: int) -> str:
    """Every level closes after what is inside it: each byte is validated once a level."""
    depth = 90
    inner = b'{"name":"n","values":[' + b"1," * (size // 2) + b"1]}"
    return _typed(Checked, b'{"child":' * depth + inner + b',"name":"n"}' * depth)


class Leaf(BaseModel):
    kind: Literal["leaf"]
    values: list[int] = []


class Fork(BaseModel):
    kind: Literal["fork"]
    child: Annotated[Fork | Leaf, Field(discriminator="kind")]


def late_tags(size: int) -> str:
    """Every tag comes last: what was read is read again once a level."""
    depth = 90
    inner = b'{"values":[' + b"1," * (size // 2) + b'1],"kind":"leaf"}'
    return _typed(Fork, b'{"child":' * depth + inner + b',"kind":"fork"}' * depth)


class Link(BaseModel):
    model_config = ConfigDict(extra="forbid")
    next: Link | None = None
    values: list[int] = []


def deep_models(size: int) -> str:
    document = b'{"values":[1],"next":' * 199 + b"{}" + b"}" * 199
    for _ in range(size):
        _typed(Link, document, piece=64)
    return "accepted"


def too_deep_models(size: int) -> str:
    said = ""
    for _ in range(size):
        said = _fed(pf.StreamState(Link).feed, iter([b'{"next":' * 300]))
    return said


def _items(size: int) -> Iterator[bytes]:
    """Yield a list that never ends, so many hundreds of its items."""
    yield b"["
    for _ in range(size):
        yield b'{"n":1,"text":"words"},' * 100


def endless_items(size: int) -> str:
    count = 0
    try:
        for item in pf.stream_items(list[Row], _items(size)):
            count += item.n
    except pf.TruncatedError:
        assert count == size * 100
        return "every item, one at a time"
    return "nothing"


def endless_beyond_the_limit(size: int) -> str:
    items = pf.stream_items(list[Row], _items(size), max_bytes=100_000)
    return _fed(lambda _: None, iter(items))


def _read(blocks: Iterator[bytes]) -> str:
    """Feed an event stream; return the error if there is one."""
    reader = EventReader("openai_chat")
    for block in blocks:
        reader.put(block)
        found = reader.pull()
        if isinstance(found, Delta.Corrupt):
            return f"corrupt: {found.why}"
    return "accepted"


def endless_line(size: int) -> str:
    return _read(_blocks(b"data: ", b"x", size))


def endless_event(size: int) -> str:
    return _read(_blocks(b"", b"data: x\n", size))


def endless_comment(size: int) -> str:
    return _read(_blocks(b": ", b"x", size))


class Left(BaseModel):
    left: int


class Right(BaseModel):
    right: int


def endless_calls(size: int) -> str:
    asked = Asked(
        provider=Chat(None),
        target=read_target(Left | Right, items=True, tools=True, strict=None),
        tools=True,
        exact_names=False,
        choices=1,
        options=DEFAULTS,
    )
    state = AnswerReader(asked, Pace("event"))

    def feed(block: bytes) -> int:
        count, item = 0, state.feed(block)
        while item is not NOTHING:
            count += 1
            item = state.pull()
        return count

    def call(number: int) -> bytes:
        function = b'{"name": "Left", "arguments": "{\\"left\\": 1}"}'
        said = b'{"index": %d, "id": "call_%d", "function": %s}' % (number, number, function)
        return b'data: {"choices": [{"delta": {"tool_calls": [%s]}}]}\n\n' % said

    try:
        assert sum(feed(call(number)) for number in range(size)) == size
    except pf.JsonError as error:
        return error.kind
    return "every item"


_TOO_LONG = "corrupt: an event of the stream is longer than the limit (byte {})"
CASES: dict[str, Case] = {
    "one million opening brackets": Case(
        brackets, 1_000_000, 10_000, "brackets", "depth_limit at 200", grows=False
    ),
    "the same with `max_depth=1_000_000`, a snapshot and their ends": Case(
        brackets_allowed, 1_000_000, 10_000, "brackets", "accepted", grows=True
    ),
    "a number without end": Case(
        number, 1 << 30, 4 * MIB, "bytes", "number_limit at 1,048,577", grows=False
    ),
    "a key without end": Case(
        key, 1 << 30, 4 * MIB, "bytes", "key_limit at 1,048,578", grows=False
    ),
    "a string without end, `max_bytes` 16 MiB": Case(
        string, 1 << 30, 20 * MIB, "bytes", "size_limit at 16,777,216", grows=False
    ),
    "a string that the model ignores, `max_bytes` 16 MiB": Case(
        ignored_string, 1 << 30, 20 * MIB, "bytes", "size_limit at 16,777,216", grows=False
    ),
    "white space without end, `max_bytes` 16 MiB": Case(
        space, 1 << 30, 20 * MIB, "bytes", "size_limit at 16,777,216", grows=False
    ),
    "chunks of one byte, all in one string": Case(
        one_byte_chunks, 10_000_000, 50_000, "chunks", "accepted", grows=True
    ),
    "chunks of one byte, a typed snapshot after each": Case(
        one_byte_typed, 1_000_000, 10_000, "chunks", "accepted", grows=True
    ),
    "distinct keys, a hundred snapshots": Case(
        keys, 1_000_000, 10_000, "keys", "accepted", grows=True
    ),
    "distinct keys, a typed snapshot after each": Case(
        typed_keys, 1_000_000, 10_000, "keys", "accepted", grows=True
    ),
    "91 nested models, validated level by level": Case(
        nested_models, 400_000, 10_000, "bytes of the innermost", "accepted", grows=True
    ),
    "91 nested unions, each tag last": Case(
        late_tags, 400_000, 10_000, "bytes of the innermost", "accepted", grows=True
    ),
    "models 200 deep": Case(deep_models, 100, 1, "documents", "accepted", grows=True),
    "models 300 deep": Case(
        too_deep_models, 100, 1, "documents", "depth_limit at 1,600", grows=True
    ),
    "items without end": Case(
        endless_items, 10_000, 20, "hundred items", "every item, one at a time", grows=True
    ),
    "items without end, `max_bytes` 100 kB": Case(
        endless_beyond_the_limit, 10_000, 100, "hundred items", "size_limit at 100,000", grows=False
    ),
    "function calls": Case(endless_calls, 100_000, 200, "calls", "every item", grows=True),
    "a line (SSE) without end": Case(
        endless_line, 1 << 30, 20 * MIB, "bytes", _TOO_LONG.format(16 * MIB), grows=False
    ),
    # Line ends are no part of the 16 MiB.
    "an event (SSE) whose lines have no end": Case(
        endless_event, 1 << 30, 20 * MIB, "bytes", _TOO_LONG.format(16 * MIB * 8 // 7), grows=False
    ),
    "a comment (SSE) without end": Case(
        endless_comment, 1 << 30, 4 * MIB, "bytes", "accepted", grows=True
    ),
}
