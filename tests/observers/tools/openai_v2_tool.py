"""OpenTelemetry's own, openai-v2: replaces ``create`` of the SDK's classes."""

from tests.observers.tool import SpanTool

__all__ = ["Observer"]


class Observer(SpanTool):
    requirements = (
        "opentelemetry-instrumentation-openai-v2>=2.4b0",
        # Its release 2.4b0 cannot be imported with newer ones.
        "opentelemetry-util-genai>=1.0b0,<1.1",
        "opentelemetry-sdk",
        # It imports httpx, which the SDK does not bring any more.
        "httpx",
    )
    # Responses are on its list of what is to come.
    lacks = frozenset({"responses"})
    environment = {
        "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
    }

    def start(self) -> None:
        from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

        OpenAIInstrumentor().instrument(tracer_provider=self.spans.provide())
