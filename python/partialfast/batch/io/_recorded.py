"""What other jobs left: one answer a line, results of batch endpoints, or recorded streams.

From bytes to texts, without judging them: `partialfast.batch.run._salvage` does that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple

from pydantic_core import from_json, to_json

from partialfast._core import Delta, EventReader
from partialfast._not_json import not_json

__all__ = ["RECORDED_FORMATS", "Recorded", "detect", "file_blocks", "read_block"]

#: The kinds of files, as ``--format`` names them.
RECORDED_FORMATS = ("text", "string", "batch", "sse")

#: A byte order mark, in UTF-8.
_MARK = b"\xef\xbb\xbf"
#: The last line of a stream of chat completions. A line of JSON does not end so.
_LAST = (b"[DONE]\n", b"[DONE]\r\n")
#: In the first line of a stream of responses, which has no such last one.
_FIRST = (b'"type":"response.created"', b'"type": "response.created"')

#: The data of the last event of a stream of chat completions.
_DONE = b"[DONE]"
#: In the first event of a stream of responses.
_RESPONSE = re.compile(rb'"type"\s*:\s*"(response\.|error")|^event: *response\.', re.MULTILINE)


class Recorded(NamedTuple):
    """An answer that was recorded.

    Args:
        id: What it is called; ``None`` for the number of its line.
        text: What the model wrote, noise included.
        problem: Why there is no answer, if there is none.
        finish_reason: The provider's finish reason, if it was recorded.
        is_whole: Whether that reason means that the model has written all that it wanted.
    """

    id: str | None
    text: bytes
    problem: str | None = None
    finish_reason: str | None = None
    is_whole: bool = False


def detect(head: bytes) -> str:
    """Tell the kind of a file from its beginning.

    Args:
        head: The beginning of the file; a first line that is not whole will do.

    Returns:
        One of `RECORDED_FORMATS`.
    """
    line = head.removeprefix(_MARK).lstrip().split(b"\n", 1)[0]
    if line.startswith((b"data:", b"event:", b"id:", b":", b"retry:")):
        return "sse"
    if line.startswith(b'"'):
        return "string"
    if (
        line.startswith(b"{")
        and b'"custom_id"' in line
        and (b'"response"' in line or b'"result"' in line)
    ):
        return "batch"
    return "text"


def file_blocks(file: IO[bytes], kind: str, *, size: int) -> Iterator[tuple[int, bytes]]:
    """Cut a file where one answer ends and the next begins.

    Args:
        file: The file.
        kind: One of `RECORDED_FORMATS`.
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
        kind: One of `RECORDED_FORMATS`.
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


# pydantic's reader and writer of JSON take a third of the time of Python's, which are asked about
# what they refuse: half of a surrogate pair, deeper nesting, other encodings; and what is wrong.


def _load(line: bytes) -> Any:
    """Read a line of JSON; ValueError if that is not possible."""
    try:
        return from_json(line)
    except ValueError:
        pass
    try:
        return json.loads(line)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _dump(value: Any) -> str:
    """Write a value that `_load` gave."""
    try:
        return to_json(value).decode()
    except ValueError:
        return json.dumps(value)


# What a gateway on the way has put in the place of an object, such as a page that says 502, or
# what a server has invented, counts as absent: one odd line is not to lose all others.


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _array(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _said(failed: Any) -> Any:
    return failed.get("message") if isinstance(failed, dict) else failed


def _text(line: bytes) -> Recorded:
    return Recorded(None, line.removesuffix(b"\r"))


def _string(line: bytes) -> Recorded:
    try:
        text = _load(line)
    except ValueError as error:
        return Recorded(None, line, f"the line is {not_json(error)}")
    if not isinstance(text, str):
        return Recorded(None, line, f"the line is a {type(text).__name__}, not a string")
    return Recorded(None, _encode(text))


def _encode(text: str) -> bytes:
    # Half of a surrogate pair becomes what no JSON text can hold.
    return text.encode("utf-8", "surrogatepass")


def _batch(line: bytes) -> Recorded:
    """Read a line of the results of OpenAI's batches, or of Anthropic's."""
    try:
        record = _object(_load(line))
    except ValueError as error:
        return Recorded(None, line, f"the line is {not_json(error)}")
    id_ = record.get("custom_id")
    if not isinstance(id_, str):
        return Recorded(None, line, "the line is not a result of the Batch API: no custom_id")
    if "result" in record:
        return _message_batch(id_, _object(record["result"]))
    response = _object(record.get("response"))
    body = _object(response.get("body"))
    failed = record.get("error") or body.get("error")
    if failed:
        return Recorded(id_, b"", f"the request failed: {_said(failed)}")
    answer = _RecordedAnswer("openai_responses" if "output" in body else "openai_chat")
    answer.take_event(_dump(body))
    recorded = answer.recorded()
    if not (recorded.text or recorded.problem or recorded.finish_reason):
        status = response.get("status_code")
        return Recorded(id_, b"", f"there is no answer (status {status})")
    return recorded._replace(id=id_)


def _message_batch(id_: str, result: Mapping[str, Any]) -> Recorded:
    kind = result.get("type")
    if kind == "errored":
        error = _object(result.get("error"))
        return Recorded(id_, b"", f"the request failed: {_said(error.get('error', error))}")
    if kind != "succeeded":
        return Recorded(id_, b"", f"the request was not answered: {kind}")
    message = _object(result.get("message"))
    answer = _RecordedAnswer("anthropic")
    answer.take_event(_dump(message))
    recorded = answer.recorded()
    content = message.get("content")
    called = any(_object(each).get("type") == "tool_use" for each in _array(content))
    if called and recorded.finish_reason is not None and not recorded.is_whole:
        # The arguments of a call are given as an object, so the server closed it, not the model.
        recorded = recorded._replace(text=recorded.text.removesuffix(b"}"))
    if not (recorded.text or recorded.problem or recorded.finish_reason):
        return Recorded(id_, b"", "there is no answer")
    return recorded._replace(id=id_)


class _RecordedAnswer:
    """What one answer says, read in the provider's dialect by the core.

    Args:
        dialect: Its name.
    """

    def __init__(self, dialect: str) -> None:
        self._reader = EventReader(dialect)
        self._id: str | None = None
        # By the choice, and by the choice and the call.
        self._texts: dict[int, list[str]] = {}
        self._calls: dict[tuple[int, int], list[str]] = {}
        self._refusal: list[str] = []
        self._finish: Delta.Finish | None = None
        self._problem: str | None = None

    def take_event(self, data: str) -> None:
        """Take an event in, or a whole answer."""
        self._reader.put_event("", data)
        self._read()

    def take_stream(self, body: bytes) -> None:
        """Take a stream in, as far as it was recorded."""
        self._reader.put(body)
        self._read()

    def _read(self) -> None:
        while (delta := self._reader.pull()) is not None:
            match delta:
                case Delta.Piece(choice, part, call, text) | Delta.Whole(choice, part, call, text):
                    self._keep(choice, part, call, text)
                case Delta.Finish():
                    self._finish = delta
                case Delta.Reopens():
                    self._finish = None
                case Delta.Head(id_, _):
                    self._id = self._id or id_
                case Delta.ServerError(said):
                    self._problem = f"the server reported an error: {_words_of(said)}"
                case _:
                    # What adds nothing to the answer, and where the recording is broken: what came
                    # before that counts.
                    pass

    def _keep(self, choice: int, part: str, call: int | None, text: str) -> None:
        if call is not None:
            self._calls.setdefault((choice, call), []).append(text)
        elif part == "text":
            self._texts.setdefault(choice, []).append(text)
        elif part == "refusal":
            self._refusal.append(text)

    def recorded(self) -> Recorded:
        """Give the answer: the first call, or the first text with something that may be JSON."""
        self._reader.put_end()
        self._read()
        calls = ("".join(self._calls[at]) for at in sorted(self._calls))
        texts = ["".join(self._texts[at]) for at in sorted(self._texts)]
        likely = (text for text in texts if "{" in text or "[" in text)
        said = next((text for text in (*calls, *likely, *texts) if text), "")
        if said == "{}" and self._finish is None:
            # Where the recording broke off, this may be what stands in front of the arguments.
            said = ""
        problem = self._problem
        if self._refusal:
            problem = f"the model refused: {''.join(self._refusal)}"
        finish = self._finish
        return Recorded(
            self._id,
            _encode(said),
            problem,
            None if finish is None else finish.reason,
            is_whole=finish is not None and finish.outcome == "whole",
        )


def _words_of(said: str) -> Any:
    """Return the message of a server's error, or all of it."""
    try:
        found = _load(said.encode())
    except ValueError:
        return said
    if isinstance(found, dict):
        inner: Any = found.get("error", found)
        return _said(inner) or said
    return found


def _streams(first: int, block: bytes) -> Iterator[tuple[int, Recorded]]:
    """Read streams: each ends with ``[DONE]``, or where another id begins.

    Where one ends is a matter of the file; what it says is the dialect's.
    """
    begun: _Bounds | None = None
    place = 0
    # Where the event that a line is part of begins.
    start: int | None = None
    for number, line in enumerate(block.split(b"\n"), start=first):
        begin, place = place, place + len(line) + 1
        if start is None:
            start = begin
        if not line.strip():
            start = None
        data = line.removeprefix(b"data:").strip() if line.startswith(b"data:") else b""
        if not data:
            continue
        if data == _DONE:
            if begun is not None:
                yield begun.line, begun.read(block[:place])
            begun = None
            continue
        if begun is None or begun.ends_before(data):
            if begun is not None:
                yield begun.line, begun.read(block[:start])
            at = begin if start is None else start
            begun = _Bounds(number, at, data, named=block[at:begin])
    if begun is not None:
        yield begun.line, begun.read(block)


class _Bounds:
    """Where a stream begins, and what tells that another one does.

    Args:
        line: The number of its first line.
        start: Its place in the block.
        data: The data of its first event.
        named: The lines before that.
    """

    def __init__(self, line: int, start: int, data: bytes, *, named: bytes) -> None:
        self.line = line
        self._start = start
        self._is_response = _RESPONSE.search(named + data) is not None
        self._id = b""
        self._learn(data)

    def _learn(self, data: bytes) -> str | None:
        """Return the id that an event has, if it is one of chat completions."""
        try:
            event = _object(_load(data))
        except ValueError:
            return None
        id_ = event.get("id")
        if not (isinstance(id_, str) and id_ and "choices" in event):
            return None
        if not self._id:
            self._id = json.dumps(id_).encode()
        return id_

    def ends_before(self, data: bytes) -> bool:
        """Tell whether an event is the first of another stream."""
        if any(first in data for first in _FIRST):
            return True
        # Most events can be told at a glance.
        if self._is_response or (self._id and self._id in data):
            return False
        known = self._id
        id_ = self._learn(data)
        return bool(known) and id_ is not None and json.dumps(id_).encode() != known

    def read(self, block: bytes) -> Recorded:
        """Read the stream, which ends with the block."""
        answer = _RecordedAnswer("openai_responses" if self._is_response else "openai_chat")
        answer.take_stream(block[self._start :])
        return answer.recorded()
