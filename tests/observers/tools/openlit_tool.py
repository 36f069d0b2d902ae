"""OpenLIT: replaces ``create`` of the SDK's classes."""

from tests.observers.tool import SpanTool

__all__ = ["Observer"]


class Observer(SpanTool):
    requirements = ("openlit",)

    def start(self) -> None:
        import openlit

        self.spans.provide()
        openlit.init(otlp_endpoint=self.collector.url, disable_metrics=True, disable_events=True)
