"""The programs in examples/web run as they stand, against a server named by the environment."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from partialfast import replay
from tests.patience import STALL
from tests.web.driver import apply, events_of, ops_lines
from tests.web.serving import Raw, request

pytestmark = pytest.mark.network

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "web"
NAMES = ("John Doe", "Jane Smith", "Alex Johnson")


def needs(*modules: str) -> pytest.MarkDecorator:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def environment(model: replay.Server) -> dict[str, str]:
    return {**os.environ, "OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "replay"}


@contextmanager
def serving(application: str, model: replay.Server) -> Generator[str, None, None]:
    """Run an example with uvicorn; give its origin."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), application]
    process = subprocess.Popen(  # noqa: S603 - the project's own programs
        [*command, "--port", str(port)], env=environment(model), stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        assert any("Uvicorn running" in line for line in process.stderr)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=20)


def run(program: str, model: replay.Server) -> str:
    """Run a program beside the examples; give what it printed."""
    done = subprocess.run(  # noqa: S603 - programs of this file's
        [sys.executable, "-c", program],
        cwd=EXAMPLES,
        env=environment(model),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def model() -> Iterator[replay.Server]:
    with replay.serve(replay.builtin("meeting"), rate=300, chunk=3) as server:
        yield server


def static(package: str, name: str) -> str:
    """Read a file that a package from PyPI brings."""
    [folder] = list(importlib.util.find_spec(package).submodule_search_locations or [])  # type: ignore[union-attr]
    [file] = Path(folder).rglob(name)
    return file.read_text(encoding="utf-8")


# React's own build is a script that makes a global; the page imports modules. React 19 has no such
# build any more, and what the page uses is the same in both.
REACT = """
IMPORTS
await new Promise((go, fail) => document.head.append(Object.assign(
  document.createElement("script"), { src: "/NAME.js", onload: go, onerror: fail })));
export const { EXPORTS } = window.GLOBAL;
"""


def react(name: str, global_: str, exports: str, *, imports: str = "") -> str:
    """Give a module of what a build of React's has."""
    words = {"IMPORTS": imports, "NAME": name, "GLOBAL": global_, "EXPORTS": exports}
    return re.sub("|".join(words), lambda found: words[found[0]], REACT)


def open_page(browser: Any, origin: str, name: str) -> tuple[Any, list[Any]]:
    """Open a page; what it would fetch from elsewhere comes from packages of PyPI."""
    page = browser.new_page()
    errors: list[Any] = []
    page.on("pageerror", lambda error: errors.append(error))  # noqa: PLW0108
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    script = "text/javascript"

    def serve(pattern: str, text: str) -> None:
        page.route(
            re.compile(pattern),
            lambda route: route.fulfill(
                body=text, content_type=script, headers={"access-control-allow-origin": "*"}
            ),
        )

    if name == "htmx.html":
        serve(r"cdn.*/htmx\.org@2", static("django_htmx", "htmx-2.min.js"))
        serve(r"cdn.*/htmx-ext-sse@2", static("django_htmx", "hx-sse-2.min.js"))
    if name == "react.html":
        hooks = "createElement, memo, useEffect, useState, useSyncExternalStore"
        serve(r"esm\.sh/react@19$", react("react", "React", hooks))
        client = react("react-dom", "ReactDOM", "createRoot", imports='import "react";')
        serve(r"esm\.sh/react-dom@19/client$", client)
        # Of the development builds, which tell of misuse in the console.
        serve(r"/react\.js$", static("dash", "react@18.3.*[0-9].js"))
        serve(r"/react-dom\.js$", static("dash", "react-dom@18.3.*[0-9].js"))
    page.goto(f"{origin}/{name}")
    return page, errors


@needs("fastapi", "django_htmx", "dash")
@pytest.mark.parametrize("name", ["plain.html", "react.html", "htmx.html"])
def test_pages(browser: Any, model: replay.Server, name: str) -> None:
    with serving("fastapi_app:app", model) as origin:
        page, errors = open_page(browser, origin, name)
        page.wait_for_function("document.body.innerText.includes('2024-02-20')")
        text = page.inner_text("body")
        for part in (*NAMES, "2024-03-15", "50000"):
            assert part in text
        if name != "htmx.html":
            page.wait_for_function("document.body.innerText.includes('The answer is complete.')")
        page.wait_for_timeout(300)
        page.close()
        assert errors == []
        # Nobody asks for the answer once more when it has ended.
        assert len(model.exchanges) == 1


@needs("fastapi")
def test_one_answer_for_all_who_look_at_it(model: replay.Server) -> None:
    with serving("fastapi_app:app", model) as origin:
        first, second = Raw(origin, "/shared/x"), Raw(origin, "/shared/x")
        bodies = [first.read(), second.read()]
        first.close()
        second.close()
    assert len(model.exchanges) == 1
    for body in bodies:
        value: Any = None
        for ops, _ in ops_lines(events_of(body)):
            value = apply(ops, value)
        assert [user["name"] for user in value["users"]] == list(NAMES)


@needs("django")
def test_django(model: replay.Server) -> None:
    with serving("django_app:application", model) as origin:
        page, html = request(origin, "/")
        module, _ = request(origin, "/partialfast.js")
        response, body = request(origin, "/meeting?text=x", method="POST")
        gone = Raw(origin, "/meeting?text=x", method="POST")
        gone.until(b"users")
        gone.close()
        assert model.wait_ended(timeout=STALL).ending == "disconnect"
    assert (page.status, module.status, response.status) == (200, 200, 200)
    assert b"partialfast.js" in html
    assert module.headers["content-type"] == "text/javascript"
    assert response.headers["content-type"] == "text/event-stream"
    assert json.loads(events_of(body)[-1].data or "")["outcome"] == "complete"


@needs("django")
def test_django_gives_an_error_its_status() -> None:
    with (
        replay.serve(replay.builtin("meeting"), faults=["status:401"]) as model,
        serving("django_app:application", model) as origin,
    ):
        response, body = request(origin, "/meeting?text=x", method="POST")
    assert (response.status, body) == (401, b"The answer could not be had.")


def shows_the_answer(program: str, model: replay.Server) -> None:
    printed = run(program, model)
    assert "The answer is complete." in printed
    assert "budget: 50000" in printed
    assert all(name in printed for name in NAMES)


@needs("streamlit")
def test_streamlit(model: replay.Server) -> None:
    shows_the_answer(
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('streamlit_app.py', default_timeout=60).run()\n"
        "app.button[0].click().run()\n"
        "assert not app.exception, app.exception\n"
        "print(app.success[0].value, [text.value for text in app.text])\n"
        "print(app.table[0].value.to_dict('list'))\n",
        model,
    )


@needs("textual")
def test_textual(model: replay.Server) -> None:
    shows_the_answer(
        "import asyncio\n"
        "from textual_app import MeetingApp\n"
        "async def main():\n"
        "    app = MeetingApp()\n"
        "    async with app.run_test() as pilot:\n"
        "        await app.workers.wait_for_complete()\n"
        "        await pilot.pause()\n"
        "        for each in app.query('Static'):\n"
        "            print(each.render())\n"
        "asyncio.run(main())\n",
        model,
    )


@needs("anywidget")
def test_notebook_widget(browser: Any, model: replay.Server) -> None:
    printed = run(
        "import asyncio, json\n"
        "from openai import AsyncOpenAI\n"
        "from pydantic import create_model\n"
        "import partialfast as pf\n"
        "from notebook_widget import AnswerWidget\n"
        "Meeting = create_model('Meeting', date=str, budget=int)\n"
        "class Widget(AnswerWidget):\n"
        "    def send(self, content, buffers=None):\n"
        "        sent.append(content)\n"
        "sent = []\n"
        "async def main():\n"
        "    async with pf.from_openai(AsyncOpenAI(), model='m') as client:\n"
        "        messages = [{'role': 'user', 'content': 'x'}]\n"
        "        stream = client.create_partial(response_model=Meeting, messages=messages)\n"
        "        await Widget().follow(stream)\n"
        "asyncio.run(main())\n"
        "print(json.dumps([sent, str(AnswerWidget._esm)]))\n",
        model,
    )
    sent, module = json.loads(printed)
    assert len(sent) > 2
    page = browser.new_page()
    shown = page.evaluate(
        """async ([sent, module]) => {
          const blob = new Blob([module], { type: "text/javascript" });
          const { default: widget } = await import(URL.createObjectURL(blob));
          let tell;
          widget.render({ model: { on: (_, call) => { tell = call; } }, el: document.body });
          sent.forEach((message) => tell(message));
          return [document.body.innerText, document.querySelector("pre").dataset.outcome];
        }""",
        [sent, module],
    )
    page.close()
    assert json.loads(shown[0]) == {"date": "2024-03-15", "budget": 50000}
    assert shown[1] == "complete"
