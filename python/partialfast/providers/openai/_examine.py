"""All ways to ask an endpoint, tried one after the other, for ``partialfast doctor``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from partialfast.providers.openai._chat import Chat
from partialfast.providers.openai._probe import (
    NAMED,
    TRIALS,
    USAGE,
    Finding,
    Trial,
    certain,
    drive,
    settling,
    try_out,
)
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
    facts: list[Finding] = []
    for trial in TRIALS:
        fact = try_out(responses if trial.responses else chat, trial, model)
        facts.append(fact)
        yield f"{trial.name:{width}}  {'yes' if fact.honoured else 'no':3}  {fact.said}"
    usage = any(fact.usage for fact in facts)
    yield f"{'usage in a stream':{width}}  {'yes' if usage else 'no'}"
    # As `Mode.AUTO` does, which asks nothing more for as long as this is kept.
    how = drive(settling(responses=False, kept=None), lambda trial: _of(facts, trial))
    arguments = "".join(f", {name}={value!r}" for name, value in how.arguments.items())
    yield f"use Mode.{how.mode.name}{arguments}"
    found = certain([fact for fact in facts if not fact.trial.responses])
    file = _keep(chat, model, {**found, USAGE: usage})
    # What `Mode.AUTO` asks the Responses API first.
    _keep(
        responses,
        model,
        certain([replace(fact, trial=NAMED) for fact in facts if fact.trial.responses]),
    )
    if file is not None:
        yield f"kept for Mode.AUTO in {file}"


def _keep(provider: Chat | Responses, model: str, honoured: Mapping[str, bool]) -> Path | None:
    kept = provider.kept(model)
    return None if kept is None or not honoured else kept.write(honoured)


def _of(facts: list[Finding], trial: Trial) -> Finding:
    return next(fact for fact in facts if fact.trial.key == trial.key)
