"""Tracing tools record a streamed answer whole, and it streams: ``make test-observers``.

A tool is a module in `tests.observers.tools`. Each has an environment of its own, for what they
want of other packages contradicts, and a process of its own, for what they replace is global. What
they record is kept in memory, or sent to a collector on loopback.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import pkgutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from partialfast import replay
from tests.observers import tools
from tests.observers.tool import Tool

pytestmark = [pytest.mark.network, pytest.mark.deep]

TEXT = '{"name": "Ada Lovelace", "city": "London", "note": "wrote of the Analytical Engine"}'
TOKENS = 567
USAGE = {
    "chat": {"prompt_tokens": 89, "completion_tokens": TOKENS, "total_tokens": 656},
    "responses": {
        "input_tokens": 89,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": TOKENS,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 656,
    },
}
# The server takes about this long for an answer.
PACE_S = 0.5
ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / ".venv-observers"
NAMES = sorted(module.name.removesuffix("_tool") for module in pkgutil.iter_modules(tools.__path__))


@functools.cache
def run(name: str, order: str) -> dict[str, Any]:
    """Run all calls under a tool, and return what came of each."""
    python = ENVIRONMENTS / name / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{name} is not installed: `make test-observers` does it")
    rate = len(TEXT) / PACE_S
    with (
        replay.serve({"text": TEXT, "usage": USAGE["chat"]}, rate=rate, chunk=4) as chat,
        replay.serve({"text": TEXT, "usage": USAGE["responses"]}, rate=rate, chunk=4) as responses,
    ):
        urls = json.dumps({"chat": str(chat), "responses": str(responses)})
        done = subprocess.run(  # noqa: S603 - the project's own program
            [python, "-m", "tests.observers.observed", name, order, urls],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=ROOT,
            # Nothing of another tool's that may be set around here.
            env={"PATH": os.environ["PATH"], "HOME": str(ENVIRONMENTS / name)},
        )
    assert done.returncode == 0, done.stderr[-3000:]
    results: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return results


def whole(record: Any) -> dict[str, bool]:
    """Tell what a record has of the call."""
    answer, tokens, seconds = record
    return {
        "answer": "Analytical Engine" in answer,
        "tokens": tokens == TOKENS,
        "seconds": seconds > PACE_S / 4,
    }


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("name", NAMES)
def test_a_streamed_answer_is_recorded_whole(name: str, order: str, kind: str, api: str) -> None:
    observer: type[Tool] = importlib.import_module(f"{tools.__name__}.{name}_tool").Observer
    if order not in observer.orders:
        pytest.skip(f"{name} is a client of its own")
    result = run(name, order)[f"{api}-{kind}"]
    assert len(result["shown"]) > 3
    assert result["shown"][-1] == json.loads(TEXT)
    # The snapshots came one after the other, not all at the end.
    assert result["seconds"] > PACE_S / 10
    if api in observer.lacks:
        assert result["bare"] == [], f"{name} observes {api} by now"
        assert result["recorded"] == []
        return
    (record,), (bare,) = result["recorded"], result["bare"]
    right = {name: name not in observer.lacks for name in whole(record)}
    assert whole(bare) == right, f"the bare SDK: {bare}"
    assert whole(record) == right, record
