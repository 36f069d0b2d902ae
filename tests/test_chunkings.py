"""The shared chunkings join back to the text and reach the places that matter."""

from __future__ import annotations

import pytest

from tests.chunkings import bytewise, chunkings, random_splits, sized, two_way, whole

TEXT = '{"é":"\\ud83d\\ude00","日本":[1,2.5e3]}'
TEXTS: list[str] = [TEXT, "", "1"]


@pytest.mark.parametrize("text", TEXTS)
def test_every_chunking_joins_to_the_text(text: str) -> None:
    data = text.encode()
    for pieces in chunkings(text):
        assert "".join(pieces) == text
    for byte_pieces in chunkings(data):
        assert b"".join(byte_pieces) == data


def test_two_way_cuts_everywhere() -> None:
    data = TEXT.encode()
    assert [len(first) for first, _ in two_way(data)] == list(range(len(data) + 1))


def test_bytewise_cuts_inside_a_utf8_sequence() -> None:
    assert bytewise("é".encode()) == [b"\xc3", b"\xa9"]
    assert bytewise("é") == ["é"]


def test_sized_keeps_the_rest() -> None:
    assert sized("abcde", 2) == ["ab", "cd", "e"]


def test_whole_is_one_piece() -> None:
    assert whole(b"ab") == [b"ab"]


def test_random_splits_repeat_and_differ() -> None:
    first = list(random_splits(TEXT, count=6, seed=1))
    assert first == list(random_splits(TEXT, count=6, seed=1))
    assert first != list(random_splits(TEXT, count=6, seed=2))
    assert len({len(pieces) for pieces in first}) > 1


def test_random_splits_give_empty_pieces_at_times() -> None:
    assert any("" in pieces for pieces in random_splits(TEXT, count=50))


def test_chunkings_adds_the_random_count() -> None:
    length = len(TEXT)
    assert sum(1 for _ in chunkings(TEXT, random_count=3)) == 2 + length + 1 + 3
