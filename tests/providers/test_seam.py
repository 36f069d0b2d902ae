"""A made-up provider, read by everything there is: snapshots, items, retries, outcomes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, Field, ValidationError

import partialfast as pf
from partialfast import exceptions
from partialfast.answer._delta import Outcome
from partialfast.providers import AsyncResource, Delta, Mode, Resource, Settings, Tokens
from tests.providers.parrot import Parrot


class User(BaseModel):
    name: str
    age: int = Field(ge=0)


ADA = '{"name": "Ada", "age": 36}'


def says(
    text: str, *, name: str = "User", reason: Any = "fine", outcome: Any = "whole"
) -> list[Any]:
    pieces = [Delta.Piece(0, "call", 0, text[at : at + 5]) for at in range(0, len(text), 5)]
    end = [Delta.Finish(0, reason, outcome)] if reason else []
    usage = Delta.Usage('{"heard": 3, "said": 8}')
    return [Delta.Head("1", "grey"), Delta.CallBegins(0, 0, "c", name), *pieces, *end, usage]


def ask(
    parrot: Parrot, *, asynchronous: bool, method: str = "create_partial", **kwargs: Any
) -> Any:
    """Return what was handed out, the stream, and what it raised."""
    kwargs.setdefault("response_model", User)
    handed: list[Any] = []

    async def read() -> Any:
        stream = getattr(AsyncResource(parrot, Settings(Mode.TOOLS), None), method)(**kwargs)
        try:
            async for one in stream:
                handed.append(one)  # noqa: PERF401 - as far as it gets
        except pf.StreamError as error:
            return handed, stream, error
        return handed, stream, None

    if asynchronous:
        return asyncio.run(read())
    stream = getattr(Resource(parrot, Settings(Mode.TOOLS), None), method)(**kwargs)
    try:
        for one in stream:
            handed.append(one)  # noqa: PERF402 - as far as it gets
    except pf.StreamError as error:
        return handed, stream, error
    return handed, stream, None


BOTH = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


def test_the_provider_is_short() -> None:
    assert len(Path(__file__).with_name("parrot.py").read_text().splitlines()) <= 80


@BOTH
def test_snapshots(asynchronous: bool) -> None:  # noqa: FBT001
    handed, stream, error = ask(Parrot(says(ADA)), asynchronous=asynchronous)
    assert error is None
    assert [one.model_dump(exclude_unset=True) for one in handed[:2]] == [{}, {"name": ""}]
    assert handed[-1] == User(name="Ada", age=36)
    assert (stream.model, stream.response_id, stream.finish_reason) == ("grey", "1", "fine")
    assert stream.tokens == Tokens(3, 8)
    assert stream.usage == {"heard": 3, "said": 8}


@BOTH
def test_items(asynchronous: bool) -> None:  # noqa: FBT001
    text = f'{{"items": [{ADA}, {ADA}]}}'
    handed, _, error = ask(
        Parrot(says(text, name="IterableUser")), asynchronous=asynchronous, method="create_iterable"
    )
    assert error is None
    assert handed == [User(name="Ada", age=36)] * 2


@BOTH
def test_a_value_without_a_stream(asynchronous: bool) -> None:  # noqa: FBT001
    parrot = Parrot(says(ADA))
    resource: Any = (AsyncResource if asynchronous else Resource)(
        parrot, Settings(Mode.TOOLS), None
    )
    value = resource.create(response_model=User)

    async def wait() -> Any:
        return await value

    assert (asyncio.run(wait()) if asynchronous else value) == User(name="Ada", age=36)
    assert not parrot.requests[0].stream


@BOTH
def test_retries_show_the_mistake(asynchronous: bool) -> None:  # noqa: FBT001
    wrong = '{"name": "Ada", "age": -1}'
    parrot = Parrot(says(wrong), says("{oh"), says(ADA))
    handed, stream, error = ask(parrot, asynchronous=asynchronous, max_retries=2)
    assert error is None
    assert handed[-1] == User(name="Ada", age=36)
    assert stream.attempt == 3
    first, second = parrot.requests[2].arguments["mistakes"]
    assert "age" in first.explanation
    assert (first.name, first.text) == ("User", wrong)
    assert (first.call_id, second.call_id) == ("c", None)
    assert [type(attempt.error) for attempt in stream.attempts] == [ValidationError, pf.JsonError]
    assert parrot.requests[0].made == {"wanted"}


END = [Delta.Finish(0, "fine", "whole")]
OUTCOMES = {
    "whole": (says(ADA[:-1]), pf.TruncatedError),
    "cut off": (says(ADA[:-1], reason="full", outcome="cut_off"), pf.TruncatedError),
    "filtered": (says(ADA[:-1], reason="bad", outcome="filtered"), pf.ContentFilterError),
    "refused": (says(ADA[:-1], reason="no", outcome="refused"), pf.RefusalError),
    "failed": (says(ADA[:-1], reason="ouch", outcome="failed"), pf.ServerError),
    "unknown": (says(ADA[:-1], reason="ara", outcome="unknown"), pf.TruncatedError),
    "silent": (says(ADA[:-1], reason=None), pf.TruncatedError),
    "lost": ([*says(ADA[:-1], reason=None), ConnectionResetError()], pf.DroppedError),
    "error": (
        [*says(ADA[:-1], reason=None), Delta.ServerError('{"message": "no seed"}')],
        pf.ServerError,
    ),
    "corrupt": ([*says(ADA[:-1], reason=None), Delta.Corrupt("a feather")], pf.CorruptStreamError),
    "refusal": (
        [Delta.Piece(0, "refusal", None, "No."), *END],
        pf.RefusalError,
    ),
    "words": (
        [Delta.Piece(0, "text", None, "Hello."), *END],
        pf.RefusalError,
    ),
    "other call": (
        [Delta.CallBegins(0, 0, "c", "weather"), Delta.Piece(0, "call", 0, "{}"), *END],
        pf.OtherCallError,
    ),
    "nothing": ([], pf.TruncatedError),
}


COMPLETE = [Delta.CallBegins(0, 0, "c", "User"), Delta.Piece(0, "call", 0, ADA)]


@BOTH
@pytest.mark.parametrize("name", OUTCOMES)
def test_every_outcome(asynchronous: bool, name: str) -> None:  # noqa: FBT001
    answer, class_ = OUTCOMES[name]
    # Where the caller offers functions as well, a call of another one is not the answer.
    tools = [{"name": "weather"}] if name == "other call" else []
    _, stream, error = ask(Parrot(answer), asynchronous=asynchronous, tools=tools)
    assert type(error) is class_
    assert error.snapshot == stream.snapshot
    assert error.text == stream.text
    assert error.attempts == stream.attempts


@BOTH
@pytest.mark.parametrize("outcome", [None, *get_args(Outcome)])
def test_json_that_is_complete_is_an_answer_whatever_was_said(
    asynchronous: bool,  # noqa: FBT001
    outcome: Any,
) -> None:
    said = [Delta.Finish(0, "so", outcome)] if outcome else []
    handed, _, error = ask(Parrot([*COMPLETE, *said]), asynchronous=asynchronous)
    assert error is None
    assert handed[-1] == User(name="Ada", age=36)


def test_no_outcome_and_no_exception_is_left_out() -> None:
    said = {
        delta.outcome
        for answer, _ in OUTCOMES.values()
        for delta in answer
        if isinstance(delta, Delta.Finish)
    }
    assert said == set(get_args(Outcome))
    raised = {class_ for _, class_ in OUTCOMES.values()}
    classes = {getattr(exceptions, name) for name in exceptions.__all__}
    endings = {each for each in classes if issubclass(each, pf.StreamError)}
    # The tests below have those that are not about how the server ended the answer.
    others = {pf.InvalidAnswerError, pf.InvalidJsonError, pf.StreamTimeoutError, pf.StreamError}
    assert endings - others == raised


@BOTH
@pytest.mark.parametrize(
    ("text", "class_"),
    [('{"name": "Ada", "age": -1}', pf.InvalidAnswerError), ("{oh", pf.InvalidJsonError)],
    ids=["invalid", "not JSON"],
)
def test_a_mistake_that_no_attempt_corrects(
    asynchronous: bool,  # noqa: FBT001
    text: str,
    class_: type[pf.StreamError],
) -> None:
    _, stream, error = ask(Parrot(says(text), says(text)), asynchronous=asynchronous, max_retries=1)
    assert type(error) is class_
    assert isinstance(error, ValidationError)
    assert len(error.attempts) == stream.attempt == 2


@BOTH
def test_a_time_limit(asynchronous: bool) -> None:  # noqa: FBT001
    _, _, error = ask(Parrot([None]), asynchronous=asynchronous, first_timeout=0.01)
    assert type(error) is pf.StreamTimeoutError
    assert (error.text, error.snapshot) == ("", None)


@BOTH
def test_a_stream_that_was_closed_has_no_value(asynchronous: bool) -> None:  # noqa: FBT001
    parrot = Parrot(says(ADA))

    async def read() -> Any:
        stream: Any = AsyncResource(parrot, Settings(Mode.TOOLS), None).create_partial(User)
        async with stream:
            await anext(stream)
        with pytest.raises(pf.StreamError) as raised:
            await stream.final()
        return raised.value

    if asynchronous:
        assert type(asyncio.run(read())) is pf.StreamError
        return
    stream: Any = Resource(parrot, Settings(Mode.TOOLS), None).create_partial(User)
    with stream:
        next(stream)
    with pytest.raises(pf.StreamError) as raised:
        stream.final()
    assert type(raised.value) is pf.StreamError
