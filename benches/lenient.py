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
import functools
import importlib
import json
import random
import types
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

import partialfast as pf
from benches.measuring import best_cpu, last
from benches.workloads import tokens, workload
from tests.sloppy import KINDS, written

__all__ = ["main"]

#: Reads the pieces of a text, and gives what there is after each.
Reader = Callable[[Iterable[str]], Iterator[Any]]


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


_BAML = """
client<llm> Nobody {
  provider openai
  options {
    model "none"
    api_key "none"
  }
}
class Person {
  name string?
  note string?
  age int?
  score float?
  active bool?
  tags string[]
}
class Group {
  title string?
  people Person[]
}
function Read(text: string) -> Group {
  client Nobody
  prompt #"{{ ctx.output_format }}"#
}
"""


def partialfast(pieces: Iterable[str]) -> Iterator[Any]:
    parser = pf.JsonParser(lenient=True)
    for piece in pieces:
        parser.feed(piece)
        yield parser.snapshot()
    yield parser.finish()


def partialfast_strict(pieces: Iterable[str]) -> Iterator[Any]:
    parser = pf.JsonParser()
    for piece in pieces:
        parser.feed(piece)
        yield parser.snapshot()


def _again(read: Callable[[str], Any]) -> Reader:
    """Return a reader that reads the text so far again."""

    def reader(pieces: Iterable[str]) -> Iterator[Any]:
        text, shown, failure = "", None, None
        for piece in pieces:
            text += piece
            # What it cannot read yet, it may be able to read later: what was shown stays.
            try:
                shown, failure = read(text), None
            except Exception as error:  # noqa: BLE001 - each has errors of its own
                failure = error
            yield shown
        if failure is not None:
            raise failure

    return reader


def _loads_of(module: str, **options: Any) -> Reader:
    return _again(functools.partial(importlib.import_module(module).loads, **options))


def baml() -> Reader:
    module = importlib.import_module("baml_py")
    runtime = module.BamlRuntime.from_files("/baml", {"/baml/read.baml": _BAML}, {})
    context = runtime.create_context_manager()
    enums, classes = types.ModuleType("enums"), types.ModuleType("classes")
    vars(classes).update(Person=Person, Group=Group)

    def read(text: str) -> Any:
        value = runtime.parse_llm_response(
            "Read",
            text,
            enums,
            classes,
            classes,
            True,  # noqa: FBT003 - its own signature
            context,
            None,
            None,
            {},
        )
        return value.model_dump()

    return _again(read)


class Subject(NamedTuple):
    """Somebody who reads.

    Attributes:
        name: As printed.
        make: Makes the reader; an `ImportError` leaves the subject out.
        typed: Whether it wants a class.
    """

    name: str
    make: Callable[[], Reader]
    typed: bool = False


SUBJECTS = (
    Subject("partialfast, lenient", lambda: partialfast),
    Subject("json_repair", lambda: _loads_of("json_repair", stream_stable=True)),
    Subject("fast-json-repair", lambda: _loads_of("fast_json_repair")),
    Subject("partial-json-parser", lambda: _loads_of("partial_json_parser")),
    Subject("BAML", baml, typed=True),
)


def taken_back(before: Any, after: Any) -> bool:
    """Tell whether `after` has not all that `before` had: texts, lists and objects may grow."""
    if isinstance(before, str) and isinstance(after, str):
        return not after.startswith(before)
    if isinstance(before, list) and isinstance(after, list):
        return len(after) < len(before) or any(map(taken_back, before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        return any(key not in after or taken_back(held, after[key]) for key, held in before.items())
    # What a class fills in for what is absent.
    return before not in (None, [], {}) and before != after


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


class Score(NamedTuple):
    """What came of a corpus: counts of texts, and of prefixes after which something changed."""

    accepted: int
    right: int
    taken_back: int
    texts_taken_back: int


def score(reader: Reader, corpus: list[tuple[str, Any]]) -> Score:
    accepted = right = changes = texts = 0
    for text, meant in corpus:
        shown: list[Any] = []
        try:
            shown.extend(json.loads(json.dumps(value)) for value in reader(text))
            accepted += 1
            right += shown[-1] == meant
        except Exception:  # noqa: BLE001, S110 - each has errors of its own
            pass
        changed = sum(taken_back(before, after) for before, after in pairwise(shown))
        changes += changed
        texts += changed > 0
    return Score(accepted, right, changes, texts)


def seconds(reader: Reader, chunks: list[str], budget: float = 2.0) -> float:
    """Return the best CPU seconds for all chunks, of the runs within a budget."""
    return best_cpu(lambda: last(reader(chunks)), budget_s=budget)


def _figure(reader: Reader, chunks: list[str]) -> str:
    try:
        return f"{seconds(reader, chunks) / len(chunks) * 1e6:,.2f}"
    except Exception:  # noqa: BLE001 - each has errors of its own
        return "refused"


def _readers() -> Iterator[tuple[Subject, Reader]]:
    for subject in SUBJECTS:
        try:
            yield subject, subject.make()
        except ImportError as error:  # noqa: PERF203 - five times
            print(f"{subject.name}: not installed ({error})")


def _print_scores(
    what: str, corpus: list[tuple[str, Any]], readers: list[tuple[Subject, Reader]]
) -> None:
    length = sum(len(text) for text, _ in corpus)
    print(f"\n{len(corpus)} {what}; {length:,} characters, read after each one\n")
    print(f"{'':24}{'accepted':>9}{'right':>7}{'take-backs':>12}{'in texts':>10}")
    for subject, reader in readers:
        found = score(reader, corpus)
        print(
            f"{subject.name:24}{found.accepted:9}{found.right:7}{found.taken_back:12,}"
            f"{found.texts_taken_back:10}"
        )


def _print_ratios() -> None:
    """Print what lenient reading of JSON costs beside strict reading."""
    print("\nus a chunk of JSON: strict, lenient, and their ratio\n")
    for name in ("meeting", "orders-1k", "orders-10k", "orders-100k", "essay-100k", "nested-10k"):
        work = workload(name)
        typed: list[float] = []
        plain: list[float] = []
        for lenient in (False, True):

            def stream(chunks: Iterable[str], *, lenient: bool = lenient) -> Iterator[Any]:
                return iter(pf.stream(work.model, chunks, lenient=lenient))  # noqa: B023 - called at once

            typed.append(seconds(stream, work.chunks) / len(work.chunks) * 1e6)
            reader = partialfast if lenient else partialfast_strict
            plain.append(seconds(reader, work.chunks) / len(work.chunks) * 1e6)
        print(
            f"{name:14} untyped {plain[0]:6.3f} {plain[1]:6.3f} {plain[1] / plain[0]:5.2f}"
            f"   typed {typed[0]:6.3f} {typed[1]:6.3f} {typed[1] / typed[0]:5.2f}"
        )


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(
        description="Read what models write instead of JSON, beside the repairers."
    )
    arguments.add_argument("--texts", type=int, default=200)
    arguments.add_argument("--pairs", type=Path, default=Path("../shared/data/lenient/pairs.jsonl"))
    arguments.add_argument("--workload", default="orders-1k")
    args = arguments.parse_args()
    readers = list(_readers())

    mild = [
        (written(group, seed, {KINDS[seed % len(KINDS)]}), group)
        for seed, group in enumerate(groups(args.texts))
    ]
    wild = [(written(group, seed), group) for seed, group in enumerate(groups(args.texts))]
    _print_scores("texts of known values, each with one kind of what JSON has not", mild, readers)
    _print_scores("texts of known values, each with all kinds", wild, readers)

    if args.pairs.exists():
        lines = [json.loads(line) for line in args.pairs.read_text(encoding="utf-8").splitlines()]
        pairs = [(line["input"], line["peer_value"]) for line in lines]
        untyped = [(subject, reader) for subject, reader in readers if not subject.typed]
        _print_scores("texts of the repairers' own tests; right is what they say", pairs, untyped)

    work = workload(args.workload)
    chunks = list(work.chunks)
    sloppy = tokens(written(json.loads("".join(chunks)), 1))
    person = tokens(written(next(groups(1)), 1))
    print(f"\nus a chunk ({args.workload}: {len(chunks):,} chunks as JSON, {len(sloppy):,} as")
    print(f"written; a text of the second table: {len(person)})\n")
    print(f"{'':24}{'JSON':>9}{'written':>10}{'a short one':>13}")
    subjects: list[tuple[str, Reader, bool]] = [("partialfast, strict", partialfast_strict, False)]
    subjects += [(subject.name, reader, subject.typed) for subject, reader in readers]
    for name, reader, typed in subjects:
        figures: list[str] = []
        for text in (chunks, sloppy, person):
            if (typed and text is not person) or (
                reader is partialfast_strict and text is not chunks
            ):
                figures.append("")
            else:
                figures.append(_figure(reader, text))
        print(f"{name:24}{figures[0]:>9}{figures[1]:>10}{figures[2]:>13}")
    _print_ratios()


if __name__ == "__main__":
    main()
