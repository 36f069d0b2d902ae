"""OpenAI's files and batches: many requests in a file, answered within a day at half the price."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

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
from partialfast.providers.openai._command_client import first_request
from partialfast.providers.openai._provider import body_of, tokens

__all__ = ["OpenAIBatches"]

#: Those of https://platform.openai.com/docs/guides/batch
_MOST_REQUESTS = 50_000
_MOST_BYTES = 200_000_000
#: Names of the metadata that say whose a batch is.
_RUN, _NUMBER = "partialfast_run", "partialfast_number"


class OpenAIBatches:
    """Asks through batches.

    Args:
        client: A client of `from_openai` over an ``AsyncOpenAI``.
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
        self._client = client
        self._mode = mode
        self._model = model
        self._llm = llm
        self._options = options

    def request(self, id_: str, messages: Sequence[Any]) -> bytes:
        """Give the line that asks about a document.

        Args:
            id_: What the answer is to be called.
            messages: What is asked.
        """
        asked = first_request(self._mode, self._model, self._llm, list(messages))
        body = body_of({**asked, **self._options})
        # There is nobody to read a stream.
        for name in ("stream", "stream_options"):
            body.pop(name, None)
        return _line(id_, body)

    def corrected(self, line: bytes, text: str, error: Exception) -> bytes:
        """Give the line that asks again, with the answer that was wrong and why.

        Args:
            line: The line that asked.
            text: The answer.
            error: What is wrong with it.
        """
        request = json.loads(line)
        said = [{"role": "assistant", "content": text}] if text else []
        correction = {"role": "user", "content": explain(error)}
        body = request["body"]
        body = {**body, "messages": [*body["messages"], *said, correction]}
        return _line(request["custom_id"], body)

    async def submit(self, path: Path, *, run: str, number: int) -> str:
        """Upload the requests of a file, and have them answered.

        Args:
            path: The file.
            run: Whose it is.
            number: Which of its batches.

        Returns:
            The name of the batch.
        """
        file = await self._client.files.create(file=path, purpose="batch")
        batch = await self._client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={_RUN: run, _NUMBER: str(number)},
        )
        return str(batch.id)

    async def find(self, search: Search) -> Sought:
        """Look for a batch that may have been submitted already: its metadata say whose it is.

        Args:
            search: Which one.
        """
        wanted = (search.run, str(search.number))
        async with aclosing(listed(self._client.batches.list(limit=100))) as batches:
            async for batch in batches:
                metadata = batch.metadata or {}
                if (metadata.get(_RUN), metadata.get(_NUMBER)) == wanted:
                    return Sought(str(batch.id))
        return Sought(None)

    async def look(self, name: str) -> BatchState:
        """Look how a batch stands.

        Args:
            name: The batch.
        """
        batch = await self._client.batches.retrieve(name)
        counts = getattr(batch, "request_counts", None)
        done = getattr(counts, "completed", 0) + getattr(counts, "failed", 0) if counts else 0
        if batch.status == "failed":
            errors = getattr(batch.errors, "data", None) or []
            said = "; ".join(str(each.message) for each in errors[:3])
            return BatchState("refused", 0, said or "no reason was given")
        ended = batch.status in {"completed", "expired", "cancelled"}
        return BatchState("ended" if ended else "working", done)

    async def results(self, name: str, ids: Sequence[str]) -> AsyncGenerator[BatchLine, None]:
        """Fetch what a batch that has ended has brought.

        Args:
            name: The batch.
            ids: Those of its requests; each line has one of them.

        Yields:
            A line for each request that was answered or has failed, in any order.
        """
        del ids
        batch = await self._client.batches.retrieve(name)
        for file in (batch.output_file_id, batch.error_file_id):
            if not file:
                continue
            content = self._client.files.with_streaming_response.content(file)
            async with (
                content as response,
                aclosing(lines_of(response.http_response.aiter_bytes())) as lines,
            ):
                async for line in lines:
                    yield _read(line)


def _read(line: bytes) -> BatchLine:
    record = object_of(line)
    response: Any = record.get("response") or {}
    used: Any = (response.get("body") or {}).get("usage")
    count = tokens(used, input_="prompt_tokens", output="completion_tokens")
    status = response.get("status_code")
    return BatchLine(
        record.get("custom_id"),
        line,
        status if isinstance(status, int) else None,
        count.input or 0,
        count.output or 0,
    )


def _line(id_: str, body: Mapping[str, Any]) -> bytes:
    request = {"custom_id": id_, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(request, ensure_ascii=False).encode() + b"\n"
