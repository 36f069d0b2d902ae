"""`sse` over real sockets: headers, statuses, endings, and clients that go away."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import partialfast as pf
from partialfast.web import MODULE, Hub, Outcome, module, sse, wire_names
from tests.web.driver import Op, events_of
from tests.web.serving import Raw, request, serving

pytestmark = pytest.mark.network

START = [Op("set", (), {}), Op("set", ("name",), "Ada")]


def app_for(make: Callable[[Request], Response]) -> Starlette:
    async def endpoint(request: Request) -> Response:
        return make(request)

    return Starlette(routes=[Route("/", endpoint, methods=["GET", "POST"])])


@pytest.mark.parametrize("wire", wire_names())
def test_headers_and_a_whole_body(wire: str) -> None:
    with serving(app_for(lambda _: sse([START], wire, headers={"x-mine": "1"}))) as origin:
        response, body = request(origin, "/")
    assert response.status == 200
    assert response.whole
    assert b"Ada" in body
    expected = "text/plain; charset=utf-8" if wire == "ai-text" else "text/event-stream"
    assert response.headers["content-type"] == expected
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["x-mine"] == "1"
    assert "content-length" not in response.headers
    assert (response.headers.get("assistant-stream-format") == "object-stream/v0") == (
        wire == "assistant-stream"
    )
    assert (response.headers.get("x-vercel-ai-ui-message-stream") == "v1") == (wire == "ai-ui")


@pytest.mark.parametrize("wire", wire_names())
def test_a_failure_breaks_the_connection_where_the_wire_has_no_words(wire: str) -> None:
    with serving(app_for(lambda _: sse([START, Outcome("truncated")], wire))) as origin:
        response, body = request(origin, "/")
    assert response.status == 200
    assert b"Ada" in body
    assert response.whole == (wire not in {"ai-text", "assistant-stream"})


class ServerError(Exception):
    """Like the SDK's errors: with the status of the response."""

    status_code = 429


async def failing(error: Exception) -> AsyncIterator[Any]:
    await asyncio.sleep(0)
    for ops in [START][:0]:
        yield ops
    raise error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ServerError("rate limit of org-secret"), 429),
        (TimeoutError("secret"), 504),
        (ConnectionError("secret"), 502),
    ],
)
def test_errors_before_the_first_byte_have_a_status(error: Exception, status: int) -> None:
    with serving(app_for(lambda _: sse(failing(error)))) as origin:
        response, body = request(origin, "/")
    assert response.status == status
    assert json.loads(body)["outcome"] == "failed"
    assert b"secret" not in body
    with serving(app_for(lambda _: sse(failing(error), expose_errors=True))) as origin:
        assert b"secret" in request(origin, "/")[1]


@pytest.mark.parametrize("kind", ["refused", "filtered", "truncated", "invalid"])
def test_an_answer_that_is_none_is_told_in_the_stream(kind: Any) -> None:
    with serving(app_for(lambda _: sse([Outcome(kind)]))) as origin:
        response, body = request(origin, "/")
    assert response.status == 200
    assert json.loads(events_of(body)[-1].data or "")["outcome"] == kind


class Model:
    """A source that says when it was closed, and is silent for a long time."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    async def __aiter__(self) -> AsyncIterator[Any]:
        yield START
        await asyncio.sleep(60)

    async def aclose(self) -> None:
        self.closed.set()


def test_a_client_that_goes_away_closes_the_source_though_the_model_is_silent() -> None:
    model = Model()
    with serving(app_for(lambda _: sse(model))) as origin:
        response = Raw(origin, "/", method="POST", body=b"{}")
        response.until(b"Ada")
        response.close()
        assert model.closed.wait(1)


def test_a_client_that_goes_away_before_the_first_byte_closes_the_source() -> None:
    class Silent(Model):
        async def __aiter__(self) -> AsyncIterator[Any]:
            await asyncio.sleep(60)
            yield START

    model = Silent()
    with serving(app_for(lambda _: sse(model))) as origin:
        host, port = origin.removeprefix("http://").split(":")
        import socket

        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.1)
        assert model.closed.wait(1)


def test_a_hub_over_http_is_gone_on_with_and_one_answer_is_not() -> None:
    async def slowly() -> AsyncIterator[Any]:
        yield START
        await asyncio.sleep(0.3)
        yield [Op("append", ("name",), " King")]

    hubs: list[Hub] = []

    def make(request: Request) -> Response:
        if request.query_params.get("one"):
            return sse(slowly())
        if not hubs:
            hubs.append(Hub(slowly(), linger=5))
        return sse(hubs[0])

    with serving(app_for(make)) as origin:
        first = Raw(origin, "/")
        first.until(b"Ada")
        first.close()
        back, body = request(origin, "/", headers={"Last-Event-ID": "1"})
        assert (back.status, back.whole) == (200, True)
        assert body.startswith(b'retry:1000\n\nid:1\ndata:[0,{}]\ndata:[0,"name","Ada"]\n\n')
        assert b'data:" King"' in body
        again, _ = request(origin, "/?one=1", headers={"Last-Event-ID": "1"})
        assert again.status == 204


def test_a_viewer_that_does_not_read_gets_what_it_missed_merged() -> None:
    size, count = 10_000, 3_000
    quick = bytearray()

    async def much() -> AsyncIterator[Any]:
        yield [Op("set", (), "")]
        for number in range(count):
            # However threads take turns, the one that reads is never more than twenty behind.
            while number * size - len(quick) > 20 * size:  # noqa: ASYNC110 - read in a thread
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)
            yield [Op("append", (), "x" * size)]

    hubs: list[Hub] = []

    def make(_: Request) -> Response:
        if not hubs:
            hubs.append(Hub(much(), every=0, linger=None))
        return sse(hubs[0])

    with serving(app_for(make)) as origin:
        slow = Raw(origin, "/")
        # The other one reads all there is, and meanwhile nothing is read here.
        reading = Raw(origin, "/")
        for chunk in reading.chunks():
            quick += chunk
        reading.close()
        sent = events_of(slow.read())
        slow.close()
    shown = len(events_of(bytes(quick)))
    assert shown > 100
    texts = [json.loads(event.data) for event in sent if event.id and event.data]
    length = sum(len(text) for text in texts[1:]) + len(texts[0][-1])
    assert length == size * count
    assert len(texts) < count
    assert len(texts) < shown + 2


def test_the_module_is_served() -> None:
    app = Starlette()
    app.add_route("/partialfast.js", module)
    with serving(app) as origin:
        response, body = request(origin, "/partialfast.js")
    assert response.headers["content-type"].startswith("text/javascript")
    assert body == MODULE.read_bytes()
    assert body.count(b"\n") <= 200
    assert b"import " not in body


def test_only_responses_need_starlette() -> None:
    program = """
import sys
class No:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "starlette":
            raise ModuleNotFoundError("no starlette", name="starlette")
sys.meta_path.insert(0, No())
import partialfast.web as web
assert list(web.events([]))
try:
    web.sse([])
except ImportError as error:
    print(error)
"""
    done = subprocess.run(  # noqa: S603 - a program of this file's
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    assert 'pip install "partialfast[web]"' in done.stdout


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (pf.TruncatedError("x"), "truncated", None),
        (pf.DroppedError("x"), "dropped", 502),
        (pf.RefusalError("x"), "refused", None),
        (pf.ContentFilterError("x"), "filtered", None),
        (pf.StreamError("x"), "closed", None),
        (pf.StreamTimeoutError("x"), "failed", 504),
        (pf.ServerError("x"), "failed", 502),
        (asyncio.CancelledError(), "closed", None),
        (KeyError("x"), "failed", 502),
    ],
)
def test_each_exception_is_an_outcome(error: BaseException, kind: str, status: int | None) -> None:
    outcome = Outcome.of(error)
    assert (outcome.kind, outcome.status) == (kind, status)


def test_every_error_of_a_stream_is_an_outcome_of_its_own_kind() -> None:
    """A new class of error must not be taken for a stream that the program closed."""
    for class_ in pf.StreamError.__subclasses__():
        if class_ is not pf.InvalidAnswerError:  # made with pydantic's own constructor
            made = class_.__new__(class_)
            Exception.__init__(made, "x")
            assert Outcome.of(made).kind != "closed"
