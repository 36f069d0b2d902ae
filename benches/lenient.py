"""Reading what models write instead of JSON, beside the repairers, in one run.

    make bench-lenient
    python -m benches.lenient [--texts 200] [--pairs FILE] [--workload orders-1k]

Three questions, each to all of them:

- Texts that `tests.sloppy` writes of a known value: how many are accepted, how many are right.
- The same texts, and those of the repairers' own tests (`--pairs`), read after every character, as
  a stream is: how often something shown changes afterwards in another way than by growing.
- The time for a token-sized chunk, where a snapshot is wanted after each. The peers read the text
  so far again, since none of them can go on.

BAML wants a class for what it reads, so it does not take part in what has none.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from benches.measuring import best_cpu, last
from benches.newer import taken_back
from benches.peers import PEERS, Reader, plain
from benches.table import show, table
from benches.workloads import Workload, tokens, workload
from tests.sloppy import KINDS, written

__all__ = ["main"]

#: Keys of `benches.peers.PEERS`.
READERS = (
    "partialfast, lenient",
    "json_repair",
    "fast-json-repair",
    "partial-json-parser",
    "BAML, typed",
)


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


def groups(count: int) -> Iterator[dict[str, Any]]:
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


def score(name: str, reader: Reader, corpus: Corpus) -> list[str]:
    """Return a row: texts accepted, right, prefixes after which something changed, in how many."""
    accepted = right = changes = texts = 0
    for text, meant in corpus:
        shown: list[Any] = []
        try:
            shown.extend(map(plain, reader(text)))
            accepted += 1
            right += shown[-1] == meant
        except Exception:  # noqa: BLE001, S110 - each has errors of its own
            pass
        changed = sum(taken_back(before, after) for before, after in pairwise(shown))
        changes += changed
        texts += changed > 0
    return [name, str(accepted), str(right), f"{changes:,}", str(texts)]


def us(reader: Reader, chunks: list[str]) -> float:
    """Return microseconds a chunk."""
    seconds = best_cpu(lambda: last(reader(chunks)), rounds=1, budget_s=2.0)
    return seconds / len(chunks) * 1e6


def _us(reader: Reader, chunks: list[str]) -> str:
    try:
        return f"{us(reader, chunks):,.2f}"
    except Exception:  # noqa: BLE001 - each has errors of its own
        return "refused"


def ratios(work: Workload) -> Iterator[str]:
    """Yield what reading JSON takes: strict, lenient, and their ratio, without a type and with."""
    for kind in ("partialfast", "partialfast, typed"):
        strict, lenient = (
            us(PEERS[name].make(work.model), work.chunks) for name in (kind, f"{kind}, lenient")
        )
        yield from (f"{strict:.3f}", f"{lenient:.3f}", f"{lenient / strict:.2f}")


def _show(title: str, heading: list[str], rows: Iterable[list[str]]) -> None:
    print(f"\n{title}\n")
    show(table([f"{heading[0]:20}", *heading[1:]], rows))


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(
        description="Read what models write instead of JSON, beside the repairers."
    )
    arguments.add_argument("--texts", type=int, default=200)
    arguments.add_argument("--pairs", type=Path, default=Path("../shared/data/lenient/pairs.jsonl"))
    arguments.add_argument("--workload", default="orders-1k")
    args = arguments.parse_args()
    readers: dict[str, Reader] = {}
    for name in READERS:
        try:
            readers[name] = PEERS[name].make(Group)
        except ImportError as error:  # noqa: PERF203 - five times
            print(f"{name}: not installed ({error})")
    untyped = {name: reader for name, reader in readers.items() if not PEERS[name].typed}

    values = list(enumerate(groups(args.texts)))
    corpora: dict[str, tuple[Corpus, dict[str, Reader]]] = {
        "texts of known values, each with one kind of what JSON has not": (
            [(written(value, seed, {KINDS[seed % len(KINDS)]}), value) for seed, value in values],
            readers,
        ),
        "texts of known values, each with all kinds": (
            [(written(value, seed), value) for seed, value in values],
            readers,
        ),
    }
    if args.pairs.exists():
        lines = map(json.loads, args.pairs.read_text(encoding="utf-8").splitlines())
        pairs = [(line["input"], line["peer_value"]) for line in lines]
        corpora["texts of the repairers' own tests; right is what they say"] = pairs, untyped
    for what, (corpus, who) in corpora.items():
        length = sum(len(text) for text, _ in corpus)
        _show(
            f"{len(corpus)} {what}; {length:,} characters, read after each one",
            ["", "accepted", "right", "take-backs", "in texts"],
            (score(name, reader, corpus) for name, reader in who.items()),
        )

    work = workload(args.workload)
    sloppy = tokens(written(json.loads(work.text), 1))
    person = tokens(written(values[0][1], 1))
    strict = PEERS["partialfast"].make(Group)
    timed = [["partialfast, strict", _us(strict, work.chunks), "", ""]]
    for name, reader in readers.items():
        whole = [_us(reader, text) if name in untyped else "" for text in (work.chunks, sloppy)]
        timed.append([name, *whole, _us(reader, person)])
    _show(
        f"us a chunk ({args.workload}: {len(work.chunks):,} chunks as JSON, {len(sloppy):,} as "
        f"written; a text of the second table: {len(person)})",
        ["", "JSON", "written", "a short one"],
        timed,
    )
    names = ("meeting", "orders-1k", "orders-10k", "orders-100k", "essay-100k", "nested-10k")
    _show(
        "us a chunk of JSON: strict, lenient, and their ratio",
        ["", "untyped", "lenient", "ratio", "typed", "lenient", "ratio"],
        ([name, *ratios(workload(name))] for name in names),
    )


if __name__ == "__main__":
    main()
