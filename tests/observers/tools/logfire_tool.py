"""Logfire: replaces ``request`` of the SDK's client; of a stream it makes an event at its end."""

import json

from tests.observers.record import Record
from tests.observers.tool import SpanTool

__all__ = ["Observer"]


class Observer(SpanTool):
    requirements = ("logfire",)

    def start(self) -> None:
        import logfire

        logfire.configure(
            send_to_logfire=False, console=False, additional_span_processors=[self.spans.processor]
        )
        logfire.instrument_openai()

    def records(self) -> list[Record]:
        # The span of a stream is an event of its end, which says how long it took.
        return [
            record._replace(seconds=json.loads(record.answer)[0].get("duration", 0))
            for record in super().records()
        ]
