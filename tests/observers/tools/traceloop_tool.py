"""Traceloop (OpenLLMetry): replaces ``create`` of the SDK's classes."""

from tests.observers.tool import SpanTool

__all__ = ["Observer"]


class Observer(SpanTool):
    requirements = ("opentelemetry-instrumentation-openai", "opentelemetry-sdk")
    tokens = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")

    def start(self) -> None:
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor

        OpenAIInstrumentor().instrument(tracer_provider=self.spans.provide())
