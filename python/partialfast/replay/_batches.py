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

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from partialfast.replay._ask import RequestError, parse_body, parse_request
from partialfast.replay._recording import RecordingSet
from partialfast.replay._reply import error_body
from partialfast.replay._steps import Options, Send, plan_answer

__all__ = ["BatchFault", "Batches", "entered", "lost_status", "page_of", "parse_batch_faults"]

_FAILED = 500
#: Batches of a list at a time.
_PAGE = 20

_KINDS = ("expire", "missing", "fail", "lost", "wait", "ok")


class BatchFault(NamedTuple):
    """What goes wrong with a batch.

    Args:
        kind: What.
        number: With which figure.
    """

    kind: str
    number: int = 1


def parse_batch_faults(texts: Sequence[str]) -> list[BatchFault]:
    """Read what goes wrong with one batch after the other.

    Args:
        texts: Such as ``expire@3``.

    Raises:
        ValueError: A fault is unknown.
    """
    return [_fault(text) for text in texts]


def entered(
    handle: Callable[[Request, bytes], Response], enter: Callable[[Request, bytes], Any]
) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint of a function that is given the body and may take its time.

    Args:
        handle: Answers a request.
        enter: Enters it among the exchanges.
    """

    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        finish = enter(request, raw)
        response = await asyncio.to_thread(handle, request, raw)
        finish(response.status_code)
        return response

    return endpoint


@dataclass
class _Batch:
    """A batch.

    Args:
        id: Its name.
        input: The file of its requests.
        metadata: What its maker says of it.
        kind: What goes wrong.
        number: With which figure.
        looks: How often it was looked at.
        status: How it stands.
    """

    id: str
    input: str
    metadata: dict[str, str]
    kind: str
    number: int
    looks: int = 0
    status: str = "validating"
    errors: list[dict[str, Any]] = field(default_factory=list)
    output: str | None = None
    error: str | None = None
    counts: dict[str, int] = field(default_factory=dict)


class Batches:
    """The files and batches of a server.

    Args:
        recordings: The recordings that answer requests.
        options: How answers are given.
        faults: What goes wrong, for one batch after the other; taken from as batches are made.
    """

    def __init__(
        self, recordings: RecordingSet, options: Options, faults: list[BatchFault]
    ) -> None:
        self._recordings = recordings
        self._options = options
        self._faults = faults
        self.files: dict[str, bytes] = {}
        self._batches: dict[str, _Batch] = {}
        self._answered = 0

    def routes(self, enter: Callable[[Request, bytes], Any]) -> list[Route]:
        """Give the routes.

        Args:
            enter: Enters a request among the exchanges.
        """
        return [
            Route("/v1/files", entered(self._upload, enter), methods=["POST"]),
            Route("/v1/files/{id}", entered(self._about, enter), methods=["GET"]),
            Route("/v1/files/{id}/content", entered(self._content, enter), methods=["GET"]),
            Route("/v1/batches", entered(self._create, enter), methods=["POST"]),
            Route("/v1/batches", entered(self._list, enter), methods=["GET"]),
            Route("/v1/batches/{id}", entered(self._look, enter), methods=["GET"]),
        ]

    def _upload(self, request: Request, raw: bytes) -> Response:
        # RFC 7578: parts between boundaries, each with headers, an empty line and its content.
        boundary = request.headers["content-type"].partition("boundary=")[2].strip('"').encode()
        for part in raw.split(b"--" + boundary)[1:-1]:
            head, _, content = part.strip(b"\r\n").partition(b"\r\n\r\n")
            if b'name="file"' in head:
                return JSONResponse(self._file(self._put(content), len(content)))
        return JSONResponse(error_body(RequestError(400, "no file")), status_code=400)

    def _put(self, content: bytes) -> str:
        name = f"file-{len(self.files) + 1}"
        self.files[name] = content
        return name

    @staticmethod
    def _file(name: str, size: int) -> dict[str, Any]:
        return {
            "id": name, "object": "file", "bytes": size, "created_at": int(time.time()),
            "filename": f"{name}.jsonl", "purpose": "batch", "status": "processed",
            # And what Anthropic's files have, which go to the same place.
            "type": "file", "mime_type": "application/octet-stream", "size_bytes": size,
        }  # fmt: skip

    def _about(self, request: Request, _: bytes) -> Response:
        name = request.path_params["id"]
        if name not in self.files:
            return JSONResponse(error_body(RequestError(404, "No such File")), status_code=404)
        return JSONResponse(self._file(name, len(self.files[name])))

    def _content(self, request: Request, _: bytes) -> Response:
        found = self.files.get(request.path_params["id"])
        if found is None:
            return JSONResponse(error_body(RequestError(404, "No such File")), status_code=404)
        return Response(found, media_type="application/octet-stream")

    def _create(self, _: Request, raw: bytes) -> Response:
        body = parse_body(raw)
        kind, number = self._faults.pop(0) if self._faults else BatchFault("ok")
        name = f"batch_{len(self._batches) + 1}"
        batch = _Batch(name, body["input_file_id"], body.get("metadata") or {}, kind, number)
        self._batches[name] = batch
        if kind == "lost":
            status = lost_status(number)
            return JSONResponse(error_body(RequestError(status, "lost")), status_code=status)
        return JSONResponse(self._shown(batch))

    def _list(self, request: Request, _: bytes) -> Response:
        newest = list(reversed(self._batches.values()))
        page, more = page_of(newest, request, after="after")
        data = [self._shown(batch) for batch in page]
        return JSONResponse({"object": "list", "data": data, "has_more": more})

    def _look(self, request: Request, _: bytes) -> Response:
        batch = self._batches.get(request.path_params["id"])
        if batch is None:
            return JSONResponse(error_body(RequestError(404, "No batch found")), status_code=404)
        batch.looks += 1
        if batch.status in {"validating", "in_progress"}:
            self._work(batch)
        return JSONResponse(self._shown(batch))

    def _work(self, batch: _Batch) -> None:
        if batch.kind == "fail":
            batch.status = "failed"
            batch.errors = [
                {"code": "invalid_json_line", "line": 1, "message": "This line is not parseable.",
                 "param": None},
            ]  # fmt: skip
            return
        if batch.kind == "wait" and batch.looks <= batch.number:
            batch.status = "in_progress"
            return
        self._answer(batch)

    def _answer(self, batch: _Batch) -> None:
        lines = self.files[batch.input].splitlines()
        expired = batch.kind == "expire"
        done: list[bytes] = []
        failed: list[bytes] = []
        for place, line in enumerate(lines):
            request = parse_body(line)
            if expired and place >= batch.number:
                failed.append(_expired(request["custom_id"]))
                continue
            if batch.kind == "missing" and (place + 1) % batch.number == 0:
                continue
            status, body = self._one(request)
            record = {
                "id": f"batch_req_{batch.id}_{place}",
                "custom_id": request["custom_id"],
                "response": {"status_code": status, "request_id": f"req_{place}", "body": body},
                "error": None,
            }
            (done if status == 200 else failed).append(json.dumps(record).encode())  # noqa: PLR2004 - HTTP's OK
        # As there: in no order that could be relied on.
        batch.output = self._put(b"".join(line + b"\n" for line in reversed(done)))
        batch.error = self._put(b"".join(line + b"\n" for line in failed)) if failed else None
        batch.status = "expired" if expired else "completed"
        batch.counts = {"total": len(lines), "completed": len(done), "failed": len(failed)}

    def _one(self, request: dict[str, Any]) -> tuple[int, Any]:
        self._answered += 1
        try:
            ask = parse_request("chat", json.dumps(request["body"]).encode())
            if ask.stream:
                return 400, error_body(RequestError(400, "stream is not supported in a batch"))
            plan = plan_answer(
                self._recordings,
                ask,
                self._options,
                number=self._answered,
                created=int(time.time()),
            )
        except RequestError as error:
            return error.status, error_body(error)
        data = b"".join(step.data for step in plan.steps if isinstance(step, Send))
        return plan.status, json.loads(data)

    @staticmethod
    def _shown(batch: _Batch) -> dict[str, Any]:
        counts = batch.counts or {"total": 0, "completed": 0, "failed": 0}
        errors = {"object": "list", "data": batch.errors} if batch.errors else None
        return {
            "id": batch.id, "object": "batch", "endpoint": "/v1/chat/completions",
            "errors": errors, "input_file_id": batch.input, "completion_window": "24h",
            "status": batch.status, "output_file_id": batch.output, "error_file_id": batch.error,
            "created_at": int(time.time()), "request_counts": counts, "metadata": batch.metadata,
        }  # fmt: skip


def lost_status(number: int) -> int:
    """Give the status that a batch is lost with."""
    return number if number > 1 else _FAILED


def page_of(newest: list[Any], request: Request, *, after: str) -> tuple[list[Any], bool]:
    """Give a page of a list, which is shorter than asked for, and whether there are more.

    Args:
        newest: All there is; the newest comes first.
        request: Who asks, from where and for how many.
        after: The parameter that names the last of the page before.
    """
    last = request.query_params.get(after)
    if last is not None:
        newest = newest[[each.id for each in newest].index(last) + 1 :]
    limit = min(int(request.query_params.get("limit", _PAGE)), _PAGE)
    return newest[:limit], len(newest) > limit


def _expired(id_: str) -> bytes:
    error = {
        "code": "batch_expired",
        "message": "This request could not be executed before the completion window expired.",
    }
    return json.dumps(
        {"id": f"batch_req_{id_}", "custom_id": id_, "response": None, "error": error}
    ).encode()


def _fault(text: str) -> BatchFault:
    kind, _, number = text.partition("@")
    if kind not in _KINDS:
        raise ValueError(f"not a fault of a batch: {text!r}; known are {', '.join(_KINDS)}")
    return BatchFault(kind, int(number or 1))
