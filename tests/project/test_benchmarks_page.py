"""Each part of docs/benchmarks.md can be replaced alone, and the newcomers' has every peer."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

newer = pytest.importorskip("benches.newer", reason="the source distribution has no benches")
tables = pytest.importorskip("benches.pages")

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def test_each_peer_has_a_row() -> None:
    _, found, after = PAGE.read_text(encoding="utf-8").partition("<!-- newer -->")
    assert found
    rows = [line for line in after.partition("<!-- /newer -->")[0].splitlines() if line[:2] == "| "]
    for peer in newer.PEERS:
        assert any(row.startswith(f"| {peer} ") for row in rows), peer


def test_what_is_measured_takes_the_place_of_its_older_self(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = "# Page\n\n<!-- a -->\nold\n<!-- /a -->\n\n<!-- b -->\n<!-- /b -->\n"
    page.write_text(text, encoding="utf-8")
    tables.put(page, "a", "| \\1 |")
    once = text.replace("\nold\n", "\n\n| \\1 |\n\n")
    assert page.read_text(encoding="utf-8") == once
    tables.put(page, "a", "| \\1 |")
    assert page.read_text(encoding="utf-8") == once
    with pytest.raises(ValueError, match="0 places for c"):
        tables.put(page, "c", "")


def test_what_changes_otherwise_than_by_growing_is_taken_back() -> None:
    def reader(values: list[object]) -> int:
        return sum(newer.taken_back(a, b) for a, b in pairwise(values))

    assert reader([{}, {"a": "x"}, {"a": "xy", "b": [1]}, {"a": "xy", "b": [1, 2]}]) == 0
    assert reader([{"a": 1}, {"a": 12}]) == 1
    assert reader([{"a": "x\\"}, {"a": "x\n"}]) == 1
