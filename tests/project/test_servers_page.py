"""What docs/servers.md names as the source of a row is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from partialfast.replay import SHAPES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "servers.md").read_text(encoding="utf-8")
ROWS = [
    # A bar within a cell is escaped.
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("| ")
]
SERVERS = [row for row in ROWS if len(row) == 4 and row[0] not in {"server", "---"}]


def _named(kind: str) -> set[str]:
    parts = [part for row in SERVERS for part in row[3].split(";")]
    of_kind = [part for part in parts if part.strip().startswith(kind)]
    return {name for part in of_kind for name in re.findall(r"`([^`]+)`", part)}


def test_each_row_says_what_holds_it() -> None:
    assert len(SERVERS) > 15
    for row in SERVERS:
        sources = {part.strip().split()[0].rstrip(",") for part in row[3].split(";")}
        assert sources
        assert sources <= {"run", "recorded", "rebuilt", "played"}, row[0]


def test_the_shapes_are_there() -> None:
    assert _named("played")
    assert _named("played") <= set(SHAPES)


def test_the_rebuilt_streams_are_there(shared_data: Path) -> None:
    lines = (shared_data / "wire" / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    assert _named("rebuilt")
    assert _named("rebuilt") <= {json.loads(line)["name"] for line in lines}


def test_the_files_that_it_names_are_there() -> None:
    named = re.findall(r"`(tests/[^`]+\.py)`", PAGE)
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
