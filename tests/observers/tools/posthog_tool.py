"""PostHog: a client of its own, whose resources stand in for the SDK's."""

import json
from typing import Any

from tests.observers.record import Record
from tests.observers.tool import Tool

__all__ = ["Observer"]


class Observer(Tool):
    requirements = ("posthog", "httpx")
    # It is another client, and can do nothing for one that is there already.
    orders = ("before",)

    def start(self) -> None:
        from posthog import Posthog

        self._events: list[Any] = []
        self._client: Any = Posthog("k", host=self.collector.url, before_send=self._keep)

    def _keep(self, event: Any) -> Any:
        self._events.append(event)
        return event

    def wrap(self, sdk: Any) -> Any:
        import openai
        from posthog.ai.openai import AsyncOpenAI, OpenAI

        kind = AsyncOpenAI if isinstance(sdk, openai.AsyncOpenAI) else OpenAI
        return kind(
            posthog_client=self._client,
            base_url=str(sdk.base_url),
            api_key=sdk.api_key,
            max_retries=0,
        )

    def records(self) -> list[Record]:
        events, self._events = self._events, []
        return [_record(event["properties"]) for event in events]


def _record(said: Any) -> Record:
    return Record(
        json.dumps(said.get("$ai_output_choices"), default=str),
        said.get("$ai_output_tokens"),
        said.get("$ai_latency"),
    )
