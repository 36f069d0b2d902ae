"""The core alone, without Python: criterion's medians of its benches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benches.pages import number, table

__all__ = ["PACKAGES", "lines"]

PACKAGES = ()
ROOT = Path(__file__).parents[1]


def _row(path: Path) -> list[str]:
    benchmark: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    estimates = json.loads(path.with_name("estimates.json").read_text(encoding="utf-8"))
    ns, name = float(estimates["median"]["point_estimate"]), benchmark["full_id"]
    [(unit, amount)] = benchmark["throughput"].items()
    millions = amount / ns * 1e3
    what = "tokens" if name.startswith("tokens/") else "events"
    rate = f"{millions:,.0f} MB" if "ytes" in unit else f"{millions:,.1f} million {what}"
    return [name, number(ns / 1e3), rate]


def lines() -> Iterator[str]:
    """Run the benches of the core; yield the table."""
    home = ROOT / ".bench" / "criterion"
    cargo = [os.environ.get("CARGO", "cargo"), "bench", "--locked", "--quiet"]
    command = [*cargo, "--package=partialfast-core", "--bench=json", "--bench=sse"]
    environment = {**os.environ, "CRITERION_HOME": str(home)}
    subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=sys.stderr)
    rows = map(_row, sorted(home.glob("**/new/benchmark.json")))
    yield table(["", "time, us", "a second"], rows)
