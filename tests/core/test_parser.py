"""`JsonParser` and `loads`: untyped values, against `json` and a small model of a partial value."""

from __future__ import annotations

import copy
import gc
import json
import math
import pickle
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import partialfast as pf
from tests.chunkings import bytewise, chunkings, random_splits

NOTHING = object()

texts = st.text(max_size=12) | st.sampled_from(
    ["", "\\", '"', "\x00\x1f", "é", "日本", "𝄞", "\u2028"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**30, max_value=10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
documents = st.builds(
    lambda value, ascii_, indent: json.dumps(value, ensure_ascii=ascii_, indent=indent),
    values,
    st.booleans(),
    st.sampled_from([None, 1]),
)


class Reference:
    """What a prefix of a document shows, written for clarity: it reads the prefix from its start.

    Args:
        text: The prefix.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.completed: list[tuple[str | int, ...]] = []

    def value(self) -> Any:
        """Return what is shown, or `NOTHING`."""
        return self.read(())[0]

    def skip_space(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \n\r\t":
            self.at += 1

    def peek(self) -> str:
        self.skip_space()
        return self.text[self.at : self.at + 1]

    def read(self, path: tuple[str | int, ...]) -> tuple[Any, bool]:
        """Return what is shown of the next value, and whether it is complete."""
        head = self.peek()
        if head == "{":
            made = self.read_object(path)
        elif head == "[":
            made = self.read_array(path)
        elif head == '"':
            made = self.read_string()
        else:
            made = self.read_plain()
        if made[1]:
            self.completed.append(path)
        return made

    def read_object(self, path: tuple[str | int, ...]) -> tuple[Any, bool]:
        self.at += 1
        shown: dict[str, Any] = {}
        while True:
            head = self.peek()
            if head == "}":
                self.at += 1
                return shown, True
            if head == ",":
                self.at += 1
                continue
            if head != '"':
                return shown, False
            key, whole = self.read_string()
            if not whole or self.peek() != ":":
                return shown, False
            self.at += 1
            value, whole = self.read((*path, key))
            if value is not NOTHING:
                shown[key] = value
            if not whole:
                return shown, False

    def read_array(self, path: tuple[str | int, ...]) -> tuple[Any, bool]:
        self.at += 1
        shown: list[Any] = []
        while True:
            head = self.peek()
            if head == "]":
                self.at += 1
                return shown, True
            if head == ",":
                self.at += 1
                continue
            if not head:
                return shown, False
            value, whole = self.read((*path, len(shown)))
            if value is not NOTHING:
                shown.append(value)
            if not whole:
                return shown, False

    def read_string(self) -> tuple[str, bool]:
        start = self.at
        end = start + 1
        while end < len(self.text) and self.text[end] != '"':
            end += 2 if self.text[end] == "\\" else 1
        if end < len(self.text):
            self.at = end + 1
            return str(json.loads(self.text[start : self.at])), True
        self.at = len(self.text)
        # The longest beginning that is text: an unfinished escape or pair is held back.
        for stop in range(len(self.text), start, -1):
            try:
                shown = json.loads(self.text[start:stop] + '"')
            except ValueError:
                continue
            if not any(0xD800 <= ord(character) < 0xE000 for character in shown):
                return str(shown), False
        raise AssertionError(self.text)

    def read_plain(self) -> tuple[Any, bool]:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in " \n\r\t,]}":
            self.at += 1
        token = self.text[start : self.at]
        ended = self.at < len(self.text) or token in ("true", "false", "null")
        return (json.loads(token), True) if token and ended else (NOTHING, False)


def shown(parser: pf.JsonParser) -> Any:
    return parser.snapshot()


def equal(left: Any, right: Any) -> bool:
    """Compare as JSON text does: `1`, `1.0` and `True` differ, and so do the signs of zero."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        same_keys = list(left) == list(right)
        return same_keys and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    return bool(left == right)


@given(documents)
@example("0")
@example("-0")
@example('"\\ud834\\udd1e"')
@example("[1e999, -0.0, 1E+2, 123456789012345678901234567890]")
def test_whole_text_gives_what_json_gives(text: str) -> None:
    expected = json.loads(text)
    assert equal(pf.loads(text), expected)
    assert equal(pf.loads(text.encode()), expected)
    parser = pf.JsonParser()
    parser.feed(text)
    assert equal(parser.finish(), expected)


@given(documents)
def test_each_prefix_shows_what_the_reference_shows(text: str) -> None:
    parser = pf.JsonParser()
    completed: list[Any] = []
    for end, character in enumerate(text, start=1):
        parser.feed(character)
        reference = Reference(text[:end])
        expected = reference.value()
        completed += parser.completed
        assert equal(shown(parser), None if expected is NOTHING else expected)
        assert completed == reference.completed
        assert equal(pf.loads(text[:end], partial=True), shown(parser))


@given(documents, st.integers(min_value=0, max_value=2**32))
def test_any_split_gives_the_same(text: str, seed: int) -> None:
    data = text.encode()
    expected = json.loads(text)
    whole: list[Any] = []
    for chunks in ([data], bytewise(data), *random_splits(data, count=3, seed=seed)):
        parser = pf.JsonParser()
        completed: list[Any] = []
        for chunk in chunks:
            parser.feed(chunk)
            completed += parser.completed
        assert equal(parser.finish(), expected)
        assert parser.done
        whole = whole or completed
        assert completed == whole


@given(documents, st.integers(min_value=0, max_value=2**32), st.integers(0, 3))
def test_a_snapshot_never_changes(text: str, seed: int, keep: int) -> None:
    """However many are kept: all, or so few that their containers are used again."""
    for chunks in random_splits(text, count=3, seed=seed):
        parser = pf.JsonParser()
        kept: list[tuple[Any, Any]] = []
        for chunk in chunks:
            parser.feed(chunk)
            snapshot = parser.snapshot()
            kept.append((snapshot, copy.deepcopy(snapshot)))
            del snapshot
            assert all(equal(now, then) for now, then in kept)
            if keep:
                del kept[:-keep]


@given(documents)
def test_a_part_that_is_kept_never_changes(text: str) -> None:
    parser = pf.JsonParser()
    kept: list[tuple[Any, Any]] = []
    for character in text:
        parser.feed(character)
        part = parser.snapshot()
        depth = len(kept) % 4
        while depth and isinstance(part, (dict, list)) and part:
            part = list(part.values())[-1] if isinstance(part, dict) else part[-1]
            depth -= 1
        if isinstance(part, (dict, list)):
            kept.append((part, copy.deepcopy(part)))
        assert all(equal(now, then) for now, then in kept[-8:])
    assert all(equal(now, then) for now, then in kept)


@given(documents)
def test_a_complete_value_is_shared_by_later_snapshots(text: str) -> None:
    parser = pf.JsonParser()
    known: dict[tuple[Any, ...], Any] = {}
    for character in text:
        parser.feed(character)
        snapshot = parser.snapshot()
        for path in parser.completed:
            if path:
                known[path] = at(snapshot, path)
        for path, value in known.items():
            assert at(snapshot, path) is value


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@given(documents)
def test_what_was_shown_only_grows(text: str) -> None:
    parser = pf.JsonParser()
    before: Any = None
    for character in text:
        parser.feed(character)
        now = parser.snapshot()
        assert before is None or grew(before, now)
        before = now


def grew(before: Any, now: Any) -> bool:
    if type(before) is not type(now):
        return False
    if isinstance(before, str):
        return bool(now.startswith(before))
    if isinstance(before, list):
        rest = zip(before[:-1], now, strict=False)
        last = not before or grew(before[-1], now[len(before) - 1])
        return len(now) >= len(before) and last and all(equal(a, b) for a, b in rest)
    if isinstance(before, dict):
        keys = list(before)
        if list(now)[: len(keys)] != keys:
            return False
        done = all(equal(before[key], now[key]) for key in keys[:-1])
        return done and (not keys or grew(before[keys[-1]], now[keys[-1]]))
    return equal(before, now)


MALFORMED = {
    "": ("truncated", 0),
    "[1,]": ("expected_value", 3),
    '{"a" 1}': ("expected_colon", 5),
    '{"a":1,}': ("expected_key", 7),
    "01": ("invalid_number", 1),
    "[01]": ("invalid_number", 2),
    "[tru]": ("invalid_literal", 4),
    "NaN": ("expected_value", 0),
    '"a\nb"': ("control_character", 2),
    '"\\x"': ("invalid_escape", 2),
    '"\\udc00"': ("lone_surrogate", 4),
    "[1] 2": ("trailing_data", 4),
    '{"a": [1, 2': ("truncated", 11),
}


def read(parser: pf.JsonParser, chunks: list[str]) -> Any:
    for chunk in chunks:
        parser.feed(chunk)
    return parser.finish()


@pytest.mark.parametrize("text", MALFORMED)
def test_an_error_says_what_and_where(text: str) -> None:
    kind, offset = MALFORMED[text]
    for chunks in chunkings(text):
        parser = pf.JsonParser()
        with pytest.raises(pf.JsonError) as caught:
            read(parser, chunks)
        error = caught.value
        assert (error.kind, error.offset) == (kind, offset)
        line_start = text.rfind("\n", 0, offset) + 1
        assert error.line == text.count("\n", 0, offset) + 1
        assert error.column == offset - line_start + 1
        if kind != "truncated":
            with pytest.raises(pf.JsonError) as again:
                parser.feed(" ")
            assert str(again.value) == str(error)
    with pytest.raises(pf.JsonError) as caught:
        pf.loads(text)
    assert (caught.value.kind, caught.value.offset) == (kind, offset)


def test_an_error_has_a_path_and_can_be_pickled() -> None:
    with pytest.raises(pf.JsonError, match=r"inside \('users', 1, 'name'\)") as caught:
        pf.loads('{"users": [{}, {"name": nope}]}')
    error = caught.value
    assert isinstance(error, ValueError)
    assert error.path == ("users", 1, "name")
    assert (copy.copy(error).path, pickle.loads(pickle.dumps(error)).path) == (error.path,) * 2  # noqa: S301


def test_what_was_received_is_kept_after_an_error() -> None:
    parser = pf.JsonParser()
    with pytest.raises(pf.JsonError):
        parser.feed('{"a": [1, "two"], "b": tru!')
    assert parser.snapshot() == {"a": [1, "two"]}
    assert parser.path == ("b",)


@pytest.mark.parametrize("wrong", [1, None, ["{"], object()])
def test_a_chunk_of_the_wrong_type_is_refused(wrong: Any) -> None:
    parser = pf.JsonParser()
    parser.feed('{"a": 1')
    with pytest.raises(TypeError, match="must be str or bytes-like, not"):
        parser.feed(wrong)
    parser.feed("}")
    assert parser.finish() == {"a": 1}


def test_text_with_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        pf.JsonParser().feed('"\ud800"')


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_anything_bytes_like_is_taken(kind: Any) -> None:
    assert pf.loads(kind(b'[1, "\xc3\xa9"]')) == [1, "é"]


def test_limits() -> None:
    assert pf.loads("[" * 200 + "]" * 200)
    with pytest.raises(pf.JsonError, match="max_depth") as caught:
        pf.loads("[" * 201)
    assert (caught.value.kind, caught.value.offset) == ("depth_limit", 200)
    with pytest.raises(pf.JsonError, match="max_bytes") as caught:
        pf.loads("[1, 2]", max_bytes=5)
    assert caught.value.kind == "size_limit"
    parser = pf.JsonParser(max_depth=1)
    parser.feed("[1")
    with pytest.raises(pf.JsonError, match="max_depth"):
        parser.feed(",[")
    deep = 100_000
    assert pf.loads("[" * deep + "]" * deep, max_depth=deep)


def test_a_number_beyond_what_int_reads_is_an_error() -> None:
    limit = sys.get_int_max_str_digits()
    text = "[1,\n" + "1" * (limit + 1) + "]"
    parser = pf.JsonParser()
    for read in (pf.loads, parser.feed):
        with pytest.raises(pf.JsonError, match="number too long") as caught:
            read(text)
        error = caught.value
        assert (error.kind, error.line, error.column) == ("number_limit", 2, limit + 2)
        assert error.path == (1,)
        assert "digits" in str(error.__cause__)


def test_reset_begins_anew() -> None:
    parser = pf.JsonParser()
    with pytest.raises(pf.JsonError):
        parser.feed('{"a": [1,,')
    parser.reset()
    assert (parser.snapshot(), parser.path, parser.completed, parser.done) == (None, (), [], False)
    parser.feed("[true]")
    assert (parser.finish(), parser.done) == ([True], True)


def test_space_around_and_after_the_value() -> None:
    parser = pf.JsonParser()
    for chunk in (" ", "\n 1", "2 ", "\t"):
        parser.feed(chunk)
    assert parser.finish() == 12
    parser.feed("  ")
    assert parser.finish() == 12


def test_a_duplicate_key_shows_the_last_value() -> None:
    assert pf.loads('{"a": [1], "b": 2, "a": "x"}') == {"a": "x", "b": 2}
    parser = pf.JsonParser()
    seen = []
    for chunk in ('{"a": [1]', ', "a":', ' "x', 'y"}'):
        parser.feed(chunk)
        seen.append(parser.snapshot())
    assert seen == [{"a": [1]}, {"a": [1]}, {"a": "x"}, {"a": "xy"}]


def test_a_parser_and_what_it_holds_are_collected() -> None:
    def live() -> int:
        gc.collect()
        return len(gc.get_objects())

    def use() -> None:
        parser = pf.JsonParser()
        parser.feed('{"a": [1, {"b": "c')
        snapshot = parser.snapshot()
        snapshot["a"].append(parser)  # a cycle through the parser's own slot

    use()
    before = live()
    for _ in range(200):
        use()
    assert live() - before < 50


def pieces() -> Iterator[str]:
    yield from ('{"essay": "', "ab", "é", "日", "𝄞", 'z"', "}")


def test_an_open_string_widens_as_it_must() -> None:
    parser = pf.JsonParser()
    seen = []
    for piece in pieces():
        parser.feed(piece)
        seen.append(parser.snapshot()["essay"])
    assert seen == ["", "ab", "abé", "abé日", "abé日𝄞", "abé日𝄞z", "abé日𝄞z"]
    assert [sys.getsizeof(text) for text in seen] == [
        sys.getsizeof("".join(list(text))) for text in seen
    ]
