"""Plays the meetings of ``examples/batch`` as OpenAI's API does, at little cost of its own.

``python -m benches.batch_server [TOKENS_PER_S]`` prints its URL and serves until it is ended. The
bytes are those of the replay server, made beforehand: what is measured is who reads them, and the
replay server itself would be busier than the client.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from partialfast.replay import Options, Recording
from partialfast.replay._plan import Send, plan_answer
from partialfast.replay._recording import Deck
from partialfast.replay._request import parse_request

__all__ = ["DOCUMENTS", "answers"]

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "batch"
#: The documents, as they stand in the example.
DOCUMENTS: list[dict[str, str]] = [
    json.loads(line)
    for line in (EXAMPLE / "documents.jsonl").read_text(encoding="utf-8").splitlines()
]
_NUMBER = re.compile(rb"Minutes no\. (\d+),")
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)


def answers() -> list[list[bytes]]:
    """Make the events of each answer; all are valid, so that every client reads all of them."""
    body = {
        "model": "gpt-4o-mini",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "x"}],
        "tools": [{"type": "function", "function": {"name": "Meeting", "parameters": {}}}],
        "tool_choice": {"type": "function", "function": {"name": "Meeting"}},
    }
    ask = parse_request("chat", json.dumps(body).encode())
    made: list[list[bytes]] = []
    for line in (EXAMPLE / "recording.jsonl").read_text(encoding="utf-8").splitlines():
        text: str = json.loads(line)["text"].replace("some day in spring", "2025-04-01")
        plan = plan_answer(
            Deck([Recording(text=text)]), ask, Options(), number=0, created=1_700_000_000
        )
        made.append([step.data for step in plan.steps if isinstance(step, Send)])
    return made


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def _serve(rate: float) -> None:
    recorded = [[_chunked(event) for event in answer] for answer in answers()]

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                number = _NUMBER.search(body)
                await _play(writer, recorded[int(number[1]) - 1 if number else 0], rate)
        except (asyncio.IncompleteReadError, ConnectionError):
            # The client has closed the connection.
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


async def _play(writer: asyncio.StreamWriter, events: list[bytes], rate: float) -> None:
    loop = asyncio.get_running_loop()
    writer.write(_HEAD)
    due = loop.time()
    for event in events:
        # To a timetable: what one event came late is not added to all that follow.
        due += 1 / rate if rate else 0
        if rate and (wait := due - loop.time()) > 0:
            await asyncio.sleep(wait)
        writer.write(event)
        await writer.drain()
        if not rate:
            # An event a read, as from a model: else the answer would come in one piece.
            await asyncio.sleep(0)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _first(arguments: list[str]) -> Any:
    return next(islice(arguments, 1, None), "0")


if __name__ == "__main__":
    asyncio.run(_serve(float(_first(sys.argv))))
