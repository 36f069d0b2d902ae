"""AgentOps: replaces ``create`` of the SDK's classes."""

from tests.observers.tool import SpanTool

__all__ = ["Observer"]


class Observer(SpanTool):
    # It replaces a class of another module than the one that clients take responses from.
    lacks = frozenset({"responses"})
    # Of a stream it keeps the text, not the arguments of calls.
    mode = "JSON"
    requirements = ("agentops",)
    tokens = ("gen_ai.usage.completion_tokens", "gen_ai.usage.output_tokens")

    def start(self) -> None:
        from agentops.instrumentation.providers.openai.instrumentor import OpenaiInstrumentor

        OpenaiInstrumentor().instrument(tracer_provider=self.spans.provide())
