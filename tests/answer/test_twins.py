"""The modules that are made from one template are up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import twins


def test_the_twins_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert twins.main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_twin_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "asynchronous.py", tmp_path / "made.py"
    monkeypatch.setattr(twins, "PAIRS", [pair._replace(made=made) for pair in twins.PAIRS[:1]])
    assert twins.main([]) == 0
    made[1].write_text(made[1].read_text() + "\n")
    assert twins.main(["--check"]) == 1
    assert "is not what" in capsys.readouterr().err
    assert twins.main([]) == 0
    assert twins.main(["--check"]) == 0


def test_a_table_that_does_not_fit_is_told() -> None:
    with pytest.raises(ValueError, match="correct the table"):
        twins.PAIRS[0].twins("nothing of it")
