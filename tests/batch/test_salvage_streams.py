"""Salvage reads what others recorded as the client does: one reader, the same values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_json

from partialfast import replay
from partialfast.batch.run._salvage import salvage
from partialfast.providers.openai import Mode
from tests.openai_driver import Api, Way, ask

FOLDERS = (
    "streams/openai-chat",
    "streams/openai-responses",
    "streams/groq",
    "streams/openrouter",
    "streams/mistral",
    "real",
)


def salvaged(folder: Path, body: bytes, model: str) -> list[Any]:
    """Return the values that salvage finds in a file of streams."""
    (folder / "in.sse").write_bytes(body)
    salvage(
        folder / "in.sse",
        model=f"tests.wire:{model}",
        output=folder / "out.jsonl",
        errors=folder / "errors.jsonl",
        kind="sse",
    )
    lines = (folder / "out.jsonl").read_text().splitlines()
    return [found["value"] for found in map(json.loads, lines) if "value" in found]


@pytest.mark.network
@pytest.mark.parametrize("folder", FOLDERS)
def test_recorded_streams_give_what_the_client_gives(
    folder: str, shared_data: Path, tmp_path: Path
) -> None:
    files = sorted((shared_data / folder).glob("*.sse"))
    assert files
    for file in files:
        body = file.read_bytes()
        api: Api = "responses" if b'"response.' in body else "chat"
        calls = b'"tool_calls":[{' in body or b'"function_call"' in body
        mode = Mode.TOOLS if calls else Mode.MD_JSON
        with replay.serve({"raw": body.decode()}) as url:
            outcome = ask(
                Way(asynchronous=False, transport="raw"),
                url,
                api=api,
                mode=mode,
                response_model=dict[str, Any],
            )
        values = [outcome.stream.final()] if outcome.error is None else []
        expected = json.loads(to_json(values, inf_nan_mode="null"))
        assert salvaged(tmp_path, body, "Object") == expected, file


# What salvage cannot know of: the functions that were offered, that a call needs no arguments, or
# that an answer of another kind was asked for than the one that came.
_ONLY_ASKED = ("tooltext/", "call/no-args")


def test_streams_of_bug_reports_give_what_is_right(shared_data: Path, tmp_path: Path) -> None:
    cases = (shared_data / "wire" / "cases.jsonl").read_text().splitlines()
    count = 0
    for case in map(json.loads, cases):
        steps = case["steps"]
        if (
            case["right"][0] != "value"
            or case["method"] != "create_partial"
            or case["name"].startswith(_ONLY_ASKED)
            or not all("send" in step for step in steps)
        ):
            continue
        body = "".join(step["send"] for step in steps).encode()
        if not body.lstrip().startswith((b"data:", b"event:", b"id:", b":")):
            # Not a stream.
            continue
        expected = case["right"][1]
        model = "User" if "name" in expected else "Place" if "country" in expected else "Opt"
        values = salvaged(tmp_path, body, model)
        assert values == [expected], case["name"]
        count += 1
    assert count > 60
