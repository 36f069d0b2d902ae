"""Several function calls in one answer, in all the forms that servers give them."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

import pytest
from openai.types.chat import ChatCompletion
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from typing_extensions import TypeAliasType

import partialfast as pf
from partialfast import replay
from partialfast.providers._observed import as_json
from partialfast.providers.openai import Mode
from tests.openai_driver import EVERY_WAY, Api, Way, ask, fetch
from tests.providers.openai.test_state import new_state

pytestmark = pytest.mark.network

BOTH = pytest.mark.parametrize("api", ["chat", "responses"])


class Mail(BaseModel):
    """Write to somebody."""

    to: str
    body: str


class Alarm(BaseModel):
    kind: Literal["alarm"] = "alarm"
    minutes: int = Field(gt=0)


class Nothing(BaseModel):
    """Do nothing."""


MAIL = '{"to": "ada@example.com", "body": "See you on Friday."}'
ALARM = '{"minutes": 15}'


def call(name: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments, **more}


@BOTH
@pytest.mark.parametrize("mode", [Mode.TOOLS, Mode.TOOLS_STRICT])
def test_the_called_function_decides(way: Way, api: Api, mode: Mode) -> None:
    asked = Mail | Alarm
    for name, arguments, class_ in (("Mail", MAIL, Mail), ("Alarm", ALARM, Alarm)):
        with replay.serve({"tool_calls": [call(name, arguments)]}) as url:
            outcome = ask(way, url, api=api, mode=mode, response_model=asked)
            assert isinstance(fetch(way, url, api=api, mode=mode, response_model=asked), class_)
            body = url.exchanges[0].body or {}
        assert outcome.error is None
        assert all(isinstance(each, class_) for each in outcome.handed)
        assert outcome.handed[-1] == class_.model_validate_json(arguments)
        assert len(body["tools"]) == 2
        assert body["tool_choice"] == "required"


@EVERY_WAY
@BOTH
def test_a_discriminated_union_is_a_choice_of_functions(way: Way, api: Api) -> None:
    class Timer(BaseModel):
        kind: Literal["timer"] = "timer"
        seconds: int

    asked: Any = Annotated[Alarm | Timer, Field(discriminator="kind")]
    with replay.serve({"tool_calls": [call("Timer", '{"kind": "timer", "seconds": 5}')]}) as url:
        outcome = ask(way, url, api=api, response_model=asked)
    assert outcome.handed[-1] == Timer(seconds=5)


def not_at_night(value: Any) -> Any:
    raise ValueError(f"it is night: {value}")


Quiet = Annotated[Mail | Alarm, AfterValidator(not_at_night)]
Silent = TypeAliasType("Silent", Quiet)


@EVERY_WAY
@pytest.mark.parametrize("asked", [Quiet, Silent], ids=["plain", "alias"])
def test_a_validator_around_a_union_is_heard(way: Way, asked: Any) -> None:
    with replay.serve({"text": f'{{"value": {ALARM}}}'}) as url:
        ask(way, url, response_model=asked).raised(ValidationError)
        (tool,) = (url.exchanges[0].body or {})["tools"]
    assert re.fullmatch("MailOrAlarm|Silent", tool["function"]["name"])


@EVERY_WAY
def test_annotated_members_are_functions_with_plain_names(way: Way) -> None:
    asked: Any = Mail | Annotated[Alarm, AfterValidator(not_at_night)]
    with replay.serve({"tool_calls": [call("Alarm", ALARM)]}) as url:
        ask(way, url, response_model=asked).raised(ValidationError)


@BOTH
@pytest.mark.parametrize("interleave", [False, True])
def test_each_call_is_an_item(way: Way, api: Api, interleave: bool) -> None:  # noqa: FBT001
    calls = [call("Mail", MAIL), call("Alarm", ALARM), call("Mail", MAIL)]
    with replay.serve({"tool_calls": calls, "interleave": interleave}) as url:
        outcome = ask(way, url, api=api, method="create_iterable", response_model=Mail | Alarm)
    mail, alarm = Mail.model_validate_json(MAIL), Alarm(minutes=15)
    assert outcome.error is None
    # Interleaved, the short one is complete first.
    assert outcome.handed == ([alarm, mail, mail] if interleave else [mail, alarm, mail])
    numbers = [path[0] for paths in outcome.completed for path in paths if len(path) == 1]
    assert sorted(numbers) == [0, 1, 2]
    assert outcome.stream.text == MAIL + ALARM + MAIL


@BOTH
@pytest.mark.parametrize("chunk", [1, None])
def test_white_space_after_a_call_is_no_second_call(way: Way, api: Api, chunk: int | None) -> None:
    calls = [call("Alarm", f" {ALARM} \n\n"), call("Mail", f"{MAIL}\n")]
    with replay.serve({"tool_calls": calls}, chunk=chunk) as url:
        outcome = ask(way, url, api=api, method="create_iterable", response_model=Mail | Alarm)
    assert outcome.error is None
    assert outcome.handed == [Alarm(minutes=15), Mail.model_validate_json(MAIL)]


INDICES: dict[str, list[Any]] = {
    "as they should be": [0, 1, 2],
    "above zero": [3, 4, 9],
    "all zero": [0, 0, 0],
    "left out": ["omit", "omit", "omit"],
}


@pytest.mark.parametrize("indices", INDICES.values(), ids=INDICES)
@pytest.mark.parametrize("chunk", [1, None, 10_000])
def test_any_numbering_of_calls(way: Way, indices: list[Any], chunk: int | None) -> None:
    texts = [MAIL, ALARM, MAIL]
    calls = [
        call(name, text, index=index, id=f"call_{number}")
        for number, (name, text, index) in enumerate(
            zip(("Mail", "Alarm", "Mail"), texts, indices, strict=True)
        )
    ]
    with replay.serve({"tool_calls": calls}, chunk=chunk) as url:
        outcome = ask(way, url, method="create_iterable", response_model=Mail | Alarm)
    assert outcome.error is None
    mail = Mail.model_validate_json(MAIL)
    assert outcome.handed == [mail, Alarm(minutes=15), mail]


def stream(pieces: list[dict[str, Any]], *, together: bool = False) -> str:
    """Return the stream of pieces of calls, each of them in an event or all in one."""
    delta: list[dict[str, Any]] = []
    for piece in pieces:
        rest = dict(piece)
        function = {key: rest.pop(key) for key in ("name", "arguments") if key in piece}
        delta.append({**rest, "function": function})
    events = [delta] if together else [[each] for each in delta]
    choices: list[Any] = [{"index": 0, "delta": {"tool_calls": calls}} for calls in events]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    return "".join(f"data: {json.dumps({'id': '1', 'choices': [each]})}\n\n" for each in choices)


HALVES = [("Mail", MAIL[:20], "a"), ("Alarm", ALARM[:5], "b")]
RESTS = [("Mail", MAIL[20:], "a"), ("Alarm", ALARM[5:], "b")]
WHOLE = [call("Mail", MAIL), call("Alarm", ALARM)]
PIECES: dict[str, list[dict[str, Any]]] = {
    "by their ids alone": [
        *(call(name, half, id=id_) for name, half, id_ in HALVES),
        *({"id": id_, "arguments": rest} for _, rest, id_ in RESTS),
    ],
    "by their ids, all else repeated": [
        call(name, text, id=id_, index=0) for name, text, id_ in HALVES + RESTS
    ],
    "by their names": WHOLE,
    "by their names, with useless numbers": [{**each, "index": 0, "id": ""} for each in WHOLE],
    "by their names, which are repeated": [
        call("Mail", MAIL[:20]),
        call("Mail", MAIL[20:]),
        call("Mail", "\n"),
        call("Alarm", ALARM),
    ],
}


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
@pytest.mark.parametrize("together", [False, True])
def test_calls_are_told_apart_by_what_there_is(
    way: Way,
    pieces: list[dict[str, Any]],
    together: bool,  # noqa: FBT001
) -> None:
    with replay.serve({"raw": stream(pieces, together=together)}) as url:
        outcome = ask(way, url, method="create_iterable", response_model=Mail | Alarm)
        one = ask(way, url, response_model=Mail)
    assert outcome.error is None
    assert outcome.handed == [Mail.model_validate_json(MAIL), Alarm(minutes=15)]
    assert one.error is None
    assert one.handed[-1] == Mail.model_validate_json(MAIL)


@EVERY_WAY
def test_calls_without_numbers_belong_to_their_choices(way: Way) -> None:
    pieces = [(0, call("Mail", MAIL[:9])), (1, call("Alarm", "{"))]
    pieces += [(0, {"arguments": MAIL[9:]}), (1, {"arguments": ALARM[1:]})]
    choices: list[Any] = [
        {"index": number, "delta": {"tool_calls": [{"function": function}]}}
        for number, function in pieces
    ]
    choices += [{"index": number, "delta": {}, "finish_reason": "stop"} for number in (0, 1)]
    raw = "".join(f"data: {json.dumps({'id': '1', 'choices': [each]})}\n\n" for each in choices)
    with replay.serve({"raw": raw}) as url:
        outcome = ask(way, url, method="create_iterable", response_model=Mail | Alarm, n=2)
    assert outcome.error is None
    assert outcome.handed == [Mail.model_validate_json(MAIL), Alarm(minutes=15)]


@EVERY_WAY
@BOTH
def test_several_calls_of_one_function_with_lists(way: Way, api: Api) -> None:
    first = '{"items": [{"minutes": 1}, {"minutes": 2}]}'
    second = '{"items": [{"minutes": 3}]}'
    calls = [call("IterableAlarm", first), call("IterableAlarm", second)]
    with replay.serve({"tool_calls": calls}) as url:
        outcome = ask(way, url, api=api, method="create_iterable", response_model=Alarm)
    assert [alarm.minutes for alarm in outcome.handed] == [1, 2, 3]


@EVERY_WAY
@BOTH
def test_one_value_is_the_first_call(way: Way, api: Api) -> None:
    calls = [call("Alarm", ALARM), call("Alarm", '{"minutes": 99}')]
    for interleave in (False, True):
        with replay.serve({"tool_calls": calls, "interleave": interleave}) as url:
            outcome = ask(way, url, api=api, response_model=Alarm)
            assert fetch(way, url, api=api, response_model=Alarm) == Alarm(minutes=15)
        assert outcome.error is None
        assert outcome.handed[-1] == Alarm(minutes=15)
        assert outcome.stream.text == ALARM


@EVERY_WAY
@BOTH
def test_a_single_function_needs_no_name(way: Way, api: Api) -> None:
    with replay.serve({"tool_calls": [call("functions.Alarm", ALARM)]}) as url:
        outcome = ask(way, url, api=api, response_model=Alarm)
    assert outcome.handed[-1] == Alarm(minutes=15)


@EVERY_WAY
@BOTH
def test_other_functions_of_the_callers_are_left_alone(way: Way, api: Api) -> None:
    function = {"name": "search", "parameters": {"type": "object", "properties": {}}}
    tool = {"type": "function", "function": function}
    if api == "responses":
        tool = {"type": "function", **function}
    calls = [call("search", '{"for": "time"}'), call("Alarm", ALARM)]
    with replay.serve({"tool_calls": calls}) as url:
        outcome = ask(way, url, api=api, response_model=Alarm, tools=[tool], tool_choice="required")
        only = ask(way, url, api=api, response_model=Mail, tools=[tool])
        body = url.exchanges[0].body or {}
    assert outcome.handed[-1] == Alarm(minutes=15)
    assert len(body["tools"]) == 2
    assert body["tool_choice"] == "required"
    error = only.raised(pf.OtherCallError)
    assert "search" in str(error)
    assert [call.name for call in only.stream.other_calls] == ["search", "Alarm"]
    assert json.loads(only.stream.other_calls[0].arguments) == {"for": "time"}


@BOTH
@pytest.mark.parametrize("arguments", ["", "{}"])
def test_a_call_without_arguments(way: Way, api: Api, arguments: str) -> None:
    with replay.serve({"tool_calls": [call("Nothing", arguments)]}) as url:
        outcome = ask(way, url, api=api, response_model=Nothing)
        assert fetch(way, url, api=api, response_model=Nothing) == Nothing()
        items = ask(way, url, api=api, method="create_iterable", response_model=Nothing | Alarm)
    assert outcome.error is None
    assert outcome.handed[-1] == Nothing()
    assert items.handed == [Nothing()]
    with replay.serve({"tool_calls": [call("Mail", arguments)]}) as url:
        expected = ValidationError if arguments else pf.TruncatedError
        ask(way, url, api=api, response_model=Mail).raised(expected)


@EVERY_WAY
@pytest.mark.parametrize("arguments", [ALARM, f'{{"minutes": 15, "more": ["{"é" * 9000}"]}}'])
def test_arguments_may_be_an_object(way: Way, arguments: str) -> None:
    raw = stream([call("Alarm", json.loads(arguments), id="a", index=0)])
    whole = {"id": "a", "type": "function", "function": call("Alarm", json.loads(arguments))}
    message = {"role": "assistant", "tool_calls": [whole]}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
    with replay.serve({"raw": raw}) as url:
        outcome = ask(way, url, response_model=Alarm)
    assert outcome.error is None
    assert outcome.handed == [Alarm(minutes=15)]
    fields: dict[str, Any] = {"id": "1", "choices": [choice]}
    answer = as_json(ChatCompletion.construct(None, **fields))
    assert new_state(Alarm).feed_whole(iter([answer])) == Alarm(minutes=15)


@EVERY_WAY
def test_text_beside_a_call_is_not_the_answer(way: Way) -> None:
    recording = {"tool_calls": [call("Alarm", ALARM)], "content": 'I will set {"minutes": 1}.'}
    with replay.serve(recording) as url:
        outcome = ask(way, url, response_model=Alarm)
    assert outcome.handed[-1] == Alarm(minutes=15)
    assert outcome.stream.text == ALARM


@EVERY_WAY
@pytest.mark.parametrize("mode", [Mode.TOOLS, Mode.JSON_SCHEMA])
def test_items_of_several_choices(way: Way, mode: Mode) -> None:
    text = json.dumps({"items": [{"minutes": 1}, {"minutes": 2}]})
    with replay.serve({"text": text}) as url:
        outcome = ask(way, url, mode=mode, method="create_iterable", response_model=Alarm, n=2)
        with pytest.raises(TypeError, match="create_iterable"):
            ask(way, url, response_model=Alarm, n=2)
    assert sorted(alarm.minutes for alarm in outcome.handed) == [1, 1, 2, 2]


@EVERY_WAY
@BOTH
def test_an_invalid_call_among_several(way: Way, api: Api) -> None:
    calls = [call("Mail", MAIL), call("Alarm", '{"minutes": 0}'), call("Mail", MAIL)]
    with replay.serve({"tool_calls": calls}) as url:
        outcome = ask(way, url, api=api, method="create_iterable", response_model=Mail | Alarm)
    assert outcome.handed == [Mail.model_validate_json(MAIL)]
    (line,) = outcome.raised(ValidationError).errors()
    assert line["loc"] == ("minutes",)
