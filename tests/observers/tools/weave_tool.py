"""Weave (Weights & Biases): replaces ``create`` of the SDK's classes."""

import json
from datetime import datetime
from typing import Any

from tests.observers.record import Record, numbers
from tests.observers.tool import Tool

__all__ = ["Observer"]


class Observer(Tool):
    requirements = ("weave",)
    environment = {"WEAVE_PRINT_CALL_LINK": "false", "WEAVE_USE_CALLS_COMPLETE": "false"}

    def start(self) -> None:
        # `weave.init` asks a service who the user is; the rest of it is this.
        from weave.integrations.patch import patch_openai
        from weave.trace.context import weave_client_context
        from weave.trace.weave_client import WeaveClient
        from weave.trace_server_bindings.remote_http_trace_server import RemoteHTTPTraceServer

        server = RemoteHTTPTraceServer(self.collector.url, should_batch=False)
        self._began: dict[str, Any] = {}
        self._client: Any = WeaveClient("e", "observed", server, ensure_project_exists=False)
        weave_client_context.set_weave_client_global(self._client)
        patch_openai()

    def records(self) -> list[Record]:
        self._client.flush()
        said = [json.loads(body) for path, body in self.collector.take() if "/call/" in path]
        self._began |= {one["start"]["id"]: one["start"] for one in said if "start" in one}
        return [_record(self._began[one["end"]["id"]], one["end"]) for one in said if "end" in one]


def _record(start: Any, end: Any) -> Record:
    began, ended = (
        datetime.fromisoformat(said.replace("Z", "+00:00"))
        for said in (start["started_at"], end["ended_at"])
    )
    counts = numbers(end.get("output"), "completion_tokens", "output_tokens")
    return Record(
        json.dumps(end.get("output")),
        counts[0] if counts else None,
        (ended - began).total_seconds(),
    )
