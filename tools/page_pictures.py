"""Draws the pictures of the page of ``partialfast demo --web``, in a real Chromium.

    python -m tools.page_pictures

``docs/web/demo.gif`` is the form as it fills in; ``demo.png`` and ``demo-dark.png`` show it half
way, in both colours. The page plays a recording more slowly than the pictures are shown, so that a
slow machine takes as many. Which ones is up to the clock: they differ a little each time. Needs
what ``make test-web`` installs.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

__all__ = ["main"]

_FOLDER = Path(__file__).resolve().parents[1] / "docs" / "web"
_SIZE: Any = {"width": 1120, "height": 860}
_WIDTH = 800
_TOKENS_PER_S = 6
#: Between two pictures, and how long each is shown.
_BETWEEN_MS = 700
_FRAME_MS = 150
#: A browser that hangs must not make a file of any size.
_MOST_FRAMES = 300
_LAST_FRAME_MS = 4000
#: Characters of the JSON as the page shows it.
_HALF_WAY = 260


@contextmanager
def _served() -> Generator[str]:
    """Serve the page, and give its URL."""
    command = [sys.executable, "-m", "partialfast", "demo", "--web", "--no-browser"]
    command += ["--port", "0", "--rate", str(_TOKENS_PER_S)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        try:
            line = "" if server.stdout is None else server.stdout.readline()
            found = re.search(r"http://\S+", line)
            if found is None:
                raise RuntimeError("the demonstration does not say where its page is")
            yield found[0]
        finally:
            server.terminate()


def _is_done(page: Page) -> bool:
    kind = page.locator("#status").get_attribute("data-kind")
    if kind == "bad":
        raise RuntimeError("the page says: " + page.locator("#message").inner_text())
    return kind == "complete"


def _frames(page: Page) -> list[Image.Image]:
    """Take a picture every so often, until the form is full. The page asks as it is opened."""
    frames: list[Image.Image] = []
    while len(frames) < _MOST_FRAMES:
        taken = Image.open(io.BytesIO(page.screenshot()))
        height = taken.height * _WIDTH // taken.width
        frame = taken.convert("RGB").resize((_WIDTH, height), Image.Resampling.LANCZOS)
        if _is_done(page):
            return [*frames, frame]
        page.wait_for_timeout(_BETWEEN_MS)
        frames.append(frame)
    raise RuntimeError(f"the form is not full after {_MOST_FRAMES} frames")


def _write_gif(frames: list[Image.Image]) -> None:
    # One palette for all, that of the last one, which has everything: colours do not flicker, and
    # what stays the same from frame to frame costs nothing.
    palette = frames[-1].quantize(colors=128, dither=Image.Dither.NONE)
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    drawn[0].save(
        _FOLDER / "demo.gif",
        save_all=True,
        append_images=drawn[1:],
        duration=[_FRAME_MS] * (len(frames) - 1) + [_LAST_FRAME_MS],
        loop=0,
        optimize=True,
    )


def main() -> None:
    """Draw all three."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        raise SystemExit("there is no chromium: install it, or say CHROMIUM=path")
    with _served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        for scheme, name in (("light", "demo.png"), ("dark", "demo-dark.png")):
            looks: Any = {"color_scheme": scheme, "device_scale_factor": 1.5}
            page = browser.new_page(viewport=_SIZE, **looks)
            page.goto(url)
            page.wait_for_function(
                f"document.querySelector('#json').textContent.length > {_HALF_WAY}", timeout=120_000
            )
            page.screenshot(path=_FOLDER / name)
            page.close()
        page = browser.new_page(viewport=_SIZE, color_scheme="light")
        page.goto(url)
        _write_gif(_frames(page))
        browser.close()


if __name__ == "__main__":
    main()
