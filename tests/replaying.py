"""Requests to the replay server or its logic, and answers put together again, for its tests."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from typing import Any

import pytest

from partialfast.replay import Recording, Server, parse_faults
from partialfast.replay._ask import Ask, Given
from partialfast.replay._protocols import PROTOCOLS
from partialfast.replay._recording import RecordingSet
from partialfast.replay._steps import CannedResponse, Options, respond

__all__ = [
    "FLAT_FORCED",
    "FLAT_TOOLS",
    "FORCED",
    "MESSAGES",
    "SIZE",
    "TEXT",
    "TOOLS",
    "Answer",
    "bedrock_anthropic_client",
    "boto3_client",
    "canned",
    "chat",
    "choice",
    "events",
    "only",
    "post",
    "responses",
    "tool_request",
]

TEXT = '{"name":"Ada","city":"Zürich 日本","age":36}'
SIZE = len(TEXT.encode())
_FUNCTIONS = [{"name": name, "parameters": {"type": "object"}} for name in ("Person", "Place")]
TOOLS: list[Any] = [{"type": "function", "function": each} for each in _FUNCTIONS]
FORCED: Any = {"type": "function", "function": {"name": "Person"}}
#: The same for the Responses API.
FLAT_TOOLS: list[Any] = [{"type": "function", **each} for each in _FUNCTIONS]
FLAT_FORCED: Any = {"type": "function", "name": "Person"}
MESSAGES: list[Any] = [
    {"role": "system", "content": "Extract."},
    {"role": "user", "content": "Ada of Zürich is 36."},
]


def chat(**fields: Any) -> Ask:
    body = {"model": "gpt-4", "messages": MESSAGES, "stream": True} | fields
    return PROTOCOLS["chat"].ask(Given(body), {})


def responses(**fields: Any) -> Ask:
    body = {"model": "gpt-4", "input": "Ada of Zürich is 36.", "stream": True} | fields
    return PROTOCOLS["responses"].ask(Given(body), {})


def tool_request(api: str, **fields: Any) -> Ask:
    if api == "chat":
        return chat(tools=TOOLS, tool_choice=FORCED, **fields)
    return responses(tools=FLAT_TOOLS, tool_choice=FLAT_FORCED, **fields)


def canned(recording: Recording, ask: Ask, **options: Any) -> CannedResponse:
    faults = parse_faults(options.pop("faults", ()))
    return respond(
        RecordingSet([recording]),
        ask,
        Options(faults=faults, **options),
        number=0,
        created=1_700_000_000,
    )


def events(made: CannedResponse) -> list[Any]:
    """Read a stream the plain way: whole events, comments left out, JSON decoded."""
    found: list[Any] = []
    for block in made.body.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        if data:
            text = "\n".join(data)
            found.append(text if text == "[DONE]" else json.loads(text))
    return found


class Answer:
    """A chat stream put together again, with nothing taken for granted."""

    def __init__(self, chunks: list[Any]) -> None:
        self.content = self.refusal = self.reasoning = ""
        self.calls: dict[Any, dict[str, str]] = {}
        self.finish: list[str] = []
        self.usage: list[Any] = []
        self.done = "[DONE]" in chunks
        last: Any = None
        for chunk in chunks:
            if chunk == "[DONE]":
                continue
            if chunk.get("usage"):
                self.usage.append(chunk["usage"])
            for choice in chunk["choices"]:
                if choice["finish_reason"]:
                    self.finish.append(choice["finish_reason"])
                delta = choice.get("delta") or {}
                self.content += delta.get("content") or ""
                self.refusal += delta.get("refusal") or ""
                self.reasoning += delta.get("reasoning") or delta.get("reasoning_content") or ""
                for call in delta.get("tool_calls") or []:
                    # Without an index, a new id is a new call.
                    key = call.get("index", call.get("id", last))
                    last = key
                    made = self.calls.setdefault(key, {"name": "", "arguments": ""})
                    # Some servers repeat it with each piece.
                    made["name"] = call["function"].get("name") or made["name"]
                    made["arguments"] += call["function"]["arguments"]


def only(shape: str, ask: Ask, **fields: Any) -> list[Any]:
    return events(canned(Recording(text=TEXT, **fields), ask, shape=shape))


def choice(chunk: Any) -> Any:
    return chunk["choices"][0]


# Over a socket


def post(url: Server, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    """Ask over a connection of its own: give the status and the body."""
    with closing(
        http.client.HTTPConnection(url.origin.removeprefix("http://"), timeout=10)
    ) as http_:
        http_.request("POST", path, body, {"content-type": "application/json", **headers})
        answer = http_.getresponse()
        return answer.status, answer.read()


def boto3_client(url: Server) -> closing[Any]:
    """Make boto3's client of Bedrock, which asks once only."""
    boto3 = pytest.importorskip("boto3")
    made = boto3.client(
        "bedrock-runtime",
        endpoint_url=url.origin,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=boto3.session.Config(retries={"total_max_attempts": 1}),
    )
    return closing(made)


def bedrock_anthropic_client(url: Server) -> Any:
    """Make Anthropic's client of Bedrock, which asks once only."""
    anthropic = pytest.importorskip("anthropic")
    pytest.importorskip("boto3")
    keys = {"aws_access_key": "a", "aws_secret_key": "b", "aws_region": "us-east-1"}
    return anthropic.AnthropicBedrock(base_url=url.origin, max_retries=0, **keys)
