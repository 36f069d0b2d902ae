"""Tracing tools record a streamed answer whole, and it streams: ``make test-observers``."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from partialfast import replay

pytestmark = pytest.mark.network

TEXT = '{"name": "Ada Lovelace", "city": "London"}'
ROOT = Path(__file__).parents[2]
TOOLS = (
    "openinference-instrumentation-openai",
    "opentelemetry-instrumentation-openai",
)


def run(tool: str, order: str, kind: str, url: str) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - the project's own program
        [sys.executable, "-m", "tests.observers.observed", tool, order, kind, url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env=os.environ | {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"},
    )
    assert done.returncode == 0, done.stderr
    record: dict[str, Any] = json.loads(done.stdout)
    return record


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_streamed_answer_is_recorded_whole(tool: str, order: str, kind: str) -> None:
    try:
        importlib.metadata.version(tool)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{tool} is not installed")
    with replay.serve({"text": TEXT}, rate=200, chunk=4) as url:
        record = run(tool, order, kind, str(url))
    assert len(record["shown"]) > 3
    assert record["shown"][-1] == json.loads(TEXT)
    (span,) = record["spans"]
    said = json.dumps(span)
    assert "London" in said, said
    numbers = [
        value
        for name, value in span["attributes"].items()
        if ("output_tokens" in name or "completion" in name) and isinstance(value, int)
    ]
    assert any(number > 0 for number in numbers), span["attributes"]
    assert span["seconds"] > 0.03
