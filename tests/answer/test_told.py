"""`on`, `on_progress`, `delta` and `as_` of a client's streams, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel, Field

import partialfast as pf
from partialfast import replay


class User(BaseModel):
    name: str
    age: int = Field(ge=0)


class Team(BaseModel):
    users: list[User]
    note: str


USERS = [{"name": "Ada", "age": 36}, {"name": "Alan", "age": 41}]
TEXT = json.dumps({"users": USERS, "note": "the quick brown fox"})
INVALID = json.dumps({"users": [USERS[0], {"name": "Alan", "age": -1}]})
FINAL = Team.model_validate_json(TEXT)
MESSAGES: list[Any] = [{"role": "user", "content": "Who?"}]

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("clients_are_closed")]


def ask(url: str, **arguments: Any) -> Any:
    client: Any = pf.from_openai(OpenAI(base_url=url, api_key="k", max_retries=0), model="m")
    return client.create_partial(response_model=Team, messages=MESSAGES, **arguments)


@pytest.mark.parametrize("every", ["event", "read", "value", 0.01])
@pytest.mark.parametrize("chunk", [1, 7, None])
@pytest.mark.parametrize("read", [list, lambda stream: stream.final()], ids=["loop", "final"])
def test_each_value_is_told_once(every: Any, chunk: int | None, read: Any) -> None:
    called: list[Any] = []
    told: list[pf.Progress] = []
    on = {"users.*": called.append, "note": called.append, "": called.append}
    with replay.serve({"text": TEXT}, chunk=chunk) as url:
        read(ask(url, on=on, every=every, on_progress=told.append))
    assert called == [*FINAL.users, FINAL.note, FINAL]
    assert told[-1].values == 9
    assert [each.pieces for each in told] == sorted(each.pieces for each in told)


def test_async_streams_await_what_they_call() -> None:
    called: list[Any] = []
    told: list[int] = []

    async def slowly(value: Any) -> None:
        await asyncio.sleep(0.001)
        called.append(value)

    async def progress(each: pf.Progress) -> None:
        await asyncio.sleep(0)
        told.append(each.values)

    async def main(url: str) -> None:
        async with AsyncOpenAI(base_url=url, api_key="k") as sdk:
            client: Any = pf.from_openai(sdk, model="m")
            on = {"users.*": slowly, "": called.append}
            stream = client.create_partial(
                response_model=Team, messages=MESSAGES, on=on, on_progress=progress
            )
            async for snapshot in stream:
                complete = [user for user in snapshot.users or () if not pf.is_partial(user)]
                assert [each for each in called if isinstance(each, User)] == complete

    with replay.serve({"text": TEXT}) as url:
        asyncio.run(main(url))
    assert called == [*FINAL.users, FINAL]
    assert told[-1] == 9


def test_a_new_attempt_begins_anew() -> None:
    called: list[tuple[int, str]] = []
    attempts: list[int] = []
    shown: dict[Any, str] = {}
    with replay.serve([{"text": INVALID, "times": 1}, {"text": TEXT}]) as url:
        stream: Any = ask(
            url,
            max_retries=1,
            on={"users.*.name": lambda name: called.append((stream.attempt, name))},
            on_progress=lambda progress: attempts.append(progress.attempt),
        )
        for _ in stream:
            for path, added in stream.delta.items():
                before = shown.get(path, "") if added.replaced is None else added.replaced
                shown[path] = before + added
    assert called == [(1, "Ada"), (1, "Alan"), (2, "Ada"), (2, "Alan")]
    assert set(attempts) == {1, 2}
    assert shown == {
        ("users", 0, "name"): "Ada",
        ("users", 1, "name"): "Alan",
        ("note",): "the quick brown fox",
    }


def test_what_a_function_raises_closes_the_response() -> None:
    def fail(value: Any) -> None:
        raise LookupError(value)

    with replay.serve({"text": TEXT}, hold=20) as server:
        with pytest.raises(LookupError, match="Ada"):
            list(ask(server, on={"users.0.name": fail}))
        server.release()
        assert server.wait_ended().ending == "disconnect"


def test_delta_is_not_for_whoever_reads_ops() -> None:
    with replay.serve({"text": TEXT}) as url:
        stream = ask(url)
        for ops in stream.ops():
            assert ops
            with pytest.raises(RuntimeError, match="the ops of this stream are being read"):
                _ = stream.delta


@pytest.mark.parametrize("name", ["on", "on_progress", "as_"])
def test_what_is_for_snapshots_is_refused_elsewhere(name: str) -> None:
    client: Any = pf.from_openai(OpenAI(base_url="http://127.0.0.1:9/v1", api_key="k"))
    arguments: dict[str, Any] = {"response_model": Team, "messages": MESSAGES, name: None}
    for call in (client.create, client.create_iterable, client.create_with_completion):
        with pytest.raises(TypeError, match=f"{name} is for snapshots"):
            call(**arguments)


def test_as_is_the_snapshot_type_of_the_model() -> None:
    with replay.serve({"text": TEXT}) as url:
        snapshots: Sequence[Any] = list(ask(url, as_=pf.Partial[Team]))
        assert snapshots[-1] == FINAL
        with pytest.raises(TypeError, match="which is not the snapshot type of"):
            ask(url, as_=pf.Partial[User])
