"""Anthropic's message batches: many requests at once, answered within a day at half the price.

Source: "Batch processing" of Anthropic's documentation, and ``anthropic.types.messages`` of
anthropic 2.14.

A message batch bears no mark of its maker but the ids of its requests, which its results show once
it has ended. So each request is called by the run, the number of its batch and its row.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from partialfast.answer._attempts import Call
from partialfast.answer._mode import Mode
from partialfast.answer._options import CallOptions, Settings
from partialfast.answer._seam import Mistake
from partialfast.answer._words import explain
from partialfast.providers._batches import (
    BatchLine,
    BatchState,
    Search,
    Sought,
    lines_of,
    listed,
    object_of,
)
from partialfast.providers.anthropic._provider import Messages

__all__ = ["AnthropicBatches"]

_MOST_REQUESTS = 100_000
#: The API takes 256 MB. The ids that are put in when it is submitted have at most 64 bytes each.
_MOST_BYTES = 256_000_000 - 100 * _MOST_REQUESTS
#: How far this machine's clock may be from the provider's, in seconds.
_CLOCKS_S = 3600.0
#: "Errors" of Anthropic's documentation.
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_OK = 200


class AnthropicBatches:
    """Asks through message batches.

    Args:
        client: A client of `from_anthropic` over an ``AsyncAnthropic``.
        mode: How the model is asked for JSON.
        model: The type of the value.
        llm: The model to ask.
        options: More arguments for every request.
    """

    most_requests = _MOST_REQUESTS
    most_bytes = _MOST_BYTES
    #: What is paid of the price of a single request.
    price = 0.5

    def __init__(
        self, client: Any, *, mode: str, model: Any, llm: str, options: Mapping[str, Any]
    ) -> None:
        self._batches = client.messages.batches
        self._messages = Messages(None)
        self._settings = Settings(Mode(mode))
        self._asked = CallOptions(response_model=model, items=False, stream=False)
        self._arguments = {**options, "model": llm}

    def request(self, id_: str, messages: Sequence[Any]) -> bytes:
        """Give the line that asks about a document.

        Args:
            id_: What the answer is to be called.
            messages: What is asked.
        """
        arguments = {**self._arguments, "messages": list(messages)}
        call = Call(self._messages, self._settings, self._asked, arguments)
        return _line(id_, call.request.arguments)

    def corrected(self, line: bytes, text: str, error: Exception) -> bytes:
        """Give the line that asks again, with the answer that was wrong and why.

        Args:
            line: The line that asked.
            text: The answer.
            error: What is wrong with it.
        """
        request = json.loads(line)
        params = self._messages.correct(request["params"], Mistake(text, explain(error)))
        return _line(request["custom_id"], params)

    async def submit(self, path: Path, *, run: str, number: int) -> str:
        """Have the requests of a file answered. They are held in memory meanwhile.

        Args:
            path: The file.
            run: Whose it is.
            number: Which of its batches.

        Returns:
            The name of the batch.
        """
        requests = await asyncio.to_thread(_read_requests, path, _mark(run, number))
        batch = await self._batches.create(requests=requests)
        return str(batch.id)

    async def find(self, search: Search) -> Sought:
        """Look for a batch that may have been submitted already.

        Those that were made since with as many requests are looked at. Which of them it is shows in
        their results, so it is uncertain as long as one of them is at work.

        Args:
            search: Which one.
        """
        mark, at_work = _mark(search.run, search.number), False
        # The newest comes first.
        async with aclosing(listed(self._batches.list(limit=1000))) as batches:
            async for batch in batches:
                if batch.created_at.timestamp() < search.since - _CLOCKS_S:
                    break
                counts = batch.request_counts
                count = (
                    counts.processing
                    + counts.succeeded
                    + counts.errored
                    + counts.canceled
                    + counts.expired
                )
                if batch.id in search.known or count != search.count:
                    continue
                if batch.processing_status != "ended":
                    at_work = True
                elif batch.results_url and await self._is_marked(batch.id, mark):
                    return Sought(str(batch.id))
        return Sought(None, is_certain=not at_work)

    async def _is_marked(self, name: str, mark: str) -> bool:
        """Tell whose a batch is by the first of its results."""
        async with self._results(name) as lines:
            first = await anext(lines, b"")
        id_ = object_of(first).get("custom_id")
        return isinstance(id_, str) and id_.startswith(mark)

    @asynccontextmanager
    async def _results(self, name: str) -> AsyncGenerator[AsyncGenerator[bytes, None]]:
        """Open the file of results, line by line."""
        # Old versions of the SDK have no `with_streaming_response` for it.
        decoder = await self._batches.results(name)
        try:
            async with aclosing(lines_of(decoder.http_response.aiter_bytes())) as lines:
                yield lines
        finally:
            await decoder.close()

    async def look(self, name: str) -> BatchState:
        """Look how a batch stands. None is refused as a whole once it was made.

        Args:
            name: The batch.
        """
        batch = await self._batches.retrieve(name)
        counts = batch.request_counts
        done = counts.succeeded + counts.errored
        return BatchState("ended" if batch.processing_status == "ended" else "working", done)

    async def results(self, name: str, ids: Sequence[str]) -> AsyncGenerator[BatchLine, None]:
        """Fetch what a batch that has ended has brought.

        Args:
            name: The batch.
            ids: Those of its requests, in the order of the file.

        Yields:
            A line for each request that was answered or has failed, in any order.
        """
        async with self._results(name) as lines:
            async for line in lines:
                record = object_of(line)
                row = str(record.get("custom_id")).rpartition("-")[2]
                known = row.isdecimal() and int(row) < len(ids)
                yield self._read(line, record, ids[int(row)] if known else None)

    def _read(self, line: bytes, record: Mapping[str, Any], id_: str | None) -> BatchLine:
        result: Any = record.get("result")
        found: Mapping[str, Any] = result if isinstance(result, dict) else {}
        if found.get("type") == "succeeded":
            message: Any = found.get("message")
            used = message.get("usage") if isinstance(message, dict) else None
            count = self._messages.tokens(used)
            return BatchLine(id_, line, _OK, count.input or 0, count.output or 0)
        status = None
        if found.get("type") == "errored":
            # The error stands in the body of the response that a single request would have had.
            body: Any = found.get("error") or {}
            error: Any = body.get("error") or body
            status = _STATUSES.get(error.get("type"))
        return BatchLine(id_, line, status)


def _mark(run: str, number: int) -> str:
    # Letters, digits, hyphens and underscores are allowed, 64 of them.
    return f"{run}-{number}-"


def _read_requests(path: Path, mark: str) -> list[dict[str, Any]]:
    with path.open("rb") as lines:
        return [
            {"custom_id": f"{mark}{row}", "params": json.loads(line)["params"]}
            for row, line in enumerate(lines)
        ]


def _line(id_: str, params: Mapping[str, Any]) -> bytes:
    return json.dumps({"custom_id": id_, "params": params}, ensure_ascii=False).encode() + b"\n"
