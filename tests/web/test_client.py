"""Answers of the real SDK's clients, over loopback, on their way to a browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel, Field, field_validator
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

import partialfast as pf
from partialfast import replay
from partialfast.web import events, sse, wire_names
from tests.patience import STALL
from tests.web.driver import apply, events_of, ops_lines
from tests.web.serving import Raw, request, serving

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("clients_are_closed")]

KEY = "sk-very-secret"


class User(BaseModel):
    name: str
    email: str
    twitter: str

    @field_validator("twitter")
    @classmethod
    def lower(cls, value: str) -> str:
        return value.lower()


class Meeting(BaseModel):
    users: list[User]
    date: str
    location: str
    budget: int
    deadline: str


def ask(client: Any, **options: Any) -> Any:
    arguments = {
        "model": "gpt-4",
        "response_model": Meeting,
        "messages": [{"role": "user", "content": "the meeting"}],
    }
    return client.create_partial(**arguments | options)


def open_client(server: replay.Server, *, is_async: bool) -> Any:
    if is_async:
        return pf.from_openai(AsyncOpenAI(base_url=server.url, api_key=KEY, max_retries=0))
    return pf.from_openai(OpenAI(base_url=server.url, api_key=KEY, max_retries=0))


@contextmanager
def answering(
    server: replay.Server, make: Callable[[Any], Response], *, is_async: bool
) -> Generator[str, None, None]:
    """Serve an application that asks the model at each request."""

    async def endpoint(_: Request) -> Response:
        client = open_client(server, is_async=is_async)
        response = make(client)
        response.background = BackgroundTask(client.close)
        return response

    app = Starlette()
    app.add_route("/", endpoint, methods=["GET", "POST"])
    with serving(app) as origin:
        yield origin


BOTH = pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])


def expected() -> Any:
    [recording] = replay.builtin("meeting")
    return Meeting.model_validate_json(recording.text).model_dump(mode="json")


@BOTH
@pytest.mark.parametrize("wire", wire_names())
def test_an_answer_comes_whole_on_every_wire(wire: str, is_async: bool) -> None:  # noqa: FBT001
    with (
        replay.serve(replay.builtin("meeting"), rate=400) as server,
        answering(server, lambda client: sse(ask(client), wire), is_async=is_async) as origin,
    ):
        response, body = request(origin, "/")
        ending = server.wait_ended().ending
    assert (response.status, response.whole, ending) == (200, True, "complete")
    if wire == "ai-text":
        # What the model wrote: its reader validates for itself.
        [recording] = replay.builtin("meeting")
        assert json.loads(body) == json.loads(recording.text)
    if wire == "ops":
        value: Any = None
        for ops, _ in ops_lines(events_of(body)):
            value = apply(ops, value)
        assert value == expected()


@BOTH
def test_a_client_that_goes_away_closes_the_response(
    is_async: bool,  # noqa: FBT001
) -> None:
    # The model has written some, and then says nothing for a long time.
    with (
        replay.serve(replay.builtin("meeting"), faults=["stall@120:30"]) as server,
        answering(server, lambda client: sse(ask(client), every=0), is_async=is_async) as origin,
    ):
        response = Raw(origin, "/")
        response.until(b"email")
        response.close()
        assert server.wait_ended(timeout=STALL).ending == "disconnect"


FAULTS = {
    "drop@120": "dropped",
    "end@120": "truncated",
    "length@120": "truncated",
    "refuse": "refused",
    "filter@120": "filtered",
    "garbage@120": "invalid",
    "error@120": "failed",
    "corrupt@120": "failed",
}


@BOTH
@pytest.mark.parametrize("fault", FAULTS)
def test_outcomes(fault: str, is_async: bool) -> None:  # noqa: FBT001
    with (
        replay.serve(replay.builtin("meeting"), faults=[fault]) as server,
        answering(server, lambda client: sse(ask(client)), is_async=is_async) as origin,
    ):
        response, body = request(origin, "/")
    assert (response.status, response.whole) == (200, True)
    said = json.loads(events_of(body)[-1].data or "")
    assert said["outcome"] == FAULTS[fault]
    assert set(said) == {"outcome", "message"}


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_an_error_before_the_first_byte_has_its_status_and_no_secret(status: int) -> None:
    with (
        replay.serve(replay.builtin("meeting"), faults=[f"status:{status}"]) as server,
        answering(server, lambda client: sse(ask(client)), is_async=True) as origin,
    ):
        response, body = request(origin, "/")
    assert response.status == status
    assert set(json.loads(body)) == {"outcome", "message"}
    assert KEY.encode() not in body


def test_a_plain_loop_over_a_sync_stream() -> None:
    with (
        replay.serve(replay.builtin("meeting"), rate=400) as server,
        open_client(server, is_async=False) as client,
    ):
        sent = list(events(ask(client)))
    value: Any = None
    for ops, _ in ops_lines(sent):  # type: ignore[arg-type]
        value = apply(ops, value)
    assert value == expected()


class Named(BaseModel):
    users: list[dict[str, str]] = Field(alias="users")
    when: str = Field(alias="date")
    city: str = Field(alias="location", default="")
    budget: int = 0
    deadline: str = ""

    @field_validator("when")
    @classmethod
    def shout(cls, value: str) -> str:
        return value + "!"


def final_of(body: bytes) -> Any:
    value: Any = None
    for ops, _ in ops_lines(events_of(body)):
        value = apply(ops, value)
    return value


@BOTH
def test_fields_go_by_their_alias_if_asked(is_async: bool) -> None:  # noqa: FBT001
    def make(options: dict[str, Any]) -> Callable[[Any], Response]:
        return lambda client: sse(ask(client, response_model=Named), **options)

    bodies: list[bytes] = []
    ways: list[dict[str, Any]] = [{}, {"by_alias": True}, {"wire": "ai-text"}]
    with replay.serve(replay.builtin("meeting"), rate=1000) as server:
        for options in ways:
            with answering(server, make(options), is_async=is_async) as origin:
                bodies.append(request(origin, "/")[1])
    assert final_of(bodies[0])["when"] == "2024-03-15!"
    assert final_of(bodies[1])["date"] == "2024-03-15!"
    # What the model wrote: its reader validates for itself.
    assert json.loads(bodies[2])["date"] == "2024-03-15"


@BOTH
def test_a_stream_of_items_is_a_list(is_async: bool) -> None:  # noqa: FBT001
    text = json.dumps({"items": [{"name": "Ada", "email": "a@b.c", "twitter": "@A"}] * 3})
    with (
        replay.serve([replay.Recording(text=text)], rate=1000) as server,
        answering(
            server,
            lambda client: sse(
                client.create_iterable(
                    model="gpt-4", response_model=User, messages=[{"role": "user", "content": "x"}]
                )
            ),
            is_async=is_async,
        ) as origin,
    ):
        _, body = request(origin, "/")
    assert final_of(body) == [{"name": "Ada", "email": "a@b.c", "twitter": "@a"}] * 3
    assert json.loads(events_of(body)[-1].data or "")["outcome"] == "complete"


@BOTH
def test_a_new_attempt_begins_anew(is_async: bool) -> None:  # noqa: FBT001
    good = json.dumps(expected())
    bad = good.replace("50000", '"much"')
    recordings = [replay.Recording(text=bad, times=1), replay.Recording(text=good)]
    with (
        replay.serve(recordings, rate=2000) as server,
        answering(
            server, lambda client: sse(ask(client, max_retries=1), every=0), is_async=is_async
        ) as origin,
    ):
        _, body = request(origin, "/")
    assert len(server.exchanges) == 2
    assert final_of(body) == expected()
    roots = [event for event in events_of(body) if event.data and event.data.startswith("[0,{")]
    assert len(roots) >= 2
