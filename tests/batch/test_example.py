"""``examples/batch``: its files are what its generator makes, and its program does its work."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from partialfast.cli import _main
from tests.batching import lines

parquet: Any = pytest.importorskip("pyarrow.parquet")

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "batch"


def copied(folder: Path) -> Path:
    return Path(
        shutil.copytree(EXAMPLE, folder / "batch", ignore=shutil.ignore_patterns("*meet*s.*"))
    )


def run(program: Path, *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - the project's own programs
        [sys.executable, "-W", "error", program, *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_documents_are_those_that_the_generator_makes(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / "documents.jsonl").unlink()
    run(folder / "generate.py")
    for name in ("documents.jsonl", "recording.jsonl"):
        assert (folder / name).read_bytes() == (EXAMPLE / name).read_bytes()


@pytest.mark.parametrize("page", ["README.md", "docs/batch.md"])
def test_the_commands_of_the_pages_are_understood(page: str) -> None:
    text = (EXAMPLE.parents[1] / page).read_text(encoding="utf-8").replace("\\\n", " ")
    commands = [
        shlex.split(line)
        for line in re.findall(r"^    partialfast ((?:extract|salvage) .*)$", text, re.MULTILINE)
        if "..." not in line
    ]
    assert commands
    for words in commands:
        # It exits if there is no such option, or if one is missing.
        _main._parse(words)


@pytest.mark.network
def test_the_program_extracts_and_goes_on(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    shown = run(folder / "run.py", "--resume", "--limit", "40")
    assert "40 of 40 documents in" in shown
    shown = run(folder / "run.py", "--resume", "--limit", "60")
    assert "40 were finished before" in shown
    rows = parquet.read_table(folder / "meetings.parquet").to_pylist()
    failures = lines(folder / "meetings.errors.jsonl")
    assert len(rows) + len(failures) == 60
    assert 0 < len(failures) < 10
    answers = {
        f"minutes-{n:04}": each for n, each in enumerate(lines(EXAMPLE / "recording.jsonl"), 1)
    }
    for row in rows:
        expected = json.loads(answers[row.pop("id")]["text"])
        assert row["title"] == expected["title"]
        assert row["people"] == expected["people"]
        assert row["day"].isoformat() == expected["day"]
