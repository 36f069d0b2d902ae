"""Azure OpenAI, which puts its content filter into the stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from partialfast.replay._reply import DONE, Event, Json, Reply
from partialfast.replay._shapes._openai import Chunk, OpenAI

__all__ = ["Azure", "AzureAsync"]

_SAFE: Json = {"filtered": False, "severity": "safe"}
_VERDICT: Json = dict.fromkeys(("hate", "self_harm", "sexual", "violence"), _SAFE)


class Azure(OpenAI):
    """Azure OpenAI, default content filter.

    Source: Microsoft's "Content streaming" and "Content filtering" pages, and
    recorded streams (AbanteAI/archive-old-cli-mentat issue 429, microsoft/autogen
    issue 6465). A first chunk has no choices, an empty id and model, and the
    filter's verdict on the prompt; every choice carries a verdict. A block is a
    chunk with an empty delta and finish reason ``content_filter``; ``[DONE]``
    follows at once, without usage.
    """

    name: ClassVar[str] = "azure"

    def prologue(self, reply: Reply) -> Iterator[Event]:
        del reply
        yield Event(
            {
                "choices": [],
                "created": 0,
                "id": "",
                "model": "",
                "object": "",
                "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _VERDICT}],
            }
        )

    def choice(self, chunk: Chunk) -> Json:
        blocked = chunk.finish == "content_filter"
        verdict = _VERDICT if chunk.delta.get("content") else {}
        if blocked:
            verdict = _VERDICT | {"violence": {"filtered": True, "severity": "high"}}
        return {"content_filter_results": verdict, **super().choice(chunk)}

    def epilogue(self, reply: Reply) -> Iterator[Event]:
        if reply.script.finish != "content_filter":
            yield from super().epilogue(reply)

    def message(self, reply: Reply, choice: int) -> Json:
        return {"annotations": [], **super().message(reply, choice)}

    def headers(self, reply: Reply) -> dict[str, str]:
        token = reply.token("request", 32)
        return {"apim-request-id": token, "x-request-id": token, "x-ms-region": "Replay"}


class AzureAsync(Azure):
    """Azure OpenAI with the asynchronous content filter.

    Source: Microsoft's "Content streaming" page, and recorded streams
    (microsoft/autogen issue 6465). Annotations come between the chunks and
    after the finish: choices without a ``delta``, in chunks with an empty id.
    """

    name: ClassVar[str] = "azure-async"
    #: An annotation comes after so many chunks.
    every: ClassVar[int] = 20

    def stream(self, reply: Reply) -> Iterator[Event]:
        for number, event in enumerate(super().stream(reply)):
            if event.data == DONE or (number and number % self.every == 0):
                yield Event(self._annotation(number), upto=event.upto)
            yield event

    def _annotation(self, number: int) -> Json:
        offsets = {"check_offset": 140, "start_offset": 140, "end_offset": 140 + number}
        return {
            "choices": [
                {
                    "content_filter_offsets": offsets,
                    "content_filter_results": _VERDICT,
                    "finish_reason": None,
                    "index": 0,
                }
            ],
            "created": 0,
            "id": "",
            "model": "",
            "object": "",
        }
