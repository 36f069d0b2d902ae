"""Streams that others recorded from real servers: each is read to its end, and ends as it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import partialfast as pf
from partialfast.answer._asked import END, NOTHING, Asked
from partialfast.answer._pace import Pace
from partialfast.answer._reader import AnswerReader
from partialfast.answer._target import read_target
from partialfast.answer._text import DEFAULTS
from partialfast.providers import Block, Provider
from partialfast.providers.openai._chat import Chat
from partialfast.providers.openai._responses import Responses

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
CHAT: tuple[str, ...] = (
    "openai-chat",
    "groq",
    "openrouter",
    "mistral",
    "huggingface",
    "ai-sdk-groq",
    "ai-sdk-mistral",
    "ai-sdk-deepseek",
    "ai-sdk-alibaba",
    "ai-sdk-xai",
    "ai-sdk-perplexity",
)
RESPONSES = ("openai-responses", "ai-sdk-openai", "ai-sdk-azure", "ai-sdk-open-responses")


def files() -> list[Path]:
    streams = [
        path
        for folder in CHAT + RESPONSES
        for path in sorted((DATA / "streams" / folder).glob("*"))
        if path.suffix in {".sse", ".jsonl"}
    ]
    return streams + sorted((DATA / "real").glob("*.sse"))


def provider_of(path: Path) -> type[Provider]:
    is_responses = path.parent.name in RESPONSES or "-responses-" in path.name
    return Responses if is_responses else Chat


def blocks_of(path: Path) -> list[Block]:
    if path.suffix == ".sse":
        return [path.read_bytes()]
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip()]


def ending(path: Path, blocks: list[Block], *, tools: bool) -> tuple[Any, ...]:
    """Return how a stream ended: what was handed out last, or the exception, and what is there."""
    kind: Any = provider_of(path)
    asked = Asked(
        provider=kind(None),
        target=read_target(dict[str, Any], items=False, tools=tools, strict=None),
        tools=tools,
        exact_names=False,
        choices=1,
        options=DEFAULTS,
    )
    reader = AnswerReader(asked, Pace("event"))
    received = reader.received
    value: Any = NOTHING
    try:
        for block in [*blocks, END]:
            due: Any = reader.feed(block)
            while due is not NOTHING:
                value = due
                due = next(reader.quick, NOTHING)
                if due is NOTHING:
                    due = reader.pull()
            if reader.over:
                break
    except (pf.PartialFastError, ValueError) as error:
        assert reader.snapshot is value or (reader.snapshot, value) == (None, NOTHING)
        return (type(error).__name__, str(error), received.text, received.finish_reason)
    assert reader.final is not NOTHING
    assert reader.final == value
    return ("value", reader.final, received.text, received.finish_reason)


@pytest.mark.parametrize("path", files(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_each_recorded_stream_ends_the_same_however_it_is_cut(path: Path) -> None:
    blocks = blocks_of(path)
    for tools in (True, False):
        expected = ending(path, blocks, tools=tools)
        assert expected[0] in {
            "value", "RefusalError", "TruncatedError", "OtherCallError", "JsonError",
            "ContentFilterError", "OpenaiServerError", "CorruptStreamError",
        }  # fmt: skip
        if expected[0] == "value":
            assert isinstance(expected[1], dict)
            assert json.loads(expected[2][expected[2].index("{") :].partition("```")[0]) is not None
        if len(blocks) == 1 and isinstance(blocks[0], bytes) and len(blocks[0]) < 60_000:
            whole = blocks[0]
            for size in (7, 1024):
                cut: list[Block] = [whole[at : at + size] for at in range(0, len(whole), size)]
                assert ending(path, cut, tools=tools) == expected


def test_the_real_servers_answers_end_as_their_requests_were_meant(shared_data: Path) -> None:
    """What a forced function brought of a real server is a value; the limit it hit is named."""
    ended: dict[str, int] = {}
    for path in sorted((shared_data / "real").glob("*.sse")):
        tools = "-tools" in path.name
        name, *_, reason = ending(path, blocks_of(path), tools=tools)
        ended[name] = ended.get(name, 0) + 1
        if reason in {"length", "max_output_tokens"}:
            assert name in {"value", "TruncatedError"}, path.name
    assert ended["value"] > 10
