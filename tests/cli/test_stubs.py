"""``partialfast stubs``: what type checkers are told of snapshots is what snapshots are."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import partialfast as pf
from partialfast import cli

MODELS = """
from __future__ import annotations

import dataclasses
import datetime
import enum
from typing import Annotated, Any, Generic, Literal, TypeVar, Union

from pydantic import BaseModel, Field, RootModel, computed_field
from typing_extensions import NotRequired, TypedDict

T = TypeVar("T")


class Color(enum.Enum):
    RED = "r"


class User(BaseModel):
    name: str
    tags: dict[str, list[Tag]] = {}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def upper(self) -> str:
        return self.name.upper()


@dataclasses.dataclass
class Tag:
    when: datetime.datetime
    color: Color = Color.RED


class Place(TypedDict):
    city: str
    mayor: NotRequired[User]


class Page(BaseModel, Generic[T]):
    items: list[T]


class Meeting(BaseModel):
    users: list[User]
    budget: Annotated[int, Field(gt=0)]
    kind: Literal["a", "b", None]
    place: Place
    who: Union[User, Tag, str]
    page: Page[User]
    anything: Any
    parent: Meeting | None = None


class Users(RootModel[list[User]]):
    pass
"""

PROGRAM = """
from shop.models import Meeting
from shop.models_partial import PartialMeeting
from typing_extensions import assert_type


def show(snapshot: PartialMeeting) -> int:
    if snapshot.budget is not None:
        assert_type(snapshot.budget, int)
        return snapshot.budget
    if snapshot.users:
        assert_type(snapshot.users[0].name, str | None)
    if snapshot.place is not None:
        assert_type(snapshot.place.get("city"), str | None)
    return snapshot.budget  # type: ignore[return-value]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "models.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "shop"]:
        del sys.modules[name]


def test_a_checker_sees_fields_that_may_be_absent(package: Path) -> None:
    pytest.importorskip("mypy")
    assert cli.main(["stubs", "shop.models"]) == 0
    (package / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--warn-unreachable", "-p", "shop"],
        cwd=package.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_at_run_time_the_types_are_the_partial_classes(package: Path) -> None:
    assert cli.main(["stubs", "shop.models", "--output", str(package / "seen.py")]) == 0
    models, seen = importlib.import_module("shop.models"), importlib.import_module("shop.seen")
    for name in ("Meeting", "User", "Tag", "Users"):
        origin: Any = getattr(models, name)
        partial: Any = pf.Partial
        assert getattr(seen, f"Partial{name}") is partial[origin]
    assert set(seen.__all__) > {"PartialMeeting", "PartialPlace"}


def test_a_module_that_raises_is_named_with_its_line(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (package / "broken.py").write_text("import json\n\n\njson.loads('{')\n")
    assert cli.main(["stubs", "shop.broken"]) == 1
    error = capsys.readouterr().err
    assert "cannot import shop.broken: JSONDecodeError: " in error
    assert error.endswith('broken.py", line 4)\n')


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("no_such_module", "cannot import no_such_module: ModuleNotFoundError"),
        ("json", "json defines no pydantic model and no dataclass"),
    ],
)
def test_what_cannot_be_written_is_said(
    module: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["stubs", module]) == 1
    assert said in capsys.readouterr().err
