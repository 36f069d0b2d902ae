"""The recipe for conda says what pyproject.toml and Cargo.toml say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "conda" / "recipe" / "recipe.yaml"


@pytest.fixture(name="recipe")
def _recipe() -> dict[str, Any]:
    if not RECIPE.exists():
        pytest.skip("the source distribution has no recipe")
    yaml = pytest.importorskip("yaml")
    loaded: dict[str, Any] = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(name="pyproject")
def _pyproject() -> dict[str, Any]:
    tomllib = pytest.importorskip("tomllib")
    loaded: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return loaded


def _plain(requirements: list[Any]) -> list[str]:
    """Return them without spaces, which conda has and Python has not."""
    return [each.replace(" ", "") for each in requirements if isinstance(each, str)]


def test_its_version_is_that_of_the_workspace(recipe: dict[str, Any]) -> None:
    cargo = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    [version] = re.findall(r'^version = "(.+)"$', cargo, re.MULTILINE)
    assert recipe["context"]["version"] == version


def test_it_requires_what_the_package_requires(
    recipe: dict[str, Any], pyproject: dict[str, Any]
) -> None:
    needed = recipe["requirements"]
    assert _plain(needed["run"]) == ["python", *_plain(pyproject["project"]["dependencies"])]
    backend = _plain(pyproject["build-system"]["requires"])
    assert _plain(needed["host"]) == ["python", "pip", *backend]
    [across] = [each["then"] for each in needed["build"] if not isinstance(each, str)]
    assert set(backend) <= set(_plain(across))
    lowest = pyproject["project"]["requires-python"].removeprefix(">=")
    assert recipe["build"]["skip"] == f'match(python, "<{lowest}")'


def test_it_describes_what_pyproject_describes(
    recipe: dict[str, Any], pyproject: dict[str, Any]
) -> None:
    project, about = pyproject["project"], recipe["about"]
    assert about["summary"] == project["description"]
    assert about["license"] == project["license"]
    assert set(project["license-files"]) <= set(about["license_file"])
    assert about["homepage"] == project["urls"]["Homepage"]
    commands = [f"{name} = {where}" for name, where in project["scripts"].items()]
    assert recipe["build"]["python"]["entry_points"] == commands
