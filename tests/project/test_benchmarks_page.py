"""The newcomers' section of docs/benchmarks.md has every peer, and can be replaced alone."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

newer = pytest.importorskip("benches.newer", reason="the source distribution has no benches")
report = pytest.importorskip("benches.report")

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def test_each_peer_has_a_row() -> None:
    _, found, after = PAGE.read_text(encoding="utf-8").partition(newer.TITLE)
    assert found
    rows = [line for line in after.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    for peer in newer.PEERS:
        assert any(row.startswith(f"| {peer.name} ") for row in rows), peer.name


def test_a_section_takes_the_place_of_its_older_self() -> None:
    page = "# Page\n\n## Before\n\ntext\n\n## Pictures\n\n![a](a.png)\n"
    once = report.with_section(page, ["## New", "", "first"])
    assert once == page.replace("## Pictures", "## New\n\nfirst\n\n## Pictures")
    again = report.with_section(once, ["## New", "", "second"])
    assert again == once.replace("first", "second")


def test_what_changes_otherwise_than_by_growing_is_taken_back() -> None:
    def reader(values: list[object]) -> int:
        return sum(newer.taken_back(a, b) for a, b in pairwise(values))

    assert reader([{}, {"a": "x"}, {"a": "xy", "b": [1]}, {"a": "xy", "b": [1, 2]}]) == 0
    assert reader([{"a": 1}, {"a": 12}]) == 1
    assert reader([{"a": "x\\"}, {"a": "x\n"}]) == 1
