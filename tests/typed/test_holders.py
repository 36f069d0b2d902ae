"""Snapshots are kept, by whatever holds a part of one.

The containers of a snapshot are used again when their reference counts show that nobody holds
them. So each kind of holder that is known to be odd gets its turn here, at every step of a stream.
"""

from __future__ import annotations

import collections
import contextvars
import copy
import dataclasses
import functools
import gc
import inspect
import itertools
import operator
import threading
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr
from typing_extensions import TypedDict

from partialfast import JsonParser, StreamState
from tests.chunkings import sized


class Leaf(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str = ""
    tags: list[str] = []


@dataclasses.dataclass
class Pair:
    left: str
    right: list[int] = dataclasses.field(default_factory=list)


class Entry(TypedDict, total=False):
    words: list[str]


class Tree(BaseModel):
    title: str = ""
    numbers: list[int] = []
    leaves: list[Leaf] = []
    table: dict[str, list[str]] = Field(default_factory=dict)
    pairs: list[Pair] = []
    entry: Entry = Field(default_factory=Entry)
    child: Tree | None = None


TEXT = (
    b'{"title":"abc","numbers":[1,22,333],"leaves":[{"name":"x","tags":["p","qq"],"more":[1,2]},'
    b'{"name":"yy"}],"table":{"a":["1","22"],"b":[]},"pairs":[{"left":"l","right":[1,2]},'
    b'{"left":"m"}],"entry":{"words":["v","w"]},"child":{"title":"deep","numbers":[4,5]}}'
)

#: A part of a snapshot, and what reads it again later. The second is called once, at the end.
Held = Callable[[], Any]


def _suspended(tree: Tree) -> Iterator[Any]:
    yield None
    yield tree.model_dump()


def _in_generator(tree: Tree) -> Held:
    waiting = _suspended(tree)
    next(waiting)
    return functools.partial(next, waiting)


def _in_traceback(tree: Tree) -> Held:
    def fail(local: Tree) -> None:
        raise RuntimeError(local.title)

    with pytest.raises(RuntimeError) as raised:
        fail(tree)
    caught = raised.value
    del tree

    def read() -> Any:
        frame = caught.__traceback__
        assert frame is not None
        assert frame.tb_next is not None
        return frame.tb_next.tb_frame.f_locals["local"].model_dump()

    return read


def _in_thread(tree: Tree) -> Held:
    local = threading.local()
    local.tree = tree

    def read() -> Any:
        return local.tree.model_dump()

    return read


def _in_context(tree: Tree) -> Held:
    variable: contextvars.ContextVar[Tree] = contextvars.ContextVar("variable")
    context = contextvars.copy_context()
    context.run(variable.set, tree)

    def read() -> Any:
        return context[variable].model_dump()

    return read


def _by_referrer(tree: Tree) -> Held:
    """Take what the collector knows: the very `__dict__`, found from what is in it."""
    numbers = tree.numbers
    found = [item for item in gc.get_referrers(numbers) if item is tree.__dict__]
    del tree, numbers
    # An instance may have no dict of its own before it is asked for (3.13).
    return lambda: [_plain(item) for item in found]


def _from_all_objects(tree: Tree) -> Held:
    numbers = tree.numbers
    found = [item for item in gc.get_objects() if item is numbers]
    del tree, numbers
    return lambda: [list(item) for item in found]


def _plain(value: Any) -> Any:
    """Return `value` as builtins, copied now."""
    if isinstance(value, BaseModel):
        return {"set": sorted(value.model_fields_set)} | _plain(value.__dict__)
    if dataclasses.is_dataclass(value):
        return _plain(value.__dict__)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _rows(items: Iterator[tuple[Any, Any]]) -> list[Any]:
    return [(_plain(key), _plain(item)) for key, item in items]


def _in_closure(tree: Tree) -> Held:
    def read() -> Any:
        return tree.model_dump()

    return read


def _in_default(tree: Tree) -> Held:
    def read(kept: Tree = tree) -> Any:
        return kept.model_dump()

    return read


def _later_list(view: Iterable[Any]) -> Held:
    return lambda: [_plain(item) for item in view]


def _later_dict(view: Mapping[str, Any]) -> Held:
    return lambda: _plain(dict(view))


def _first_leaf(tree: Tree) -> Any:
    return tree.leaves[0] if tree.leaves else tree


HOLDERS: dict[str, Callable[[Tree], Held]] = {
    "instance": lambda tree: functools.partial(_plain, tree),
    "dict": lambda tree: functools.partial(_plain, tree.__dict__),
    "vars": lambda tree: functools.partial(_plain, vars(tree)),
    "fields_set": lambda tree: functools.partial(sorted, tree.model_fields_set),
    "extra": lambda tree: functools.partial(_plain, _first_leaf(tree).__pydantic_extra__),
    "list": lambda tree: functools.partial(_plain, tree.numbers),
    "list-in-list": lambda tree: functools.partial(_plain, tree.leaves),
    "mapping": lambda tree: functools.partial(_plain, tree.table),
    "typed-dict": lambda tree: functools.partial(_plain, tree.entry),
    "typed-dict-list": lambda tree: functools.partial(_plain, (tree.entry or {}).get("words")),
    "dataclass": lambda tree: functools.partial(_plain, tree.pairs[-1:]),
    "leaf": lambda tree: functools.partial(_plain, _first_leaf(tree)),
    "child": lambda tree: functools.partial(_plain, tree.child),
    "iterator": lambda tree: functools.partial(list, iter(tree.numbers)),
    "reversed": lambda tree: functools.partial(list, reversed(tree.numbers)),
    "enumerate": lambda tree: functools.partial(list, enumerate(tree.numbers)),
    "zip": lambda tree: functools.partial(list, zip(tree.numbers, tree.numbers, strict=True)),
    "map": lambda tree: functools.partial(list, map(str, tree.numbers)),
    "generator": lambda tree: functools.partial(list, (number for number in tree.numbers)),
    "suspended": _in_generator,
    "chain": lambda tree: functools.partial(list, itertools.chain(tree.numbers, tree.numbers)),
    "tee": lambda tree: functools.partial(list, itertools.tee(tree.numbers)[1]),
    "items": lambda tree: functools.partial(_rows, iter(tree.__dict__.items())),
    "values": lambda tree: _later_list(tree.table.values()),
    "keys": lambda tree: functools.partial(list, tree.table.keys()),
    "proxy": lambda tree: _later_dict(types.MappingProxyType(tree.__dict__)),
    "chain-map": lambda tree: _later_dict(collections.ChainMap(tree.table)),
    "partial": lambda tree: functools.partial(len, tree.numbers),
    "bound": lambda tree: tree.model_dump,
    "bound-builtin": lambda tree: tree.numbers.copy,
    "method-wrapper": lambda tree: tree.numbers.__len__,
    "method-type": lambda tree: types.MethodType(_plain, tree),
    "attrgetter": lambda tree: functools.partial(_plain, operator.attrgetter("leaves")(tree)),
    "super": lambda tree: super(Tree, tree).model_dump,
    "closure": _in_closure,
    "default": _in_default,
    "traceback": _in_traceback,
    "thread-local": _in_thread,
    "context": _in_context,
    "referrers": _by_referrer,
    "all-objects": _from_all_objects,
    "shallow": lambda tree: functools.partial(_plain, copy.copy(tree)),
    "model-copy": lambda tree: functools.partial(_plain, tree.model_copy()),
    "dict-copy": lambda tree: functools.partial(_plain, tree.__dict__.copy()),
    "list-copy": lambda tree: functools.partial(_plain, tree.leaves[:]),
    "pairs": lambda tree: functools.partial(_rows, iter(list(tree))),
    "getmembers": lambda tree: functools.partial(_plain, inspect.getattr_static(tree, "numbers")),
    "deque": lambda tree: functools.partial(_plain, collections.deque([tree])[0]),
}


def _now(held: Held) -> Any:
    return _plain(held())


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_what_holds_a_part_of_a_snapshot_keeps_it_as_it_was(holder: Callable[[Tree], Held]) -> None:
    chunks = sized(TEXT, 3)
    for step in range(0, len(chunks), 2):
        state = StreamState(Tree)
        kept: Held | None = None
        expected: Any = None
        for number, chunk in enumerate(chunks):
            snapshot = state.feed(chunk)
            if number == step and snapshot is not None:
                # Its own reading of the same snapshot, before anything can have changed.
                expected = copy.deepcopy(_now(holder(snapshot.model_copy(deep=True))))
                kept = holder(snapshot)
            del snapshot
        if kept is not None:
            assert _now(kept) == expected, step


def test_a_weak_reference_that_is_alive_shows_what_it_showed() -> None:
    references: list[tuple[weakref.ref[Any], str]] = []
    state = StreamState(Tree)
    for chunk in sized(TEXT, 2):
        snapshot = state.feed(chunk)
        if snapshot is not None:
            references.append((weakref.ref(snapshot), snapshot.model_dump_json()))
        del snapshot
        for reference, shown in references:
            alive = reference()
            if alive is not None:
                assert alive.model_dump_json() == shown
            del alive


def test_a_result_that_a_cached_property_kept_is_of_its_own_snapshot() -> None:
    class Sum(BaseModel):
        numbers: list[int] = []
        note: str = ""
        inner: Sum | None = None

        @functools.cached_property
        def total(self) -> int:
            return sum(self.numbers) + (self.inner.total if self.inner else 0)

    state = StreamState(Sum)
    shown = 0
    for chunk in sized(b'{"numbers":[1,2,3],"inner":{"numbers":[10,20],"note":"abcdef"}}', 1):
        snapshot = state.feed(chunk)
        if snapshot is not None:
            inner = snapshot.inner
            assert snapshot.total == sum(snapshot.numbers) + (sum(inner.numbers) if inner else 0)
            del inner
            shown += 1
        del snapshot
    assert shown > 10


def test_a_result_that_a_private_attribute_keeps_is_of_its_own_snapshot() -> None:
    class Sum(BaseModel):
        numbers: list[int] = []
        _total: int | None = PrivateAttr(default=None)

        @property
        def total(self) -> int:
            if self._total is None:
                self._total = sum(self.numbers)
            return self._total

    state = StreamState(Sum)
    for chunk in sized(b'{"numbers":[1,2,3,4,5]}', 2):
        snapshot = state.feed(chunk)
        if snapshot is not None:
            assert snapshot.total == sum(snapshot.numbers)
        del snapshot


def test_finalizers_of_a_model_and_a_dataclass_run_on_complete_instances_only() -> None:
    seen: list[dict[str, Any]] = []

    class Model(BaseModel):
        a: int
        b: str

        def __del__(self) -> None:
            seen.append(dict(self.__dict__))

    @dataclasses.dataclass
    class Plain:
        a: int
        b: str

        def __del__(self) -> None:
            seen.append(dict(self.__dict__))

    for type_ in (Model, Plain):
        seen.clear()
        state: StreamState[Any] = StreamState(type_)
        for chunk in sized(b'{"a":1,"b":"xyz"}', 1):
            state.feed(chunk)
        del state
        assert seen, type_
        assert all(values == {"a": 1, "b": "xyz"} for values in seen), type_


@pytest.mark.parametrize("hold", [list, iter, reversed, functools.partial(functools.partial, list)])
def test_untyped_snapshots_are_kept(hold: Callable[[list[Any]], Any]) -> None:
    parser = JsonParser()
    held: list[tuple[Any, list[Any]]] = []
    for chunk in sized(b'[[1,2],{"a":[3]},"text",[4,[5]]]', 1):
        parser.feed(chunk)
        snapshot = parser.snapshot()
        if isinstance(snapshot, list):
            held.append((hold(snapshot), copy.deepcopy(snapshot)))
        del snapshot
    for holder, expected in held:
        found: Any = holder() if callable(holder) else holder
        in_order: list[Any] = list(found)
        assert in_order in (expected, expected[::-1])
