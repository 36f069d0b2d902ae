"""Recordings: what a replayed model says, and for which request.

A recording file is JSON Lines: one object a line, blank lines ignored. The two
fields that matter are ``match`` and ``text``; all others are optional and
described at `Recording`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any, Literal, cast

from partialfast._errors import PartialFastError
from partialfast.replay._faults import Fault, parse_faults

__all__ = ["Deck", "Recording", "RecordingError", "ToolCall", "builtin", "load", "read_all"]


class RecordingError(PartialFastError, ValueError):
    """A recording cannot be used; the message names the file, the line and the field."""


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

    name: str
    arguments: str
    id: str | None = None
    index: int | Literal["omit"] | None = None


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

    text: str = ""
    match: str | None = None
    model: str | None = None
    name: str | None = None
    via: Literal["tool", "content"] | None = None
    tool: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    interleave: bool = False
    content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    finish_reason: str | None = None
    chunks: tuple[str, ...] | None = None
    usage: Mapping[str, Any] | None = None
    faults: tuple[Fault, ...] | None = None
    shape: str | None = None
    times: int | None = None
    raw: str | bytes | None = None

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
        reader = _Reader(value, where)
        reader.only(_FIELDS)
        if not value.keys() & {"text", "tool_calls", "refusal", "raw"}:
            reader.fail('has no answer: one of "text", "tool_calls", "refusal", "raw" is needed')
        chunks = reader.strings("chunks")
        text = reader.optional("text", str)
        if chunks is not None and text is not None and "".join(chunks) != text:
            reader.fail('"chunks" joined is not "text"')
        return cls(
            text=text if text is not None else "".join(chunks or ()),
            match=reader.optional("match", str),
            model=reader.optional("model", str),
            name=reader.optional("name", str),
            via=cast(
                "Literal['tool', 'content'] | None", reader.one_of("via", ("tool", "content"))
            ),
            tool=reader.optional("tool", str),
            tool_calls=reader.tool_calls(),
            interleave=reader.optional("interleave", bool) or False,
            content=reader.optional("content", str),
            reasoning=reader.optional("reasoning", str),
            refusal=reader.optional("refusal", str),
            finish_reason=reader.optional("finish_reason", str),
            chunks=chunks,
            usage=reader.optional("usage", dict),
            faults=reader.faults(),
            shape=reader.optional("shape", str),
            times=reader.optional("times", int),
            raw=reader.optional("raw", str),
        )


_FIELDS = (*(field.name for field in fields(Recording) if field.name != "faults"), "fault")


class _Reader:
    """Takes typed fields out of one decoded object, naming it in every complaint."""

    def __init__(self, value: Mapping[str, Any], where: str) -> None:
        self.value = value
        self.where = where

    def fail(self, problem: str) -> None:
        message = f"{self.where}: {problem}"
        raise RecordingError(message)

    def only(self, known: Sequence[str]) -> None:
        for key in self.value:
            if key not in known:
                self.fail(f'unknown field "{key}"; known are {", ".join(known)}')

    def optional(self, key: str, kind: type[Any]) -> Any:
        value = self.value.get(key)
        # `bool` is an `int`, and a recording that says `"times": true` is a mistake.
        if value is not None and (
            not isinstance(value, kind) or (isinstance(value, bool) and kind is int)
        ):
            self.fail(f'"{key}" must be {kind.__name__}, not {value!r}')
        return value

    def one_of(self, key: str, choices: Sequence[str]) -> str | None:
        value: str | None = self.optional(key, str)
        if value is not None and value not in choices:
            self.fail(f'"{key}" must be one of {", ".join(choices)}, not {value!r}')
        return value

    def strings(self, key: str) -> tuple[str, ...] | None:
        value: list[Any] | None = self.optional(key, list)
        if value is None:
            return None
        if not all(isinstance(item, str) for item in value):
            self.fail(f'"{key}" must be a list of strings, not {value!r}')
        return tuple(value)

    def faults(self) -> tuple[Fault, ...] | None:
        value = self.value.get("fault")
        if value is None:
            return None
        texts = [value] if isinstance(value, str) else self.strings("fault") or ()
        try:
            return parse_faults(texts)
        except ValueError as error:
            message = f"{self.where}: {error}"
            raise RecordingError(message) from error

    def tool_calls(self) -> tuple[ToolCall, ...]:
        calls: list[ToolCall] = []
        items: list[Any] = self.optional("tool_calls", list) or []
        for number, item in enumerate(items):
            where = f"{self.where}: tool_calls[{number}]"
            if not isinstance(item, dict):
                message = f"{where} must be an object, not {item!r}"
                raise RecordingError(message)
            inner = _Reader(item, where)
            inner.only(("name", "arguments", "id", "index"))
            for key in ("name", "arguments"):
                if inner.optional(key, str) is None:
                    inner.fail(f'"{key}" is missing')
            index = item.get("index")
            if index != "omit":
                index = inner.optional("index", int)
            calls.append(
                ToolCall(
                    name=item["name"],
                    arguments=item["arguments"],
                    id=inner.optional("id", str),
                    index=index,
                )
            )
        return tuple(calls)


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
    return _parse(text, str(path))


def builtin(name: str) -> list[Recording]:
    """Read a recording that comes with the package.

    Args:
        name: Its name, such as ``"meeting"``.

    Returns:
        Its recordings, in order.

    Raises:
        RecordingError: There is no recording of that name.
    """
    folder = resources.files("partialfast.replay") / "recordings"
    file = folder / f"{name}.jsonl"
    if not file.is_file():
        known = sorted(
            entry.name.removesuffix(".jsonl")
            for entry in folder.iterdir()
            if entry.name.endswith(".jsonl")
        )
        message = f"no built-in recording {name!r}; there are {', '.join(known)}"
        raise RecordingError(message)
    return _parse(file.read_text(encoding="utf-8"), f"{name}.jsonl")


def _parse(text: str, where: str) -> list[Recording]:
    recordings: list[Recording] = []
    # Not `splitlines()`: it also breaks at U+2028 and others, which JSON strings may hold.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{where}:{number}"
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            message = f"{place}: not JSON: {error}"
            raise RecordingError(message) from error
        if not isinstance(value, dict):
            message = f"{place}: a recording is an object, not {type(value).__name__}"
            raise RecordingError(message)
        recordings.append(Recording.from_mapping(value, where=place))
    return recordings


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
    several: Iterable[Source]
    if isinstance(sources, Recording | Mapping | str | os.PathLike):
        # A mapping is an iterable as well, which a type checker cannot overlook.
        several = [cast("Source", sources)]
    else:
        several = sources
    recordings = [recording for source in several for recording in _read(source)]
    if not recordings:
        message = "no recordings: nothing could ever be answered"
        raise RecordingError(message)
    return recordings


def _read(source: Source) -> Iterator[Recording]:
    if isinstance(source, Recording):
        yield source
    elif isinstance(source, Mapping):
        yield Recording.from_mapping(source)
    else:
        yield from load(source)


class Deck:
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
        """Take the first recording that fits and is not used up.

        Args:
            model: The model that the request names.
            message: The text of its last user message.

        Returns:
            The recording, or ``None`` when none fits.
        """
        for number, recording in enumerate(self._recordings):
            if recording.model not in {None, model}:
                continue
            if recording.match is not None and recording.match not in message:
                continue
            if recording.times is not None and self._given[number] >= recording.times:
                continue
            self._given[number] += 1
            return recording
        return None
