"""Lenient reading without a type: what is accepted and refused, and what is told of it.

The grammar itself is held by the tests of the core (`rust/core/tests/lenient_*.rs`), every row of
them at every cut.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import partialfast as pf
from tests.chunkings import bytewise, chunkings, random_splits
from tests.generation import check_growth, picture
from tests.repairers import MODES, Verdict, check_prefixes, verdict
from tests.sloppy import written

seeds = st.integers(0, 2**32)
#: Lone surrogates have no UTF-8, infinities and integers of more digits than `int()` reads no JSON.
texts = st.text(st.characters(exclude_categories=["Cs"]))
documents: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.sampled_from(["word", "it's", 'say "hi"', "True", "a\nb\\n", "\u201cx\u201d", "C:\\new"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(texts | st.just("key"), inner, max_size=4)
    ),
    max_leaves=12,
)


def snapshots(chunks: list[bytes], **options: Any) -> list[Any]:
    """Return the snapshot after each chunk, and the final value."""
    parser = pf.JsonParser(**options)
    shown: list[Any] = []
    for chunk in chunks:
        parser.feed(chunk)
        shown.append(parser.snapshot())
    return [*shown, parser.finish()]


def feed_all(parser: pf.JsonParser, chunks: list[bytes]) -> None:
    for chunk in chunks:
        parser.feed(chunk)


@given(documents, seeds)
def test_what_a_model_writes_is_what_it_means(document: Any, seed: int) -> None:
    text = written(document, seed)
    assert picture(pf.loads(text, lenient=True)) == picture(document)
    for chunks in random_splits(text.encode(), count=2, seed=seed):
        assert picture(snapshots(chunks, lenient=True)[-1]) == picture(document)


@given(documents, seeds)
def test_nothing_shown_is_taken_back(document: Any, seed: int) -> None:
    shown = snapshots(bytewise(written(document, seed).encode()), lenient=True)
    for before, after in pairwise(shown):
        if before is not None:
            check_growth(before, after)


@given(documents, seeds)
def test_3_numbers_and_literals_show_when_they_are_whole(document: Any, seed: int) -> None:
    for shown in snapshots(bytewise(written(document, seed).encode()), lenient=True):
        if shown is not None:
            check_whole(shown, document)


def check_whole(shown: Any, meant: Any) -> None:
    """See that what is shown is a part of what is meant, each number and literal as it will be."""
    if isinstance(shown, dict):
        for key, value in shown.items():
            check_whole(value, meant[key])
    elif isinstance(shown, list):
        for value, other in zip(shown, meant[: len(shown)], strict=True):
            check_whole(value, other)
    elif isinstance(shown, str):
        assert meant.startswith(shown)
    else:
        assert picture(shown) == picture(meant)


@given(documents, seeds, st.integers(1, 200))
def test_13_a_text_is_bounded_by_its_own_bytes(document: Any, seed: int, size: int) -> None:
    """Whatever is written in their place: the limit is that of what the model wrote."""
    data = written(document, seed).encode()
    for chunks in chunkings(data, random_count=2):
        parser = pf.JsonParser(lenient=True, max_bytes=size)
        if len(data) <= size:
            feed_all(parser, chunks)
            assert picture(parser.finish()) == picture(document)
            continue
        with pytest.raises(pf.JsonError) as caught:
            feed_all(parser, chunks)
        assert (caught.value.kind, caught.value.offset) == ("size_limit", size)


@given(st.integers(1, 20), st.integers(1, 20), seeds)
def test_13_depth_is_bounded_where_it_is_passed(depth: int, limit: int, seed: int) -> None:
    document: Any = []
    for _ in range(depth - 1):
        document = [document]
    text = written(document, seed, {"commas", "quotes"})
    opened = [at for at, character in enumerate(text) if character == "["]
    for chunks in chunkings(text.encode(), random_count=2):
        parser = pf.JsonParser(lenient=True, max_depth=limit)
        if depth <= limit:
            feed_all(parser, chunks)
            assert parser.finish() == document
            continue
        with pytest.raises(pf.JsonError) as caught:
            feed_all(parser, chunks)
        assert (caught.value.kind, caught.value.offset) == ("depth_limit", opened[limit])


@given(documents, seeds)
def test_16_what_is_no_json_is_repaired_at_a_place_that_is_told(document: Any, seed: int) -> None:
    text = written(document, seed)
    parser = pf.JsonParser(lenient=True)
    parser.feed(text)
    parser.finish()
    try:
        is_json = picture(pf.loads(text)) == picture(document)
    except pf.JsonError:
        is_json = False
    assert is_json == (parser.repairs == [])
    data = text.encode()
    for repair in parser.repairs:
        before = data[: repair.offset]
        assert repair.offset <= len(data)
        assert repair.line == before.count(b"\n") + 1
        assert repair.column == repair.offset - (before.rfind(b"\n") + 1) + 1


@given(documents, seeds, st.sampled_from([True, "quotes"]), st.sampled_from([None, 1]))
def test_strict_text_gives_the_same_in_both_modes(
    document: Any, seed: int, lenient: Any, indent: int | None
) -> None:
    text = json.dumps(document, ensure_ascii=bool(seed % 2), indent=indent)
    for chunks in random_splits(text.encode(), count=2, seed=seed):
        parser, strict = pf.JsonParser(lenient=lenient), pf.JsonParser()
        for chunk in chunks:
            parser.feed(chunk)
            strict.feed(chunk)
            shown = parser.snapshot()
            if shown is not None:
                # Literals and quotes may be known a byte later, never earlier.
                check_growth(shown, strict.snapshot())
        assert picture(parser.finish()) == picture(strict.finish())
        assert parser.repairs == []
        assert parser.done


@given(documents, seeds)
def test_a_text_that_is_cut_short_is_truncated(document: Any, seed: int) -> None:
    text = written([document, 1], seed)
    with pytest.raises(pf.JsonError) as caught:
        pf.loads(text.rstrip()[:-1], lenient=True)
    assert caught.value.kind == "truncated"


@given(documents, seeds)
def test_repairs_are_the_same_however_the_text_is_cut(document: Any, seed: int) -> None:
    text = written(document, seed).encode()
    expected: list[pf.Repair] | None = None
    for chunks in chunkings(text[:200], random_count=1, seed=seed):
        parser = pf.JsonParser(lenient=True)
        for chunk in chunks:
            parser.feed(chunk)
        expected = parser.repairs if expected is None else expected
        assert parser.repairs == expected
    lines = text.split(b"\n")
    for repair in expected or []:
        before = sum(len(line) + 1 for line in lines[: repair.line - 1])
        assert before + repair.column - 1 == repair.offset


def test_a_parser_tells_its_repairs() -> None:
    parser = pf.JsonParser(lenient=True)
    parser.feed("{a: 'b',\n}")
    assert parser.finish() == {"a": "b"}
    assert parser.repairs == [
        pf.Repair("unquoted_key", 1, 1, 2),
        pf.Repair("quotes", 4, 1, 5),
        pf.Repair("extra_comma", 7, 1, 8),
    ]
    assert parser.repairs[0].kind == "unquoted_key"
    parser.reset()
    assert parser.repairs == []
    parser.feed("[1,]")
    assert parser.finish() == [1]


def test_strict_is_the_default_and_has_no_repairs() -> None:
    with pytest.raises(pf.JsonError, match="expected a key"):
        pf.loads("{a: 1}")
    parser = pf.JsonParser()
    parser.feed("[1]")
    assert parser.repairs == []


def test_floats_that_json_cannot_write() -> None:
    value = pf.loads("[NaN, Infinity, -Infinity]", lenient=True)
    assert math.isnan(value[0])
    assert value[1:] == [math.inf, -math.inf]


def test_an_error_stands_in_the_models_own_text() -> None:
    text = "{'a': [1, # one\n 2, 2024-10-18]}"
    for chunks in chunkings(text.encode()):
        parser = pf.JsonParser(lenient=True)
        with pytest.raises(pf.JsonError) as caught:
            feed_all(parser, chunks)
        error = caught.value
        assert (error.kind, error.offset, error.line, error.column) == ("unquoted_date", 20, 2, 5)
        assert error.path == ("a", 2)
        with pytest.raises(pf.JsonError) as again:
            parser.feed("1")
        assert again.value is error


def test_the_path_to_what_is_being_written() -> None:
    parser = pf.JsonParser(lenient=True)
    parser.feed("{a: {b: [Tru")
    assert parser.path == ("a", "b", 0)
    parser.feed("e, wor")
    assert parser.path == ("a", "b", 1)


def test_a_number_of_more_digits_than_are_read() -> None:
    with pytest.raises(pf.JsonError) as caught:
        pf.loads("{a: [" + "1" * 5000 + "]}", lenient=True)
    assert (caught.value.kind, caught.value.path) == ("number_limit", ("a", 0))


def test_partial_text() -> None:
    assert pf.loads("{a: 'b", partial=True, lenient=True) == {"a": "b"}


def test_repairs_are_bounded() -> None:
    assert pf.loads("['a','b']", lenient=True, max_repairs=2) == ["a", "b"]
    with pytest.raises(pf.JsonError, match="more repairs than `max_repairs`") as caught:
        pf.loads("['a','b','c']", lenient=True, max_repairs=2)
    assert caught.value.kind == "repair_limit"


@pytest.mark.parametrize("value", ["yes", 1, "Quotes", []])
def test_what_lenient_may_be(value: Any) -> None:
    with pytest.raises(ValueError, match='lenient must be True, False or "quotes"'):
        pf.loads("1", lenient=value)


def test_quotes_are_guessed_only_if_asked() -> None:
    text = '{"a": "the "best" one", "b": 1}'
    with pytest.raises(pf.JsonError) as caught:
        pf.loads(text, lenient=True)
    assert caught.value.kind == "unescaped_quote"
    assert pf.loads(text, lenient="quotes") == {"a": 'the "best" one', "b": 1}


# --------------------------------------------------------------------------------------------
# What other repairers make of texts


def pairs(shared_data: Path) -> list[dict[str, Any]]:
    lines = (shared_data / "lenient" / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_what_other_repairers_make_of_their_own_texts(shared_data: Path) -> None:
    """``python -m tests.repairers FILE`` prints it; each difference has its reason."""
    verdicts = Counter(verdict(pair["input"], pair["peer_value"]) for pair in pairs(shared_data))
    assert Verdict("different", "") not in verdicts
    assert verdicts[Verdict("equal", "")] >= 128


def test_no_prefix_of_any_text_takes_anything_back(shared_data: Path) -> None:
    count = sum(
        check_prefixes(pair["input"], lenient=lenient)
        for pair in pairs(shared_data)
        for lenient in MODES
    )
    assert count > 10_000


@pytest.mark.parametrize(
    ("text", "theirs", "what"),
    [
        ('{"a": 1,}', {"a": 1}, "equal"),
        ("[1, true]", [1, 1], "different"),
        ('{"a":}', {"a": None}, "different"),
        ('{"a": "x"}', {"a": "y"}, "different"),
        ("[New York]", ["New York"], "refused"),
    ],
)
def test_a_verdict_can_be_any(text: str, theirs: Any, what: str) -> None:
    found = verdict(text, theirs)
    assert found.what == what
    assert bool(found.why) == (text in {'{"a":}', "[New York]"})
