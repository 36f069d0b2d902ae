"""`unsafe` stays in one file, each block with its reason; the core has none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

RUST = Path(__file__).parents[2] / "rust"
ALLOWED = RUST / "python" / "src" / "ffi.rs"

pytestmark = pytest.mark.skipif(not RUST.is_dir(), reason="only the package is here")


def _code(text: str) -> str:
    """Return Rust source without comments, string literals and lints."""
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
    return re.sub(r"#!?\[[^\]]*\]", "", text)


def test_only_one_file_of_the_binding_has_unsafe_code() -> None:
    sources = sorted((RUST / "python").rglob("*.rs"))
    assert ALLOWED in sources
    found = [path for path in sources if re.search(r"\bunsafe\b", _code(path.read_text("utf-8")))]
    assert found == [ALLOWED]


def test_the_core_forbids_it() -> None:
    assert "#![forbid(unsafe_code)]" in (RUST / "core" / "src" / "lib.rs").read_text("utf-8")


def test_each_block_says_why_it_is_sound() -> None:
    lines = ALLOWED.read_text("utf-8").splitlines()
    bare = []
    for number, line in enumerate(lines):
        if not re.search(r"\bunsafe\b", _code(line)):
            continue
        above = number - 1
        # The reason stands above the statement that the block is part of.
        while not lines[above].lstrip().startswith("//") and number - above < 3:
            above -= 1
        comment = []
        while lines[above].lstrip().startswith("//"):
            comment.append(lines[above])
            above -= 1
        if not any("SAFETY:" in text for text in comment):
            bare.append(f"{number + 1}: {line.strip()}")
    assert not bare, bare


def test_each_function_says_what_it_saves_or_guards() -> None:
    text = ALLOWED.read_text("utf-8")
    for match in re.finditer(r"^ *pub fn (\w+)", text, re.MULTILINE):
        lines = text[: match.start()].rstrip("\n").splitlines()
        # Attributes stand between.
        before = [line for line in lines if not line.lstrip().startswith("#[")]
        assert before[-1].lstrip().startswith("///"), match[1]
