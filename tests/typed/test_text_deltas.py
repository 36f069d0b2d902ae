"""Text as it grows: what is yielded and appended is the text of the snapshots, at every cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel

import partialfast as pf


class User(BaseModel):
    bio: str = "none yet"


class Note(BaseModel):
    title: str
    text: str
    users: list[User] = []
    pages: int = 0


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({place % (len(text) + 1) for place in places} | {len(text)})
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@given(st.text(), st.text(), st.lists(st.integers(0, 10_000)))
def test_what_is_added_joins_to_the_text(title: str, text: str, places: list[int]) -> None:
    chunks = cut(json.dumps({"title": title, "text": text, "users": [{"bio": text}]}), places)
    for path, whole in [("title", title), ("text", text), ("users.0.bio", text)]:
        deltas = list(pf.text_deltas(pf.stream(Note, chunks), path))
        assert "".join(deltas) == whole
        assert all(deltas)
        assert all(delta.replaced is None for delta in deltas)


def test_an_asynchronous_stream_gives_the_same() -> None:
    async def main() -> list[str]:
        async def chunks() -> AsyncIterator[str]:
            for chunk in ('{"title": "A', 'da", "text"', ': "x"}'):
                yield chunk

        return [delta async for delta in pf.atext_deltas(pf.astream(Note, chunks()), ("title",))]

    assert asyncio.run(main()) == ["A", "da"]


def test_a_text_that_a_validator_changed_is_said() -> None:
    class Loud(BaseModel):
        text: Annotated[str, AfterValidator(str.upper)]

    chunks = ['{"text": "a', 'b"', "}"]
    stream = pf.stream(Loud, chunks)
    told = [each for _ in stream for each in stream.delta.values()]
    for deltas in (pf.text_deltas(pf.stream(Loud, chunks), "text"), told):
        assert [(str(delta), delta.replaced) for delta in deltas] == [("a", None), ("", "AB")]


@pytest.mark.parametrize(
    ("path", "error"),
    [("pages", TypeError), ("nothing", AttributeError), ("title.x", AttributeError)],
)
def test_what_is_no_text_is_an_error(path: str, error: type[Exception]) -> None:
    chunks: list[Any] = ['{"title": "A", "pages": 3, "text": ""}']
    with pytest.raises(error):
        list(pf.text_deltas(pf.stream(Note, chunks), path))
