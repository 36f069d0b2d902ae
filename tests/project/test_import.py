"""What ``import partialfast`` costs: which modules it loads, and which the use of a name."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import partialfast as pf
from partialfast import _HOMES

# Each is needed by one leaf only, and each takes longer to import than the whole package.
HEAVY = (
    "agents",
    "aiobotocore",
    "aiohttp",
    "anthropic",
    "boto3",
    "botocore",
    "cohere",
    "google.genai",
    "groq",
    "httpx",
    "httpx2",
    "huggingface_hub",
    "langchain_core",
    "litellm",
    "mistralai",
    "ollama",
    "openai",
    "pydantic_ai",
    "rich",
    "starlette",
    "uvicorn",
    "xai_sdk",
)

# What the layer that knows no provider may import besides the package's own layers below it.
_FOR_ANSWERS = {
    *sys.stdlib_module_names,
    "anyio",  # for event loops other than asyncio's
    "jinja2",  # for templates in messages, of those who use them
    "pydantic",
    "pydantic_core",
    "tenacity",  # for those who hand over an object of it
    "typing_extensions",
}

_MODULES = """
import json, sys
before = set(sys.modules)
import partialfast
{use}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def _run(program: str) -> str:
    return subprocess.run(  # noqa: S603 - a program of this file's
        [sys.executable, "-W", "error", "-c", program],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


@cache
def _imported(use: str) -> frozenset[str]:
    modules: list[str] = json.loads(_run(_MODULES.format(use=use)))
    return frozenset(modules)


def test_import_loads_the_package_and_nothing_that_is_installed() -> None:
    loaded = _imported("")
    assert "partialfast" in loaded
    installed = {name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names}
    assert installed == {"partialfast", "partialfast._instructor_modules"}


def test_the_use_of_a_name_loads_what_it_needs() -> None:
    loaded = _imported("partialfast.stream")
    assert {"partialfast._core", "pydantic"} <= loaded
    assert not [name for name in loaded if name.startswith("partialfast.providers")]


@pytest.mark.parametrize("heavy", HEAVY)
@pytest.mark.parametrize(
    "use",
    [
        "partialfast.stream",
        *(f"partialfast.{name}" for name in pf.__all__ if name.startswith("from_")),
        "import partialfast.providers.agents",
        "import partialfast.providers.langchain",
        "import partialfast.providers.pydantic_ai",
    ],
)
def test_no_name_loads_heavy_modules(heavy: str, use: str) -> None:
    loaded = {name for name in _imported(use) if name == heavy or name.startswith(f"{heavy}.")}
    assert not loaded


def test_every_public_name_has_a_home() -> None:
    assert set(pf.__all__) == _HOMES.keys()
    for name in pf.__all__:
        assert getattr(pf, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'strem'"):
        _ = pf.strem  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]


def test_the_answer_layer_imports_no_sdk() -> None:
    [package] = pf.__path__
    files = sorted((Path(package) / "answer").glob("*.py"))
    assert files
    for path in files:
        # Wherever it stands, in a function too.
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                names = [node.module or ""]
            others = {name.partition(".")[0] for name in names} - _FOR_ANSWERS - {"partialfast"}
            assert others == set(), path
