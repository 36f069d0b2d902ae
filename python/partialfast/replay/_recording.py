"""Recordings: what a replayed model says, and for which request.

A recording file is JSON Lines: one object a line, blank lines ignored. The two
fields that matter are ``match`` and ``text``; all others are optional and
described at `Recording`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    InstanceOf,
    StrictBool,
    StrictInt,
    TypeAdapter,
    ValidationError,
    with_config,
)

from partialfast._errors import PartialFastError
from partialfast._not_json import not_json
from partialfast.replay._faults import Fault, parse_faults

__all__ = ["Recording", "RecordingError", "RecordingSet", "ToolCall", "builtin", "load", "read_all"]


class RecordingError(PartialFastError, ValueError):
    """A recording cannot be used; the message names the file, the line and the field."""


# The text itself is not checked: it may hold a lone surrogate on purpose.
Text = InstanceOf[str]
_Faults = Annotated[tuple[InstanceOf[Fault], ...], BeforeValidator(parse_faults)]


@with_config(extra="forbid")
@dataclass(frozen=True)
class ToolCall:
    """One tool call of a recorded answer.

    Args:
        name: The function's name.
        arguments: The JSON the model writes for it, character for character.
        id: The call's id; made up when absent.
        index: The ``index`` sent with every delta of the call: a number,
            ``"omit"`` to leave the field out, ``None`` for the server's habit.
    """

    name: Text
    arguments: Text
    id: Text | None = None
    index: StrictInt | Literal["omit"] | None = None


@with_config(extra="forbid")
@dataclass(frozen=True)
class Recording:
    r"""One recorded answer.

    Args:
        text: What the model writes: the arguments of the tool call, or the
            content, as the request asks. Fences, prose and ``<think>`` blocks
            are simply part of it.
        match: Substring of the last user message that this answer is for;
            ``None`` answers any request.
        model: Only requests for this model get the answer.
        name: A label for logs and test ids.
        via: ``"tool"`` or ``"content"`` to override what the request asks for.
        tool: The function that the model calls; else the one that the request
            forces, else its first.
        tool_calls: Several calls instead of ``text``.
        interleave: Send the deltas of several calls in turns.
        content: Prose that the model writes beside its tool calls.
        reasoning: Reasoning text, sent in the field that the server has for it.
        refusal: A refusal instead of an answer.
        finish_reason: Overrides the finish reason that would be sent.
        chunks: The deltas' texts, joined equal to ``text``, instead of a
            cut into tokens.
        usage: Overrides the usage that would be counted.
        faults: Faults of this answer, instead of those of the server.
        shape: The server to imitate for this answer, instead of the server's.
        times: How often the answer is given before the next match takes over;
            ``None`` for always.
        raw: The body of a captured stream, sent as it is instead of all above.
    """

    text: Text = ""
    match: Text | None = None
    model: Text | None = None
    name: Text | None = None
    via: Literal["tool", "content"] | None = None
    tool: Text | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    interleave: StrictBool = False
    content: Text | None = None
    reasoning: Text | None = None
    refusal: Text | None = None
    finish_reason: Text | None = None
    chunks: tuple[Text, ...] | None = None
    usage: Mapping[str, Any] | None = None
    faults: Annotated[_Faults | None, Field(alias="fault")] = None
    shape: Text | None = None
    times: StrictInt | None = None
    raw: Text | bytes | None = None

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any], *, where: str = "recording") -> Recording:
        """Read a recording as it stands in a file.

        Args:
            value: The decoded object. ``fault`` (a string or a list of them)
                becomes ``faults``.
            where: What to call the object in an error.

        Returns:
            The recording.

        Raises:
            RecordingError: A field is unknown, missing or of the wrong type.
        """
        if not value.keys() & {"text", "tool_calls", "refusal", "raw"}:
            needed = 'one of "text", "tool_calls", "refusal", "raw" is needed'
            raise RecordingError(f"{where}: no answer: {needed}")
        try:
            read = _adapter().validate_python(dict(value))
        except ValidationError as error:
            raise RecordingError(f"{where}: {_problem(error)}") from error
        joined = read.text if read.chunks is None else "".join(read.chunks)
        if value.get("text", joined) != joined:
            raise RecordingError(f'{where}: "chunks" joined is not "text"')
        return replace(read, text=joined)


@cache
def _adapter() -> TypeAdapter[Recording]:
    return TypeAdapter(Recording)


def _problem(error: ValidationError) -> str:
    """Say what is wrong with the first field that is wrong."""
    first = error.errors(include_url=False)[0]
    if first["type"] == "unexpected_keyword_argument":
        return f'unknown field "{first["loc"][-1]}"; known are {", ".join(_FIELDS)}'
    known = {*_FIELDS, *(field.name for field in fields(ToolCall))}
    # The members of unions follow the fields.
    place = [key for key in first["loc"] if isinstance(key, int) or key in known]
    return f'"{".".join(map(str, place))}": {first["msg"]}, not {first["input"]!r}'


#: The fields of a recording, as a file names them.
_FIELDS = ["fault" if field.name == "faults" else field.name for field in fields(Recording)]


def load(path: str | os.PathLike[str]) -> list[Recording]:
    """Read a recording file.

    Args:
        path: A JSON Lines file in UTF-8.

    Returns:
        Its recordings, in order.

    Raises:
        OSError: The file cannot be read.
        RecordingError: A line is not a recording.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path}: not UTF-8 at byte {error.start}") from error
    recordings: list[Recording] = []
    # Not `splitlines()`: it also breaks at U+2028 and others, which JSON strings may hold.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            place = f"{path}:{number}"
            try:
                value = json.loads(line)
            except json.JSONDecodeError as error:
                raise RecordingError(f"{place}: {not_json(error)}") from error
            if not isinstance(value, dict):
                kind = type(value).__name__
                raise RecordingError(f"{place}: a recording is an object, not {kind}")
            recordings.append(Recording.from_mapping(value, where=place))
    return recordings


def builtin(name: str) -> list[Recording]:
    """Read a recording that comes with the package.

    Args:
        name: Its name, such as ``"meeting"``.

    Returns:
        Its recordings, in order.

    Raises:
        RecordingError: There is no recording of that name.
    """
    files = {file.stem: file for file in (Path(__file__).parent / "recordings").glob("*.jsonl")}
    if name not in files:
        known = ", ".join(sorted(files))
        raise RecordingError(f"no built-in recording {name!r}; there are {known}")
    return load(files[name])


Source = Recording | Mapping[str, Any] | str | os.PathLike[str]


def read_all(sources: Source | Iterable[Source]) -> list[Recording]:
    """Gather recordings from whatever they are given as.

    Args:
        sources: One or several of: a recording, a mapping that is one, the
            path of a recording file.

    Returns:
        All recordings, in order.

    Raises:
        OSError: A file cannot be read.
        RecordingError: There is none, or one is not a recording.
    """
    several: Iterable[Any] = [sources]
    if not isinstance(sources, Recording | Mapping | str | os.PathLike):
        several = sources
    recordings = [recording for source in several for recording in _read(source)]
    if not recordings:
        raise RecordingError("no recordings: nothing could ever be answered")
    return recordings


def _read(source: Source) -> list[Recording]:
    if isinstance(source, Recording):
        return [source]
    return [Recording.from_mapping(source)] if isinstance(source, Mapping) else load(source)


class RecordingSet:
    """Recordings being played: remembers how often each was given."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self._recordings = tuple(recordings)
        self._given = [0] * len(recordings)

    @property
    def models(self) -> list[str]:
        """The model names that recordings ask for."""
        return sorted({recording.model for recording in self._recordings if recording.model})

    def knows(self, model: str) -> bool:
        """Say whether any recording could answer a request for `model`."""
        return any(recording.model in {None, model} for recording in self._recordings)

    def pick(self, *, model: str, message: str) -> Recording | None:
        """Take the first recording for a model and a user message that is not used up."""
        for number, recording in enumerate(self._recordings):
            fits = recording.model in {None, model} and (recording.match or "") in message
            if fits and (recording.times is None or self._given[number] < recording.times):
                self._given[number] += 1
                return recording
        return None
