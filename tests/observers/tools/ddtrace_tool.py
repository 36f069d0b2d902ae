"""Datadog: replaces ``create`` of the SDK's classes."""

import json
from typing import Any

from tests.observers.record import Record
from tests.observers.tool import Tool

__all__ = ["Observer"]


class Observer(Tool):
    requirements = ("ddtrace",)
    environment = {
        "DD_TRACE_AGENT_URL": "{collector}",
        "DD_LLMOBS_OVERRIDE_ORIGIN": "{collector}",
        "DD_API_KEY": "k",
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "0",
        "DD_REMOTE_CONFIGURATION_ENABLED": "0",
    }

    def start(self) -> None:
        from ddtrace.llmobs import LLMObs

        LLMObs.enable(ml_app="observed", agentless_enabled=True)

    def records(self) -> list[Record]:
        from ddtrace.llmobs import LLMObs

        LLMObs.flush()
        said = [json.loads(body) for path, body in self.collector.take() if "llmobs" in path]
        events = [event for each in said for event in (each if isinstance(each, list) else [each])]
        return [_record(span) for event in events for span in event.get("spans", [])]


def _record(span: Any) -> Record:
    return Record(
        json.dumps(span["meta"].get("output")),
        span["metrics"].get("output_tokens"),
        span["duration"] / 1e9,
    )
