"""How an answer can end: each ending is told apart, and none but the first looks like success."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai
import pytest
from openai import APIError, DefaultAioHttpClient
from pydantic import BaseModel, Field, ValidationError

import partialfast as pf
from partialfast import replay
from partialfast.providers.openai import Mode
from tests.openai_driver import EVERY_WAY, HTTP, TEXT, WAYS, Api, Meeting, User, Way, ask, fetch

pytestmark = pytest.mark.network

BOTH = pytest.mark.parametrize("api", ["chat", "responses"])
TOOLS_OR_TEXT = pytest.mark.parametrize("mode", [Mode.TOOLS, Mode.JSON_SCHEMA])
HALF = len(TEXT) // 2


def carries_all(error: Any, stream: Any) -> None:
    """Check that the error and the stream agree on what was received."""
    assert error.snapshot == stream.snapshot
    assert error.text == stream.text
    assert error.usage == stream.usage
    assert error.finish_reason == stream.finish_reason
    with pytest.raises(type(error)):
        stream._value()


@BOTH
@TOOLS_OR_TEXT
@pytest.mark.parametrize("at", [0, 1, HALF, len(TEXT) - 1])
def test_cut_off_by_the_token_limit(way: Way, api: Api, mode: Mode, at: int) -> None:
    with replay.serve({"text": TEXT}, faults=f"length@{at}") as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Meeting)
        with pytest.raises(pf.TruncatedError, match="more output tokens"):
            fetch(way, url, api=api, mode=mode, response_model=Meeting)
    error = outcome.raised(pf.TruncatedError)
    carries_all(error, outcome.stream)
    reason = {"chat": "length", "responses": "max_output_tokens"}[api]
    assert error.finish_reason == reason
    assert reason in str(error)
    assert error.usage.total_tokens > 0
    assert error.text == TEXT.encode()[:at].decode(errors="ignore")
    assert len(outcome.handed) == 0 if at == 0 else isinstance(error.snapshot, Meeting)
    assert not any(each == Meeting.model_validate_json(TEXT) for each in outcome.handed)


@BOTH
@TOOLS_OR_TEXT
def test_complete_at_the_token_limit_is_complete(way: Way, api: Api, mode: Mode) -> None:
    size = len(TEXT.encode())
    with replay.serve({"text": TEXT}, faults=f"length@{size}") as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Meeting)
    assert outcome.error is None
    assert outcome.stream.finish_reason in {"length", "max_output_tokens"}
    assert outcome.handed[-1] == Meeting.model_validate_json(TEXT)


@EVERY_WAY
@BOTH
@TOOLS_OR_TEXT
def test_a_stream_that_just_ends_is_truncated(way: Way, api: Api, mode: Mode) -> None:
    with replay.serve({"text": TEXT}, faults=f"end@{HALF}") as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Meeting)
    error = outcome.raised(pf.TruncatedError)
    carries_all(error, outcome.stream)
    assert error.finish_reason is None
    assert "the stream ended" in str(error)
    assert outcome.handed


@contextmanager
def answering(content_type: str, body: str) -> Generator[str, None, None]:
    """Serve this to every request, whatever is asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


@EVERY_WAY
@BOTH
@pytest.mark.parametrize(
    ("content_type", "body"),
    [("text/html", "<h1>Down for maintenance</h1>"), ("application/json", '{"id": "1"}')],
)
def test_what_is_no_stream_is_named(way: Way, api: Api, content_type: str, body: str) -> None:
    with answering(content_type, body) as url:
        error = ask(way, url, api=api, response_model=Meeting).raised(pf.TruncatedError)
    assert f"the server sent {content_type} where a stream" in str(error)


class Settings(BaseModel):
    dark: bool = False
    size: int = 12


@BOTH
@pytest.mark.parametrize("fault", ["end@0", "length@0"])
def test_a_call_cut_off_before_its_arguments_is_not_an_empty_one(
    way: Way, api: Api, fault: str
) -> None:
    with replay.serve({"text": '{"dark": true}'}, faults=fault) as url:
        outcome = ask(way, url, api=api, response_model=Settings)
        items = ask(way, url, api=api, method="create_iterable", response_model=Settings | User)
    for each in (outcome, items):
        each.raised(pf.TruncatedError)
        assert each.handed == []


@EVERY_WAY
@BOTH
def test_calls_end_when_the_server_says_so(way: Way, api: Api) -> None:
    first = '{"dark": true}'
    calls = [{"name": "Settings", "arguments": each} for each in (first, '{"size": 9}')]
    with replay.serve({"tool_calls": calls}, faults=f"end@{len(first)}") as url:
        outcome = ask(way, url, api=api, method="create_iterable", response_model=Settings | User)
    outcome.raised(pf.TruncatedError)
    assert outcome.handed == [Settings(dark=True)]


@BOTH
@pytest.mark.parametrize("mode", [Mode.TOOLS, Mode.JSON_SCHEMA, Mode.MD_JSON])
@pytest.mark.parametrize("fault", ["end", "length"])
def test_words_that_are_cut_off_are_truncated(way: Way, api: Api, mode: Mode, fault: str) -> None:
    said = "<think>They want a meeting. Let me see who comes, and whe"
    with replay.serve({"text": said + "n", "via": "content"}, faults=f"{fault}@{len(said)}") as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Meeting, max_retries=1)
        # More of the same would not help.
        assert len(url.exchanges) == 1
    outcome.raised(pf.TruncatedError)


@EVERY_WAY
@BOTH
@TOOLS_OR_TEXT
def test_a_lost_connection_is_told_apart(way: Way, api: Api, mode: Mode) -> None:
    with replay.serve({"text": TEXT}, faults=f"drop@{HALF}") as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Meeting)
    error = outcome.raised(pf.DroppedError)
    carries_all(error, outcome.stream)
    assert isinstance(error.__cause__, HTTP.TransportError)
    assert outcome.handed
    assert TEXT.startswith(error.text)


@EVERY_WAY
@BOTH
def test_json_that_is_complete_is_an_answer_though_the_connection_is_lost(
    way: Way, api: Api
) -> None:
    with replay.serve({"text": TEXT}, faults=f"drop@{len(TEXT.encode())}") as url:
        outcome = ask(way, url, api=api, response_model=Meeting)
    assert outcome.error is None
    assert outcome.handed[-1] == Meeting.model_validate_json(TEXT)
    assert outcome.stream.finish_reason is None


@EVERY_WAY
@BOTH
def test_a_read_timeout_is_a_lost_connection(way: Way, api: Api) -> None:
    with replay.serve({"text": TEXT}, faults=f"stall@{HALF}:30") as url:
        outcome = ask(
            way, url, api=api, response_model=Meeting, timeout=openai.Timeout(5, read=0.3)
        )
    error = outcome.raised(pf.DroppedError)
    assert isinstance(error.__cause__, HTTP.ReadTimeout)
    assert outcome.handed


@pytest.mark.parametrize("way", [way for way in WAYS if way.asynchronous], ids=str)
@pytest.mark.parametrize(
    ("fault", "class_", "cause"),
    [
        (f"drop@{HALF}", pf.DroppedError, HTTP.TransportError),
        (f"stall@{HALF}:30", pf.DroppedError, HTTP.ReadTimeout),
        (f"end@{HALF}", pf.TruncatedError, None),
        (f"length@{HALF}", pf.TruncatedError, None),
        ("filter", pf.ContentFilterError, None),
        (f"error@{HALF}", APIError, None),
    ],
)
def test_aiohttp_ends_alike(way: Way, fault: str, class_: Any, cause: Any) -> None:
    with replay.serve({"text": TEXT}, faults=fault) as url:
        outcome = ask(
            way,
            url,
            client={"http_client": DefaultAioHttpClient()},
            response_model=Meeting,
            timeout=openai.Timeout(5, read=0.3),
        )
    error = outcome.raised(class_)
    assert isinstance(error.__cause__, cause or type(None))
    assert outcome.handed
    assert outcome.stream.snapshot == outcome.handed[-1]


@BOTH
@TOOLS_OR_TEXT
def test_a_refusal(way: Way, api: Api, mode: Mode) -> None:
    with replay.serve({"refusal": "I cannot do that."}) as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Meeting, max_retries=2)
        with pytest.raises(pf.RefusalError):
            fetch(way, url, api=api, mode=mode, response_model=Meeting)
        assert len(url.exchanges) == 2
    error = outcome.raised(pf.RefusalError)
    assert error.text == "I cannot do that."
    assert error.snapshot is None
    assert error.usage.total_tokens > 0
    assert outcome.handed == []


@BOTH
@TOOLS_OR_TEXT
def test_a_content_filter(way: Way, api: Api, mode: Mode) -> None:
    with replay.serve({"text": TEXT}, faults="filter") as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Meeting)
        with pytest.raises(pf.ContentFilterError):
            fetch(way, url, api=api, mode=mode, response_model=Meeting)
    error = outcome.raised(pf.ContentFilterError)
    carries_all(error, outcome.stream)
    assert error.finish_reason == "content_filter"
    assert outcome.handed


@EVERY_WAY
@BOTH
@pytest.mark.parametrize("fault", ["error", "fail"])
def test_an_error_inside_the_stream_is_the_sdks(way: Way, api: Api, fault: str) -> None:
    with replay.serve({"text": TEXT}, faults=f"{fault}@{HALF}") as url:
        outcome = ask(way, url, api=api, response_model=Meeting)
    error = outcome.raised(APIError)
    assert error.message
    assert error.body["message"] == error.message
    assert error.request.url.path.startswith("/v1/")
    assert outcome.handed
    assert outcome.stream.snapshot == outcome.handed[-1]
    assert TEXT.startswith(outcome.stream.text)


@EVERY_WAY
@BOTH
def test_an_event_that_is_not_json(way: Way, api: Api) -> None:
    with replay.serve({"text": TEXT}, faults=f"corrupt@{HALF}") as url:
        outcome = ask(way, url, api=api, response_model=Meeting, max_retries=3)
        assert len(url.exchanges) == 1
    error = outcome.raised(pf.JsonError)
    assert error.kind == "invalid_event"
    assert outcome.stream.snapshot == outcome.handed[-1]


@EVERY_WAY
@BOTH
@TOOLS_OR_TEXT
def test_half_a_surrogate_pair(way: Way, api: Api, mode: Mode) -> None:
    # Python's decoder, which the SDK uses, lets it pass; it is no text that could be handed out.
    chunks = ['{"users":[],"location":"a', "\ud83d", 'b"}']
    with replay.serve({"text": "".join(chunks), "chunks": chunks}) as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Meeting, max_retries=2)
        assert len(url.exchanges) == 1
    error = outcome.raised(pf.JsonError)
    assert error.kind == "invalid_event"
    assert "half of a surrogate pair" in str(error)
    assert outcome.stream.text == '{"users":[],"location":"a'
    assert outcome.stream.snapshot == outcome.handed[-1]


@BOTH
@TOOLS_OR_TEXT
def test_text_that_is_not_json(way: Way, api: Api, mode: Mode) -> None:
    at = TEXT.index("Ada")
    with replay.serve({"text": TEXT}, faults=f"garbage@{at}") as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Meeting)
        with pytest.raises(pf.JsonError):
            fetch(way, url, api=api, mode=mode, response_model=Meeting)
        # The rest of the answer is saved.
        assert url.wait_ended(0).ending in {"disconnect", "complete"}
    error = outcome.raised(pf.JsonError)
    assert (error.kind, error.offset, error.line) == ("control_character", at, 1)
    assert error.path == ("users", 0, "name")
    assert isinstance(error, ValueError)
    assert outcome.stream.snapshot == outcome.handed[-1]


@pytest.mark.parametrize("mode", [Mode.JSON, Mode.JSON_SCHEMA, Mode.MD_JSON])
def test_words_instead_of_json(way: Way, mode: Mode) -> None:
    with replay.serve({"text": "\n Well, who knows?"}) as url:
        outcome = ask(way, url, mode=mode, response_model=Meeting)
        with pytest.raises(pf.JsonError, match="in words"):
            fetch(way, url, mode=mode, response_model=Meeting)
    error = outcome.raised(pf.JsonError)
    assert (error.kind, error.offset, error.line, error.column) == ("expected_value", 2, 2, 2)
    assert outcome.stream.text == "\n Well, who knows?"


@BOTH
@pytest.mark.parametrize("mode", [Mode.TOOLS, Mode.TOOLS_STRICT])
def test_words_instead_of_a_call(way: Way, api: Api, mode: Mode) -> None:
    with replay.serve({"text": "Which meeting do you mean?", "via": "content"}) as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Meeting)
    error = outcome.raised(pf.RefusalError)
    assert error.text == "Which meeting do you mean?"
    assert "instead of calling Meeting" in str(error)


@BOTH
@pytest.mark.parametrize("written", ["%s", "Here you are: %s", "Here it is:\n```json\n%s\n```"])
def test_json_as_content_that_fits_is_taken_for_the_call(way: Way, api: Api, written: str) -> None:
    with replay.serve({"text": written % TEXT, "via": "content"}) as url:
        outcome = ask(way, url, api=api, response_model=Meeting)
        assert fetch(way, url, api=api, response_model=Meeting) == outcome.handed[-1]
    assert outcome.error is None
    assert outcome.handed[-1] == Meeting.model_validate_json(TEXT)
    assert [repair.kind for repair in outcome.stream.repairs] == ["content_for_call"]


@BOTH
@pytest.mark.parametrize("text", ['{"users": "none"}', '{"location": "Rome"}'])
def test_json_as_content_that_does_not_fit_is_no_call(way: Way, api: Api, text: str) -> None:
    with replay.serve({"text": text, "via": "content"}) as url:
        outcome = ask(way, url, api=api, response_model=Meeting)
    outcome.raised(pf.RefusalError)
    assert outcome.stream.repairs == []


@BOTH
@TOOLS_OR_TEXT
def test_an_empty_answer_is_truncated(way: Way, api: Api, mode: Mode) -> None:
    with replay.serve({"text": ""}) as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Meeting)
        with pytest.raises(pf.TruncatedError):
            fetch(way, url, api=api, mode=mode, response_model=Meeting)
    assert outcome.raised(pf.TruncatedError).snapshot is None


class Positive(BaseModel):
    users: list[User]
    budget: int = Field(gt=0)
    rest: str = ""


INVALID = '{"users": [{"name": "Ada", "email": "a"}], "budget": -5, "rest": "%s"}' % ("x" * 2000)


@BOTH
@TOOLS_OR_TEXT
def test_an_invalid_value_ends_the_answer_at_once(way: Way, api: Api, mode: Mode) -> None:
    with replay.serve({"text": INVALID}, rate=300) as url:
        outcome = ask(way, url, api=api, mode=mode, response_model=Positive)
        exchange = url.wait_ended(timeout=5)
        assert exchange.ending == "disconnect"
    error = outcome.raised(ValidationError)
    (line,) = error.errors()
    assert (line["loc"], line["type"]) == (("budget",), "greater_than")
    assert outcome.stream.snapshot == outcome.handed[-1]
    assert outcome.stream.snapshot.users == [User(name="Ada", email="a")]
    assert len(outcome.stream.text) < 200
    assert outcome.stream.attempts[0].error is error.__cause__
    assert error.attempts == outcome.stream.attempts


@EVERY_WAY
def test_an_invalid_value_can_wait_for_the_end(way: Way) -> None:
    with replay.serve({"text": INVALID}) as url:
        outcome = ask(way, url, response_model=Positive, on_invalid="defer")
        assert url.wait_ended().ending == "complete"
    (line,) = outcome.raised(ValidationError).errors()
    assert line["loc"] == ("budget",)
    assert outcome.stream.text == INVALID
    assert outcome.stream.usage.total_tokens > 0


ITEMS = '{"items": [{"name": "A", "email": "a"}, {"name": "B"}, {"name": "C", "email": "c"}]}'


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
@pytest.mark.parametrize("mode", [Mode.TOOLS, Mode.MD_JSON])
def test_items_before_an_invalid_one_are_handed_out(way: Way, chunk: int, mode: Mode) -> None:
    with replay.serve({"text": ITEMS}, chunk=chunk) as url:
        raised = ask(way, url, mode=mode, method="create_iterable", response_model=User)
        deferred = ask(
            way,
            url,
            mode=mode,
            method="create_iterable",
            response_model=User,
            on_invalid="defer",
        )
    assert raised.handed == [User(name="A", email="a")]
    (line,) = raised.raised(ValidationError).errors()
    assert line["loc"] == (1, "email")
    assert deferred.handed == [User(name="A", email="a"), User(name="C", email="c")]
    (line,) = deferred.raised(ValidationError).errors()
    assert line["loc"] == (1, "email")


@EVERY_WAY
@pytest.mark.parametrize("chunk", [3, 10_000])
def test_items_before_the_end_are_handed_out(way: Way, chunk: int) -> None:
    text = ITEMS.replace('{"name": "B"}', '{"name": "B", "email": "b"}')
    at = text.index('{"name": "C"') + 5
    with replay.serve({"text": text}, chunk=chunk, faults=f"length@{at}") as url:
        outcome = ask(way, url, method="create_iterable", response_model=User)
    assert [user.name for user in outcome.handed] == ["A", "B"]
    error = outcome.raised(pf.TruncatedError)
    assert error.snapshot == outcome.handed[-1]


@pytest.mark.parametrize(
    ("text", "class_"),
    [
        ('{"items": [1, 2]', pf.TruncatedError),
        ('{"items": [1, 2], ', pf.TruncatedError),
        ('{"other": [1, 2]}', ValidationError),
        ('{"items": [1, 2]} or so', pf.JsonError),
        ('{"items" [1, 2]}', pf.JsonError),
    ],
)
def test_what_is_wrong_around_a_wrapped_value(way: Way, text: str, class_: Any) -> None:
    with replay.serve({"text": text}) as url:
        ask(way, url, response_model=list[int]).raised(class_)


@EVERY_WAY
@BOTH
@pytest.mark.parametrize(
    ("fault", "class_"),
    [
        ("status:401", openai.AuthenticationError),
        ("status:429", openai.RateLimitError),
        ("status:500", openai.InternalServerError),
    ],
)
def test_errors_before_the_first_byte_are_the_sdks(
    way: Way, api: Api, fault: str, class_: Any
) -> None:
    with replay.serve({"text": TEXT}, faults=fault) as url:
        with pytest.raises(class_):
            fetch(way, url, api=api, response_model=Meeting)
        if way.asynchronous:
            # The request is sent when the stream is first asked for something.
            ask(way, url, api=api, response_model=Meeting).raised(class_)
        else:
            with pytest.raises(class_):
                ask(way, url, api=api, response_model=Meeting)


@EVERY_WAY
def test_the_sdk_still_repeats_requests_by_itself(way: Way) -> None:
    with replay.serve([{"text": TEXT, "fault": "status:429", "times": 1}, {"text": TEXT}]) as url:
        outcome = ask(way, url, response_model=Meeting, client={"max_retries": 1})
        assert [exchange.status for exchange in url.exchanges] == [429, 200]
    assert outcome.error is None
    assert outcome.stream.attempt == 1


@EVERY_WAY
def test_errors_can_be_pickled_and_say_what_to_do(way: Way) -> None:
    with replay.serve({"text": TEXT}, faults="length@40") as url:
        outcome = ask(way, url, response_model=Meeting)
    assert "allow more output tokens" in str(outcome.error)
