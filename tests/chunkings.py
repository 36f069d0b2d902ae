"""The ways to cut one text that every streaming test goes through.

A chunking is a list of pieces that give the text back when joined. All functions take ``bytes`` or
``str`` and cut in that type's own unit, so that text cuts fall between characters and byte cuts
anywhere, inside a UTF-8 sequence included.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import TypeVar

__all__ = ["bytewise", "chunkings", "random_splits", "sized", "two_way", "whole"]

Text = TypeVar("Text", str, bytes)


def whole(text: Text) -> list[Text]:
    """Return the text as one piece."""
    return [text]


def sized(text: Text, size: int) -> list[Text]:
    """Return pieces of `size` units each, the last one shorter when it must be."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def bytewise(text: Text) -> list[Text]:
    """Return one piece per byte, or per character of a ``str``."""
    return sized(text, 1)


def two_way(text: Text) -> Iterator[list[Text]]:
    """Yield every cut into two pieces, those with an empty piece included."""
    for at in range(len(text) + 1):
        yield [text[:at], text[at:]]


def random_splits(text: Text, *, count: int, seed: int = 0) -> Iterator[list[Text]]:
    """Yield `count` cuts at random places, the same ones for the same seed.

    The mean size of a piece differs from one cut to the next, and pieces may be empty: a transport
    hands out empty chunks too.
    """
    draw = random.Random(seed)  # noqa: S311 - a test's choice of cuts, no secret
    for _ in range(count):
        cuts = draw.randrange(len(text) + 2)
        inner: list[int] = sorted(draw.randrange(len(text) + 1) for _ in range(cuts))
        places = [0, *inner, len(text)]
        yield [text[start:end] for start, end in pairwise(places)]


def chunkings(text: Text, *, random_count: int = 8, seed: int = 0) -> Iterator[list[Text]]:
    """Yield the text whole, byte by byte, cut in two at every place, and cut at random places.

    Args:
        text: What to cut.
        random_count: How many random cuts to add.
        seed: What the random cuts are drawn from.

    Yields:
        Lists of pieces; each joins to `text`.
    """
    yield whole(text)
    yield bytewise(text)
    yield from two_way(text)
    yield from random_splits(text, count=random_count, seed=seed)
