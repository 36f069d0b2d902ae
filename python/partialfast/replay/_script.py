"""The answer as deltas, before any server gives it its own form.

Here the text is cut into deltas, and the faults that change what the model writes (or mark a place
in it) are applied. No bytes, no event, no server yet.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from partialfast.replay._ask import Ask
from partialfast.replay._faults import GARBAGE, REFUSAL, Fault, FaultKind
from partialfast.replay._recording import Recording, ToolCall

__all__ = ["Delta", "Kind", "PlacedFault", "Script", "count_tokens", "cut", "write_script"]


class Kind(enum.Enum):
    """What a delta is part of."""

    REASONING = "reasoning"
    CONTENT = "content"
    REFUSAL = "refusal"
    TOOL = "tool"


@dataclass(frozen=True)
class Delta:
    """A piece of the answer.

    Args:
        kind: What it is part of.
        text: The piece.
        choice: Which of several answers it belongs to.
        call: Which of several tool calls it belongs to.
        opens: Whether it is the first of its tool call.
    """

    kind: Kind
    text: str
    choice: int = 0
    call: int = 0
    opens: bool = False


@dataclass(frozen=True)
class PlacedFault:
    """A fault of the transport, to happen before the delta of that number."""

    before: int
    fault: Fault


@dataclass(frozen=True)
class Script:
    """A whole answer.

    Args:
        deltas: Its pieces, in the order they are sent.
        calls: Its tool calls.
        finish: Why it ends: ``stop``, ``tool_calls``, ``length`` or ``content_filter``.
        marks: Faults of the transport on the way, in order.
        prompt_tokens: Tokens of the request.
        completion_tokens: Tokens of the answer, reasoning included.
        reasoning_tokens: Tokens of the reasoning.
    """

    deltas: tuple[Delta, ...]
    calls: tuple[ToolCall, ...]
    finish: str
    marks: tuple[PlacedFault, ...]
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int

    def text(self, kind: Kind, *, choice: int = 0, call: int = 0) -> str:
        """Join the pieces of one kind, as far as they are written."""
        return "".join(
            delta.text
            for delta in self.deltas
            if (delta.kind, delta.choice, delta.call) == (kind, choice, call)
        )


# A word with the space before it, in parts of at most six letters; up to three digits; white
# space; up to two signs: close to the 2.5 characters that a model's token has in JSON.
_TOKEN = re.compile(r" ?[^\W\d_]{1,6}|\d{1,3}|\s+|(?:[^\w\s]|_){1,2}")


def cut(text: str, *, chars: int | None = None) -> list[str]:
    """Cut a text as a model would write it.

    Args:
        text: The text.
        chars: Characters of each piece; ``None`` for pieces like a model's tokens.

    Returns:
        The pieces; joined they are the text.
    """
    if chars is not None:
        return [text[start : start + chars] for start in range(0, len(text), chars)]
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """Count the tokens of a text, as `cut` makes them."""
    return sum(1 for _ in _TOKEN.finditer(text))


def write_script(
    recording: Recording, ask: Ask, *, chars: int | None, faults: Sequence[Fault]
) -> Script:
    """Make the answer to a request.

    Args:
        recording: What the model says.
        ask: What was asked for.
        chars: Characters of each delta; ``None`` for tokens.
        faults: What goes wrong.

    Returns:
        The answer.
    """
    calls = _calls(recording, ask)
    by_kind = {fault.kind: fault for fault in faults}
    refusal = recording.refusal
    if refusal is None and FaultKind.REFUSE in by_kind:
        refusal = REFUSAL
    if refusal is not None:
        calls, body = (), [Delta(Kind.REFUSAL, piece) for piece in cut(refusal, chars=chars)]
        before: list[Delta] = []
    elif calls:
        body = _call_deltas(recording, calls, chars)
        before = [Delta(Kind.CONTENT, piece) for piece in cut(recording.content or "", chars=chars)]
    else:
        pieces = _pieces(recording, recording.text, chars)
        before, body = [], [Delta(Kind.CONTENT, piece) for piece in pieces]
    finish = recording.finish_reason or _finish(ask, calls)
    body, finish = _damage(body, by_kind, finish)
    body, marks = _mark(body, [fault for fault in faults if fault.kind in _TRANSPORT])
    reasoning = recording.reasoning or ""
    before = [Delta(Kind.REASONING, piece) for piece in cut(reasoning, chars=chars)] + before
    deltas = _for_choices(before + body, ask.choices)
    return Script(
        deltas=tuple(deltas),
        calls=calls,
        finish=finish,
        # `_for_choices` repeats every delta for each choice, so places are spread as much.
        marks=tuple(
            PlacedFault((len(before) + mark.before) * ask.choices, mark.fault) for mark in marks
        ),
        prompt_tokens=count_tokens(ask.prompt),
        completion_tokens=count_tokens("".join(delta.text for delta in deltas)),
        reasoning_tokens=count_tokens(reasoning) * ask.choices,
    )


#: Faults that happen to the transport at a place of the text; all others change the answer.
_TRANSPORT = {
    FaultKind.DROP,
    FaultKind.STALL,
    FaultKind.END,
    FaultKind.ERROR,
    FaultKind.FAIL,
    FaultKind.CORRUPT,
}


def _calls(recording: Recording, ask: Ask) -> tuple[ToolCall, ...]:
    if recording.via == "content" or (not ask.tools and recording.via is None):
        return ()
    if ask.tool_choice == "none" and recording.via is None:
        return ()
    if recording.tool_calls:
        return recording.tool_calls
    name = recording.tool or ask.forced or next(iter(ask.tools), "")
    return (ToolCall(name, recording.text),)


def _finish(ask: Ask, calls: tuple[ToolCall, ...]) -> str:
    """Name the finish reason as OpenAI does.

    A call of a function that the request names ends with ``stop``, any other
    call with ``tool_calls`` (measured in vllm-project/vllm pull request 25054).
    """
    return "tool_calls" if calls and ask.tool_choice != "named" else "stop"


def _pieces(recording: Recording, text: str, chars: int | None) -> list[str]:
    return list(recording.chunks) if recording.chunks is not None else cut(text, chars=chars)


def _call_deltas(
    recording: Recording, calls: tuple[ToolCall, ...], chars: int | None
) -> list[Delta]:
    per_call: list[list[Delta]] = []
    for number, call in enumerate(calls):
        single = recording.chunks is not None and not recording.tool_calls
        pieces = list(recording.chunks or ()) if single else cut(call.arguments, chars=chars)
        # A call without arguments still is a call, and still is opened.
        opened = enumerate(pieces or [""])
        per_call.append(
            [Delta(Kind.TOOL, piece, call=number, opens=not place) for place, piece in opened]
        )
    if recording.interleave:
        turns = zip_longest(*per_call)
        return [delta for turn in turns for delta in turn if delta is not None]
    return [delta for deltas in per_call for delta in deltas]


def _size(text: str) -> int:
    # A recording may hold a lone surrogate on purpose; it counts as what UTF-8 would make of it.
    return len(text.encode("utf-8", "surrogatepass"))


def _characters(body: Iterable[Delta], place: int) -> int:
    """Count the characters that lie whole before a byte."""
    characters = used = 0
    for delta in body:
        for character in delta.text:
            used += _size(character)
            if used > place:
                return characters
            characters += 1
    # A place after the end stays after it: nothing begins there.
    return characters + (used < place)


def _cut_at(body: Iterable[Delta], places: Sequence[int]) -> Iterator[tuple[int, Delta]]:
    """Cut deltas so that one begins at each place, in characters; give each with its place."""
    start = 0
    for delta in body:
        rest = delta
        for place in places:
            if start < place < start + len(rest.text):
                head, tail = rest.text[: place - start], rest.text[place - start :]
                yield start, replace(rest, text=head)
                start = place
                rest = replace(rest, text=tail, opens=False)
        yield start, rest
        start += len(rest.text)


def _damage(
    body: list[Delta], faults: dict[FaultKind, Fault], finish: str
) -> tuple[list[Delta], str]:
    """Apply the faults that change what the model writes."""
    garbage, length = faults.get(FaultKind.GARBAGE), faults.get(FaultKind.LENGTH)
    blocked = faults.get(FaultKind.FILTER)
    if garbage is not None:
        body = _insert(body, garbage.at or 0, GARBAGE)
    if length is not None:
        body, finish = _truncate(body, length.at or 0), "length"
    if blocked is not None:
        half = sum(_size(delta.text) for delta in body) // 2
        body = _truncate(body, half if blocked.at is None else blocked.at)
        finish = "content_filter"
    return body, finish


def _truncate(body: list[Delta], size: int) -> list[Delta]:
    end = _characters(body, size)
    return [delta for start, delta in _cut_at(body, [end]) if start < end]


def _insert(body: list[Delta], size: int, text: str) -> list[Delta]:
    deltas: list[Delta] = []
    pending = text
    place = _characters(body, size)
    for start, delta in _cut_at(body, [place]):
        if pending and start >= place:
            deltas.append(replace(delta, text=pending))
            pending, delta = "", replace(delta, opens=False)  # noqa: PLW2901
        deltas.append(delta)
    if pending and deltas:
        deltas.append(replace(deltas[-1], text=pending, opens=False))
    return deltas


def _mark(body: list[Delta], faults: list[Fault]) -> tuple[list[Delta], list[PlacedFault]]:
    """Find the delta before which each fault of the transport happens."""
    faults = sorted(faults, key=lambda fault: fault.at or 0)
    places = [_characters(body, fault.at or 0) for fault in faults]
    placed = list(_cut_at(body, places))
    marks = [
        PlacedFault(sum(1 for start, _ in placed if start < place), fault)
        for place, fault in zip(places, faults, strict=True)
    ]
    return [delta for _, delta in placed], marks


def _for_choices(deltas: list[Delta], choices: int) -> list[Delta]:
    if choices == 1:
        return deltas
    return [replace(delta, choice=choice) for delta in deltas for choice in range(choices)]
