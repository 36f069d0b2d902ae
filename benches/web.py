"""The wires: bytes, CPU for each chunk, and many viewers over loopback: ``python -m benches.web``.

Two parts, each printed as a table of Markdown:

- ``wires``: a document comes at 100 tokens a second and goes out at 20 messages a second, on each
  wire; no time passes in between, so that CPU time is all there is. Beside it: whole snapshots at
  each chunk, and what a browser spends on applying ops, and on parsing the text so far anew at each
  message, as ``useObject`` does, with the AI SDK's own code (in Chromium, where playwright and
  Chromium are installed).
- ``load``: a server in a process of its own, its viewers in another: 500 viewers of one answer, and
  200 answers with one viewer each, at 50 tokens a second for some seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

import partialfast as pf
from benches.workloads import Workload, workload
from partialfast.web import Hub, Outcome, sse, wire_names
from partialfast.web._log import Log
from partialfast.web._wire import Wire, find_wire
from partialfast.web.wires import ag_ui, json_patch

__all__ = ["main"]

TOKENS_S = 100
MESSAGES_S = 20
NAMES = ("meeting", "orders-10k", "essay-100k")
LOAD_S = 10.0
LOAD_TOKENS_S = 50


class Sent(NamedTuple):
    """What a wire has made of a document."""

    bytes: int
    messages: int
    cpu_us: float
    events: list[Any]


def send(document: Workload, wire: Wire) -> Sent:
    """Send a document; the time is that of its ops included."""
    every = TOKENS_S // MESSAGES_S
    began = time.process_time()
    log, encoder = Log(), wire.encoder()
    reader = log.join()
    made = list(encoder.begin(resumable=False))
    # No batch without news is yielded, so this is about as many chunks to a message.
    for number, ops in enumerate(pf.stream_ops(document.model, document.byte_chunks), start=1):
        log.put(ops)
        if number % every == 0:
            made += step(log, reader, encoder)
    made += step(log, reader, encoder)
    made += encoder.end(Outcome("complete"), detail=False)
    size = sum(len(bytes(event)) for event in made)
    spent = time.process_time() - began
    return Sent(size, len(made), spent / len(document.chunks) * 1e6, made)


def step(log: Log, reader: Any, encoder: Any) -> list[Any]:
    log.publish()
    found = log.read(reader)
    return [] if found is None else list(encoder.step(found[0]))


def whole(document: Workload) -> tuple[int, float]:
    """Send a whole snapshot at each chunk, as one does without ops."""
    began = time.process_time()
    size = 0
    for snapshot in pf.stream(document.model, document.byte_chunks):
        size += len(b"data: \n\n") + len(snapshot.model_dump_json(exclude_unset=True).encode())
    return size, (time.process_time() - began) / len(document.chunks) * 1e6


def feed_only(document: Workload) -> float:
    began = time.process_time()
    for _ in pf.stream_ops(document.model, document.byte_chunks):
        pass
    return (time.process_time() - began) / len(document.chunks) * 1e6


def best(run: Callable[[], Any], key: Callable[[Any], float], rounds: int) -> Any:
    return min((run() for _ in range(rounds)), key=key)


def wires() -> Iterator[str]:
    yield "| | " + " | ".join(f"{name}: bytes | x text | us a chunk" for name in NAMES) + " |"
    yield "| --- |" + " ---: |" * (3 * len(NAMES))
    documents = [workload(name) for name in NAMES]
    known: dict[str, Any] = {name: find_wire(name) for name in wire_names()}
    known["ag-ui, tool"] = ag_ui.Wire(tool="answer")
    known["json-patch, growth=0.1"] = json_patch.Wire(growth=0.1)
    for name in ["ops", *sorted(set(known) - {"ops"})]:
        cells: list[str] = []
        for document in documents:
            rounds = 1 if "100k" in document.name and name != "ops" else 5
            wire = known[name]
            sent = best(partial(send, document, wire), lambda each: each.cpu_us, rounds)
            cells.append(cell(sent.bytes, document, sent.cpu_us))
        yield f"| `{name}` | " + " | ".join(cells) + " |"
    cells = [cell(*whole_of(document)) for document in documents]
    yield "| a whole snapshot at each chunk | " + " | ".join(cells) + " |"
    cells = [
        f"{len(each.text.encode()):,} | 1.0 | {best(partial(feed_only, each), float, 5):.2f}"
        for each in documents
    ]
    yield "| the text; its ops alone | " + " | ".join(cells) + " |"


def whole_of(document: Workload) -> tuple[int, Workload, float]:
    size, spent = whole(document)
    return size, document, spent


def cell(size: int, document: Workload, cpu_us: float) -> str:
    return f"{size:,} | {size / len(document.text.encode()):.1f} | {cpu_us:.2f}"


# In a browser.

RECEIVE = """async ([messages, pieces, fixJson]) => {
  const { apply } = await import("/partialfast.js");
  // What parsePartialJson does: as it is, or else completed.
  const parsePartialJson = (text) => {
    try { return JSON.parse(text); } catch { return JSON.parse(completed(text)); }
  };
  const completed = (0, eval)(`(${fixJson})`);
  const median = (run) => {
    const times = [];
    for (let round = 0; round < 3; round++) {
      const began = performance.now();
      run();
      times.push(performance.now() - began);
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


def fix_json() -> tuple[str, str]:
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


def receive() -> Iterator[str]:
    """Measure the browser's side."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        yield "(playwright is not installed: the browser's side was not measured)"
        return
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        yield "(no chromium: the browser's side was not measured)"
        return
    try:
        fix, whose = fix_json()
    except LookupError as error:
        yield f"({error}: the browser's side was not measured)"
        return
    yield f"Applying ops, and parsing the text so far anew (with the fixJson of {whose}):"
    yield ""
    yield "| | messages | ops, ms | us a message | anew, ms | us a message | |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    with sync_playwright() as playwright, serving("wires") as origin:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{origin}/partialfast.js")
        for name in NAMES:
            document = workload(name)
            sent = send(document, find_wire("ops")).events[:-1]
            pieces = [event.data for event in send(document, find_wire("ai-text")).events]
            messages = [event.data for event in sent]
            ops_ms, parse_ms = page.evaluate(RECEIVE, [messages, pieces, fix])
            yield (
                f"| {name} | {len(sent):,} | {ops_ms:.1f} | {ops_ms / len(sent) * 1000:.1f} "
                f"| {parse_ms:,.1f} | {parse_ms / len(pieces) * 1000:,.1f} "
                f"| {parse_ms / max(ops_ms, 0.001):.0f}x |"
            )
        browser.close()


# Over loopback.


async def paced(
    document: Workload, began: float, rate: float, seconds: float
) -> AsyncIterator[bytes]:
    """Give the chunks of a document when they are due."""
    for number, chunk in enumerate(document.byte_chunks[: int(rate * seconds)]):
        due = began + number / rate - time.monotonic()
        if due > 0:
            await asyncio.sleep(due)
        yield chunk


def application() -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response

    from partialfast.web import module

    document = workload("essay-100k")
    hubs: dict[str, Hub] = {}
    state = {"began": time.monotonic() + 3.0}

    def source() -> Any:
        chunks = paced(document, state["began"], LOAD_TOKENS_S, LOAD_S)
        return pf.astream_ops(document.model, chunks)

    async def shared(_: Request) -> Response:
        if "one" not in hubs:
            hubs["one"] = Hub(source(), every=1 / MESSAGES_S)
        return sse(hubs["one"])

    async def alone(_: Request) -> Response:
        return sse(source(), every=1 / MESSAGES_S)

    async def begin(_: Request) -> Response:
        hubs.clear()
        state["began"] = time.monotonic() + 3.0
        return JSONResponse({"began": state["began"]})

    async def spent(_: Request) -> Response:
        return JSONResponse({"cpu": time.process_time()})

    app = Starlette()
    for path, endpoint in {
        "/shared": shared, "/alone": alone, "/begin": begin, "/spent": spent,
        "/partialfast.js": module,
    }.items():  # fmt: skip
        app.add_route(path, endpoint)
    return app


class serving:  # noqa: N801 - used as a function
    """Run the server in a process of its own."""

    def __init__(self, what: str) -> None:
        del what
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]

    def __enter__(self) -> str:
        command = [sys.executable, "-m", "benches.web", "serve", "--port", str(self._port)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        assert any("running" in line for line in self._process.stderr)
        return f"http://127.0.0.1:{self._port}"

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)


async def get(port: int, path: str) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    body = await reader.read()
    writer.close()
    return json.loads(body.partition(b"\r\n\r\n")[2])


async def watch(port: int, path: str, seen: list[tuple[float, int]]) -> int:
    """View an answer; note when how much of the text was there. Gives the messages' number."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    messages = 0
    body: int | None = None
    while line := await reader.readline():
        if not line.startswith((b'data:"', b"data:[")):
            continue
        said = json.loads(line[5:])
        if isinstance(said, str):
            body = body if body is None else body + len(said)
        elif isinstance(said[-1], dict):
            body = len(said[-1]["body"]) if "body" in said[-1] else None
        elif said[1] == "body":
            body = len(said[-1])
        messages += 1
        if body is not None:
            seen.append((time.monotonic(), body))
    writer.close()
    return messages


async def load(origin: str, path: str, viewers: int) -> str:
    port = int(origin.rpartition(":")[2])
    document = workload("essay-100k")
    began = (await get(port, "/begin"))["began"]
    before = (await get(port, "/spent"))["cpu"]
    seen: list[list[tuple[float, int]]] = [[] for _ in range(viewers)]
    counts = await asyncio.gather(*(watch(port, path, each) for each in seen))
    spent = (await get(port, "/spent"))["cpu"] - before
    late = sorted(lags(seen, document, began))
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    return (
        f"| {viewers} | {statistics.median(counts):.0f} | {sum(counts) / LOAD_S:,.0f} "
        f"| {p50 * 1000:.0f} | {p99 * 1000:.0f} | {spent / LOAD_S * 100:.0f} % |"
    )


def lags(seen: list[list[tuple[float, int]]], document: Workload, began: float) -> Iterator[float]:
    """Give how long after its newest character was written each message came, in seconds."""
    # When how many characters of the JSON text were written.
    ends: list[int] = []
    total = 0
    for chunk in document.chunks:
        total += len(chunk)
        ends.append(total)
    start = '"body": "'
    head = document.text.index(start) + len(start)
    for viewer in seen:
        place = 0
        for at, length in viewer:
            while place < len(ends) - 1 and ends[place] < head + length:
                place += 1
            yield at - (began + place / LOAD_TOKENS_S)


def main() -> None:
    """Measure what is asked for; everything by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=["wires", "receive", "load", "serve"])
    parser.add_argument("--port", type=int, default=0)
    args = parser.parse_args()
    if args.what == "serve":
        import uvicorn

        uvicorn.run(application(), port=args.port, log_level="info", access_log=False)
        return
    print(f"{platform.python_implementation()} {platform.python_version()}, ", end="")
    print(f"{os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}\n", flush=True)
    if args.what in {None, "wires"}:
        print(*wires(), sep="\n", end="\n\n", flush=True)
    if args.what in {None, "receive"}:
        print(*receive(), sep="\n", end="\n\n", flush=True)
    if args.what in {None, "load"}:
        print("| viewers | messages to each | a second | late by ms, median | p99 | CPU |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
        with serving("load") as origin:
            print(asyncio.run(load(origin, "/shared", 500)), "one answer |", flush=True)
            print(asyncio.run(load(origin, "/alone", 200)), "an answer each |", flush=True)


if __name__ == "__main__":
    main()
