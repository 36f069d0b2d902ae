"""MLflow: replaces ``create`` of the SDK's classes."""

import json
import tempfile
from typing import Any

from tests.observers.record import Record, numbers
from tests.observers.tool import Tool

__all__ = ["Observer"]


class Observer(Tool):
    # Of a stream it keeps the text, not the arguments of calls.
    mode = "JSON"
    requirements = ("mlflow",)
    environment = {"MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false", "DO_NOT_TRACK": "true"}

    def start(self) -> None:
        import mlflow

        mlflow.set_tracking_uri(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
        mlflow.openai.autolog()
        self._seen: set[str] = set()

    def records(self) -> list[Record]:
        import mlflow

        mlflow.flush_trace_async_logging()
        traces = mlflow.search_traces(locations=["0"], return_type="list")
        new = [trace for trace in traces if trace.info.trace_id not in self._seen]
        self._seen |= {trace.info.trace_id for trace in new}
        return [_record(trace.data.spans[0]) for trace in new]


def _record(span: Any) -> Record:
    counts = numbers(span.attributes, "output_tokens", "completion_tokens")
    return Record(
        json.dumps([span.outputs, [event.attributes for event in span.events]], default=str),
        counts[0] if counts else None,
        (span.end_time_ns - span.start_time_ns) / 1e9,
    )
