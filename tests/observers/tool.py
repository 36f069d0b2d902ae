"""What a tracing tool has to say, so that it can be tested."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

from tests.observers.record import Collector, Record, Spans

__all__ = ["SpanTool", "Tool"]


class Tool:
    """A tracing tool.

    Attributes:
        requirements: What pip is to install.
        environment: Variables; ``{collector}`` stands for the URL of the collector.
        lacks: What it records of no streamed call, not of the SDK's own either: ``answer``,
            ``tokens`` or ``seconds``; ``responses`` is the whole API. Each is looked at with the
            bare SDK, so that what a new release brings is noticed.
        mode: How the model is asked.
        orders: When it can be switched on: ``before`` or ``after`` `from_openai`.
    """

    requirements: ClassVar[tuple[str, ...]]
    environment: ClassVar[dict[str, str]] = {}
    lacks: ClassVar[frozenset[str]] = frozenset()
    mode: ClassVar[str] = "TOOLS"
    orders: ClassVar[tuple[str, ...]] = ("before", "after")

    def __init__(self, collector: Collector) -> None:
        self.collector = collector

    def start(self) -> None:
        """Switch it on, where it is global."""

    def wrap(self, sdk: Any) -> Any:
        """Switch it on for one client, and return what is used instead of it."""
        return sdk

    def around(self) -> AbstractContextManager[Any]:
        """Return what a call stands in."""
        return nullcontext()

    def records(self) -> list[Record]:
        """Return what was recorded since the last call."""
        raise NotImplementedError


class SpanTool(Tool):
    """A tool that makes spans of OpenTelemetry's.

    Attributes:
        tokens: The attributes, one of which has the output tokens.
    """

    tokens: ClassVar[tuple[str, ...]] = ("gen_ai.usage.output_tokens",)

    def __init__(self, collector: Collector) -> None:
        super().__init__(collector)
        self.spans = Spans()

    def records(self) -> list[Record]:
        return self.spans.take(*self.tokens)
