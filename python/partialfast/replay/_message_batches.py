"""Anthropic's message batches; what can go wrong there is said as for OpenAI's.

Source: "Batch processing" of Anthropic's documentation, and ``anthropic.types.messages`` of
anthropic 2.14.

As there, a batch that cannot be read is refused when it is made. So ``fail`` means here that each
request is answered with an error of the server's, and ``expire@N`` that those after the first N
have expired.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from partialfast.replay._ask import Given, RequestError, parse_body
from partialfast.replay._batches import (
    OK,
    BatchFault,
    BatchShelf,
    Handler,
    Params,
    file_response,
    json_lines,
)
from partialfast.replay._exchanges import Exchange
from partialfast.replay._steps import CannedResponse

__all__ = ["MessageBatches"]

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_DAY = timedelta(hours=24)
_PLACE = "/v1/messages/batches"


@dataclass
class _Batch:
    """A batch."""

    id: str
    requests: list[dict[str, Any]]
    fault: BatchFault
    created: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    looks: int = 0
    results: bytes | None = None  # once it has ended
    counts: Counter[str] = field(default_factory=Counter)

    def end(self, results: list[dict[str, Any]]) -> None:
        """Note the result of each request."""
        self.counts = Counter(result["type"] for result in results)
        drop = self.fault.number if self.fault.kind == "missing" else len(results) + 1
        pairs = zip(self.requests, results, strict=True)
        kept = [
            {"custom_id": request["custom_id"], "result": result}
            for place, (request, result) in enumerate(pairs, 1)
            if place % drop
        ]
        # As there: in no order that could be relied on.
        self.results = json_lines(reversed(kept))


class MessageBatches(BatchShelf):
    """The message batches of a server."""

    name = "anthropic"

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Give what answers at which path and method."""
        return [
            (_PLACE, "POST", self._create),
            (_PLACE, "GET", self._list),
            (_PLACE + "/{id}", "GET", self._look),
            (_PLACE + "/{id}/results", "GET", self._results),
            (_PLACE + "/{id}/cancel", "POST", self._cancel),
        ]

    def _named(self, params: Params) -> _Batch:
        batch: _Batch | None = self.batches.get(params["id"])
        if batch is None:
            raise RequestError(404, "no such batch")
        return batch

    def _create(self, exchange: Exchange, _: Params) -> CannedResponse:
        requests = _requests_of(parse_body(exchange.raw))
        batch = _Batch(f"msgbatch_{len(self.batches) + 1}", requests, self.next_fault())
        self.batches[batch.id] = batch
        self.lose(batch.fault)
        return CannedResponse.of_json(_shown(batch, exchange))

    def _list(self, exchange: Exchange, params: Params) -> CannedResponse:
        batches, more = self.page(params, after="after_id")
        for batch in batches:
            self._go_on(batch)
        page = [_shown(batch, exchange) for batch in batches]
        first, last = (page[0]["id"], page[-1]["id"]) if page else (None, None)
        return CannedResponse.of_json(
            {"data": page, "has_more": more, "first_id": first, "last_id": last}
        )

    def _look(self, exchange: Exchange, params: Params) -> CannedResponse:
        batch = self._named(params)
        self._go_on(batch)
        return CannedResponse.of_json(_shown(batch, exchange))

    def _cancel(self, exchange: Exchange, params: Params) -> CannedResponse:
        batch = self._named(params)
        if batch.results is None:
            batch.end([{"type": "canceled"} for _ in batch.requests])
        return CannedResponse.of_json(_shown(batch, exchange))

    def _results(self, _: Exchange, params: Params) -> CannedResponse:
        results = self._named(params).results
        if results is None:
            raise RequestError(404, "no results")
        return file_response(results, "application/x-jsonl")

    def _go_on(self, batch: _Batch) -> None:
        """Work at a batch that is looked at, by itself or in a list."""
        batch.looks += 1
        kind, number = batch.fault
        if batch.results is None and (kind != "wait" or batch.looks > number):
            batch.end([
                {"type": "expired"} if kind == "expire" and place >= number
                else self._one(request["params"], fails=kind == "fail")
                for place, request in enumerate(batch.requests)
            ])  # fmt: skip

    def _one(self, params: dict[str, Any], *, fails: bool) -> dict[str, Any]:
        if fails:
            error = self.protocol.error(RequestError(500, "Internal server error"))
            return {"type": "errored", "error": error}
        status, body = self.answer(Given(params))
        if status != OK:
            return {"type": "errored", "error": body}
        return {"type": "succeeded", "message": body}


def _shown(batch: _Batch, exchange: Exchange) -> dict[str, Any]:
    ended = batch.results is not None
    kinds = ("succeeded", "errored", "canceled", "expired")
    counts = {kind: batch.counts[kind] for kind in kinds}
    place = f"http://{exchange.headers['host']}{_PLACE}/{batch.id}/results"
    counts["processing"] = 0 if ended else len(batch.requests)
    return {
        "id": batch.id, "type": "message_batch",
        "processing_status": "ended" if ended else "in_progress",
        "request_counts": counts, "created_at": batch.created.isoformat(),
        "expires_at": (batch.created + _DAY).isoformat(),
        "ended_at": datetime.now(timezone.utc).isoformat() if ended else None,
        "archived_at": None, "cancel_initiated_at": None,
        "results_url": place if ended else None,
    }  # fmt: skip


def _requests_of(body: Given) -> list[dict[str, Any]]:
    requests = body["requests"]
    seen: set[str] = set()
    for request in requests:
        id_ = request["custom_id"]
        if not _ID.fullmatch(id_.need(str)):
            raise id_.invalid(f"{id_.place}: should match {_ID.pattern}")
        if id_.value in seen:
            raise id_.invalid(f"{id_.place}: {id_.value} is not unique")
        seen.add(id_.value)
        request["params"].need(dict)
    if not seen:
        raise requests.invalid("requests: Field required")
    return list(requests.value)
