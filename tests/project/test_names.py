"""A name stands for one thing: no module and no public class of one tree is named like another.

Names that do stand more than once are listed with the one thing that each of them means.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = [
    path
    for path in sorted((ROOT / "python" / "partialfast").rglob("*.py"))
    if not path.stem.startswith("__")
]
RUST = sorted([*(ROOT / "rust/core/src").rglob("*.rs"), *(ROOT / "rust/python/src").rglob("*.rs")])

# Each with what it means, wherever it stands.
MODULES = {
    "attachments": "images and files that go with a prompt",
    "base": "what the files of its folder share",
    "batches": "a provider's batch endpoint: asked, and replayed",
    "chat": "an API of that name: asked, and replayed",
    "client": "the client of its folder's provider",
    "delta": "what a dialect says, in the core and as objects of Python",
    "dump": "how a value is dumped: as the plan has it, and in ops",
    "errors": "exceptions",
    "events": "the events of a stream that is sent",
    "extract": "extraction: the loop, and its command",
    "keys": "the keys of an object",
    "machine": "the resumable machine of its folder",
    "ops": "ops: the state's, and the wire that sends them as they are",
    "provider": "the provider of its folder",
    "reader": "what feeds the machine of its folder",
    "responses": "an API of that name: asked, and replayed",
    "salvage": "salvaging: the run, and its command",
    "source": "where a stream of another library's comes from",
    "tokens": "the tokens of the machine of its folder",
    "uploads": "files that are uploaded: by a run, and to each provider",
}
CLASSES = {
    "AsyncClient": "the client, and OpenAI's, which has more parts",
    "Chat": "the chat API of its folder's provider: asked, and replayed",
    "Client": "the client, and OpenAI's, which has more parts",
    "Delta": "what a dialect says, in the core and as objects of Python",
    "Event": "an event of a stream: as a provider sends it, and as a wire does",
    "Fed": "what a call of `feed` did, of each machine",
    "Outcome": "how it ended: an item of a batch, an answer on a wire",
    "Reader": "what feeds the machine of its folder",
    "Responses": "an API of that name: asked, and replayed",
    "Wire": "the wire of its file, which is loaded by the file's name",
}


def modules(paths: Iterable[Path]) -> dict[str, list[Path]]:
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path in paths:
        if path.stem not in {"mod", "lib"}:
            found[path.stem.strip("_")].append(path.relative_to(ROOT))
    return found


def classes(paths: Iterable[Path]) -> dict[str, list[Path]]:
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            names = [each.name for each in ast.parse(text).body if isinstance(each, ast.ClassDef)]
        else:
            items = r"^\s*pub(?:\([^)]*\))? (?:struct|enum|trait|type) (\w+)"
            names = re.findall(items, text, re.MULTILINE)
        for name in names:
            if not name.startswith("_"):
                found[name].append(path.relative_to(ROOT))
    return found


def twice(found: dict[str, list[Path]]) -> dict[str, list[str]]:
    return {name: [str(each) for each in paths] for name, paths in found.items() if len(paths) > 1}


@pytest.mark.parametrize("tree", [PYTHON, RUST], ids=["python", "rust"])
def test_no_name_stands_for_two_things(tree: list[Path]) -> None:
    assert tree
    for found, listed in ((modules(tree), MODULES), (classes(tree), CLASSES)):
        repeated = twice(found)
        assert {name: repeated[name] for name in repeated.keys() - listed.keys()} == {}


def test_what_is_listed_stands_twice() -> None:
    for find, listed in ((modules, MODULES), (classes, CLASSES)):
        assert listed.keys() - {*twice(find(PYTHON)), *twice(find(RUST))} == set()
