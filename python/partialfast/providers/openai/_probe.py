"""What an endpoint honours of what it is asked, found out by a few small requests.

Many servers take a request for a function call or for a schema and do something else. `Mode.AUTO`
asks until one way works, ``partialfast doctor`` tries them all.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel

from partialfast._errors import DroppedError, ServerError, StreamError, StreamTimeoutError
from partialfast.answer._aresource import AsyncResource
from partialfast.answer._explain import printable
from partialfast.answer._mode import Mode
from partialfast.answer._options import Settings
from partialfast.answer._resource import Resource
from partialfast.answer._seam import Provider, Settled
from partialfast.providers.openai._kept import KeptFacts

__all__ = [
    "NAMED",
    "TRIALS",
    "USAGE",
    "Finding",
    "Trial",
    "atry_out",
    "certain",
    "drive",
    "settling",
    "try_out",
]

T = TypeVar("T")

_SAID = "Ada is 36 years old."
# Of one request: a model that ignores what it is asked may write for long.
_SECONDS = 60.0
_REFUSING = frozenset({400, 404, 405, 415, 422, 501})
# What llama-cpp-python's server answers to a `response_format` that it does not know; or a failure.
_FAILING = 500
# What may be different the next time.
_PASSING = (DroppedError, ServerError, StreamTimeoutError)

#: What is kept besides the trials: whether usage is reported in a stream.
USAGE = "usage"


class Person(BaseModel):
    """A person that a text is about."""

    name: str
    age: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One way to ask.

    Args:
        key: What it is called where facts are kept.
        name: For the table.
        mode: How the model is asked.
        arguments: What is sent besides.
        responses: Whether it is the Responses API that is asked.
    """

    key: str
    name: str
    mode: Mode
    arguments: dict[str, Any] = field(default_factory=dict)
    responses: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a trial.

    Args:
        trial: Which.
        honoured: Whether the endpoint did what it was asked.
        said: What it did, in words.
        usage: Whether it reported usage in the stream.
        passing: Whether it may be different the next time.
    """

    trial: Trial
    honoured: bool
    said: str
    usage: bool = False
    passing: bool = False


_OBJECT_WITH_SCHEMA = {
    "response_format": {"type": "json_object", "schema": Person.model_json_schema()}
}

#: What is tried first.
NAMED = Trial("named", "a named function as tool_choice", Mode.TOOLS)
_REQUIRED = Trial("required", '"required" as tool_choice', Mode.TOOLS, {"tool_choice": "required"})
_SCHEMA = Trial("json_schema", "a json_schema as response_format", Mode.JSON_SCHEMA)
_OBJECT = Trial("json_object", "a json_object as response_format", Mode.JSON)

#: All that is tried by ``partialfast doctor``.
TRIALS = (
    NAMED,
    _REQUIRED,
    _SCHEMA,
    Trial(
        "json_object_schema",
        "a json_object with a schema",
        Mode.MD_JSON,
        {"extra_body": _OBJECT_WITH_SCHEMA},
    ),
    _OBJECT,
    Trial("instructions", "instructions alone", Mode.MD_JSON),
    Trial("responses", "the Responses API, with a function", Mode.TOOLS, responses=True),
)

# What holds the model to the schema comes first.
_PREFERRED = (NAMED, _SCHEMA, _REQUIRED, _OBJECT)


def settling(*, responses: bool, kept: KeptFacts | None) -> Generator[Trial, Finding, Settled]:
    """Try one way to ask after the other, until one is honoured.

    Args:
        responses: Whether it is the Responses API that is asked.
        kept: What is known from before, and where to keep what is found out; ``None`` for nothing.

    Yields:
        Trials, of which the facts are sent back.

    Returns:
        How to ask.
    """
    honoured = {} if kept is None else kept.read()
    facts: list[Finding] = []
    how = Settled(Mode.MD_JSON, {})
    for trial in _PREFERRED:
        is_honoured = honoured.get(trial.key)
        if is_honoured is None:
            fact = yield replace(trial, responses=responses)
            facts.append(fact)
            is_honoured = fact.honoured
        if is_honoured:
            how = Settled(trial.mode, trial.arguments)
            break
    if kept is not None and (found := certain(facts)):
        kept.write({**honoured, **found})
    return how


def certain(facts: list[Finding]) -> Mapping[str, bool]:
    """Return what is worth keeping of what was found out.

    Args:
        facts: What came of trials.

    Returns:
        Whether it is honoured, for each key of a trial, and `USAGE`.
    """
    found = {fact.trial.key: fact.honoured for fact in facts if not fact.passing}
    if any(fact.usage for fact in facts):
        found[USAGE] = True
    return found


def drive(steps: Generator[Trial, Finding, T], run: Callable[[Trial], Finding]) -> T:
    """Run trials without asynchrony.

    Args:
        steps: What is to be tried.
        run: Tries it.

    Returns:
        What `steps` returns.
    """
    try:
        trial = next(steps)
        while True:
            trial = steps.send(run(trial))
    except StopIteration as end:
        settled: T = end.value
        return settled


def _asked(trial: Trial, model: str) -> dict[str, Any]:
    conversation = "input" if trial.responses else "messages"
    return {
        "response_model": Person,
        "model": model,
        conversation: [{"role": "user", "content": _SAID}],
        "total_timeout": _SECONDS,
        **trial.arguments,
    }


def try_out(provider: Provider, trial: Trial, model: str) -> Finding:
    """Ask once, without asynchrony.

    Args:
        provider: The API to ask.
        trial: How.
        model: The model.

    Raises:
        Exception: As the SDK raises it, where the request could not be made at all.
    """
    resource = Resource(provider, Settings(trial.mode), None)
    try:
        stream = resource.create_partial(**_asked(trial, model))
        stream.final()
    except Exception as error:
        fact = _failed(trial, error)
        if fact is None:
            raise
        return fact
    return _judged(trial, stream)


async def atry_out(provider: Provider, trial: Trial, model: str) -> Finding:
    """Ask once; the twin of `try_out`."""
    resource = AsyncResource(provider, Settings(trial.mode), None)
    try:
        stream = resource.create_partial(**_asked(trial, model))
        await stream.final()
    except Exception as error:
        fact = _failed(trial, error)
        if fact is None:
            raise
        return fact
    return _judged(trial, stream)


def _judged(trial: Trial, stream: Any) -> Finding:
    usage = stream.usage is not None
    if any(repair.kind == "content_for_call" for repair in stream.repairs):
        return Finding(trial, honoured=False, said="JSON as content instead of a call", usage=usage)
    if trial.mode is not Mode.MD_JSON and stream.text.lstrip()[:1] not in {"{", "["}:
        return Finding(trial, honoured=False, said="JSON among words", usage=usage)
    return Finding(trial, honoured=True, said="a valid answer", usage=usage)


def _failed(trial: Trial, error: Exception) -> Finding | None:
    status = getattr(error, "status_code", None)
    if status in _REFUSING or status == _FAILING:
        said = printable(f"refused: {error}", room=100)
        return Finding(trial, honoured=False, said=said, passing=status == _FAILING)
    if isinstance(error, StreamError):
        said = printable(f"{type(error).__name__}: {error}", room=100)
        return Finding(trial, honoured=False, said=said, passing=isinstance(error, _PASSING))
    return None
