"""LangSmith: replaces ``create`` of one client."""

import json
from datetime import datetime
from typing import Any

from tests.observers.record import Record, numbers
from tests.observers.tool import Tool

__all__ = ["Observer"]


class Observer(Tool):
    requirements = ("langsmith",)
    environment = {
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_ENDPOINT": "{collector}",
        "LANGSMITH_API_KEY": "k",
    }

    def start(self) -> None:
        from langsmith import Client

        self._client: Any = Client(auto_batch_tracing=False)

    def wrap(self, sdk: Any) -> Any:
        from langsmith.wrappers import wrap_openai

        return wrap_openai(sdk, tracing_extra={"client": self._client})

    def records(self) -> list[Record]:
        self._client.flush()
        runs = [json.loads(body) for path, body in self.collector.take() if "/runs/" in path]
        return [_record(run) for run in runs if run.get("end_time")]


def _record(run: Any) -> Record:
    began, ended = (datetime.fromisoformat(run[name]) for name in ("start_time", "end_time"))
    counts = numbers(run["outputs"], "output_tokens", "completion_tokens")
    return Record(
        json.dumps(run["outputs"]), counts[0] if counts else None, (ended - began).total_seconds()
    )
