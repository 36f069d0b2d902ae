"""Sentry: replaces ``create`` of the SDK's classes."""

import json
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from tests.observers.record import Record
from tests.observers.tool import Tool

__all__ = ["Observer"]


class Observer(Tool):
    # Of a stream it keeps the text, not the arguments of calls.
    mode = "JSON"
    requirements = ("sentry-sdk",)

    def start(self) -> None:
        import sentry_sdk
        from sentry_sdk.integrations.openai import OpenAIIntegration

        self._spans: list[Any] = []
        sentry_sdk.init(
            dsn=self.collector.url.replace("http://", "http://k@") + "/1",
            traces_sample_rate=1.0,
            send_default_pii=True,
            integrations=[OpenAIIntegration(include_prompts=True)],
            before_send_transaction=self._keep,
        )

    def _keep(self, event: Any, _hint: Any) -> Any:
        self._spans += event["spans"]
        return event

    def around(self) -> AbstractContextManager[Any]:
        import sentry_sdk

        made: AbstractContextManager[Any] = sentry_sdk.start_transaction(name="observed")
        return made

    def records(self) -> list[Record]:
        spans, self._spans = self._spans, []
        return [_record(span) for span in spans if span["op"].startswith("gen_ai")]


def _record(span: Any) -> Record:
    began, ended = (_time(span[name]) for name in ("start_timestamp", "timestamp"))
    data = span["data"]
    return Record(
        json.dumps(data, default=str), data.get("gen_ai.usage.output_tokens"), ended - began
    )


def _time(said: Any) -> float:
    if isinstance(said, datetime):
        return said.timestamp()
    return datetime.fromisoformat(said).timestamp() if isinstance(said, str) else float(said)
