"""Streams in several threads at once: what was shown stays as it was, with the GIL and without."""

from __future__ import annotations

import random
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, TypeAdapter
from typing_extensions import TypedDict

import partialfast as pf

WITHOUT_GIL = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


class Tag(TypedDict):
    label: str
    weight: int


@dataclass
class Author:
    name: str
    born: int


class Item(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str
    tags: list[Tag]
    sizes: tuple[int, ...] = ()


class Document(BaseModel):
    title: str
    author: Author
    items: list[Item]
    kinds: set[int]
    by_name: dict[str, list[Item]]


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Draw a document whose containers are long enough to be brought up to date many times."""
    texts = st.text("abcäß😀", max_size=12)
    small = st.integers(0, 999)
    tags = st.lists(st.builds(Tag, label=texts, weight=small), max_size=4)
    sizes = st.lists(small, max_size=40).map(tuple)
    extra = st.dictionaries(st.sampled_from(["colour", "form"]), texts)
    items = st.builds(
        lambda name, tags, sizes, extra: Item(name=name, tags=tags, sizes=sizes, **extra),
        texts,
        tags,
        sizes,
        extra,
    )
    return Document(
        title=draw(texts),
        author=Author(name=draw(texts), born=draw(small)),
        items=draw(st.lists(items, max_size=6)),
        kinds=draw(st.sets(small, max_size=12)),
        by_name=draw(st.dictionaries(texts, st.lists(items, max_size=2), max_size=3)),
    )


def parts(value: Any) -> Iterator[Any]:
    """Yield every object of a snapshot that a program could keep for itself."""
    yield value
    if isinstance(value, BaseModel):
        yield value.model_fields_set
        inner = list(value.__dict__.values())
    elif isinstance(value, Author):
        inner = list(value.__dict__.values())
    elif isinstance(value, dict):
        inner = list(value.values())
    elif isinstance(value, list | tuple):
        inner = list(value)
    else:
        inner = []
    for part in inner:
        yield from parts(part)


class Shelf:
    """Parts of snapshots that threads keep, each beside what it looked like when it was put."""

    def __init__(self, size: int, seed: int) -> None:
        self.places: list[tuple[Any, str] | None] = [None] * size
        self.random = random.Random(seed)  # noqa: S311  # for a draw that can be repeated
        self.wrong: list[tuple[str, str]] = []
        self.lock = threading.Lock()

    def put(self, snapshot: Any, seed: int) -> None:
        chosen = random.Random(seed)  # noqa: S311
        part = chosen.choice(list(parts(snapshot)))
        self.places[chosen.randrange(len(self.places))] = (part, repr(part))

    def look(self, place: int) -> None:
        """Check what is kept; now and then take it away, so that it is dropped by this thread."""
        kept = self.places[place]
        if kept is None:
            return
        part, before = kept
        if repr(part) != before:
            with self.lock:
                self.wrong.append((before, repr(part)))
        if place % 3 == 0:
            self.places[place] = None


@contextmanager
def often_switching() -> Generator[None]:
    """Let threads take turns as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def run(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


@given(st.lists(documents(), min_size=3, max_size=3), st.integers(0, 2**32), st.integers(1, 24))
def test_what_other_threads_keep_and_drop_stays_as_it_was(  # noqa: C901 - two kinds of threads
    drawn: list[Document], seed: int, size: int
) -> None:
    shelf = Shelf(16, seed)
    failures: list[BaseException] = []
    writing = threading.Semaphore(0)

    def write(document: Document, own: int) -> None:
        try:
            text = document.model_dump_json().encode()
            state = pf.StreamState(Document)
            for start in range(0, len(text), size):
                snapshot = state.feed(text[start : start + size])
                # Most are dropped at once, so that their containers are handed out again.
                if snapshot is not None and (start + own) % 5 == 0:
                    shelf.put(snapshot, own + start)
                del snapshot
            assert state.finish() == document
        except BaseException as failure:  # noqa: BLE001  # told in the test's own thread
            failures.append(failure)
        finally:
            writing.release()

    def read() -> None:
        try:
            while not writing.acquire(blocking=False):
                for place in range(len(shelf.places)):
                    shelf.look(place)
            writing.release()
        except BaseException as failure:  # noqa: BLE001
            failures.append(failure)

    with often_switching():
        run(
            [
                *(
                    threading.Thread(target=write, args=(document, seed + number))
                    for number, document in enumerate(drawn)
                ),
                *(threading.Thread(target=read) for _ in range(3)),
            ]
        )
    if failures:
        raise failures[0]
    for place in range(len(shelf.places)):
        shelf.look(place)
    assert shelf.wrong == []


@given(documents(), st.integers(1, 24))
def test_a_stream_that_goes_from_thread_to_thread_gives_what_one_thread_gives(
    document: Document, size: int
) -> None:
    text = document.model_dump_json().encode()
    chunks = [text[start : start + size] for start in range(0, len(text), size)]
    state, alone = pf.StreamState(Document), pf.StreamState(Document)
    for chunk in chunks:
        seen: list[Any] = []
        run([threading.Thread(target=lambda: seen.append(state.feed(chunk)))])  # noqa: B023
        assert repr(seen[0]) == repr(alone.feed(chunk))
    assert state.finish() == document


@pytest.mark.parametrize("_again", range(5))
def test_threads_that_compile_one_type_at_once_get_one_partial_class(_again: int) -> None:
    class Fresh(BaseModel):
        name: str
        items: list[Item]

    start = threading.Barrier(4)
    classes: list[type] = []

    def compile_it() -> None:
        start.wait(30)
        classes.append(type(pf.StreamState(Fresh).feed(b'{"name": "x"')))

    with often_switching():
        run([threading.Thread(target=compile_it) for _ in range(4)])
    assert classes == [pf.Partial[Fresh]] * 4


def test_threads_that_read_whole_documents_get_what_is_written() -> None:
    text = TypeAdapter(list[int]).dump_json(list(range(2_000)))
    names = b"[" + b",".join(b'"name %d"' % number for number in range(2_000)) + b"]"
    results: list[Any] = []

    def read() -> None:
        results.extend((pf.loads(text), pf.loads(names)) for _ in range(20))

    with often_switching():
        run([threading.Thread(target=read) for _ in range(4)])
    assert len(results) == 80
    expected = (list(range(2_000)), [f"name {number}" for number in range(2_000)])
    assert all(result == expected for result in results)


@pytest.mark.skipif(not WITHOUT_GIL, reason="this interpreter has a GIL")
def test_importing_the_package_leaves_the_gil_off() -> None:
    code = "import partialfast, partialfast._core, sys; print(sys._is_gil_enabled())"
    command = [sys.executable, "-W", "error", "-c", code]
    told = subprocess.run(  # noqa: S603  # a program of ours
        command, check=True, capture_output=True, text=True, timeout=60
    )
    assert told.stdout.strip() == "False"
