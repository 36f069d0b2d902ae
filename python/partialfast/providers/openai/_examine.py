"""All ways to ask an endpoint, tried one after the other, for ``partialfast doctor``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from partialfast.providers.openai._chat import Chat
from partialfast.providers.openai._probe import TRIALS, Fact, chosen, try_out
from partialfast.providers.openai._responses import Responses

__all__ = ["examine"]


def examine(sdk: Any, model: str) -> Iterator[str]:
    """Try all ways to ask an endpoint.

    Args:
        sdk: The SDK's client.
        model: The model to ask.

    Yields:
        Lines of a table, each as soon as it is known.

    Raises:
        openai.OpenAIError: The endpoint cannot be asked at all.
    """
    chat, responses = Chat(sdk.chat.completions), Responses(sdk.responses)
    width = max(len(trial.name) for trial in TRIALS)
    facts: list[Fact] = []
    for trial in TRIALS:
        fact = try_out(responses if trial.responses else chat, trial, model)
        facts.append(fact)
        yield f"{trial.name:{width}}  {'yes' if fact.honoured else 'no':3}  {fact.said}"
    usage = "yes" if any(fact.usage for fact in facts) else "no"
    yield f"{'usage in a stream':{width}}  {usage}"
    how = chosen(facts)
    arguments = "".join(f", {name}={value!r}" for name, value in how.arguments.items())
    yield f"use Mode.{how.mode.name}{arguments}"
