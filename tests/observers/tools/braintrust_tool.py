"""Braintrust: replaces ``create`` of one client."""

import json
from typing import Any

from tests.observers.record import Record
from tests.observers.tool import Tool

__all__ = ["Observer"]


class Observer(Tool):
    requirements = ("braintrust", "pytest")

    def start(self) -> None:
        from braintrust import logger
        from braintrust.test_helpers import init_test_logger

        self._memory: Any = logger._internal_with_memory_background_logger()
        self._log: Any = self._memory.__enter__()
        init_test_logger("observed")

    def wrap(self, sdk: Any) -> Any:
        import braintrust

        return braintrust.wrap_openai(sdk)

    def records(self) -> list[Record]:
        return [_record(row) for row in self._log.pop() if row.get("output")]


def _record(row: Any) -> Record:
    metrics = row.get("metrics", {})
    return Record(
        json.dumps(row.get("output"), default=str),
        metrics.get("completion_tokens"),
        metrics.get("end", 0) - metrics.get("start", 0),
    )
