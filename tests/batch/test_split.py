"""Long documents in parts: where they are cut, and how their values are put together."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from partialfast import cli, replay
from partialfast.batch import BatchError
from partialfast.batch.io._split import PartMerger, Split, parts_of
from tests.batching import arguments, lines

pytest.importorskip("filelock")
parquet: Any = pytest.importorskip("pyarrow.parquet")


class Guest(BaseModel):
    name: str
    email: str


class Minutes(BaseModel):
    title: str | None
    guests: list[Guest]
    topics: list[str] = []


texts = st.text(st.sampled_from("ab .\nü"), max_size=300)


def cost(text: str) -> float:
    return sum(0.25 if character.isascii() else 1 for character in text)


@given(text=texts, tokens=st.integers(3, 40), share=st.floats(0, 0.45))
def test_parts_are_all_of_it_and_none_is_too_long(text: str, tokens: int, share: float) -> None:
    split = Split(tokens, int(tokens * share))
    parts = parts_of(text, split)
    place = 0
    for number, part in enumerate(parts):
        assert cost(part) <= tokens
        start = text.find(part, max(0, place - 4 * split.overlap))
        # Nothing between two parts is left out, and each goes on.
        assert text.startswith(part, start)
        assert number == 0 or any(
            text.startswith(part, at) and at + len(part) > place
            for at in range(max(0, place - 4 * split.overlap), place + 1)
        )
        place = max(
            at + len(part)
            for at in range(max(0, place - 4 * split.overlap), place + 1)
            if text.startswith(part, at)
        )
    assert place == len(text)


def test_a_text_is_cut_where_something_ends() -> None:
    text = "one two three.\n\n" + "four five six seven. " * 3
    assert parts_of(text, Split(4, 0))[0] == "one two three.\n\n"
    assert all(part.endswith((" ", "\n")) for part in parts_of(text, Split(8, 0)))
    with pytest.raises(BatchError, match="must be less than half"):
        Split(10, 5)


@pytest.mark.parametrize(
    ("lists", "values", "merged"),
    [
        (["a:k"], [{"a": [{"k": 1, "v": 1}]}, {"a": [{"k": 1, "v": 2}, {"k": 2}]}],
         {"a": [{"k": 1, "v": 1}, {"k": 2}]}),
        (["a"], [{"a": [1, 2]}, {"a": [2, 3]}, {"a": None}], {"a": [1, 2, 3]}),
        ([], [{"a": None, "b": ""}, {"a": 1, "b": "x"}, {"a": 2, "b": "y"}], {"a": 1, "b": "x"}),
        ([], [{"a": [], "b": 0}, {"a": [], "b": 1}], {"a": [], "b": 0}),
        ([], [[1, 2], [2, 3]], [1, 2, 3]),
        ([":k"], [[{"k": 1}], [{"k": 1, "x": 2}]], [{"k": 1}]),
        (["a:k"], [{"a": [{"k": None, "v": 1}, {"k": None, "v": 2}]}],
         {"a": [{"k": None, "v": 1}, {"k": None, "v": 2}]}),
        ([], [None, 3, 4], 3),
    ],
)  # fmt: skip
def test_values_are_merged(lists: list[str], values: list[Any], merged: Any) -> None:
    assert PartMerger(lists)(values) == merged


def guest(number: int) -> dict[str, str]:
    return {"name": f"Guest {number}", "email": f"g{number}@x.org"}


def play(page: int) -> dict[str, Any]:
    """Give the answer about a page: a guest of its own, and one that the next page has too."""
    value = {
        "title": None if page == 0 else f"Title {page}",
        "guests": [guest(page), guest(page + 1)],
        "topics": [f"t{page}"],
    }
    return {"match": f"page {page}!", "text": json.dumps(value)}


@pytest.mark.network
@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_a_long_document_is_asked_about_in_parts(tmp_path: Path, name: str) -> None:
    pages = [f"page {number}! " + "x" * 100 + "\n\n" for number in range(4)]
    source, output = tmp_path / "in.jsonl", tmp_path / name
    documents = [{"id": "long", "text": "".join(pages)}, {"id": "s#1/2", "text": pages[0]}]
    source.write_text("".join(json.dumps(each) + "\n" for each in documents))
    bad = {"text": '{"title": 1}', "match": "page 2!", "times": 1}
    with replay.serve([bad, *map(play, range(4))]) as server:
        words = arguments(source, output, server, "--model", "tests.batch.test_split:Minutes")
        words += ["--split", "32", "--overlap", "0", "--merge", "guests:email"]
        # A part that has failed keeps its document out, and is all that is asked again.
        assert cli.main([*words, "--max-retries", "0"]) == 3
        assert [line["id"] for line in lines(tmp_path / "out.errors.jsonl")] == ["long#3/4"]
        before = len(server.exchanges)
        assert cli.main([*words, "--resume", "--retry-failed"]) == 0
        assert len(server.exchanges) == before + 1
    rows = (
        {line["id"]: line["value"] for line in lines(output)}
        if name == "out.jsonl"
        else {row.pop("id"): row for row in parquet.read_table(output).to_pylist()}
    )
    assert rows == {
        "long": {
            "title": "Title 1", "guests": [guest(number) for number in range(5)], "topics": ["t0"],
        },
        "s#1/2": {"title": None, "guests": [guest(0), guest(1)], "topics": ["t0"]},
    }  # fmt: skip


class Aliased(BaseModel):
    people: list[Guest] = Field(alias="guests")
    tags: set[str] = set()


@pytest.mark.parametrize("lists", [
    (Aliased, "guests:email"), (Aliased, "people"), (Aliased, "tags"),
    (list[Guest], ":email"), (list[Guest], ""), (dict[str, list[int]], "any:key"),
    (int | list[int], ""),
])  # fmt: skip
def test_lists_that_a_model_has_can_be_merged(lists: tuple[Any, str]) -> None:
    PartMerger([lists[1]]).check(lists[0])


@pytest.mark.parametrize(
    ("model", "lists", "said"),
    [
        (Minutes, "guest:email", "no such field; its fields: title, guests"),
        (Minutes, "guests:mail", "the items have no field 'mail'; their fields: name, email"),
        (Minutes, "title", "the field is not a list"),
        (Minutes, ":email", "the value is not a list"),
        (list[Guest], ":mail", "the items have no field 'mail'"),
    ],
)
def test_a_list_that_a_model_does_not_have_is_refused_before_anything_is_asked(
    model: Any, lists: str, said: str
) -> None:
    with pytest.raises(BatchError, match=re.escape(said)):
        PartMerger([lists]).check(model)


def test_options_that_belong_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "x"}\n')
    words = arguments(source, tmp_path / "out.jsonl", "http://127.0.0.1:1/v1")
    assert cli.main([*words, "--merge", "guests"]) == 1
    assert "--overlap and --merge go with --split" in capsys.readouterr().err
    assert cli.main([*words, "--split", "32", "--merge", "names"]) == 1
    assert "--merge names: the model has no such field" in capsys.readouterr().err
