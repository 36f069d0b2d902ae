"""What the workflows and the pages say of the project: pinned actions, Pythons, make targets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *WORKFLOWS,
    ROOT / ".ci" / "run",
    ROOT / ".github" / "PULL_REQUEST_TEMPLATE.md",
    ROOT / "rust" / "fuzz" / "README.md",
]
_MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8") if WORKFLOWS else ""


def targets() -> set[str]:
    """Return what can be made by name: rules, long tests, and a bench for each of its files."""
    rules = set(re.findall(r"^([a-z][a-z-]*):", _MAKEFILE, re.MULTILINE))
    rows = re.findall(r"^(?:define )?test\.([a-z]+) ", _MAKEFILE, re.MULTILINE)
    files = {f"bench-{path.stem}" for path in (ROOT / "benches").glob("[a-z]*.py")}
    return rules | {f"test-{row}" for row in rows} | files


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_said_to_be_made_can_be_made(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    # In a script a command begins its line; on a page that may be a word of a sentence.
    before = r"^\s*(?:timeout \d+ )?" if path.suffix == "" else r"(?:`|^ {4,}|run: )"
    said = re.findall(before + r"make ((?:[A-Z]+=\S+ )*)([a-z][a-z-]*)", text, re.MULTILINE)
    assert {name for _, name in said} <= targets()


def test_each_long_test_says_what_it_is_for() -> None:
    rows = re.findall(r"^(?:define )?test\.[a-z]+ .*$", _MAKEFILE, re.MULTILINE)
    assert rows
    assert all(re.search(r" ## [A-Z]", row) for row in rows)


def test_the_list_of_targets_is_taken_in_at_a_glance() -> None:
    listed = re.findall(r"^[a-z%-]+:.* ## [A-Z].*$", _MAKEFILE, re.MULTILINE)
    assert 10 < len(listed) <= 20


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert used
    for action in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", action)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_unless_a_job_says_otherwise(path: Path) -> None:
    assert "\npermissions:\n  contents: read\n" in path.read_text(encoding="utf-8")


def test_each_declared_python_is_tested_and_has_a_wheel() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    assert declared
    ci = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    wheels = (ROOT / ".github" / "workflows" / "wheels.yml").read_text(encoding="utf-8")
    assert re.findall(r'"(3\.\d+)"', re.search(r"python: \[(.*)\]", ci)[1]) == declared  # type: ignore[index]
    for versions in re.findall(r"for version in (.*); do", wheels):
        assert versions.split() == declared
    assert set(declared) <= set(re.search(r"--interpreter (.*)", wheels)[1].split())  # type: ignore[index]


def test_the_lock_pins_every_tool_that_is_asked_for() -> None:
    tomllib = pytest.importorskip("tomllib")
    lock = ROOT / "requirements-dev.lock"
    if not lock.exists():
        pytest.skip("the source distribution has no lock")
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "dependency-groups"
    ]

    def names(group: str) -> set[str]:
        found: set[str] = set()
        for each in groups[group]:
            if isinstance(each, dict):
                found |= names(each["include-group"])
            else:
                found.add(plain(re.split(r"[^\w.-]", each)[0]))
        return found

    pinned = re.findall(r"^([\w.-]+)==", lock.read_text(encoding="utf-8"), re.MULTILINE)
    assert names("dev") <= {plain(each) for each in pinned}


def plain(name: str) -> str:
    """Return a name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
