"""The programs in ``examples/`` run as they stand, against a server named by the environment."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from partialfast import replay

pytestmark = pytest.mark.network

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RECORDINGS = EXAMPLES / "recordings.jsonl"
TIMEOUT_S = 60


def run(name: str, server: replay.Server) -> str:
    """Run an example with warnings as errors; give what it printed."""
    done = subprocess.run(  # noqa: S603 - the project's own programs
        [sys.executable, "-W", "error", EXAMPLES / name],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env=os.environ | {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "replay"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_every_example_is_tested() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    names = [path.name for path in EXAMPLES.glob("*.py")]
    assert len(names) >= 5
    assert [name for name in names if f'"{name}"' not in source] == []


@pytest.mark.parametrize(
    "shape", ["openai", "azure", "vllm", "llama.cpp", "ollama", "openrouter", "gemini"]
)
def test_meeting_shows_the_form_filling_in(shape: str) -> None:
    with replay.serve(replay.builtin("meeting"), shape=shape) as server:
        shown = run("meeting.py", server)
        (exchange,) = server.exchanges
    snapshots = shown.count("'users':")
    # Where a server sends a call whole there is nothing to see in between.
    assert snapshots > 50 if shape not in {"ollama", "gemini"} else snapshots >= 1
    (recording,) = replay.builtin("meeting")
    last = ast.literal_eval(shown[shown.rindex("{\n    'users'") :])
    assert last == json.loads(recording.text)
    assert exchange.ending == "complete"
    assert exchange.body
    assert exchange.body["model"] == "gpt-4"


def test_meeting_is_the_program_people_have_with_its_import_changed() -> None:
    tree = ast.parse((EXAMPLES / "meeting.py").read_text(encoding="utf-8"))
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import)]
    assert imports == ["import partialfast as instructor"]
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "instructor" in names
    assert not any("partialfast" in name for name in names)
    assert {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} == {
        "from_openai", "chat", "completions", "create", "Partial", "clear", "print", "model_dump",
    }  # fmt: skip


def test_meeting_async_starts_jobs_before_the_answer_is_whole() -> None:
    with replay.serve(RECORDINGS) as server:
        lines = run("meeting_async.py", server).splitlines()
    completed = [line.removeprefix("complete: ") for line in lines if line.startswith("complete")]
    assert completed[:2] == ["date", "location"]
    assert completed.index("guests.1") < completed.index("guests") < completed.index("budget")
    assert completed[-1] == "all"
    assert "room booked: Science Museum, London, 2025-12-10" in lines
    assert "invited: Grace Hopper <grace@example.com>" in lines
    final = json.loads("\n".join(lines[lines.index("{") :]))
    assert final["agenda"] == "Plan a lecture on compilers."


def test_users_iterable_prints_each_person() -> None:
    with replay.serve(RECORDINGS) as server:
        lines = run("users_iterable.py", server).splitlines()
    assert lines[:3] == ["Alan Turing (1912)", "Margaret Hamilton (1936)", "Barbara Liskov (1939)"]
    assert lines[3].startswith("3 people, ")


def test_retry_ends_the_invalid_answer_early_and_asks_again() -> None:
    with replay.serve(RECORDINGS, rate=400) as server:
        lines = run("retry.py", server).splitlines()
        first, second = server.exchanges
    end = next(place for place, line in enumerate(lines) if line.startswith("attempt 1 was"))
    assert lines[end - 1] == "attempt 1: {'order': 'A-1207'}"
    assert lines[end] == "attempt 1 was invalid after 39 characters:"
    assert "currency" in lines[end + 1]
    assert lines[end + 2].startswith("attempt 2: {")
    assert lines[-1].startswith("Invoice(order='A-1207', currency='EUR', amount=49.9")
    # The rest of the invalid answer was neither waited nor paid for.
    assert first.ending == "disconnect"
    assert second.ending == "complete"
    assert second.body
    assert first.body
    assert len(second.body["messages"]) > len(first.body["messages"])


def test_tool_choice_tells_the_types_apart() -> None:
    with replay.serve(RECORDINGS) as server:
        lines = run("tool_choice.py", server).splitlines()
        tools = [
            [tool["function"]["name"] for tool in (exchange.body or {})["tools"]]
            for exchange in server.exchanges
        ]
    assert lines == [
        "about to write to ada@example.com ...",
        "SendEmail(to='ada@example.com', subject='The lecture', body='The lecture is on Friday.')",
        "SetReminder(what='the oven', minutes=15)",
    ]
    assert tools == [["SetReminder", "SendEmail"]] * 2
