"""A name stands for one thing: no two files have a module, a class or a name for others alike.

What is looked at: the modules; the classes, private ones too, without their underscores; and the
functions, constants and types that a module has for others. Names that do stand more than once are
listed with the one thing that each of them means.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TREES = {
    "python": sorted((ROOT / "python" / "partialfast").rglob("*.py")),
    "rust": sorted(
        path
        for crate in ("core", "python")
        for path in (ROOT / "rust" / crate / "src").rglob("*.rs")
    ),
}

# Each with what it means, wherever it stands in its language.
MODULES = {
    "python": {
        "attachments": "images and files that go with a prompt",
        "base": "what the files of its folder share",
        "batches": "a provider's batch endpoint: asked, and replayed",
        "chat": "an API of that name: asked, and replayed",
        "client": "the client of its folder's provider",
        "errors": "exceptions",
        "events": "the events of a stream that is sent",
        "extract": "extraction: the loop, and its command",
        "ops": "ops: the state's, and the wire that sends them as they are",
        "provider": "the provider of its folder",
        "response": "an HTTP response: as a provider's is read, and as one goes to a browser",
        "responses": "an API of that name: asked, and replayed",
        "salvage": "salvaging: the run, and its command",
        "source": "where a stream of another library's comes from",
        "uploads": "files that are uploaded: by a run, and to each provider",
    },
    "rust": {
        "delta": "what a dialect says, in the core and as objects of Python",
        "dump": "how a value is dumped: as the plan has it, and in ops",
        "keys": "the keys of an object",
        "machine": "the resumable machine of its folder",
        "reader": "what feeds the machine of its folder",
        "tokens": "the tokens of the machine of its folder",
    },
}
CLASSES_AND_NAMES = {
    "python": {
        "AsyncClient": "the client, and OpenAI's, which has more parts",
        "Batch": "a batch of its API's, as the replay server has it",
        "Block": "a part of an answer: as one read brings it, and as the replay server begins it",
        "Chat": "the chat API of its folder's provider: asked, and replayed",
        "Client": "the client, and OpenAI's, which has more parts",
        "Encoder": "writes one answer on the wire of its file",
        "Ending": "how an answer ended: as it is read, and as the replay server sent it",
        "Event": "an event of a stream: as a provider sends it, and as a wire does",
        "Gate": "what holds something up until it may go on: a read, and a replayed piece",
        "INTERRUPTED": "the exit status of a program that was interrupted",
        "Message": "a message to a model",
        "Outcome": "how it ended: an item of a batch, an answer, an answer on a wire",
        "Path": "keys and indices from the root to a value",
        "RemoteLimiter": "the limiter that another process keeps: Ray's actor, and the command",
        "Resource": "what is called, and the same for functions of LiteLLM's kind",
        "Responses": "an API of that name: asked, and replayed",
        "Source": "what is read: ops for a browser, and chunks of another library's",
        "ToolEncoder": "writes the call of a tool on the wire of its file",
        "Wire": "the wire of its file, which is loaded by the file's name",
        "astream": "snapshots: of text, and of another library's stream",
        "astream_items": "items: of text, and of another library's stream",
        "configure": "adds the arguments of the command of its file",
        "connected": "the client of a command: of the provider that it names, and of OpenAI's kind",
        "execute": "runs the command of its file",
        "first_request": "what a command would send first: to the same two",
        "module": "serves the browser's module: as it is imported, and where Starlette is needed",
        "stream": "snapshots: of text, and of another library's stream",
        "stream_items": "items: of text, and of another library's stream",
    },
    "rust": {
        "Delta": "what a dialect says, in the core and as objects of Python",
        "Fed": "what a call of `feed` did, of each machine",
        "Reader": "what feeds the machine of its folder",
    },
}


def modules(path: Path) -> Iterator[str]:
    if path.stem.strip("_") not in {"init", "main", "mod", "lib"}:
        yield path.stem.strip("_")


def classes(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        names = [each.name for each in ast.parse(text).body if isinstance(each, ast.ClassDef)]
        yield from (name.strip("_") for name in names)
    else:
        # Private ones stand in their module alone, whose name says what they are about.
        items = r"^\s*pub(?:\([^)]*\))? (?:struct|enum|trait|type) (\w+)"
        yield from re.findall(items, text, re.MULTILINE)


def names(path: Path) -> Iterator[str]:
    """Yield what a Python module has for others and defines itself."""
    if path.suffix != ".py":
        return
    defined: list[str] = []
    exported: list[str] = []
    for each in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            defined.append(each.name)
        elif isinstance(each, ast.Assign | ast.AnnAssign):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            assigned = [target.id for target in targets if isinstance(target, ast.Name)]
            defined += assigned
            if "__all__" in assigned and each.value is not None:
                exported = [
                    part.value
                    for part in ast.walk(each.value)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                ]
    yield from (name for name in exported if name in defined and name != "__version__")


def classes_and_names(path: Path) -> Iterator[str]:
    yield from classes(path)
    yield from names(path)


def twice(find: Callable[[Path], Iterator[str]], tree: Iterable[Path]) -> dict[str, list[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in tree:
        for name in find(path):
            found[name].add(str(path.relative_to(ROOT)))
    return {name: sorted(paths) for name, paths in found.items() if len(paths) > 1}


@pytest.mark.parametrize("language", TREES)
def test_no_name_stands_for_two_things(language: str) -> None:
    assert TREES[language]
    for find, listed in ((modules, MODULES), (classes_and_names, CLASSES_AND_NAMES)):
        repeated = twice(find, TREES[language])
        unlisted = repeated.keys() - listed[language].keys()
        assert {name: repeated[name] for name in unlisted} == {}


@pytest.mark.parametrize("language", TREES)
def test_what_is_listed_stands_twice(language: str) -> None:
    for find, listed in ((modules, MODULES), (classes_and_names, CLASSES_AND_NAMES)):
        assert listed[language].keys() - twice(find, TREES[language]).keys() == set()
