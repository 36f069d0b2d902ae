"""Runs one call under one tracing tool, and prints what the tool recorded; in a process of its own.

``python -m tests.observers.observed TOOL ORDER KIND URL``: ORDER says when the tool is switched on,
``before`` or ``after`` `from_openai`; KIND is ``sync`` or ``async``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from openai import AsyncOpenAI, OpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import partialfast as pf

__all__ = ["TOOLS", "main"]


def _openinference(provider: Any) -> None:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=provider)


def _traceloop(provider: Any) -> None:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=provider)


#: Switches a tool on. The name is that of its package.
TOOLS = {
    "openinference-instrumentation-openai": _openinference,
    "opentelemetry-instrumentation-openai": _traceloop,
}


def main(tool: str, order: str, kind: str, url: str) -> None:
    """Run the call and print the record."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    if order == "before":
        TOOLS[tool](provider)
    shown = asyncio.run(_aread(tool, order, url, provider)) if kind == "async" else None
    if shown is None:
        shown = _read(tool, order, url, provider)
    spans = exporter.get_finished_spans()
    record = [
        {
            "name": span.name,
            "attributes": dict(span.attributes or {}),
            "events": [dict(event.attributes or {}) for event in span.events],
            "seconds": ((span.end_time or 0) - (span.start_time or 0)) / 1e9,
        }
        for span in spans
    ]
    sys.stdout.write(json.dumps({"shown": shown, "spans": record}, default=str))


ASK: dict[str, Any] = {
    "model": "gpt-4",
    "messages": [{"role": "user", "content": "hello"}],
    "response_model": dict[str, Any],
}


def _read(tool: str, order: str, url: str, provider: Any) -> list[Any]:
    with OpenAI(base_url=url, api_key="k") as sdk:
        client = pf.from_openai(sdk)
        if order == "after":
            TOOLS[tool](provider)
        return list(client.create_partial(**ASK))


async def _aread(tool: str, order: str, url: str, provider: Any) -> list[Any]:
    async with AsyncOpenAI(base_url=url, api_key="k") as sdk:
        client = pf.from_openai(sdk)
        if order == "after":
            TOOLS[tool](provider)
        return [one async for one in client.create_partial(**ASK)]


if __name__ == "__main__":
    main(*sys.argv[1:])
