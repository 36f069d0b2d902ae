"""The documents that everything is measured on.

A workload is named ``meeting`` or ``KIND-SIZE`` (``orders-10k``, ``essay-100k``, ``nested-1000k``)
and is a pydantic model, one JSON document of about that many characters, and its cut into chunks as
a language model would write them. A folder ``../shared/bench`` beside the repository takes
precedence, so that figures can be compared with those measured there; without it this module's own
generator makes documents of the same kinds.
"""

from __future__ import annotations

import json
import random
import re
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

__all__ = ["Workload", "own_workload", "source", "tokens", "workload"]

SEED = 7
_SHARED = Path(__file__).resolve().parents[2] / "shared"

Json = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """A document, its type, and the pieces in which it arrives."""

    name: str
    model: type[BaseModel]
    text: str
    chunks: list[str]

    @cached_property
    def byte_chunks(self) -> list[bytes]:
        """The same pieces, encoded."""
        return [chunk.encode() for chunk in self.chunks]


class Person(BaseModel):
    name: str
    email: str
    handle: str


class Meeting(BaseModel):
    attendees: list[Person]
    day: str
    place: str
    cost: int
    answer_by: str


class Position(BaseModel):
    article: str
    description: str
    amount: int
    price: float
    labels: list[str]
    available: bool
    remark: str | None


class Purchase(BaseModel):
    number: str
    buyer: Person
    positions: list[Position]


class Purchases(BaseModel):
    purchases: list[Purchase]


class Essay(BaseModel):
    heading: str
    text: str
    length: int


class Branch(BaseModel):
    caption: str
    branches: list[Branch]


class Outlines(BaseModel):
    outlines: list[list[tuple[float, float]]]


_VOCABULARY = re.findall(
    r"\w+",
    "amber bridge candle désert ember forest glacier harbour île jasmine kettle lantern meadow "
    "northern öst parcel quiet river 東京 shadow timber upland valley winter yonder zenith",
)


class _Author(random.Random):
    """Writes the documents: every choice comes from one seeded source."""

    def prose(self, length: int) -> str:
        """Return words up to at least `length` characters."""
        words = [self.choice(_VOCABULARY)]
        written = len(words[0])
        while written < length:
            words.append(self.choice(_VOCABULARY))
            written += len(words[-1]) + 1
        return " ".join(words)

    def person(self, number: int) -> Json:
        return {
            "name": self.prose(10).title(),
            "email": f"person{number}@example.org",
            "handle": f"@person{number}",
        }

    def position(self) -> Json:
        return {
            "article": f"ART-{self.randrange(1_000_000)}",
            "description": self.prose(25),
            "amount": self.randint(1, 50),
            "price": self.randrange(100_000) / 100,
            "labels": self.sample(_VOCABULARY, 3),
            "available": self.choice((True, False)),
            "remark": self.choice((None, self.prose(30))),
        }

    def meeting(self, _size: int) -> Json:
        return {
            "attendees": [self.person(number) for number in range(3)],
            "day": "2024-09-12",
            "place": "Assembly hall at 12 Riverside Walk",
            "cost": 42000,
            "answer_by": "2024-08-01",
        }

    def orders(self, size: int) -> Json:
        purchases: list[Json] = []
        written = 0
        while written < size:
            purchase = {
                "number": f"P{len(purchases):07d}",
                "buyer": self.person(len(purchases)),
                "positions": [self.position() for _ in range(3)],
            }
            purchases.append(purchase)
            written += len(json.dumps(purchase, ensure_ascii=False))
        return {"purchases": purchases}

    def essay(self, size: int) -> Json:
        text = f'{self.prose(size)}\n\t"the end"\n'
        return {"heading": self.prose(30), "text": text, "length": len(text)}

    def nested(self, size: int, depth: int = 0) -> Json:
        """Return a tree at most a dozen levels deep; each branch takes half of what is left."""
        branches: list[Json] = []
        left = size - 45
        while left > 0 and depth < 12:
            share = min(left, max(left // 2, 65))
            branches.append(self.nested(share, depth + 1))
            left -= share
        return {"caption": self.prose(12), "branches": branches}

    def outlines(self, size: int) -> Json:
        """Return long lists of coordinates, about 38 characters each."""
        draw = self.uniform
        points = [[draw(-141, -52), round(draw(41, 84), 6)] for _ in range(size // 38)]
        return {"outlines": [points[at : at + 200] for at in range(0, len(points), 200)]}


#: The model of each kind; a method of the author has the same name.
_KINDS: dict[str, type[BaseModel]] = {
    "meeting": Meeting,
    "orders": Purchases,
    "essay": Essay,
    "nested": Branch,
    "outlines": Outlines,
}

# Words with the space before them in runs of a few letters, digits in threes, marks in pairs, and
# whatever is left one by one: about the sizes that byte-pair encodings give.
_TOKEN = re.compile(r" ?[^\W\d_]{1,7}|\d{1,3}|[^\w\s]{1,2}|.", re.DOTALL)


@cache
def tokens(text: str) -> list[str]:
    """Cut a text as a language model would write it."""
    return _TOKEN.findall(text)


def own_workload(name: str) -> Workload:
    """Make the workload `name` with this module's generator, whatever stands in ``../shared``."""
    kind, _, size = name.partition("-")
    value = getattr(_Author(SEED), kind)(int(size.removesuffix("k") or 0) * 1_000)
    text = json.dumps(value, ensure_ascii=False)
    return Workload(name, _KINDS[kind], text, _TOKEN.findall(text))


@cache
def _shared() -> ModuleType | None:
    if not (_SHARED / "bench" / "workloads.py").is_file():
        return None
    # By its name: pydantic resolves a model's annotations in the module that bears it.
    sys.path.append(str(_SHARED / "bench"))
    return import_module("workloads")


def source() -> str:
    """Return which generator the documents come from, for the head of a report."""
    return f"the {'shared' if _shared() else 'own'} generator at seed {SEED}"


@cache
def workload(name: str) -> Workload:
    """Make the workload `name`.

    Args:
        name: ``meeting``, or a kind (``orders``, ``essay``, ``nested``, ``outlines``) and a size in
            thousands of characters, such as ``orders-100k``; or a file of ``../shared/data/bench``
            without its ending, which has no model and comes in one piece.

    Returns:
        The model, the document, and its chunks.

    Raises:
        FileNotFoundError: There is no such kind and no such file.
    """
    shared, kind = _shared(), name.partition("-")[0]
    if kind not in _KINDS:
        text = (_SHARED / "data" / "bench" / f"{name}.json").read_text(encoding="utf-8")
        return Workload(name, BaseModel, text, [text])
    if shared is None or kind == "outlines":
        return own_workload(name)
    model, text = shared.workload(name, SEED)
    return Workload(name, model, text, shared.tokens(text))
