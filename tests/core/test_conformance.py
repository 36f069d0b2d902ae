"""RFC 8259: what is accepted and rejected, and every difference from other parsers.

``data/differences.json`` lists the cases that the RFC leaves open, with our answer and pydantic's,
and every difference from three other parsers, with its reason. A difference that is not listed
fails here; so does one that is listed and no longer there.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydantic_core
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

import partialfast as pf
from tests.chunkings import bytewise, random_splits, sized, two_way

ROOT = Path(__file__).parents[2]
LISTED: dict[str, list[dict[str, Any]]] = json.loads(
    (ROOT / "tests" / "data" / "differences.json").read_text(encoding="ascii")
)
PEERS: dict[str, Callable[[bytes], Any]] = {
    "json.loads": json.loads,
    "pydantic_core.from_json": pydantic_core.from_json,
}
#: Above this length not every cut is tried.
EVERY_CUT = 120


def _text(example_: dict[str, Any]) -> bytes:
    if "hex" in example_:
        return bytes.fromhex(example_["hex"])
    if "repeat" in example_:
        return "".join(part * times for part, times in example_["repeat"]).encode()
    return str(example_["text"]).encode()


class Rejected:
    """What a parser that rejects a text returns."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _read(parse: Callable[[bytes], Any], text: bytes) -> Any:
    """Return the value of `text`, or why it was rejected."""
    try:
        return parse(text)
    except (ValueError, RecursionError, pf.TruncatedError) as error:
        return Rejected(error)


def _same(ours: Any, theirs: Any) -> bool:
    """Whether two values are the same: type by type, NaN and the sign of zero included."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, Rejected):
        return True
    if isinstance(ours, float):
        return math.copysign(1, ours) == math.copysign(1, theirs) and (
            ours == theirs or (math.isnan(ours) and math.isnan(theirs))
        )
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(ours, dict):
        return list(ours) == list(theirs) and all(_same(ours[key], theirs[key]) for key in ours)
    return bool(ours == theirs)


def _depth(text: bytes) -> int:
    """Return an upper bound of how deep `text` nests."""
    depth = most = 0
    for byte in text:
        depth += byte in b"[{"
        depth -= byte in b"]}"
        most = max(most, depth)
    return most


def _applies(difference: dict[str, Any], text: bytes) -> bool:
    if "pattern" in difference:
        return re.search(difference["pattern"].encode("latin-1"), text) is not None
    if "depth" in difference:
        return _depth(text) >= int(difference["depth"])
    return len(text) >= int(difference["length"])


def _check_against_peers(text: bytes) -> None:
    ours = _read(pf.loads, text)
    for peer, parse in PEERS.items():
        theirs = _read(parse, text)
        if _same(ours, theirs):
            continue
        they = "reject" if isinstance(theirs, Rejected) else "accept"
        reasons = [
            difference["id"]
            for difference in LISTED["differences"]
            if difference["peer"] == peer
            and difference["they"] == they
            and isinstance(ours, Rejected) != isinstance(theirs, Rejected)
            and _applies(difference, text)
        ]
        assert reasons, f"a difference from {peer} that is not listed: {text[:200]!r}"


def _streamed(chunks: list[bytes]) -> tuple[Any, ...]:
    """Return what a stream of `chunks` ends with: a value, or an error and where it stands."""
    parser = pf.JsonParser()
    try:
        for chunk in chunks:
            parser.feed(chunk)
        return ("value", parser.finish())
    except pf.JsonError as error:
        return ("error", error.kind, error.offset, error.line, error.column, error.path)


def _cuts(text: bytes) -> Iterator[list[bytes]]:
    if len(text) <= EVERY_CUT:
        yield from two_way(text)
    else:
        yield from random_splits(text, count=4)
        yield from (sized(text, size) for size in (2, 7, 64))


def _check_every_cut(text: bytes) -> None:
    whole = _streamed([text])
    assert repr(_streamed(bytewise(text))) == repr(whole)
    for chunks in _cuts(text):
        assert repr(_streamed(chunks)) == repr(whole), chunks
    read = _read(pf.loads, text)
    if whole[0] == "value":
        assert _same(whole[1], read)
        return
    assert isinstance(read, Rejected)
    assert isinstance(read.error, pf.JsonError)
    kind, offset = whole[1:3]
    assert (read.error.kind, read.error.offset) == (kind, offset)
    if kind not in ("truncated", "number_limit"):
        # It comes at the very byte: what is before it could still have become a JSON text.
        parser = pf.JsonParser()
        for byte in bytewise(text[:offset]):
            parser.feed(byte)
        with pytest.raises(pf.JsonError):
            parser.feed(text[offset : offset + 1])


def _check_typed(text: bytes) -> None:
    """A typed stream accepts what pydantic accepts, constants aside."""
    ours = _read(lambda data: list(pf.stream(Any, sized(data, 5)))[-1], text)
    theirs = _read(TypeAdapter[Any](Any).validate_json, text)
    strict = _read(pf.loads, text)
    expected = strict if isinstance(strict, Rejected) else theirs
    assert _same(ours, expected), text[:200]


def _check(text: bytes) -> None:
    _check_against_peers(text)
    _check_every_cut(text)
    if text:
        _check_typed(text)


# ------------------------------------------------------------------------------------------------
# Files


def _own() -> list[Path]:
    return sorted((ROOT / "rust" / "core" / "tests" / "data").glob("*/*.json"))


@pytest.mark.parametrize("path", _own(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_files_of_the_core(path: Path) -> None:
    text = path.read_bytes()
    read = _read(pf.loads, text)
    if path.parent.name != "either":
        assert isinstance(read, Rejected) == (path.parent.name == "reject")
    _check(text)


def test_the_json_test_suite(shared_data: Path) -> None:
    paths = sorted((shared_data / "jsontestsuite").glob("*.json"))
    assert len(paths) > 300
    for path in paths:
        text = path.read_bytes()
        read = _read(pf.loads, text)
        if path.name[0] in "yn":
            assert isinstance(read, Rejected) == (path.name[0] == "n"), path.name
        if len(text) < 20_000:
            _check(text)
        else:
            _check_against_peers(text)


# ------------------------------------------------------------------------------------------------
# The list


@pytest.mark.parametrize("row", LISTED["defined"], ids=lambda row: row["case"])
def test_a_case_that_the_rfc_leaves_open(row: dict[str, Any]) -> None:
    text = _text(row["example"])
    ours, theirs = _read(pf.loads, text), _read(pydantic_core.from_json, text)
    if isinstance(ours, Rejected):
        assert isinstance(ours.error, pf.JsonError)
        assert row["ours"] == f"error: {ours.error.kind}"
    elif row["ours"] not in ("accepted", "that integer"):
        assert row["ours"] == repr(ours)
    if row["pydantic"] == "the same":
        assert _same(ours, theirs)
    elif row["pydantic"] == "accepted":
        assert not isinstance(theirs, Rejected)
    else:
        assert isinstance(theirs, Rejected)
        assert row["pydantic"].removeprefix("error: ") in str(theirs.error)
    if len(text) < EVERY_CUT:
        _check(text)


@pytest.mark.parametrize("difference", LISTED["differences"], ids=lambda item: item["id"])
def test_a_listed_difference_is_there(difference: dict[str, Any]) -> None:
    assert difference["reason"]
    assert difference["examples"]
    for item in difference["examples"]:
        text = _text(item)
        assert _applies(difference, text)
        ours = _read(pf.loads, text)
        assert isinstance(ours, Rejected) == (difference["they"] == "accept")
        # What serde_json says is held by a test of the core.
        parse = PEERS.get(difference["peer"])
        if parse is not None:
            assert isinstance(_read(parse, text), Rejected) == (difference["they"] == "reject")


def _example(item: dict[str, Any]) -> str:
    if "hex" in item:
        return f"bytes `{bytes.fromhex(item['hex']).hex(' ')}`"
    if "repeat" in item:
        parts = (
            f"{times:,} times `{part}`" if times > 1 else f"`{part}`"
            for part, times in item["repeat"]
        )
        return ", ".join(parts)
    text = json.dumps(item["text"])[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return f"`{text}`" if text else "nothing"


def _rows() -> Iterator[str]:
    for row in LISTED["defined"]:
        cells = (row["case"], _example(row["example"]), row["ours"], row["pydantic"])
        yield "| " + " | ".join(cells) + " |"
    for difference in LISTED["differences"]:
        they = "accepts" if difference["they"] == "accept" else "rejects"
        shown = "; ".join(map(_example, difference["examples"]))
        yield f"| `{difference['peer']}` | {they} {shown} | {difference['reason']} |"


def test_the_page_has_the_whole_list() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8").splitlines()
    missing = [row for row in _rows() if row not in page]
    assert not missing, "docs/conformance.md lacks:\n" + "\n".join(missing)


# ------------------------------------------------------------------------------------------------
# Any text

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**18, max_value=10**40)
    | st.floats()
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
#: What a text can be spoilt with.
_PIECES = [
    *(
        bytes([byte])
        for byte in b'{}[]:,"\\ \t\r\n0123456789-+.eEntfu/bx\x00\x01\x0c\x7f\xef\xbb\xbf\xff'
    ),
    *(b"null", b"true", b"false", b"NaN", b"Infinity", b"1e", b"0.", b"-", b"\\u", b"\\ud83d"),
    *(
        b"\\udc00",
        b"\\ud800",
        b"\xed\xa0\x80",
        b"\xc3\xa9",
        b"\xf0\x9f\x98\x80",
        b"\xf4\x90\x80\x80",
    ),
    *(b'{"a":', b'"a":1,', b"1e999", b"-0", b"1E-400", b"00", b"1.0e+5", b"[[[["),
]


@st.composite
def _texts(draw: st.DrawFn) -> bytes:
    value = draw(_VALUES)
    indent = draw(st.sampled_from([None, 1]))
    text = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=indent).encode(
        "utf-8", "surrogatepass"
    )
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 3))
        text = text[:at] + draw(st.sampled_from([b"", *_PIECES])) + text[at + cut :]
    return text


@given(_texts())
@example(b"-")
@example(b"[1e5,1E5,1e+5,0e0,-0.0e-0]")
@example(b'{"a":1,"a":[]}')
@example(b"123456789012345678901234567890")
@example(b"1" * 25 + b".5e3")
def test_any_text_is_read_as_by_others_or_as_listed(text: bytes) -> None:
    _check(text)


@given(st.lists(st.sampled_from(_PIECES), max_size=12).map(b"".join))
def test_any_pieces_are_read_as_by_others_or_as_listed(text: bytes) -> None:
    _check(text)


@given(st.binary(max_size=12))
def test_any_bytes_are_read_as_by_others_or_as_listed(text: bytes) -> None:
    _check(text)


def test_validation_errors_are_json_errors_only_for_what_is_not_json() -> None:
    with pytest.raises(pf.JsonError):
        list(pf.stream(float, [b"NaN"]))
    with pytest.raises(ValidationError):
        list(pf.stream(int, [b"1.5"]))
