"""Lunary: replaces ``create`` of one client."""

import json
import time
from datetime import datetime
from typing import Any

from tests.observers.record import Record, numbers
from tests.observers.tool import Tool

__all__ = ["Observer"]


class Observer(Tool):
    requirements = ("lunary",)
    environment = {"LUNARY_API_URL": "{collector}", "LUNARY_PUBLIC_KEY": "k"}
    # Its `monitor` knows chat completions alone, and counts tokens by itself.
    lacks = frozenset({"responses", "tokens"})

    def wrap(self, sdk: Any) -> Any:
        import lunary

        lunary.monitor(sdk)
        return sdk

    def records(self) -> list[Record]:
        events: list[Any] = []
        for _ in range(100):
            # A thread of its sends them, by and by.
            for _path, body in self.collector.take():
                events += json.loads(body).get("events", [])
            if any(event["event"] == "end" for event in events):
                break
            time.sleep(0.1)
        began = {event["runId"]: event for event in events if event["event"] == "start"}
        return [
            _record(began[event["runId"]], event) for event in events if event["event"] == "end"
        ]


def _record(start: Any, end: Any) -> Record:
    began, ended = (datetime.fromisoformat(each["timestamp"]) for each in (start, end))
    counts = numbers(end.get("tokensUsage"), "completion")
    return Record(
        json.dumps(end.get("output")),
        counts[0] if counts else None,
        (ended - began).total_seconds(),
    )
