"""Endings that the client's page promises, beside those of `test_endings`."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from pydantic import BaseModel

import partialfast as pf
from partialfast import replay
from tests.openai_driver import EVERY_WAY, Api, Way, ask, fetch
from tests.wire import Case, serve

pytestmark = pytest.mark.network

BOTH = pytest.mark.parametrize("api", ["chat", "responses"])


class User(BaseModel):
    name: str
    age: int


class Place(BaseModel):
    city: str


ADA = '{"name": "Ada", "age": 36}'
# What servers have said, and what was never heard of.
REASONS = [
    "length",
    "max_tokens",
    "content_filter",
    "network_error",
    "abort",
    "error",
    "model_context_window_exceeded",
    "guardrail_intervened",
    "sensitive",
    "SAFETY",
    "content_filter: PROHIBITED_CONTENT",
    "function_call_filter: MALFORMED_FUNCTION_CALL",
    "insufficient_system_resource",
    "whatever_comes_next",
]


def note_of(error: Any) -> str:
    """Return the one note of an exception, which the classes of older Pythons do not know of."""
    (note,) = error.__notes__
    return str(note)


def calling(reason: str, arguments: str) -> Case:
    """Give a server that ends a call with a reason."""
    call = {"index": 0, "id": "c", "function": {"name": "User", "arguments": arguments}}

    events: list[dict[str, Any]] = [
        {"id": "1", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]},
        {"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
    ]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    return Case("reason", "chat", "TOOLS", "", "User", [{"send": body}], [])


@pytest.mark.parametrize("reason", REASONS)
def test_the_message_names_the_finish_reason(way: Way, reason: str) -> None:
    case = calling(reason, '{"name": "Ad')
    with serve([case]) as server:
        outcome = ask(way, server.url(case, 0), response_model=User)
    assert isinstance(outcome.error, pf.StreamError)
    assert reason in str(outcome.error)
    assert outcome.error.finish_reason == reason


@pytest.mark.parametrize("reason", REASONS)
def test_no_other_reason_completes_a_list_of_calls(way: Way, reason: str) -> None:
    case = calling(reason, ADA)
    with serve([case]) as server:
        url = server.url(case, 0)
        items = ask(way, url, method="create_iterable", response_model=User | Place)
        one = ask(way, url, response_model=User)
    assert isinstance(items.error, pf.StreamError)
    assert items.handed == [User(name="Ada", age=36)]
    # One call whose JSON is complete is an answer all the same.
    assert one.error is None
    assert one.handed[-1] == User(name="Ada", age=36)
    assert one.stream.finish_reason == reason


@EVERY_WAY
@BOTH
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "mode TOOLS"),
        (401, "the key"),
        (404, "mostly ends in /v1"),
        (422, "partialfast doctor"),
        (429, "fallbacks="),
        (500, "fallbacks="),
        (503, "max_retries"),
    ],
)
def test_what_the_sdk_raises_says_what_to_do(way: Way, api: Api, status: int, words: str) -> None:
    with replay.serve({"text": ADA}, faults=f"status:{status}") as url:
        for call in (ask, fetch):
            try:
                outcome: Any = call(way, url, api=api, response_model=User)
                error = outcome.error
            except openai.APIStatusError as raised:
                error = raised
            assert error.status_code == status
            assert words in note_of(error)


@EVERY_WAY
def test_a_server_that_is_not_there_is_told_with_what_to_do(way: Way) -> None:
    url = "http://127.0.0.1:9/v1"
    with pytest.raises(openai.APIConnectionError) as caught:
        fetch(way, url, response_model=User)
    assert "base_url" in note_of(caught.value)
