"""OpenInference (Arize Phoenix): replaces ``request`` of the SDK's client."""

from tests.observers.tool import SpanTool

__all__ = ["Observer"]


class Observer(SpanTool):
    requirements = ("openinference-instrumentation-openai", "opentelemetry-sdk")
    tokens = ("llm.token_count.completion",)

    def start(self) -> None:
        from openinference.instrumentation.openai import OpenAIInstrumentor

        OpenAIInstrumentor().instrument(tracer_provider=self.spans.provide())
