"""The page of `partialfast demo --web`, in a real Chromium, and its command."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partialfast import demo, replay
from tests.patience import STALL
from tests.web.serving import Raw, request, serving

pytestmark = pytest.mark.network

ROOT = Path(__file__).resolve().parents[2]
RATE = 300.0


Open = Callable[..., Any]


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Open the page, with answers of a replay server."""
    closers: list[Callable[[], Any]] = []

    def open_page(*, recordings: Any = None, scheme: str = "light", **options: Any) -> Any:
        given = replay.builtin("meeting") if recordings is None else recordings
        given_options: dict[str, Any] = {"chunk": 2, "rate": RATE, **options}
        at_model = replay.serve(given, **given_options)
        url = at_model.__enter__()
        closers.append(lambda: at_model.__exit__(None, None, None))
        endpoint = demo.DemoEndpoint(url, "key", "gpt-4")
        at_page = serving(demo.web_app(endpoint, editable=False))
        origin = at_page.__enter__()
        closers.append(lambda: at_page.__exit__(None, None, None))
        page = browser.new_page(
            viewport={"width": 1280, "height": 890}, color_scheme=scheme, device_scale_factor=1.5
        )
        closers.append(page.close)
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(error))  # noqa: PLW0108
        page.on(
            "console", lambda said: page.errors.append(said.text) if said.type == "error" else 0
        )
        page.goto(origin)
        page.server = url
        return page

    yield open_page
    for close in reversed(closers):
        close()


def wait_status(page: Any, status: str) -> None:
    page.wait_for_function(
        "(text) => document.querySelector('#status').textContent === text", arg=status
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_form_fills_in(open_page: Open, tmp_path: Path, scheme: str) -> None:
    page = open_page(scheme=scheme)
    page.wait_for_function("document.querySelector('#json').textContent.includes('Jane')")
    marks = "[...document.querySelectorAll('.field')].map((each) => each.dataset.mark)"
    midway = page.evaluate(marks)
    assert {"complete", "waiting"} <= set(midway)
    assert page.get_attribute("#form", "aria-busy") == "true"
    page.screenshot(path=tmp_path / f"midway-{scheme}.png")
    wait_status(page, "complete")
    assert set(page.evaluate(marks)) == {"complete"}
    assert page.get_attribute("#form", "aria-busy") == "false"
    shown = page.inner_text("#form")
    for text in ("John Doe", "jane", "@CodeMaster2023", "2024-03-15", "50,000", "2024-02-20"):
        assert text in shown
    assert page.inner_text("#saved").endswith("less than whole snapshots")
    assert '"outcome":"complete"' in page.inner_text("#ops")
    # Politely, and in whole fields.
    said = page.locator("#said")
    assert said.get_attribute("aria-live") == "polite"
    assert "The answer is complete." in said.text_content()
    assert page.errors == []


def test_it_is_asked_again_and_stopped_with_the_keyboard(open_page: Open) -> None:
    page = open_page(rate=60)
    page.wait_for_function("document.querySelector('#json').textContent.includes('John')")
    # The focus goes: skip link, (disabled: ask), stop, theme.
    for expected in ("skip", "stop", "theme"):
        page.keyboard.press("Tab")
        focus = page.evaluate("document.activeElement.id || document.activeElement.className")
        assert focus == expected
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    wait_status(page, "closed")
    assert page.server.wait_ended(timeout=STALL).ending == "disconnect"
    assert page.inner_text("#message") == "The answer was stopped."
    page.focus("#ask")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#json').textContent.includes('John')")
    assert len(page.server.exchanges) == 2
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    assert page.errors == []


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("drop@150", "dropped", "The connection to the model was lost."),
        ("refuse", "refused", "The model refused to answer."),
        ("length@150", "truncated", "cut off"),
        ("garbage@150", "invalid", "not valid"),
    ],
)
def test_what_goes_wrong_is_said(open_page: Open, fault: str, status: str, words: str) -> None:
    page = open_page(faults=[fault])
    wait_status(page, status)
    assert words in page.inner_text("#message")
    assert page.is_enabled("#ask")


def test_a_server_that_dies_is_said(browser: Any) -> None:
    with replay.serve(replay.builtin("meeting"), faults=["stall@150:30"]) as url:
        page = browser.new_page()
        with serving(
            demo.web_app(demo.DemoEndpoint(url, "key", "gpt-4"), editable=False)
        ) as origin:
            page.goto(origin)
            page.wait_for_function("document.querySelector('#json').textContent.includes('Jane')")
        wait_status(page, "dropped")
        assert "connection to the server was lost" in page.inner_text("#message")
        # What had come by then stays.
        assert "John Doe" in page.inner_text("#form")
        page.close()


def test_an_error_before_the_first_byte_is_said(open_page: Open) -> None:
    page = open_page(faults=["status:401"])
    wait_status(page, "failed")
    assert "could not be had" in page.inner_text("#message")
    assert "401" in page.inner_text("#message")


def test_what_the_model_writes_is_text(open_page: Open) -> None:
    evil = "</script><img src=x onerror='window.pwned=1'><b>bold</b>"
    user = f'{{"name": "{evil}", "email": "{evil}", "twitter": "javascript:pwned=1"}}'
    text = (
        f'{{"users": [{user}], "date": "{evil}", "location": "{"long " * 4_000}", "budget": 1,'
        f' "deadline": "{evil}"}}'
    )
    page = open_page(recordings=[replay.Recording(text=text)], rate=None)
    wait_status(page, "complete")
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("document.querySelectorAll('#form img, #form b, #ops b').length") == 0
    assert evil in page.inner_text("#form")


def test_a_narrow_window_needs_no_sideways_scrolling(open_page: Open) -> None:
    page = open_page()
    page.set_viewport_size({"width": 380, "height": 800})
    wait_status(page, "complete")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_contrast_is_enough(open_page: Open) -> None:
    """All texts have a contrast of 4.5 (WCAG 2.2, success criterion 1.4.3), but disabled ones."""
    for scheme in ("light", "dark"):
        page = open_page(scheme=scheme)
        wait_status(page, "complete")
        assert page.evaluate(_CONTRAST) == []


_CONTRAST = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = color.map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const bad = [];
  for (const node of document.querySelectorAll("body *")) {
    const text = [...node.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
    if (!text || node.disabled || node.closest(".skip, .hidden")) continue;
    let ground = node;
    const behind = () => getComputedStyle(ground).backgroundColor;
    while (ground !== document.body && rgb(behind())[3] === 0) ground = ground.parentElement;
    const pair = [getComputedStyle(node).color, behind()]
      .map((color) => luminance(rgb(color).slice(0, 3))).sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) bad.push([node.id || node.className || node.tagName, ratio]);
  }
  return bad;
}"""


def test_a_real_server_is_asked_what_the_page_says() -> None:
    with replay.serve(replay.builtin("meeting"), faults=["stall@100:30"]) as model:
        command = [sys.executable, "-m", "partialfast", "demo", "--web", "--port", "0"]
        process = subprocess.Popen(  # noqa: S603 - the package's own command
            [*command, "--base-url", model.url, "--model", "mine"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            [origin] = re.findall(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            _, form = request(origin, "/form.json")
            response = Raw(origin, "/answer", method="POST", body=b"Read this.")
            response.until(b"email")
            response.close()
            exchange = model.wait_ended(timeout=STALL)
        finally:
            process.terminate()
            process.communicate(timeout=10)
    assert json.loads(form)["editable"]
    assert exchange.ending == "disconnect"
    assert exchange.body is not None
    assert exchange.body["model"] == "mine"
    assert exchange.body["messages"][-1]["content"] == "Read this."


def test_the_command_says_where_the_page_is() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "partialfast", "demo", "--web", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        [url] = re.findall(r"http://127\.0\.0\.1:\d+/", line)
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - our own server
            assert b"<title>" in response.read()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
        assert (process.returncode, errors) == (0, "")
    finally:
        process.kill()
        process.communicate()


def test_a_taken_port_is_said() -> None:
    with serving(lambda *_: None) as origin:
        port = origin.rpartition(":")[2]
        done = subprocess.run(  # noqa: S603 - the package's own command
            [sys.executable, "-m", "partialfast", "demo", "--web", "--port", port],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
