"""Anthropic's message batches; what can go wrong there is said as for OpenAI's.

Source: "Batch processing" of Anthropic's documentation, and ``anthropic.types.messages`` of
anthropic 2.14.

As there, a batch that cannot be read is refused when it is made. So ``fail`` means here that each
request is answered with an error of the server's, and ``expire@N`` that those after the first N
have expired.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from partialfast.replay._ask import RequestError, parse_body
from partialfast.replay._batches import BatchFault, entered, lost_status, page_of
from partialfast.replay._protocols import PROTOCOLS
from partialfast.replay._recording import RecordingSet
from partialfast.replay._steps import Options, Send, plan_answer

__all__ = ["MessageBatches"]

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_OK, _FAILED = 200, 500
_DAY = timedelta(hours=24)


@dataclass
class _Batch:
    """A batch.

    Args:
        id: Its name.
        requests: What is asked.
        fault: What goes wrong.
        looks: How often it was looked at.
        results: Its results, once it has ended.
    """

    id: str
    requests: list[dict[str, Any]]
    fault: BatchFault
    created: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    looks: int = 0
    results: bytes | None = None
    counts: Counter[str] = field(default_factory=Counter)


class MessageBatches:
    """The message batches of a server.

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
        self._protocol = PROTOCOLS["anthropic"]
        self._batches: dict[str, _Batch] = {}
        self._answered = 0

    def routes(self, enter: Callable[[Request, bytes], Any]) -> list[Route]:
        """Give the routes.

        Args:
            enter: Enters a request among the exchanges.
        """
        place = "/v1/messages/batches"
        return [
            Route(place, entered(self._create, enter), methods=["POST"]),
            Route(place, entered(self._list, enter), methods=["GET"]),
            Route(place + "/{id}", entered(self._look, enter), methods=["GET"]),
            Route(place + "/{id}/results", entered(self._results, enter), methods=["GET"]),
            Route(place + "/{id}/cancel", entered(self._cancel, enter), methods=["POST"]),
        ]

    def _refused(self, error: RequestError) -> Response:
        return JSONResponse(self._protocol.error(error), status_code=error.status)

    def _create(self, request: Request, raw: bytes) -> Response:
        try:
            requests = _requests_of(parse_body(raw))
        except RequestError as error:
            return self._refused(error)
        fault = self._faults.pop(0) if self._faults else BatchFault("ok")
        batch = _Batch(f"msgbatch_{len(self._batches) + 1}", requests, fault)
        self._batches[batch.id] = batch
        if fault.kind == "lost":
            return self._refused(RequestError(lost_status(fault.number), "lost"))
        return JSONResponse(self._shown(batch, request))

    def _list(self, request: Request, _: bytes) -> Response:
        newest = list(reversed(self._batches.values()))
        batches, more = page_of(newest, request, after="after_id")
        for batch in batches:
            self._go_on(batch)
        page = [self._shown(batch, request) for batch in batches]
        return JSONResponse(
            {
                "data": page,
                "has_more": more,
                "first_id": page[0]["id"] if page else None,
                "last_id": page[-1]["id"] if page else None,
            }
        )

    def _look(self, request: Request, _: bytes) -> Response:
        batch = self._batches.get(request.path_params["id"])
        if batch is None:
            return self._refused(RequestError(404, "no such batch"))
        self._go_on(batch)
        return JSONResponse(self._shown(batch, request))

    def _go_on(self, batch: _Batch) -> None:
        """Work at a batch that is looked at, by itself or in a list."""
        batch.looks += 1
        waits = batch.fault.kind == "wait" and batch.looks <= batch.fault.number
        if batch.results is None and not waits:
            self._answer(batch)

    def _cancel(self, request: Request, _: bytes) -> Response:
        batch = self._batches.get(request.path_params["id"])
        if batch is None:
            return self._refused(RequestError(404, "no such batch"))
        if batch.results is None:
            canceled = {"type": "canceled"}
            _end(batch, [(each["custom_id"], canceled) for each in batch.requests])
        return JSONResponse(self._shown(batch, request))

    def _results(self, request: Request, _: bytes) -> Response:
        batch = self._batches.get(request.path_params["id"])
        if batch is None or batch.results is None:
            return self._refused(RequestError(404, "no results"))
        return Response(batch.results, media_type="application/x-jsonl")

    def _answer(self, batch: _Batch) -> None:
        results: list[tuple[str, dict[str, Any]]] = []
        kind, number = batch.fault.kind, batch.fault.number
        for place, request in enumerate(batch.requests):
            result: dict[str, Any] = {"type": "expired"}
            if kind != "expire" or place < number:
                result = self._one(request["params"], fails=kind == "fail")
            results.append((request["custom_id"], result))
        _end(batch, results, drop=number if kind == "missing" else 0)

    def _one(self, params: dict[str, Any], *, fails: bool) -> dict[str, Any]:
        self._answered += 1
        if fails:
            return self._errored(RequestError(_FAILED, "Internal server error"))
        if params.get("stream"):
            return self._errored(RequestError(400, "stream: not supported in a batch"))
        try:
            plan = plan_answer(
                self._recordings,
                self._protocol.ask(params, {}),
                self._options,
                number=self._answered,
                created=int(time.time()),
            )
        except RequestError as error:
            return self._errored(error)
        body = json.loads(b"".join(step.data for step in plan.steps if isinstance(step, Send)))
        if plan.status != _OK:
            return {"type": "errored", "error": body}
        return {"type": "succeeded", "message": body}

    def _errored(self, error: RequestError) -> dict[str, Any]:
        return {"type": "errored", "error": self._protocol.error(error)}

    @staticmethod
    def _shown(batch: _Batch, request: Request) -> dict[str, Any]:
        ended = batch.results is not None
        kinds = ("succeeded", "errored", "canceled", "expired")
        counts = {kind: batch.counts[kind] for kind in kinds}
        counts["processing"] = 0 if ended else len(batch.requests)
        place = f"{request.base_url}v1/messages/batches/{batch.id}/results"
        return {
            "id": batch.id, "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts, "created_at": batch.created.isoformat(),
            "expires_at": (batch.created + _DAY).isoformat(),
            "ended_at": datetime.now(timezone.utc).isoformat() if ended else None,
            "archived_at": None, "cancel_initiated_at": None,
            "results_url": place if ended else None,
        }  # fmt: skip


def _end(batch: _Batch, results: list[tuple[str, dict[str, Any]]], *, drop: int = 0) -> None:
    """Note the results, without every so-manieth."""
    batch.counts = Counter(result["type"] for _, result in results)
    kept = [each for place, each in enumerate(results, 1) if not drop or place % drop]
    # As there: in no order that could be relied on.
    batch.results = b"".join(
        json.dumps({"custom_id": id_, "result": result}).encode() + b"\n"
        for id_, result in reversed(kept)
    )


def _requests_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    requests: Any = body.get("requests")
    if not isinstance(requests, list) or not requests:
        raise RequestError(400, "requests: Field required")
    seen: set[str] = set()
    for place, request in enumerate(requests):
        id_ = request.get("custom_id")
        if not isinstance(id_, str) or not _ID.fullmatch(id_):
            raise RequestError(400, f"requests.{place}.custom_id: should match {_ID.pattern}")
        if id_ in seen:
            raise RequestError(400, f"requests.{place}.custom_id: {id_} is not unique")
        seen.add(id_)
    return requests
