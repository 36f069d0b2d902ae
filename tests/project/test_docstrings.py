"""Each public function and method says what it takes and what it gives."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "reference").glob("[a-z]*.md"))

# What says in one sentence what it gives.
GIVES = re.compile(r"(?:Return|Tell|Iterate|Yield|Say|Give) ")
# What another docstring has.
ELSEWHERE = re.compile(r"[Ss]ee `|the twin of `|as (?:in )?any coroutine")
# The server's own: programs are handed an `Exchange` that the server keeps.
OF_THE_SERVER = {"partialfast.replay.Exchange.end", "partialfast.replay.Exchange.wait_ended"}


def functions(page: Path) -> Iterator[tuple[str, Any]]:
    name = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    module = importlib.import_module(name)
    for public in module.__all__:
        value = getattr(module, public)
        if inspect.isfunction(value):
            yield f"{name}.{public}", value
        elif inspect.isclass(value):
            for member, found in vars(value).items():
                function = getattr(found, "__func__", found)
                if inspect.isfunction(function) and not member.startswith("_"):
                    yield f"{name}.{public}.{member}", function


def missing(function: Any) -> list[str]:
    """Name what a docstring does not say."""
    said = inspect.getdoc(function) or ""
    if not said:
        return ["anything"]
    if ELSEWHERE.search(said.partition("\n\n")[0]):
        return []
    # As it is written: a signature for notebooks lists what overloads name.
    code = function.__code__
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    named = [each for each in arguments if each not in {"self", "cls"}]
    lacks = [each for each in named if not re.search(rf"^ +{each}: ", said, re.MULTILINE)]
    gives = function.__annotations__.get("return", "None") not in {"None", "NoReturn"}
    if gives and not re.search(r"^(?:Returns|Yields):", said, re.MULTILINE):
        lacks += [] if GIVES.match(said) else ["what it returns"]
    return lacks


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_public_functions_say_what_they_take_and_give(page: Path) -> None:
    found = dict(functions(page))
    lacking = {name: missing(function) for name, function in found.items()}
    assert {n: lacks for n, lacks in lacking.items() if lacks and n not in OF_THE_SERVER} == {}
