"""Runs calls under one tracing tool, and prints what the tool recorded; in a process of its own.

``python -m tests.observers.observed TOOL ORDER URLS``: ``TOOL_tool`` is a module of
`tests.observers.tools`; ORDER says when the tool is switched on, ``before`` or ``after``
`from_openai`; URLS are the servers, a JSON object with one for each API.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import time
from typing import Any

from pydantic import BaseModel

from tests.observers.record import Collector
from tests.observers.tool import Tool

__all__ = ["main"]


class Person(BaseModel):
    name: str
    city: str
    note: str


def main(name: str, order: str, urls: str) -> None:
    """Make the calls and print the record of each."""
    collector = Collector()
    observer: type[Tool] = importlib.import_module(f"tests.observers.tools.{name}_tool").Observer
    for variable, value in observer.environment.items():
        os.environ[variable] = value.format(collector=collector.url)
    results = _results(observer(collector), order, json.loads(urls))
    sys.stdout.write(f"\n{json.dumps(results)}\n")
    sys.stdout.flush()
    # Threads of the tool's that report to services must not hold the process up.
    os._exit(0)


def _results(tool: Tool, order: str, urls: dict[str, str]) -> dict[str, Any]:
    if order == "before":
        tool.start()
    from openai import AsyncOpenAI, OpenAI

    import partialfast as pf

    def client(sdk: Any) -> Any:
        return pf.from_openai(sdk, pf.Mode[tool.mode], model="gpt-4")

    calls: list[_Call] = []
    for api in ("chat", "responses"):
        for kind, class_ in (("sync", OpenAI), ("async", AsyncOpenAI)):
            sdk = class_(base_url=urls[api], api_key="k", max_retries=0)
            if order == "before":
                sdk = tool.wrap(sdk)
            calls.append(_Call(api, kind, sdk, client(sdk)))
    if order == "after":
        tool.start()
        for call in calls:
            # What it returns is not known to a client that was made before.
            tool.wrap(call.sdk)
    return asyncio.run(_observe(tool, calls))


class _Call:
    """A call, as the package makes it and as the bare SDK does.

    Args:
        api: The API.
        kind: Whether it is asynchronous.
        sdk: The SDK's client.
        client: Ours.
    """

    def __init__(self, api: str, kind: str, sdk: Any, client: Any) -> None:
        self.name = f"{api}-{kind}"
        self.sdk = sdk
        self._is_chat = api == "chat"
        self._client = client
        client.on("completion:kwargs", self._keep)
        self._sent: dict[str, Any] = {}

    def _keep(self, **sent: Any) -> None:
        self._sent = sent

    @property
    def _asked(self) -> dict[str, Any]:
        said = [{"role": "user", "content": "Who is it?"}]
        asked: dict[str, Any] = {"messages": said} if self._is_chat else {"input": said}
        return asked | {"response_model": Person}

    async def ours(self) -> list[tuple[float, Any]]:
        """Make the call, and return the snapshots with the time of each."""
        part = self._client.chat.completions if self._is_chat else self._client.responses
        stream = part.create_partial(**self._asked)
        if self.name.endswith("-sync"):
            return [(time.monotonic(), snapshot) for snapshot in stream]
        return [(time.monotonic(), snapshot) async for snapshot in stream]

    async def bare(self) -> None:
        """Make the same call with the SDK alone."""
        part = self.sdk.chat.completions if self._is_chat else self.sdk.responses
        more = {"stream_options": {"include_usage": True}} if self._is_chat else {}
        stream = part.create(**self._sent, **more, stream=True)
        if self.name.endswith("-sync"):
            list(stream)
        else:
            [one async for one in await stream]


async def _observe(tool: Tool, calls: list[_Call]) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for call in calls:
        # What is imported only when it is needed takes its time once.
        await call.ours()
        tool.records()
        with tool.around():
            shown = await call.ours()
        recorded = tool.records()
        with tool.around():
            await call.bare()
        results[call.name] = {
            "shown": [snapshot.model_dump(exclude_unset=True) for _, snapshot in shown],
            "seconds": shown[-1][0] - shown[0][0],
            "recorded": recorded,
            "bare": tool.records(),
        }
    return results


if __name__ == "__main__":
    main(*sys.argv[1:])
