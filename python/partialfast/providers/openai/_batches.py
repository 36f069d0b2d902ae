"""OpenAI's files and batches: many requests in a file, answered within a day at half the price."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from partialfast.answer._words import explain
from partialfast.providers.openai._endpoint import first_request
from partialfast.providers.openai._provider import body_of

__all__ = ["BatchState", "OpenAIBatches"]

#: Those of https://platform.openai.com/docs/guides/batch
_MOST_REQUESTS = 50_000
_MOST_BYTES = 200_000_000
#: Names of the metadata that say whose a batch is.
_RUN, _NUMBER = "partialfast_run", "partialfast_number"


@dataclass(frozen=True, slots=True)
class BatchState:
    """How a batch stands.

    Args:
        kind: Whether it is at work, has ended (with results for some requests at least), or was
            refused as a whole.
        done: Requests that are answered.
        message: Why it was refused, in the provider's words.
    """

    kind: Literal["working", "ended", "refused"]
    done: int
    message: str = ""


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

    async def find(self, run: str) -> dict[int, str]:
        """Look for batches that were submitted already.

        Args:
            run: Whose they are.

        Returns:
            Their names, by their number.
        """
        found: dict[int, str] = {}
        async for batch in self._client.batches.list(limit=100):
            metadata = batch.metadata or {}
            if metadata.get(_RUN) == run and metadata.get(_NUMBER, "").isdecimal():
                found[int(metadata[_NUMBER])] = str(batch.id)
        return found

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

    async def results(self, name: str) -> AsyncIterator[bytes]:
        """Fetch what a batch that has ended has brought.

        Args:
            name: The batch.

        Yields:
            A line for each request that was answered or has failed, in any order.
        """
        batch = await self._client.batches.retrieve(name)
        for file in (batch.output_file_id, batch.error_file_id):
            if not file:
                continue
            content = self._client.files.with_streaming_response.content(file)
            async with content as response:
                rest = b""
                async for block in response.iter_bytes():
                    # At line feeds alone: an answer may hold what Unicode calls an end of a line.
                    *lines, rest = (rest + block).split(b"\n")
                    for line in lines:
                        if line.strip():
                            yield line
                if rest.strip():
                    yield rest


def _line(id_: str, body: Mapping[str, Any]) -> bytes:
    request = {"custom_id": id_, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(request, ensure_ascii=False).encode() + b"\n"
