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


@pytest.mark.parametrize("platform", ["linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64"])
def test_rattler_build_takes_it_as_it_lies_here(platform: str, pyproject: dict[str, Any]) -> None:
    rattler_build: Any = pytest.importorskip("rattler_build")
    where = rattler_build.PlatformConfig(target_platform=platform, build_platform=platform)
    variants = rattler_build.VariantConfig.from_file_with_context(
        str(RECIPE.with_name("variants.yaml")), rattler_build.JinjaConfig(platform=where)
    )
    recipe = rattler_build.Stage0Recipe.from_file(str(RECIPE))
    made = recipe.render(variants, rattler_build.RenderConfig(platform=where))
    pythons = [each.variant["python"].partition(".*")[0] for each in made]
    classifiers = " ".join(pyproject["project"]["classifiers"])
    assert pythons
    assert set(pythons) <= set(re.findall(r"Python :: (3[.]\d+)", classifiers))
    for each in made:
        needed = each.recipe.to_dict()["requirements"]
        assert any(name.startswith("rust_") for name in needed["build"])
