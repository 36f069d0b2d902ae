"""OpenAI's files and batches, with what can go wrong there.

A batch ends as soon as it is looked at, unless it was told otherwise. What goes wrong is said for
one batch after the other, by words such as ``expire@3``:

* ``expire@N``: the batch expires when N requests are answered.
* ``missing@N``: the output lacks every Nth line.
* ``fail``: the file is refused when it is looked at.
* ``lost@N``: the batch is made, but the answer is status N (500), so that its id is not known.
* ``wait@N``: it is looked at N times before it ends.
* ``ok``: nothing goes wrong.

Further batches go well. The faults of recordings hold for single requests.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from partialfast.replay._ask import Given, RequestError, parse_body
from partialfast.replay._exchanges import Exchange
from partialfast.replay._protocols import PROTOCOLS, Protocol
from partialfast.replay._recording import RecordingSet
from partialfast.replay._steps import CannedResponse, Options, PacedWrite, respond

__all__ = [
    "OK",
    "BatchFault",
    "BatchShelf",
    "Batches",
    "Handler",
    "Params",
    "file_response",
    "json_lines",
    "parse_batch_faults",
]

OK = 200
#: Batches of a list at a time.
_PAGE = 20
_KINDS = ("expire", "missing", "fail", "lost", "wait", "ok")

Params = Mapping[str, str]
#: Answers a request whose path and query have these parameters, or refuses it.
Handler = Callable[[Exchange, Params], CannedResponse]


class BatchFault(NamedTuple):
    """What goes wrong with a batch, and with which figure."""

    kind: str
    number: int = 1


def parse_batch_faults(texts: Sequence[str]) -> list[BatchFault]:
    """Read what goes wrong with one batch after the other, such as ``expire@3``."""
    faults: list[BatchFault] = []
    for text in texts:
        kind, _, number = text.partition("@")
        if kind not in _KINDS:
            raise ValueError(f"not a fault of a batch: {text!r}; known are {', '.join(_KINDS)}")
        faults.append(BatchFault(kind, int(number or 1)))
    return faults


def json_lines(values: Iterable[Any]) -> bytes:
    """Write a file of JSON Lines."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def file_response(content: bytes, media_type: str) -> CannedResponse:
    """Give a file at once."""
    return CannedResponse(OK, (PacedWrite(content),), {"content-type": media_type}, len(content))


@dataclass
class BatchShelf:
    """What batch endpoints share."""

    name: ClassVar[str]

    recordings: RecordingSet
    options: Options
    faults: list[BatchFault]  # for one batch after the other; taken from as batches are made
    answered: int = 0
    batches: dict[str, Any] = field(default_factory=dict)

    @property
    def protocol(self) -> Protocol:
        """How requests and answers are written."""
        return PROTOCOLS[self.name]

    def page(self, params: Params, *, after: str) -> tuple[list[Any], bool]:
        """Give a page of the batches, the newest first, and whether there are more.

        The parameter `after` names the last of the page before. A page may be shorter than what is
        asked for.
        """
        names = list(reversed(self.batches))
        last, limit = params.get(after), params.get("limit", str(_PAGE))
        if last not in {None, *names} or not limit.isdecimal():
            raise RequestError(400, f"not a page: {after}={last} limit={limit}")
        names = names[0 if last is None else names.index(last) + 1 :]
        size = min(int(limit), _PAGE)
        return [self.batches[name] for name in names[:size]], len(names) > size

    def next_fault(self) -> BatchFault:
        """Say what goes wrong with a batch that is made now."""
        return self.faults.pop(0) if self.faults else BatchFault("ok")

    @staticmethod
    def lose(fault: BatchFault) -> None:
        """Refuse a batch that was made, where its answer is to be lost."""
        if fault.kind == "lost":
            raise RequestError(fault.number if fault.number > 1 else 500, "lost")

    def answer(self, body: Given) -> tuple[int, Any]:
        """Answer one request of a batch: give the status and the body."""
        self.answered += 1
        number, created = self.answered, int(time.time())
        if body["stream"].value:
            return 400, self.protocol.error(RequestError(400, "a batch does not stream"))
        try:
            ask = self.protocol.ask(body, {})
            response = respond(self.recordings, ask, self.options, number=number, created=created)
        except RequestError as error:
            return error.status, self.protocol.error(error)
        return response.status, json.loads(response.body)


@dataclass
class _Batch:
    """A batch."""

    shown: dict[str, Any]  # as the API shows it
    fault: BatchFault
    looks: int = 0


@dataclass
class Batches(BatchShelf):
    """The files and batches of a server."""

    name = "chat"

    _files: dict[str, bytes] = field(default_factory=dict)

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Give what answers at which path and method."""
        return [
            ("/v1/files", "POST", self._upload),
            ("/v1/files/{id}", "GET", self._about),
            ("/v1/files/{id}/content", "GET", self._content),
            ("/v1/batches", "POST", self._create),
            ("/v1/batches", "GET", self._list),
            ("/v1/batches/{id}", "GET", self._look),
        ]

    def _upload(self, exchange: Exchange, __: Params) -> CannedResponse:
        # RFC 7578: parts between boundaries, each with headers, an empty line and its content.
        boundary = exchange.headers.get("content-type", "").partition("boundary=")[2].strip('"')
        for part in exchange.raw.split(f"--{boundary}".encode())[1:-1]:
            head, _, content = part.strip(b"\r\n").partition(b"\r\n\r\n")
            if b'name="file"' in head:
                return self._shown(self._put(content))
        raise RequestError(400, "no file")

    def _put(self, content: bytes) -> str:
        name = f"file-{len(self._files) + 1}"
        self._files[name] = content
        return name

    def _shown(self, name: str) -> CannedResponse:
        size = len(self._found(name))
        return CannedResponse.of_json({
            "id": name, "object": "file", "bytes": size, "created_at": int(time.time()),
            "filename": f"{name}.jsonl", "purpose": "batch", "status": "processed",
            # And what Anthropic's files have, which go to the same place.
            "type": "file", "mime_type": "application/octet-stream", "size_bytes": size,
        })  # fmt: skip

    def _found(self, name: str) -> bytes:
        if name not in self._files:
            raise RequestError(404, "No such File")
        return self._files[name]

    def _about(self, _: Exchange, params: Params) -> CannedResponse:
        return self._shown(params["id"])

    def _content(self, _: Exchange, params: Params) -> CannedResponse:
        found = self._found(params["id"])
        return file_response(found, "application/octet-stream")

    def _create(self, exchange: Exchange, _: Params) -> CannedResponse:
        body = parse_body(exchange.raw)
        file = body["input_file_id"].need(str)
        self._found(file)
        name = f"batch_{len(self.batches) + 1}"
        shown = {
            "id": name, "object": "batch", "endpoint": "/v1/chat/completions", "errors": None,
            "input_file_id": file, "completion_window": "24h",
            "status": "validating", "output_file_id": None, "error_file_id": None,
            "created_at": int(time.time()),
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": body["metadata"].of(dict) or {},
        }  # fmt: skip
        batch = self.batches[name] = _Batch(shown, self.next_fault())
        self.lose(batch.fault)
        return CannedResponse.of_json(shown)

    def _list(self, _: Exchange, params: Params) -> CannedResponse:
        page, more = self.page(params, after="after")
        data = [batch.shown for batch in page]
        return CannedResponse.of_json({"object": "list", "data": data, "has_more": more})

    def _look(self, _: Exchange, params: Params) -> CannedResponse:
        batch = self.batches.get(params["id"])
        if batch is None:
            raise RequestError(404, "No batch found")
        batch.looks += 1
        if batch.shown["status"] in {"validating", "in_progress"}:
            batch.shown |= self._work(batch)
        return CannedResponse.of_json(batch.shown)

    def _work(self, batch: _Batch) -> dict[str, Any]:
        """Work at a batch that is looked at; give what changes."""
        kind, number = batch.fault
        lines = self._files[batch.shown["input_file_id"]].splitlines()
        requests: list[tuple[str, Given]] = []
        try:
            for line in lines[: 0 if kind == "fail" else None]:
                request = parse_body(line)
                requests.append((request["custom_id"].need(str), Given(request["body"].need(dict))))
        except RequestError:
            kind = "fail"
        if kind == "fail":
            message, place = "This line is not parseable.", len(requests) + 1
            error = {"code": "invalid_json_line", "line": place, "message": message, "param": None}
            return {"status": "failed", "errors": {"object": "list", "data": [error]}}
        if kind == "wait" and batch.looks <= number:
            return {"status": "in_progress"}
        done: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for place, (id_, asked) in enumerate(requests):
            if kind == "expire" and place >= number:
                failed.append(_expired(id_))
            elif kind != "missing" or (place + 1) % number:
                status, body = self.answer(asked)
                response = {"status_code": status, "request_id": f"req_{place}", "body": body}
                name = f"batch_req_{batch.shown['id']}_{place}"
                record = {"id": name, "custom_id": id_, "response": response, "error": None}
                (done if status == OK else failed).append(record)
        return {
            "status": "expired" if kind == "expire" else "completed",
            # As there: in no order that could be relied on.
            "output_file_id": self._put(json_lines(reversed(done))),
            "error_file_id": self._put(json_lines(failed)) if failed else None,
            "request_counts": {
                "total": len(lines), "completed": len(done), "failed": len(failed),
            },
        }  # fmt: skip


def _expired(id_: str) -> dict[str, Any]:
    message = "This request could not be executed before the completion window expired."
    error = {"code": "batch_expired", "message": message}
    return {"id": f"batch_req_{id_}", "custom_id": id_, "response": None, "error": error}
