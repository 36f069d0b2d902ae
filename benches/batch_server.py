"""Plays the meetings of ``examples/batch`` as OpenAI's API does, at little cost of its own.

``python -m benches.batch_server TOKENS_PER_S [TEXT]`` prints its URL and serves until it is ended.
With a text, that is the answer about every document, written at once. The bytes are those of the
replay server, made beforehand: what is measured is who reads them, and the replay server itself
would be busier than the client.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from partialfast.batch.io._model import find_model
from partialfast.providers.openai._command_client import first_request
from partialfast.replay._ask import Given
from partialfast.replay._protocols import PROTOCOLS
from partialfast.replay._recording import Recording, RecordingSet
from partialfast.replay._steps import Options, respond

__all__ = ["DOCUMENTS", "MODEL", "TEXTS", "Meeting"]

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "batch"
#: What is extracted, and its name for the commands.
MODEL = f"{EXAMPLE / 'meeting.py'}:Meeting"
Meeting = find_model(MODEL)


def _lines(name: str) -> Iterator[dict[str, str]]:
    return map(json.loads, (EXAMPLE / name).read_text(encoding="utf-8").splitlines())


#: The documents, as they stand in the example.
DOCUMENTS = [*_lines("documents.jsonl")]
#: The answers, all of them valid, so that every client reads all of them.
TEXTS = [
    line["text"].replace("some day in spring", "2025-04-01") for line in _lines("recording.jsonl")
]
_NUMBER = re.compile(rb"Minutes no\. (\d+),")
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
#: Bytes that may wait for a client that reads too slowly.
_UNREAD = 1 << 14
_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)

#: Who reads an answer, and what is still to be written of it.
Answer = tuple[asyncio.StreamWriter, Iterator[bytes]]


def _answer(text: str) -> list[bytes]:
    """Return the events of an answer, as the replay server sends them."""
    asked = first_request("tools", Meeting, "gpt-4o-mini", [{"role": "user", "content": "x"}])
    ask, recordings = PROTOCOLS["chat"].ask(Given(asked), {}), RecordingSet([Recording(text)])
    response = respond(recordings, ask, Options(), number=1, created=1_700_000_000)
    return [step.data for step in response.steps]


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _write_next(writer: asyncio.StreamWriter, parts: Iterator[bytes]) -> bool:
    """Write the next part of an answer, if the client has read enough; say whether to go on."""
    if writer.is_closing():
        return False
    if writer.transport.get_write_buffer_size() > _UNREAD:
        return True
    part = next(parts, None)
    if part is not None:
        writer.write(part)
    return part is not None


async def _beat(slots: list[list[Answer]], step_s: float) -> None:
    """Send the answers of each slot in turn a part each, at the cost of the writes alone."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    for slot in cycle(slots):
        # What one beat came late is not added to all that follow.
        due += step_s
        await asyncio.sleep(max(0.0, due - loop.time()))
        slot[:] = [answer for answer in slot if _write_next(*answer)]


async def _serve(rate: float, text: str = "") -> None:
    """Serve; so many events of each answer a second, or as many as are read."""
    if text:
        recorded = [[_chunked(b"".join(_answer(text)))]]
    else:
        recorded = [[*map(_chunked, _answer(each))] for each in TEXTS]
    # The answers take turns within the time from one event to the next. Without a pace they need
    # not, which would cost a server more than the writes do.
    slots: list[list[Answer]] = [[] for _ in range(10 if rate else 1)]

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # A client asks again when it has read the answer.
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                number = _NUMBER.search(body)
                events = recorded[int(number[1]) - 1 if number else 0]
                min(slots, key=len).append((writer, iter([_HEAD, *events, b"0\r\n\r\n"])))
        except (asyncio.IncompleteReadError, ConnectionError):
            # The client has closed the connection.
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    step_s = 1 / rate / len(slots) if rate else 0.0
    await asyncio.gather(server.serve_forever(), _beat(slots, step_s))


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]), *sys.argv[2:]))
