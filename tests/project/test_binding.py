"""The binding translates: no grammar, no policy, and no circles among its files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "rust"
BINDING = ROOT / "python" / "src"
PROVIDERS = ROOT / "core" / "src" / "providers"

FILES = sorted(BINDING.rglob("*.rs"))
# Words of the compiler's plans, which are read there and nowhere else.
PLANS = BINDING / "plan"
# Words that the binding has for something of its own: the type of a value in a message, and a
# method of the parser's.
OWN = {"errors.rs": {"object"}, "parser.rs": {"complete"}}


def code(path: Path) -> str:
    """Return a file without its comments and its tests."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"#\[cfg\(test\)\]\s*mod tests \{.*", "", text, flags=re.DOTALL)
    return re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)


def words(path: Path) -> set[str]:
    """Return the words that stand in quotes in a file."""
    return set(re.findall(r'"([A-Za-z][\w.]*)"', code(path)))


@cache
def neutral() -> set[str]:
    """Return what deltas are called: the variants of the enums that the binding hands on."""
    variants = re.findall(r"^ {4}([A-Z]\w+)\b", code(PROVIDERS / "delta.rs"), re.MULTILINE)
    return {re.sub(r"(?<=.)([A-Z])", r"_\1", name).lower() for name in variants} | {"part"}


@cache
def vocabulary() -> set[str]:
    """Return the words that servers write, as the files of the dialects know them."""
    return {word for path in PROVIDERS.rglob("*.rs") for word in words(path)} - neutral()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(BINDING)))
def test_no_word_of_a_dialect_stands_in_the_binding(path: Path) -> None:
    if PLANS in path.parents:
        return
    assert not words(path) & vocabulary() - OWN.get(path.name, set())


def test_the_words_are_those_that_servers_write() -> None:
    assert {"finish_reason", "tool_calls", "input_json_delta", "MAX_TOKENS"} <= vocabulary()
    assert {"text", "reasoning", "cut_off"} <= neutral()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(BINDING)))
def test_no_sign_of_a_grammar_is_compared_in_the_binding(path: Path) -> None:
    # As a byte or a character; what is written (`b"{"`) is for pydantic to read.
    assert not re.findall(r"""b?'(?:\\?["\\{}\[\]:,]|\\n|\\r)'""", code(path))


def test_the_binding_reads_json_with_the_core_alone() -> None:
    manifest = (ROOT / "python" / "Cargo.toml").read_text(encoding="utf-8")
    dependencies = manifest.partition("[dependencies]\n")[2].partition("\n\n")[0]
    assert re.findall(r"^([\w-]+) =", dependencies, re.MULTILINE) == ["partialfast-core", "pyo3"]


def modules() -> dict[str, set[str]]:
    """Return what each file names of the others; a folder's own file is part of its contents."""

    def module(path: Path) -> str:
        return "::".join(path.relative_to(BINDING).with_suffix("").parts)

    known = {module(path) for path in FILES}

    def named(path: Path) -> Iterator[str]:
        here = module(path).split("::")[:-1]
        for anchor, rest in re.findall(r"\b(crate|super)::(\w+(?:::\w+)?)", code(path)):
            parts = ([] if anchor == "crate" else here) + rest.split("::")
            while parts and "::".join(parts) not in known:
                if (inside := "::".join([*parts, "mod"])) in known:
                    parts = inside.split("::")
                    break
                parts.pop()
            if parts:
                yield "::".join(parts)

    found = {module(path): set(named(path)) for path in FILES}
    return {
        name: {each for each in others if each != name and not _is_own(each, name)}
        for name, others in found.items()
    }


def _is_own(one: str, other: str) -> bool:
    # A folder's `mod.rs` declares its files, and they take what it has for all of them.
    return any(
        first.endswith("::mod") and second.startswith(first.removesuffix("mod"))
        for first, second in ((one, other), (other, one))
    )


def test_no_files_of_the_binding_name_each_other_in_a_circle() -> None:
    left = modules()
    assert left["build::run"] >= {"build::builder", "plan::mod"}
    # Whatever names nothing that is left is in no circle.
    while free := {name for name, others in left.items() if not others & left.keys()}:
        left = {name: others for name, others in left.items() if name not in free}
    assert not left
