"""Langfuse: replaces ``create`` of the SDK's classes as soon as it is imported."""

import importlib
import json
from typing import Any

from tests.observers.record import Record
from tests.observers.tool import Tool

__all__ = ["Observer"]


class Observer(Tool):
    requirements = ("langfuse",)

    def start(self) -> None:
        from langfuse import Langfuse
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self._exporter: Any = InMemorySpanExporter()
        self._client: Any = Langfuse(
            public_key="p",
            secret_key="s",
            base_url=self.collector.url,
            span_exporter=self._exporter,
        )
        importlib.import_module("langfuse.openai")

    def records(self) -> list[Record]:
        self._client.flush()
        spans = self._exporter.get_finished_spans()
        self._exporter.clear()
        return [_record(span) for span in spans]


def _record(span: Any) -> Record:
    attributes = dict(span.attributes)
    usage = json.loads(attributes.get("langfuse.observation.usage_details", "{}"))
    return Record(
        str(attributes.get("langfuse.observation.output")),
        usage.get("completion_tokens") or usage.get("output") or usage.get("output_tokens"),
        (span.end_time - span.start_time) / 1e9,
    )
