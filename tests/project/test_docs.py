"""The examples of the README, of docs/ and of every docstring do what they say.

A page's Python blocks (`tests.pages`) run in order in one namespace, as a reader would paste them
into one prompt, against the replay server.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

import partialfast
from partialfast import replay
from tests.pages import blocks
from tools import llms, pictures

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")])
RECORDINGS = ROOT / "tests" / "data" / "docs.jsonl"
# They need a newer openai and pydantic than this package does (`make test-floors`).
FRAMEWORKS = {"agents", "pydantic_ai"}


@pytest.mark.network
@pytest.mark.usefixtures("nothing_ignored")
# The test client of Starlette's lowest version that is allowed, with today's anyio.
@pytest.mark.filterwarnings("ignore:The anyio.abc.BlockingPortal alias:DeprecationWarning")
@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name
)
def test_page_examples_run_and_print_what_they_say(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with replay.serve(RECORDINGS) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", "nothing-secret")
        monkeypatch.setenv("OPENAI_AGENTS_DISABLE_TRACING", "1")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url.origin)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "nothing-secret")
        try:
            for block in filter(lambda each: each.can_run, blocks(page)):
                exec(block.compile(page), namespace)  # noqa: S102 - the project's own pages
                said = capsys.readouterr().out.splitlines()
                assert said == block.printed, f"line {block.line + 1}"
        except ModuleNotFoundError as error:
            if error.name not in FRAMEWORKS:
                raise
            pytest.skip(f"{page.name} needs {error.name}, which is not installed")
        finally:
            # A prompt that ends closes its clients. The namespace is a circle, in which the
            # collector might otherwise finalise a connection before the client that would have
            # closed it.
            for value in namespace.values():
                # A provider of the page's own may have nothing that could be closed.
                if isinstance(value, OpenAI | partialfast.Instructor) and hasattr(value, "close"):
                    value.close()


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "reference").glob("[a-z]*.md")), ids=str)
def test_the_reference_has_every_public_name(page: Path) -> None:
    [title, *lines] = page.read_text(encoding="utf-8").splitlines()
    module = importlib.import_module(title.removeprefix("# "))
    names = {line.removeprefix(f"::: {module.__name__}.") for line in lines if line}
    assert names == set(module.__all__) - {"__version__"}


# Not for programs to import: what they hold is documented by what it does.
NOT_FOR_PROGRAMS = re.compile(
    r"partialfast\.(?:"
    r"cli|demo"  # commands
    r"|typed\.families(?:\..+)?"  # loaded by the compiler
    r"|web\.wires\.(?:ai_text|assistant_stream|ops)"  # without options, asked for by name
    r")"
)


def test_each_public_module_is_in_the_reference() -> None:
    pages = {page.stem for page in (ROOT / "docs" / "reference").glob("[a-z]*.md")}
    for name in _module_names():
        module = importlib.import_module(name)
        names = set(getattr(module, "__all__", ())) - set(partialfast.__all__)
        if "._" in name or not names or NOT_FOR_PROGRAMS.fullmatch(name):
            continue
        assert name.removeprefix("partialfast.") in pages, f"{name} has {sorted(names)}"


def _module_names() -> Iterator[str]:
    yield partialfast.__name__
    for module in pkgutil.walk_packages(partialfast.__path__, f"{partialfast.__name__}."):
        if not module.name.endswith("__main__"):
            yield module.name


def _docstring_tests() -> Iterator[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in _module_names():
        yield from finder.find(importlib.import_module(name))
    yield from _stub_tests()


def _stub_tests() -> Iterator[doctest.DocTest]:
    """Find the examples of the stub: the compiled module's documentation stands there."""
    [folder] = partialfast.__path__
    stub = Path(folder) / "_core.pyi"
    parser = doctest.DocTestParser()
    for node in ast.walk(ast.parse(stub.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node) or ""
            yield parser.get_doctest(
                text, {"pf": partialfast}, f"_core.{node.name}", str(stub), node.lineno
            )


@pytest.mark.parametrize(
    "example", [test for test in _docstring_tests() if test.examples], ids=lambda test: test.name
)
def test_docstring_examples(example: doctest.DocTest) -> None:
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(example, out=report.append)
    assert runner.failures == 0, "".join(report)


def test_llms_txt_is_what_the_tool_writes() -> None:
    assert llms.PAGE.read_text(encoding="utf-8") == llms.page()


def test_the_picture_is_what_the_tool_draws() -> None:
    drawn = pictures.picture()
    assert drawn.count("<animate ") > 15
    assert "Grace" in drawn or "users" in drawn
    # Fonts and pictures of others are not fetched.
    assert not re.findall(r"(?:href|url)\(?[\"'=(]+https?:", drawn)
    assert pictures.PAGE.read_text(encoding="utf-8").count("<animate ") == drawn.count("<animate ")
