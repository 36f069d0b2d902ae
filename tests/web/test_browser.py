"""The browser module in a real Chromium."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from partialfast.web import MODULE, Hub, Outcome, events, module, sse
from tests.web.driver import Op, events_of, later, splits, values_of
from tests.web.serving import serving

pytestmark = pytest.mark.network

WORDS = [Op("set", (), {}), Op("set", ("name",), "Ada")]
PAGE = """<!doctype html><meta charset="utf-8"><title>t</title><script type="module">
import * as partialfast from "/partialfast.js";
window.partialfast = partialfast;
window.ready = true;
</script>"""


class Stage:
    """What the server of a test does; routes are by name."""

    def __init__(self) -> None:
        self.sources: dict[str, Any] = {}
        self.hubs: dict[str, Hub] = {}
        self.closed = threading.Event()
        self.requests: list[str | None] = []

    def app(self) -> Starlette:
        app = Starlette()
        app.add_route("/", self.page)
        app.add_route("/partialfast.js", module)
        app.add_route("/answer/{name}", self.answer, methods=["GET", "POST"])
        return app

    async def page(self, _: Request) -> Response:
        return HTMLResponse(PAGE)

    async def answer(self, request: Request) -> Response:
        self.requests.append(request.headers.get("last-event-id"))
        name = request.path_params["name"]
        made = self.sources[name]()
        return made if isinstance(made, Response) else sse(made, every=0)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def page(browser: Any, stage: Stage) -> Iterator[Any]:
    with serving(stage.app()) as origin:
        page = browser.new_page()
        errors: list[Any] = []
        page.on("pageerror", lambda error: errors.append(error))  # noqa: PLW0108 - wraps none built in
        page.goto(origin)
        page.wait_for_function("window.ready")
        yield page
        page.close()
        assert errors == []


FOLLOW = """async (name) => {
  const answer = new partialfast.Answer("/answer/" + name, { method: "POST" });
  const seen = [];
  answer.subscribe((state) => seen.push(state));
  const last = await answer.done;
  return { last, values: seen.map((state) => state.value) };
}"""


@pytest.fixture(scope="module")
def plain_page(browser: Any) -> Iterator[Any]:
    with serving(Stage().app()) as origin:
        page = browser.new_page()
        page.goto(origin)
        page.wait_for_function("window.ready")
        yield page
        page.close()


APPLY = """(texts) => {
  let [value, path] = [undefined, []];
  const seen = [];
  const before = [];
  for (const text of texts) {
    before.push([value, JSON.stringify(value)]);
    ({ value, path } = partialfast.apply(value, path, text));
    seen.push(JSON.stringify(value));
  }
  // What was handed out before must not have changed.
  const kept = before.every(([old, text]) => JSON.stringify(old) === text);
  return { seen, kept, proto: JSON.stringify(Object.keys(Object.prototype)) };
}"""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=splits())
def test_apply_gives_the_value_at_every_step(
    plain_page: Any, drawn: tuple[Any, list[list[Op]]]
) -> None:
    _, steps = drawn

    async def send() -> bytes:
        return b"".join([bytes(each) async for each in events(later(steps), every=0)])

    # Playwright has an event loop of its own in this thread.
    with ThreadPoolExecutor(1) as pool:
        sent = events_of(pool.submit(lambda: asyncio.run(send())).result())
    found = plain_page.evaluate(APPLY, [event.data for event in sent[:-1]])
    assert found["kept"]
    assert found["proto"] == "[]"
    expected = plain_page.evaluate(
        "(texts) => texts.map((text) => JSON.stringify(JSON.parse(text)))",
        [json.dumps(value) for value in values_of(steps)],
    )
    assert found["seen"] == expected


def test_what_does_not_change_stays_the_same_object(plain_page: Any) -> None:
    same = plain_page.evaluate(
        """() => {
          let a = partialfast.apply(undefined, [], '[0,{"x":{"y":[1]},"z":[{"t":""},{"u":1}]}]');
          let b = partialfast.apply(a.value, ["z", 0, "t"], '"text"');
          return [a.value === b.value, a.value.x === b.value.x, a.value.z === b.value.z,
                  a.value.z[0] === b.value.z[0], a.value.z[1] === b.value.z[1], b.value.z[0].t,
                  a.value.z[0].t];
        }"""
    )
    assert same == [False, True, False, False, True, "text", ""]


def test_keys_and_texts_that_try_to_inject(page: Any, stage: Stage) -> None:
    evil = {
        "__proto__": {"polluted": True},
        "constructor": {"prototype": {"polluted": True}},
        "<img src=x onerror=window.pwned=1>": "</script><script>window.pwned=1</script>",
        "data": "x\n\nevent: end\ndata: {}\n\n",
    }
    steps = [
        [Op("set", (), {})],
        *([Op("set", (key,), value)] for key, value in evil.items()),
        [Op("set", ("__proto__", "more"), 1)],
        [Op("append", ("data",), "\r\nid: 7\n\n")],
    ]
    stage.sources["evil"] = lambda: later(steps)
    found = page.evaluate(FOLLOW, "evil")
    assert found["last"]["outcome"] == "complete"
    text = page.evaluate(
        """async () => {
          const answer = new partialfast.Answer("/answer/evil");
          const { value } = await answer.done;
          return [JSON.stringify(value), String({}.polluted), String(window.pwned),
                  Object.getPrototypeOf(value) === Object.prototype];
        }"""
    )
    expected = evil | {
        "__proto__": {"polluted": True, "more": 1},
        "data": evil["data"] + "\r\nid: 7\n\n",  # type: ignore[operator]
    }
    assert json.loads(text[0]) == expected
    assert text[1:] == ["undefined", "undefined", True]


KINDS = ["complete", "truncated", "dropped", "refused", "filtered", "invalid", "failed", "closed"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_outcome_is_said(page: Any, stage: Stage, kind: Any) -> None:
    stage.sources["one"] = lambda: [WORDS, Outcome(kind)]
    last = page.evaluate(FOLLOW, "one")["last"]
    assert (last["outcome"], last["status"], last["value"]) == (kind, "ended", {"name": "Ada"})
    assert last["message"]
    assert last["bytes"] > 0


def test_a_status_is_an_outcome(page: Any, stage: Stage) -> None:
    stage.sources["busy"] = lambda: JSONResponse(
        {"outcome": "failed", "message": "Too many."}, status_code=429
    )
    stage.sources["proxy"] = lambda: HTMLResponse("<h1>Bad gateway</h1>", status_code=502)
    busy = page.evaluate(FOLLOW, "busy")["last"]
    assert (busy["outcome"], busy["message"], busy["value"]) == ("failed", "Too many.", None)
    proxy = page.evaluate(FOLLOW, "proxy")["last"]
    assert (proxy["outcome"], proxy["message"]) == ("failed", "The server answered 502.")


def test_what_is_complete_is_told(page: Any, stage: Stage) -> None:
    async def slowly() -> AsyncIterator[Any]:
        yield [Op("set", (), {}), Op("set", ("a",), []), Op("set", ("a", 0), {"n": 1, "t": "x"})]
        await asyncio.sleep(0.1)
        yield [Op("append", ("a", 0, "t"), "y")]
        await asyncio.sleep(0.1)
        yield [Op("set", ("b",), "z")]
        await asyncio.sleep(0.1)

    stage.sources["slow"] = slowly
    told = page.evaluate(
        """async () => {
          const answer = new partialfast.Answer("/answer/slow");
          const seen = [];
          for await (const value of answer) {
            seen.push([[], ["a"], ["a", 0], ["a", 0, "n"], ["a", 0, "t"], ["b"], ["c"]]
              .map((path) => Number(answer.isComplete(path))).join(""));
          }
          return [...new Set(seen)];
        }"""
    )
    assert told == ["0000000", "0001000", "0111100", "1111110"]


def test_closing_closes_the_model(page: Any, stage: Stage) -> None:
    class Model:
        async def __aiter__(self) -> AsyncIterator[Any]:
            yield WORDS
            await asyncio.sleep(60)

        async def aclose(self) -> None:
            stage.closed.set()

    stage.sources["long"] = Model
    state = page.evaluate(
        """async () => {
          const answer = new partialfast.Answer("/answer/long");
          for await (const value of answer) if (value) break;
          answer.close();
          return await answer.done;
        }"""
    )
    assert (state["outcome"], state["value"]) == ("closed", {"name": "Ada"})
    assert stage.closed.wait(1)


def test_a_hundred_kilobytes_of_text(page: Any, stage: Stage) -> None:
    text = "Zürich 日本 🎉 <b>bold</b> \n" * 4_000
    size = 9
    steps = [Op("append", ("text",), text[at : at + size]) for at in range(0, len(text), size)]
    stage.sources["essay"] = lambda: [[Op("set", (), {"text": ""})], *([op] for op in steps)]
    last = page.evaluate(FOLLOW, "essay")["last"]
    assert last["outcome"] == "complete"
    assert last["value"]["text"] == text
    assert len(text.encode()) > 100_000


def test_a_lost_connection_to_a_hub_is_made_again(page: Any, stage: Stage) -> None:
    count = 0

    async def slowly() -> AsyncIterator[Any]:
        yield WORDS
        for _ in range(20):
            await asyncio.sleep(0.1)
            yield [Op("append", ("name",), "!")]

    class Cut(Response):
        """Breaks off after the first message."""

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            inner = sse(stage.hubs["h"])

            async def cut(message: Any) -> None:
                if b"Ada" in message.get("body", b""):
                    await send(message)
                    # Chromium throws away what comes together with the break.
                    await asyncio.sleep(0.3)
                    raise OSError("cut")
                await send(message)

            await inner(scope, receive, cut)
            del scope

    def make() -> Response:
        nonlocal count
        count += 1
        hub = stage.hubs.setdefault("h", Hub(slowly(), every=0, linger=10))
        return Cut() if count == 1 else sse(hub)

    stage.sources["hub"] = make
    found = page.evaluate(FOLLOW, "hub")
    assert found["last"]["outcome"] == "complete"
    assert found["last"]["value"] == {"name": "Ada" + "!" * 20}
    assert found["last"]["attempts"] == 2
    assert stage.requests[0] is None
    assert stage.requests[1] == "1"


def test_a_lost_connection_to_anything_else_is_not(page: Any, stage: Stage) -> None:
    class Broken(Response):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            del scope, receive
            await send({"type": "http.response.start", "status": 200, "headers": []})
            body = b'id:1\ndata:[0,{"name":"Ada"}]\n\n'
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await asyncio.sleep(0.3)

    stage.sources["broken"] = Broken
    last = page.evaluate(FOLLOW, "broken")["last"]
    assert (last["outcome"], last["value"]) == ("dropped", {"name": "Ada"})
    assert len(stage.requests) == 1


def test_a_server_that_dies(browser: Any, stage: Stage) -> None:
    async def slowly() -> AsyncIterator[Any]:
        yield WORDS
        await asyncio.sleep(60)

    stage.sources["hub"] = lambda: sse(stage.hubs.setdefault("h", Hub(slowly(), linger=None)))
    page = browser.new_page()
    with serving(stage.app()) as origin:
        page.goto(origin)
        page.wait_for_function("window.ready")
        page.evaluate(
            """() => {
              window.statuses = [];
              const slow = "/answer/hub";
              window.answer = new partialfast.Answer(slow, { reconnect: 2 });
              answer.subscribe((state) => statuses.push(state.status));
            }"""
        )
        page.wait_for_function("answer.state.value?.name === 'Ada'")
    # Nothing listens at that port any more.
    page.wait_for_function("answer.state.outcome", timeout=20_000)
    state = page.evaluate("answer.state")
    assert (state["outcome"], state["value"]) == ("dropped", {"name": "Ada"})
    assert "waiting" in page.evaluate("statuses")
    page.close()


def test_the_module_is_what_its_types_say() -> None:
    text = MODULE.read_text(encoding="utf-8")
    types = MODULE.with_suffix(".d.ts").read_text(encoding="utf-8")
    for name in ("class Answer", "function isComplete", "function apply"):
        assert f"export {name}" in text
        assert f"export {name}" in types
    for member in ("subscribe", "getSnapshot", "close", "isComplete", "done", "state"):
        assert member in types.split("export class Answer")[1]
