"""Reading what models write instead of JSON, beside the repairers, in one run.

Three questions, each to all of them:

- Texts that `tests.sloppy` writes of a known value: how many are accepted, how many are right.
- The same texts, and those of the repairers' own tests (``--pairs``), read after every character,
  as a stream is: how often something shown changes afterwards in another way than by growing.
- The time for a token-sized chunk, where a snapshot is wanted after each. The peers read the text
  so far again, since none of them can go on.

BAML wants a class for what it reads, so it does not take part in what has none.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import partialfast as pf
from benches.measuring import best_of_each, last
from benches.newer import PEERS, installed, taken_back
from benches.pages import table
from benches.peers import Reader, plain, read_untyped
from benches.workloads import tokens, workload
from tests.sloppy import KINDS, written

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast",)


class Person(BaseModel):
    name: str | None = None
    note: str | None = None
    age: int | None = None
    score: float | None = None
    active: bool | None = None
    tags: list[str] = []


class Group(BaseModel):
    title: str | None = None
    people: list[Person] = []


Corpus = list[tuple[str, Any]]


def _groups(count: int) -> Iterator[dict[str, Any]]:
    """Yield values to be written."""
    draw = random.Random(7)
    words = ["Ada", "it's", 'say "hi"', "two\nlines", "C:\\new", "New York", "naïve", "yes", "a, b"]
    for _ in range(count):
        people = [
            {
                "name": draw.choice(words),
                "note": " ".join(draw.choices(words, k=4)),
                "age": draw.randrange(2000),
                "score": round(draw.random(), 3),
                "active": draw.random() < 0.5,
                "tags": draw.choices(words, k=draw.randrange(3)),
            }
            for _ in range(draw.randrange(1, 4))
        ]
        yield {"title": draw.choice(words), "people": people}


def _score(name: str, corpus: Corpus) -> list[str]:
    """Return a row: texts accepted, right, prefixes after which something changed, in how many."""
    accepted = right = changes = texts = 0
    for text, meant in corpus:
        shown: list[Any] = []
        try:
            shown.extend(map(plain, PEERS[name].read(Group, text)))
            accepted += 1
            right += shown[-1] == meant
        except Exception:  # noqa: BLE001, S110 - each has errors of its own
            pass
        changed = sum(taken_back(before, after) for before, after in pairwise(shown))
        changes += changed
        texts += changed > 0
    return [name, str(accepted), str(right), f"{changes:,}", str(texts)]


def _us(
    model: type[BaseModel], chunks: list[str], readers: Mapping[str, Reader]
) -> dict[str, float]:
    """Return microseconds a chunk of each reader that accepts the text."""
    runs: dict[str, Callable[[], Any]] = {}
    for name, read in readers.items():
        runs[name] = partial(lambda read: last(read(model, chunks)), read)
        try:
            runs[name]()
        except Exception:  # noqa: BLE001 - each has errors of its own
            del runs[name]
    return {name: s / len(chunks) * 1e6 for name, s in best_of_each(runs, seconds=3).items()}


def _ratios(name: str) -> Iterator[str]:
    """Yield what reading JSON takes: strict, lenient, and their ratio, without a type and with."""
    yield name
    work = workload(name)
    for read in (read_untyped, pf.stream):
        us = _us(work.model, work.chunks, {"": read, "lenient": partial(read, lenient=True)})
        strict, lenient = us.values()
        yield from (f"{strict:.3f}", f"{lenient:.3f}", f"{lenient / strict:.2f}")


def lines(
    *,
    texts: int = 200,
    pairs: Path = Path("../shared/data/lenient/pairs.jsonl"),
    document: str = "orders-1k",
) -> Iterator[str]:
    """Measure all; yield the tables.

    Args:
        texts: How many texts of known values.
        pairs: Inputs of the repairers' own tests, with what they read; left out if absent.
        document: The workload that is timed.
    """
    readers = [name for name in installed() if PEERS[name].lenient]
    untyped = [name for name in readers if not PEERS[name].typed]
    values = list(enumerate(_groups(texts)))
    corpora: dict[str, tuple[Corpus, Sequence[str]]] = {
        "texts of known values, each with one kind of what JSON has not": (
            [(written(value, seed, {KINDS[seed % len(KINDS)]}), value) for seed, value in values],
            readers,
        ),
        "texts of known values, each with all kinds": (
            [(written(value, seed), value) for seed, value in values],
            readers,
        ),
    }
    if pairs.exists():
        read = map(json.loads, pairs.read_text(encoding="utf-8").splitlines())
        meant = [(line["input"], line["peer_value"]) for line in read]
        corpora["texts of the repairers' own tests; right is what they say"] = meant, untyped
    for what, (corpus, who) in corpora.items():
        length = sum(len(text) for text, _ in corpus)
        yield f"{len(corpus)} {what}; {length:,} characters, read after each one:"
        heading = ["", "accepted", "right", "take-backs", "in texts"]
        yield table(heading, [_score(name, corpus) for name in who])

    work = workload(document)
    sloppy = tokens(written(json.loads(work.text), 1))
    person = tokens(written(values[0][1], 1))
    timed: dict[str, list[str]] = {name: [] for name in ("partialfast", *readers)}
    for model, chunks, who in (
        (work.model, work.chunks, ["partialfast", *untyped]),
        (work.model, sloppy, untyped),
        (Group, person, readers),
    ):
        us = _us(model, chunks, {name: PEERS[name].read for name in who})
        shown = {name: f"{us[name]:.3f}" if name in us else "refused" for name in who}
        for name, cells in timed.items():
            cells.append(shown.get(name, ""))
    yield (
        f"us a chunk ({document}: {len(work.chunks):,} chunks as JSON, {len(sloppy):,} as written; "
        f"a text of the second table: {len(person)}):"
    )
    rows = [[name, *cells] for name, cells in timed.items()]
    yield table(["", "JSON", "written", "a short one"], rows)
    yield "us a chunk of JSON: strict, lenient, and their ratio:"
    names = ("meeting", "orders-1k", "orders-10k", "orders-100k", "essay-100k", "nested-10k")
    heading = ["", "untyped", "lenient", "ratio", "typed", "lenient", "ratio"]
    yield table(heading, ([*_ratios(name)] for name in names))
