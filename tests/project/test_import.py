"""What ``import partialfast`` costs: which modules it loads, and how long it takes."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache

import pytest

# Each is needed by one leaf only, and each takes longer to import than the whole package.
HEAVY = ("openai", "rich", "starlette", "uvicorn", "httpx", "httpx2", "aiohttp")
BOUND_S = 0.150

_MODULES = """
import json, sys
import pydantic
before = set(sys.modules)
import partialfast
print(json.dumps(sorted(set(sys.modules) - before)))
"""

# Pydantic loads most of itself on first use of a name; what every program with a model in it loads
# anyway is pydantic's own import, not this package's.
_SECONDS = """
import time
from pydantic import BaseModel, TypeAdapter, ValidationError
class M(BaseModel):
    x: int
start = time.perf_counter()
import partialfast
print(time.perf_counter() - start)
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
def _imported() -> frozenset[str]:
    modules: list[str] = json.loads(_run(_MODULES))
    return frozenset(modules)


def test_import_loads_the_package() -> None:
    assert "partialfast" in _imported()
    assert "partialfast._core" in _imported()


@pytest.mark.parametrize("heavy", HEAVY)
def test_import_leaves_heavy_modules_alone(heavy: str) -> None:
    loaded = {name for name in _imported() if name == heavy or name.startswith(f"{heavy}.")}
    assert not loaded


def test_import_takes_less_than_the_bound_beyond_pydantic() -> None:
    # The smallest of several runs: a busy machine makes one run slow, hardly all of them.
    seconds: list[float] = []
    for _ in range(7):
        seconds.append(float(_run(_SECONDS)))
        if seconds[-1] < BOUND_S:
            return
    pytest.fail(f"import partialfast took {min(seconds):.3f} s at best, allowed {BOUND_S} s")
