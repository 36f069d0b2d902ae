"""A draft that turns out to be reasoning is no answer: all begins anew, and one can see it."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from pydantic import BaseModel

import partialfast as pf
from partialfast import replay
from partialfast.web import events
from tests.either import in_step
from tests.openai_driver import EVERY_WAY, Api, Way, ask, open_async, open_sync, opened
from tests.web.driver import apply, events_of, ops_lines

pytestmark = pytest.mark.network


class User(BaseModel):
    name: str
    age: int


DRAFT = '{"name": "Bob", "age": 1}'
ANSWER = '{"name": "Ada", "age": 36}'
ADA = User(name="Ada", age=36)
#: What comes before the answer, and whether anything of it could be shown.
DRAFTS = {
    "whole": f"{DRAFT} it may be. </think> ",
    "in-words": f"Maybe {DRAFT}? </think> ",
    "cut-off": 'Maybe {"name": "Bob", or </think> ',
    "another-tag": f"{DRAFT}</seed:think>\n",
}
BY_DRAFT = pytest.mark.parametrize("draft", DRAFTS.values(), ids=DRAFTS)


@BY_DRAFT
@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("chunk", [2, 1000])
def test_the_snapshots_begin_anew(way: Way, api: Api, draft: str, chunk: int) -> None:
    with replay.serve({"text": draft + ANSWER}, chunk=chunk) as url:
        outcome = ask(way, url, api=api, mode=pf.Mode.MD_JSON, response_model=User)
    assert outcome.error is None
    assert outcome.handed[-1] == ADA
    assert outcome.stream.restarts == 1
    assert outcome.stream.attempt == 1
    assert outcome.stream.attempts == ()
    # Nothing of the draft is in what follows it, and before nothing of the answer.
    dumps = [one.model_dump(exclude_unset=True) for one in outcome.handed]
    initials = [dump["name"][:1] for dump in dumps if dump.get("name")]
    assert initials == sorted(initials, reverse=True)
    after = [b for a, b in pairwise(dumps) if a.get("name", "")[:1] == "B" != b.get("name", "")[:1]]
    assert all("age" not in one for one in after if one != ADA.model_dump())


@BY_DRAFT
def test_one_can_see_when(way: Way, draft: str) -> None:
    """The first snapshot with the higher number is the first of the new value, and starts empty."""

    async def run() -> list[tuple[int, Any]]:
        async with opened(way, url, pf.Mode.MD_JSON) as client:
            stream = in_step(client.create_partial(**asked))
            return [(stream.restarts, one.model_dump(exclude_unset=True)) async for one in stream]

    asked: dict[str, Any] = {"model": "m", "messages": "hi", "response_model": User}
    with replay.serve({"text": draft + ANSWER}, chunk=2) as url:
        seen = asyncio.run(run())
    assert [number for number, _ in seen] == sorted(number for number, _ in seen)
    before = [dump for number, dump in seen if number == 0]
    after = [dump for number, dump in seen if number == 1]
    assert "Bob" in {dump.get("name") for dump in before}
    assert after[0] == {}
    assert after[-1] == ADA.model_dump()


@BY_DRAFT
@pytest.mark.parametrize("rest", ["", "I cannot say.", '{"name": "A'])
def test_a_draft_is_never_a_success(way: Way, draft: str, rest: str) -> None:
    with replay.serve({"text": draft + rest}, chunk=3) as url:
        outcome = ask(way, url, mode=pf.Mode.MD_JSON, response_model=User)
    error = outcome.raised(pf.TruncatedError if rest.startswith("{") else pf.JsonError)
    assert outcome.stream.restarts == 1
    shown = outcome.stream.snapshot
    assert error.snapshot == shown
    assert shown is None or shown.name == "A"
    assert error.text == draft + rest


@EVERY_WAY
def test_items_that_were_handed_out_are_not_taken_back(way: Way) -> None:
    text = f"[{DRAFT}] or better </think> [{ANSWER}]"
    with replay.serve({"text": text}, chunk=3) as url:
        outcome = ask(way, url, method="create_iterable", mode=pf.Mode.MD_JSON, response_model=User)
    assert isinstance(outcome.error, pf.JsonError)


@EVERY_WAY
def test_a_new_attempt_counts_from_zero(way: Way) -> None:
    wrong = DRAFTS["whole"] + '{"name": "Ada", "age": "old"}'
    answers: list[dict[str, Any]] = [{"text": wrong, "times": 1}, {"text": ANSWER}]
    with replay.serve(answers) as url:
        outcome = ask(way, url, mode=pf.Mode.MD_JSON, response_model=User, max_retries=1)
    assert outcome.handed[-1] == ADA
    assert outcome.stream.attempt == 2
    assert outcome.stream.restarts == 0


@BY_DRAFT
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_text_alone_begins_anew_too(draft: str, size: int) -> None:
    text = draft + ANSWER
    state: pf.StreamState[User] = pf.StreamState(User, envelope=True)
    for start in range(0, len(text), size):
        state.feed(text[start : start + size])
        assert not (state.restarts and state.snapshot and state.snapshot.name == "Bob")
        # Asked at each step, it must not mix what was written before with what came after.
        assert state.is_complete(["age"]) is (
            "age" in (state.snapshot.model_fields_set if state.snapshot else ())
        )
    assert state.restarts == 1
    assert state.finish() == ADA
    stream = pf.stream(User, [draft, ANSWER], envelope=True)
    assert list(stream)[-1] == ADA
    assert stream.restarts == 1
    plain: pf.StreamState[User] = pf.StreamState(User)
    plain.feed(ANSWER)
    assert plain.restarts == 0


@BY_DRAFT
@pytest.mark.parametrize("chunk", [2, 1000])
def test_ops_set_the_whole_value(draft: str, chunk: int) -> None:
    asked: dict[str, Any] = {"model": "m", "messages": "hi", "response_model": User}
    with replay.serve({"text": draft + ANSWER}, chunk=chunk) as url, open_sync(url) as sdk:
        client: Any = pf.from_openai(sdk, pf.Mode.MD_JSON)
        so_far: Any = None
        stream = client.create_partial(**asked)
        restarts = 0
        for ops in stream.ops():
            if stream.restarts > restarts:
                restarts = stream.restarts
                assert ops[0].op == "set"
                assert ops[0].path == ()
            so_far = apply(ops, so_far)
            assert so_far == stream.snapshot.model_dump(exclude_unset=True)
    assert so_far == ADA.model_dump()


async def _sent(url: str, wire: str) -> bytes:
    async with open_async(url) as sdk:
        client: Any = pf.from_openai(sdk, pf.Mode.MD_JSON)
        stream = client.create_partial(model="m", messages="hi", response_model=User)
        return b"".join([bytes(event) async for event in events(stream, wire, every=0)])


@BY_DRAFT
def test_every_wire_begins_anew(draft: str) -> None:
    sent: dict[str, bytes] = {}
    with replay.serve({"text": draft + ANSWER}, chunk=2) as url:
        for wire in ("ops", "snapshots", "json-patch", "ag-ui", "ai-ui"):
            sent[wire] = asyncio.run(_sent(url, wire))
    so_far: Any = None
    for ops, _ in ops_lines(events_of(sent["ops"])):
        so_far = apply(ops, so_far)
    assert so_far == ADA.model_dump()
    for wire, data in sent.items():
        # The name of the draft is never joined to that of the answer.
        assert b"BobA" not in data, wire
        assert b"Ada" in data or b"da" in data, wire
