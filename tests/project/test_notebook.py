"""The cells of the notebook run in order, and it is stored without outputs."""

from __future__ import annotations

import ast
import functools
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook.ipynb"


def _cells() -> list[dict[str, Any]]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _value(source: str, where: str, namespace: dict[str, Any]) -> Any:
    """Run a cell, and return the value of its last line, as a notebook shows it."""
    # The cells have their own `from __future__`, not this module's.
    code = functools.partial(compile, dont_inherit=True)
    [*statements, last] = ast.parse(source).body
    if not isinstance(last, ast.Expr):
        exec(code(source, where, "exec"), namespace)  # noqa: S102 - the project's own notebook
        return None
    module = ast.Module(body=statements, type_ignores=[])
    exec(code(module, where, "exec"), namespace)  # noqa: S102
    return eval(code(ast.Expression(last.value), where, "eval"), namespace)  # noqa: S307


@pytest.mark.network
def test_each_cell_runs() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    shown = {
        cell["id"]: _value("".join(cell["source"]), f"cell {cell['id']}", namespace)
        for cell in _cells()
    }
    assert shown["loop"] == namespace["Meeting"](
        users=[{"name": "Ada King", "email": "ada@example.org"}], budget=50000
    )
    assert shown["text"] == "Ada King"
    # More than one snapshot was seen before the last.
    assert len(namespace["shown"]) > 2


def test_no_output_is_stored() -> None:
    assert [(cell["outputs"], cell["execution_count"]) for cell in _cells()] == [
        ([], None) for _ in _cells()
    ]
