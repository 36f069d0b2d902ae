"""The wires: bytes, CPU for each chunk, and many viewers over loopback.

Two parts:

- ``wires``: a document comes at 100 tokens a second and goes out at 20 messages a second, on each
  wire; no time passes in between, so that CPU time is all there is. Beside it: whole snapshots at
  each chunk, and what a browser spends on applying ops, and on parsing the text so far anew at each
  message, as ``useObject`` does, with the AI SDK's own code (in Chromium, where playwright and
  Chromium are installed).
- ``load``: a server in a process of its own, its viewers in another: 500 viewers of one answer, and
  200 answers with one viewer each, at 50 tokens a second for some seconds.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from zipfile import ZipFile

from pydantic import BaseModel

import partialfast as pf
from benches.measuring import best_of_each, last, serving
from benches.pages import table
from benches.workloads import Workload, workload
from partialfast.web import Hub, Outcome, module, sse, wire_names
from partialfast.web._log import Log
from partialfast.web._wire import Wire, find_wire
from partialfast.web.wires import ag_ui, json_patch

__all__ = ["PACKAGES", "lines"]

PACKAGES = ("partialfast", "starlette", "uvicorn")
TOKENS_S = 100
MESSAGES_S = 20
NAMES = ("meeting", "orders-10k", "essay-100k")
LOAD_S = 10.0
LOAD_TOKENS_S = 50
_STAMP = re.compile(rb"\d+\.\d{4}")


class Stamped(BaseModel):
    text: str


def _send(document: Workload, wire: Wire) -> list[Any]:
    """Send a document, and return the events."""
    every = TOKENS_S // MESSAGES_S
    log, encoder = Log(), wire.encoder()
    reader = log.join()
    made = list(encoder.begin(resumable=False))

    def step() -> None:
        log.publish()
        if (found := log.read(reader)) is not None:
            made.extend(encoder.step(found[0]))

    # No batch without news is yielded, so this is about as many chunks to a message.
    for number, ops in enumerate(pf.stream_ops(document.model, document.byte_chunks), start=1):
        log.put(ops)
        if number % every == 0:
            step()
    step()
    return [*made, *encoder.end(Outcome("complete"), detail=False)]


def _snapshots(document: Workload) -> list[bytes]:
    """Send a whole snapshot at each chunk, as one does without ops."""
    return [
        b"data: %s\n\n" % snapshot.model_dump_json(exclude_unset=True).encode()
        for snapshot in pf.stream(document.model, document.byte_chunks)
    ]


def _alone(document: Workload) -> list[bytes]:
    """Make the ops and send nothing."""
    last(pf.stream_ops(document.model, document.byte_chunks))
    return document.byte_chunks


def _wires() -> str:
    """Return the table of bytes and CPU time; that of the ops is in it."""
    names = ("ops", *sorted(wire_names()))
    wires: dict[str, Any] = {f"`{name}`": find_wire(name) for name in names}
    wires["`ag-ui` with a tool"] = ag_ui.Wire(tool="answer")
    wires["`json-patch` with `growth=0.1`"] = json_patch.Wire(growth=0.1)
    ways: dict[str, Callable[[Workload], list[Any]]] = {
        **{name: partial(_send, wire=wire) for name, wire in wires.items()},
        "a whole snapshot at each chunk": _snapshots,
        "the text; its ops alone": _alone,
    }

    rows = [[name] for name in ways]
    for document in map(workload, NAMES):
        runs = {name: partial(way, document) for name, way in ways.items()}
        seconds = best_of_each(runs)
        for row in rows:
            size = sum(len(bytes(event)) for event in runs[row[0]]())
            us = seconds[row[0]] / len(document.chunks) * 1e6
            row += [f"{size:,}", f"{size / len(document.text.encode()):,.1f}", f"{us:.2f}"]
    columns = [word for name in NAMES for word in (f"{name}: bytes", "x text", "us a chunk")]
    return table(["", *columns], rows)


# In a browser.

RECEIVE = """async ([messages, pieces, fixJson]) => {
  const { apply } = await import("/partialfast.js");
  // What parsePartialJson does: as it is, or else completed.
  const parsePartialJson = (text) => {
    try { return JSON.parse(text); } catch { return JSON.parse(completed(text)); }
  };
  const completed = (0, eval)(`(${fixJson})`);
  // The clock of a page ticks in tenths of a millisecond, so a short run is repeated.
  const median = (run) => {
    const times = [];
    for (let round = 0; round < 3; round++) {
      const began = performance.now();
      let count = 0;
      do { run(); count++; } while (performance.now() - began < 20);
      times.push((performance.now() - began) / count);
    }
    return times.sort((a, b) => a - b)[1];
  };
  const ops = median(() => {
    let [value, path] = [undefined, []];
    for (const data of messages) ({ value, path } = apply(value, path, data));
  });
  const parsed = median(() => {
    let text = "";
    for (const piece of pieces) {
      text += piece;
      parsePartialJson(text);
    }
  });
  return [ops, parsed];
}"""


#: A program from PyPI whose page has the AI SDK in it; the SDK itself is not there.
AI_SDK_IN = "marimo==0.25.2"


def _fix_json() -> tuple[str, str]:
    """Return the AI SDK's function that completes JSON, as JavaScript, and whose build it is of.

    Raises:
        LookupError: The package cannot be had, or has no such function.
    """
    folder = Path(".bench") / "ai-sdk"
    if not list(folder.glob("*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
        if subprocess.run([*command, str(folder), AI_SDK_IN], check=False).returncode:
            raise LookupError(f"{AI_SDK_IN} cannot be had")
    [wheel] = folder.glob("*.whl")
    # It is the only function that begins so; the names in it are its own.
    begins = re.compile(r"function \w+\(\w+\)\{let \w+=\[[`\"']ROOT[`\"']\]")
    with ZipFile(wheel) as packed:
        for name in packed.namelist():
            if name.endswith(".js"):
                text = packed.read(name).decode("utf-8", "replace")
                if (found := begins.search(text)) is not None:
                    return _function(text[found.start() :]), AI_SDK_IN
    raise LookupError(f"{AI_SDK_IN} has no AI SDK in it any more")


def _function(text: str) -> str:
    """Return the function that a text begins with."""
    depth = 0
    for token in re.finditer(r"""`[^`]*`|"[^"]*"|'[^']*'|[{}]""", text):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if token[0] == "}" and depth == 0:
            return text[: token.end()]
    raise LookupError("the function has no end")


def _receive() -> Iterator[str]:
    """Yield the table of the browser's side, or why there is none."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright

        fix, whose = _fix_json()
    except (ModuleNotFoundError, LookupError) as error:
        yield f"The browser's side was not measured: {error}."
        return
    if path is None:
        yield "The browser's side was not measured: there is no Chromium."
        return
    rows: list[list[str]] = []
    with sync_playwright() as playwright, serving("benches.web") as origin:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{origin}/partialfast.js")
        for name in NAMES:
            document = workload(name)
            messages = [event.data for event in _send(document, find_wire("ops"))[:-1]]
            pieces = [event.data for event in _send(document, find_wire("ai-text"))]
            ops_ms, parse_ms = page.evaluate(RECEIVE, [messages, pieces, fix])
            cells = [name, f"{len(messages):,}"]
            for ms, count in ((ops_ms, len(messages)), (parse_ms, len(pieces))):
                cells += [f"{ms:,.2f}", f"{ms / count * 1000:,.1f}"]
            rows.append([*cells, f"{parse_ms / ops_ms:.0f}x"])
        browser.close()
    yield f"Applying ops, and parsing the text so far anew (with the fixJson of {whose}):"
    heading = ["messages", "ops, ms", "us a message", "anew, ms", "us a message", ""]
    yield table(["", *heading], rows)


# Over loopback.


async def _stamps() -> AsyncIterator[bytes]:
    """Give a text whose every token is the time at which it was written."""
    began = time.monotonic() + 3.0
    yield b'{"text": "'
    for number in range(int(LOAD_TOKENS_S * LOAD_S)):
        await asyncio.sleep(max(0.0, began + number / LOAD_TOKENS_S - time.monotonic()))
        yield b"%.4f " % time.monotonic()
    yield b'"}'


def _serve() -> None:
    """Print the URL of a free port, and serve there until ended."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response

    hubs: list[Hub] = []

    async def shared(_: Request) -> Response:
        if not hubs:
            hubs.append(Hub(pf.astream_ops(Stamped, _stamps()), every=1 / MESSAGES_S))
        return sse(hubs[0])

    async def alone(_: Request) -> Response:
        return sse(pf.astream_ops(Stamped, _stamps()), every=1 / MESSAGES_S)

    async def spent(_: Request) -> Response:
        return JSONResponse({"cpu": time.process_time()})

    app = Starlette()
    for endpoint in (shared, alone, spent):
        app.add_route(f"/{endpoint.__name__}", endpoint)
    app.add_route("/partialfast.js", module)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listening])


async def _load(origin: str, what: str, viewers: int) -> list[str]:
    """Return the row of so many viewers."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(origin, connector=connector) as session:

        async def cpu() -> float:
            async with session.get("/spent") as response:
                found: float = (await response.json())["cpu"]
                return found

        async def view() -> list[float]:
            """Return how long after its newest token was written each message came."""
            async with session.get(f"/{what}") as response:
                return [
                    time.monotonic() - float(found[-1])
                    async for line in response.content
                    if (found := _STAMP.findall(line))
                ]

        before = await cpu()
        seen = await asyncio.gather(*(view() for _ in range(viewers)))
        share = (await cpu() - before) / LOAD_S
    late = sorted(lag * 1000 for each in seen for lag in each)
    each = median(map(len, seen))
    percentiles = (f"{late[int(len(late) * part)]:.0f}" for part in (0.5, 0.99))
    cells = str(viewers), f"{each:.0f}", f"{len(late) / LOAD_S:,.0f}", *percentiles
    return [*cells, f"{share:.0%}", "one answer" if what == "shared" else "an answer each"]


def _loads() -> str:
    """Return the table of many viewers."""
    with serving("benches.web") as origin:
        many = (("shared", 500), ("alone", 200))
        rows = [asyncio.run(_load(origin, what, viewers)) for what, viewers in many]
    late = ["late by ms, median", "p99", "CPU", ""]
    return table(["viewers", "messages to each", "a second", *late], rows, left=(6,))


def lines(*, part: str = "") -> Iterator[str]:
    """Measure; yield a table for each part.

    Args:
        part: ``wires``, ``receive`` or ``load``; all by default.
    """
    if part in {"", "wires"}:
        yield _wires()
    if part in {"", "receive"}:
        yield from _receive()
    if part in {"", "load"}:
        yield _loads()


if __name__ == "__main__":
    _serve()
