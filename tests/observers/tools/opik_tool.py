"""Opik: replaces ``create`` of one client."""

import json
from datetime import datetime
from typing import Any

from tests.observers.record import Record, numbers
from tests.observers.tool import Tool

__all__ = ["Observer"]


class Observer(Tool):
    requirements = ("opik",)
    environment = {
        "OPIK_URL_OVERRIDE": "{collector}/api/",
        "OPIK_API_KEY": "k",
        "OPIK_WORKSPACE": "w",
        "OPIK_SENTRY_ENABLE": "false",
    }

    def wrap(self, sdk: Any) -> Any:
        from opik.integrations.openai import track_openai

        return track_openai(sdk)

    def records(self) -> list[Record]:
        import opik

        opik.flush_tracker()
        said = [json.loads(body) for path, body in self.collector.take() if "/spans" in path]
        spans = [span for each in said for span in each.get("spans", [each])]
        return [_record(span) for span in spans if span.get("end_time")]


def _record(span: Any) -> Record:
    began, ended = (datetime.fromisoformat(span[name]) for name in ("start_time", "end_time"))
    counts = numbers(span.get("usage"), "completion_tokens")
    return Record(
        json.dumps(span.get("output")),
        counts[0] if counts else None,
        (ended - began).total_seconds(),
    )
