"""What other jobs left: one answer a line, results of OpenAI's Batch API, or recorded streams.

From bytes to texts, without judging them: `partialfast.batch.run._salvage` does that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple

__all__ = ["FORMATS", "Recorded", "blocks", "detect", "read_block"]

#: The kinds of files, as ``--format`` names them.
FORMATS = ("text", "string", "batch", "sse")

#: A byte order mark, in UTF-8.
_MARK = b"\xef\xbb\xbf"
#: The last line of a stream of chat completions. A line of JSON does not end so.
_LAST = (b"[DONE]\n", b"[DONE]\r\n")
#: In the first line of a stream of responses, which has no such last one.
_FIRST = (b'"type":"response.created"', b'"type": "response.created"')


class Recorded(NamedTuple):
    """An answer that was recorded.

    Args:
        id: What it is called; ``None`` for the number of its line.
        text: What the model wrote, noise included.
        problem: Why there is no answer, if there is none.
        finish_reason: The provider's finish reason, if it was recorded.
    """

    id: str | None
    text: bytes
    problem: str | None = None
    finish_reason: str | None = None


def detect(head: bytes) -> str:
    """Tell the kind of a file from its beginning.

    Args:
        head: The beginning of the file; a first line that is not whole will do.

    Returns:
        One of `FORMATS`.
    """
    line = head.removeprefix(_MARK).lstrip().split(b"\n", 1)[0]
    if line.startswith((b"data:", b"event:", b"id:", b":", b"retry:")):
        return "sse"
    if line.startswith(b'"'):
        return "string"
    if line.startswith(b"{") and b'"custom_id"' in line and b'"response"' in line:
        return "batch"
    return "text"


def blocks(file: IO[bytes], kind: str, *, size: int) -> Iterator[tuple[int, bytes]]:
    """Cut a file where one answer ends and the next begins.

    Args:
        file: The file.
        kind: One of `FORMATS`.
        size: Bytes of a block, about.

    Yields:
        The number of the block's first line, counted from 1, and the block.
    """
    number, kept = 1, b""
    first = True
    while data := file.read(size):
        if first:
            data = data.removeprefix(_MARK)
            first = False
        data = kept + data
        place = _last_cut(kind, data)
        block, kept = data[:place], data[place:]
        if block:
            yield number, block
            number += block.count(b"\n")
    if kept:
        yield number, kept


def _last_cut(kind: str, data: bytes) -> int:
    """Find the last place at which no answer is under way; 0 if there is none."""
    if kind != "sse":
        return data.rfind(b"\n") + 1
    ends = (data.rfind(last) + len(last) for last in _LAST if last in data)
    begins = (data.rfind(b"\n", 0, data.rfind(first)) + 1 for first in _FIRST if first in data)
    return max((*ends, *begins), default=0)


def read_block(kind: str, first: int, block: bytes) -> Iterator[tuple[int, Recorded]]:
    """Read the answers of a block.

    Args:
        kind: One of `FORMATS`.
        first: The number of the block's first line.
        block: The block.

    Yields:
        The number of the line that an answer begins at, and the answer.
    """
    if kind == "sse":
        yield from _streams(first, block)
        return
    read = {"text": _text, "string": _string, "batch": _batch}[kind]
    for number, line in enumerate(block.split(b"\n"), start=first):
        if line.strip():
            yield number, read(line)


def _load(line: bytes) -> Any:
    """Read a line of JSON; ValueError if that is not possible."""
    try:
        return json.loads(line)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


# What a gateway on the way has put in the place of an object, such as a page that says 502, or
# what a server has invented, counts as absent: one odd line is not to lose all others.


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [_object(each) for each in value] if isinstance(value, list) else []


def _words(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _said(failed: Any) -> Any:
    return failed.get("message") if isinstance(failed, dict) else failed


def _text(line: bytes) -> Recorded:
    return Recorded(None, line.removesuffix(b"\r"))


def _string(line: bytes) -> Recorded:
    try:
        text = _load(line)
    except ValueError as error:
        return Recorded(None, line, f"the line is not JSON: {error}")
    if not isinstance(text, str):
        return Recorded(None, line, f"the line is a {type(text).__name__}, not a string")
    return Recorded(None, _encode(text))


def _encode(text: str) -> bytes:
    # Half of a surrogate pair becomes what no JSON text can hold.
    return text.encode("utf-8", "surrogatepass")


def _batch(line: bytes) -> Recorded:
    """Read a line of a Batch API result file."""
    try:
        record = _object(_load(line))
    except ValueError as error:
        return Recorded(None, line, f"the line is not JSON: {error}")
    id_ = record.get("custom_id")
    if not isinstance(id_, str):
        return Recorded(None, line, "the line is no result of the Batch API: no custom_id")
    response = _object(record.get("response"))
    body = _object(response.get("body"))
    failed = record.get("error") or body.get("error")
    if failed:
        return Recorded(id_, b"", f"the request failed: {_said(failed)}")
    if "choices" in body:
        return _completion(id_, body)
    if "output" in body:
        return _response(id_, body)
    return Recorded(id_, b"", f"there is no answer (status {response.get('status_code')})")


def _completion(id_: str, body: Mapping[str, Any]) -> Recorded:
    [choice, *_] = _objects(body["choices"]) or [_object(None)]
    message = _object(choice.get("message"))
    reason = _words(choice.get("finish_reason")) or None
    if message.get("refusal"):
        return Recorded(id_, b"", f"the model refused: {message['refusal']}", reason)
    calls = _objects(message.get("tool_calls"))
    said = _object(calls[0].get("function")).get("arguments") if calls else message.get("content")
    return Recorded(id_, _encode(_words(said)), None, reason)


def _response(id_: str, body: Mapping[str, Any]) -> Recorded:
    reason = _words(_object(body.get("incomplete_details")).get("reason")) or None
    for item in _objects(body["output"]):
        if item.get("type") == "function_call":
            return Recorded(id_, _encode(_words(item.get("arguments"))), None, reason)
        for part in _objects(item.get("content")):
            if part.get("type") == "output_text":
                return Recorded(id_, _encode(_words(part.get("text"))), None, reason)
            if part.get("type") == "refusal":
                return Recorded(id_, b"", f"the model refused: {part.get('refusal')}", reason)
    return Recorded(id_, b"", "there is no answer", reason)


class _Stream:
    """One recorded stream, being read."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.id: str | None = None
        self.text: list[str] = []
        self.refusal: list[str] = []
        self.reason: str | None = None
        self.problem: str | None = None
        self.begun = False
        self.torn = False

    def take(self, event: Mapping[str, Any]) -> None:
        """Take an event in, of chat completions or of responses."""
        self.begun = True
        if self.torn:
            # The text would have a hole, and might look whole with it.
            return
        if event.get("error"):
            self.problem = f"the server reported an error: {_said(event['error'])}"
        kind = event.get("type")
        if isinstance(kind, str):
            self._take_response(kind, event)
            return
        self.id = self.id or _words(event.get("id")) or None
        for choice in _objects(event.get("choices")):
            if choice.get("index", 0) == 0:
                self._take_choice(choice)

    def _take_choice(self, choice: Mapping[str, Any]) -> None:
        delta = _object(choice.get("delta"))
        for call in _objects(delta.get("tool_calls")):
            if (call.get("index") or 0) == 0:
                self.text.append(_words(_object(call.get("function")).get("arguments")))
        self.text.append(_words(delta.get("content")))
        self.refusal.append(_words(delta.get("refusal")))
        self.reason = _words(choice.get("finish_reason")) or self.reason

    def _take_response(self, kind: str, event: Mapping[str, Any]) -> None:
        if kind in {"response.output_text.delta", "response.function_call_arguments.delta"}:
            self.text.append(_words(event.get("delta")))
        elif kind == "response.refusal.delta":
            self.refusal.append(_words(event.get("delta")))
        response = _object(event.get("response"))
        self.id = self.id or _words(response.get("id")) or None
        why = _object(response.get("incomplete_details")).get("reason")
        self.reason = _words(why) or self.reason

    def recorded(self) -> Recorded:
        """Give the answer."""
        problem = self.problem
        if "".join(self.refusal):
            problem = f"the model refused: {''.join(self.refusal)}"
        return Recorded(self.id, _encode("".join(self.text)), problem, self.reason)


def _streams(first: int, block: bytes) -> Iterator[tuple[int, Recorded]]:
    """Read streams: each ends with ``[DONE]``, or where another id begins."""
    stream = _Stream(first)
    for number, line in enumerate(block.split(b"\n"), start=first):
        data = line.removeprefix(b"data:").strip() if line.startswith(b"data:") else b""
        if not data:
            continue
        if data == b"[DONE]":
            yield stream.line, stream.recorded()
            stream = _Stream(number + 1)
            continue
        try:
            event = _load(data)
        except ValueError:
            # Where the recording broke off: what came before it counts.
            stream.torn = True
            continue
        if not isinstance(event, dict):
            continue
        if stream.begun and _begins(event, stream.id):
            yield stream.line, stream.recorded()
            stream = _Stream(number)
        stream.take(event)
    if stream.begun:
        yield stream.line, stream.recorded()


def _begins(event: Mapping[str, Any], current: str | None) -> bool:
    if event.get("type") == "response.created":
        return True
    id_ = _words(event.get("id"))
    return "choices" in event and bool(id_) and current is not None and id_ != current
