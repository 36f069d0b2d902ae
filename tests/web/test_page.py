"""The applications of README.md and docs/web.md do what they say, and are as short as they say."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from partialfast import replay
from tests.web.driver import apply, events_of, ops_lines
from tests.web.serving import request

pytestmark = pytest.mark.network

ROOT = Path(__file__).resolve().parents[2]


def application(page: str) -> str:
    text = (ROOT / page).read_text(encoding="utf-8")
    [source] = re.findall(r'^```python title="app.py"\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)
    return str(source)


@contextmanager
def running(source: str, folder: Path, environment: dict[str, str]) -> Generator[str, None, None]:
    """Run an application as its reader would, with uvicorn; give its origin."""
    (folder / "app.py").write_text(source, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603 - a program of the project's own page
        [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)],
        cwd=folder,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "Uvicorn running" in line:
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=20)


NOTE = {"title": "On notes", "text": "It is a note."}
MEETING = {"users": [{"name": "Ada King", "email": "ada@example.org"}], "budget": 50000}


@pytest.mark.parametrize(
    ("page", "path", "answer"),
    [("README.md", "/note", NOTE), ("docs/web.md", "/meeting", MEETING)],
)
def test_an_application_in_fifteen_lines(
    tmp_path: Path, page: str, path: str, answer: dict[str, Any]
) -> None:
    pytest.importorskip("fastapi")
    source = application(page)
    assert len([line for line in source.splitlines() if line.strip()]) <= 15
    with replay.serve({"match": "Ada plans", "text": json.dumps(answer)}, rate=500) as model:
        environment = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "nothing-secret"}
        with running(source, tmp_path, environment) as origin:
            said, module = request(origin, "/partialfast.js")
            text = f"{path}?text=Ada%20plans%20it"
            response, body = request(origin, text, method="POST")
    assert said.status == 200
    assert b"export class Answer" in module
    assert response.status == 200
    value: Any = None
    for ops, _ in ops_lines(events_of(body)):
        value = apply(ops, value)
    assert value == answer
    assert json.loads(events_of(body)[-1].data or "")["outcome"] == "complete"
